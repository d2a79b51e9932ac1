#include <unistd.h>

#include <array>
#include <limits>
#include <thread>

#include "server/api/api.h"
#include "server/api/render.h"
#include "server/version.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

constexpr int64_t kMaxStatsLimit = 10'000;

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

void write_top(base::JsonWriter& w, const char* key, const tsdb::CardinalityStats::Top& top) {
  w.key(key);
  w.begin_array();
  for (const auto& [name, value] : top) {
    w.begin_object();
    w.key("name");
    w.string(name);
    w.key("value");
    w.number(value);
    w.end_object();
  }
  w.end_array();
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

Answer status_buildinfo(Context& /*ctx*/, const Call& /*call*/) {
  // Grafana takes any `features` key as the sign of another server, and reads the version.
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("version");
  w.string(kPrometheusVersion);
  w.key("revision");
  w.string(std::string("silverback-") + kVersion);
  for (const char* key : {"branch", "buildUser", "buildDate", "goVersion"}) {
    w.key(key);
    w.string("");
  }
  w.end_object();
  return Answer(std::move(json));
}

Answer status_tsdb(Context& ctx, const Call& call) {
  int64_t limit = 10;
  const std::string_view text = call.params.get("limit");
  if (!text.empty()) {
    const Result<int64_t> number = parse_int(text);
    if (!number || *number < 1)
      return Status(base::Errc::kBadData, "limit must be a positive number");
    if (*number > kMaxStatsLimit)
      return Status(base::Errc::kBadData, "limit must not exceed 10000");
    limit = *number;
  }
  const tsdb::CardinalityStats stats = ctx.db->cardinality(static_cast<size_t>(limit));
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("headStats");
  w.begin_object();
  w.key("numSeries");
  w.number(stats.series);
  w.key("numLabelPairs");
  w.number(stats.label_pairs);
  w.key("chunkCount");
  w.number(stats.chunks);
  w.key("minTime");
  w.number(stats.min_time_ms);
  w.key("maxTime");
  w.number(stats.max_time_ms);
  w.end_object();
  write_top(w, "seriesCountByMetricName", stats.series_by_metric_name);
  write_top(w, "labelValueCountByLabelName", stats.label_values_by_name);
  write_top(w, "memoryInBytesByLabelName", stats.memory_by_label_name);
  write_top(w, "seriesCountByLabelValuePair", stats.series_by_label_pair);
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
