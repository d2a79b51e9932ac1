// What the server writes down: its log in both formats, the query log, slow queries; and what never
// gets there.
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("the log is slog's, as logfmt and as JSON", "[e2e]") {
  const std::regex logfmt(
      R"(time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(DEBUG|INFO|WARN|ERROR) )"
      R"(source=[a-z0-9_]+\.cc:\d+ msg=("[^"]+"|\S+)( [a-z_A-Z]+=("([^"\\]|\\.)*"|\S*))*)");
  const std::regex json(
      R"re(\{"time":"\d{4}-\d\d-\d\dT[^"]+Z","level":"(DEBUG|INFO|WARN|ERROR)",)re"
      R"re("source":"[a-z0-9_]+\.cc:\d+","msg":"[^"]+"(,"[a-z_A-Z]+":("([^"\\]|\\.)*"|[-0-9.e+]+|true|false))*\})re");
  Server text("scrape_configs: []\n", {"--log.level=debug"});
  Server object("scrape_configs: []\n", {"--log.format=json"});
  for (Server* server : {&text, &object}) {
    http(server->port(), "POST", "/-/reload");
    CHECK(server->stop() == 0);
    const std::vector<std::string> lines = lines_of(server->log());
    CHECK(lines.size() > 5);
    for (const std::string& line : lines) {
      INFO(line);
      CHECK(std::regex_match(line, server == &text ? logfmt : json));
    }
  }
  Server quiet("scrape_configs: []\n", {"--log.level=error"});
  CHECK(quiet.log().empty());
}

TEST_CASE("secrets are in no log and on no page", "[e2e]") {
  Server server("scrape_configs: []\n", {"--log.level=debug", "--query.slow-log-threshold=1ms"});
  server.write_config(
      "global: {scrape_interval: 200ms}\n"
      "alerting:\n"
      "  alertmanagers:\n"
      "    - basic_auth: {username: am, password: s3cret-am}\n"
      "      static_configs: [{targets: ['127.0.0.1:1']}]\n"
      "scrape_configs:\n"
      "  - job_name: a\n"
      "    basic_auth: {username: u, password: s3cret-basic}\n"
      "    static_configs: [{targets: ['127.0.0.1:1']}]\n"
      "  - job_name: b\n"
      "    authorization: {credentials: s3cret-bearer}\n"
      "    static_configs: [{targets: ['127.0.0.1:1']}]\n");
  const HttpReply reload = http(server.port(), "POST", "/-/reload");
  INFO(reload.body);
  CHECK(reload.status == 200);
  REQUIRE(eventually(30, [&] { return query(server.port(), "up == 0").size() == 2; }));
  // A configuration that is refused must not show what stands in it either.
  server.write_config(
      "scrape_configs:\n  - job_name: a\n    basic_auth: {password_: s3cret-typo}\n");
  const HttpReply refused = http(server.port(), "POST", "/-/reload");
  CHECK(refused.status == 500);
  std::string shown = server.log() + refused.body;
  for (const char* page : {"/api/v1/status/config", "/api/v1/targets", "/api/v1/status/flags",
                           "/api/v1/alertmanagers", "/metrics", "/api/v1/status/runtimeinfo"}) {
    shown += http_get(server.port(), page).body;
  }
  const size_t at = shown.find("s3cret");
  CHECK((at == std::string::npos ? "" : shown.substr(at - 60, 80)) == "");
  CHECK(contains(shown, "\\u003csecret\\u003e"));
}

TEST_CASE("queries are logged with where they came from", "[e2e]") {
  Server server("scrape_configs: []\n");
  const std::string log = server.dir().file("query.log");
  server.dir().write("rules.yml",
                     "groups: [{name: gg, interval: 100ms, rules: [{record: r, expr: 1 + 2}]}]\n");
  server.write_config("global: {query_log_file: query.log}\nrule_files: [rules.yml]\n");
  REQUIRE(http(server.port(), "POST", "/-/reload").status == 200);
  http_get(server.port(), "/api/v1/query?query=vector(7)&time=1700000000");
  http_get(server.port(),
           "/api/v1/query_range?query=vector(8)&start=1700000000&end=1700000060&step=30");
  CHECK(query_status(
            server.port(),
            "vector(1) * on() (label_replace(vector(1), \"a\", \"1\", \"\", \"\") or vector(2))") ==
        422);
  http_get(server.port(), "/api/v1/query?query=sum(");
  REQUIRE(eventually(20, [&] { return contains(read_file(log), "\"ruleGroup\""); }));
  const std::string text = read_file(log);
  INFO(text);
  const auto logged = [&text](const std::string& part) {
    INFO(part);
    CHECK(contains(text, part));
  };
  const std::string time = "\"2023-11-14T22:13:20.000Z\"";
  logged("\"msg\":\"promql query logged\",\"params\":{\"end\":" + time +
         ",\"query\":\"vector(7)\",\"start\":" + time + ",\"step\":0}");
  logged("\"query\":\"vector(8)\",\"start\":" + time + ",\"step\":30}");
  logged(
      "\"httpRequest\":{\"clientIP\":\"127.0.0.1\",\"method\":\"GET\","
      "\"path\":\"/api/v1/query_range\"}}");
  logged("\"ruleGroup\":{\"file\":\"" + server.dir().file("rules.yml") + "\",\"name\":\"gg\"}}");
  logged("\"error\":\"");
  CHECK_FALSE(contains(text, "sum("));  // it is no query
  CHECK(http_get(server.port(), "/metrics").body.find("prometheus_engine_query_log_enabled 1\n") !=
        std::string::npos);
  // Moved away and reloaded, as logrotate does.
  std::filesystem::rename(log, log + ".1");
  REQUIRE(http(server.port(), "POST", "/-/reload").status == 200);
  http_get(server.port(), "/api/v1/query?query=vector(9)");
  CHECK(contains(read_file(log), "vector(9)"));
  // One that cannot be opened changes nothing.
  server.write_config("global: {query_log_file: none/query.log}\n");
  const HttpReply refused = http(server.port(), "POST", "/-/reload");
  CHECK(refused.status == 500);
  CHECK(contains(refused.body, "none/query.log"));
  http_get(server.port(), "/api/v1/query?query=vector(10)");
  CHECK(contains(read_file(log), "vector(10)"));
}

TEST_CASE("slow queries are told in the log when asked for", "[e2e]") {
  const Server off("scrape_configs: []\n");
  const Server on("scrape_configs: []\n", {"--query.slow-log-threshold=1ms"});
  const std::string slow = "sum_over_time(vector(1)[2d:1s])";
  for (const Server* server : {&off, &on}) query(server->port(), slow);
  CHECK_FALSE(contains(off.log(), "Slow query"));
  CHECK(contains(on.log(), "msg=\"Slow query\" query=" + slow + " seconds="));
  CHECK(contains(on.log(), " asked_by=127.0.0.1 "));
}

}  // namespace
}  // namespace silverback::e2e
