#include "base/json_writer.h"
#include "server/api/routes.h"
#include "server/version.h"

namespace silverback::server::api {

namespace {

/// Grafana takes any `features` key as the sign of another server, and reads the version.
void write_build_info(base::JsonWriter& w) {
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
}

}  // namespace

Answer status_buildinfo(Context& /*ctx*/, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  write_build_info(w);
  return Answer(std::move(json));
}

void version(Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  HttpResponse response;
  response.headers.set("Content-Type", "application/json");
  base::JsonWriter w(response.body);
  write_build_info(w);
  reply(std::move(response));
}

}  // namespace silverback::server::api
