#include <unistd.h>

#include <array>
#include <limits>
#include <thread>

#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

namespace {

std::string hostname() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string working_directory() {
  std::array<char, 4096> path{};
  return getcwd(path.data(), path.size()) != nullptr
             ? path.data()
             : "<error retrieving current working directory>";
}

}  // namespace

Answer status_config(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("yaml");
  w.string(ctx.config()->to_yaml());
  w.end_object();
  return Answer(std::move(json));
}

Answer status_flags(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  for (const auto& [name, value] : ctx.flags) {
    w.key(name);
    w.string(value);
  }
  w.end_object();
  return Answer(std::move(json));
}

Answer status_runtimeinfo(Context& ctx, const Call& /*call*/) {
  const Context::ReloadState reload = ctx.reload_state();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("startTime");
  w.string(go_time(ctx.start_ms));
  w.key("CWD");
  w.string(working_directory());
  w.key("hostname");
  w.string(hostname());
  w.key("serverTime");
  w.string(go_time(ctx.clock->now_ms()));
  w.key("reloadConfigSuccess");
  w.boolean(reload.successful);
  w.key("lastConfigTime");
  w.string(go_time(reload.time_ms));
  w.key("corruptionCount");
  w.number(ctx.db->corruption_count());
  // There is no Go runtime here: its figures are answered with the nearest thing or nothing.
  w.key("goroutineCount");
  w.number(int64_t{0});
  w.key("GOMAXPROCS");
  w.number(static_cast<int64_t>(std::thread::hardware_concurrency()));
  w.key("GOMEMLIMIT");
  w.number(std::numeric_limits<int64_t>::max());
  w.key("GOGC");
  w.string("");
  w.key("GODEBUG");
  w.string("");
  w.key("storageRetention");
  w.string(ctx.retention_text());
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
