#include "server/query_log.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "tests/support/temp_dir.h"

namespace base = silverback::base;
namespace promql = silverback::promql;
namespace server = silverback::server;

namespace {

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Fixture {
  explicit Fixture(int64_t slow_ms = 0) : log(clock, base::Logger::null(), registry, slow_ms) {}
  void ask(const std::string& query, const base::Status& status = {}) {
    promql::QueryStats stats;
    stats.eval_seconds = 0.5;
    stats.total_samples = 7;
    stats.samples_read = 6;
    log.on_query({query, 1'000, 61'500, 15'000, status, stats, origin});
  }
  base::ManualClock clock{1'700'000'000'123};
  base::metrics::Registry registry;
  promql::QueryOrigin origin;
  server::QueryLog log;
};

}  // namespace

TEST_CASE("QueryLog writes one JSON object a query", "[server]") {
  const silverback::tests::TempDir dir;
  const std::string path = dir.path() + "/q.log";
  Fixture f;
  base::metrics::Gauge& enabled = f.registry.gauge("prometheus_engine_query_log_enabled", "");
  f.ask("before");
  REQUIRE(f.log.prepare(path).is_ok());
  CHECK(enabled.value() == 0);
  f.log.adopt();
  CHECK(enabled.value() == 1);
  f.origin.client_ip = "127.0.0.1";
  f.origin.method = "POST";
  f.origin.path = "/api/v1/query_range";
  f.ask("up{a=\"<b>\"}");
  f.origin = {};
  f.origin.rule_file = "/etc/r.yml";
  f.origin.rule_group = "g";
  f.ask("x", {base::Errc::kTimeout, "too slow"});
  const std::string head =
      R"({"time":"2023-11-14T22:13:20.123Z","level":"INFO","source":"query_log.cc",)"
      R"("msg":"promql query logged","params":{"end":"1970-01-01T00:01:01.500Z","query":)";
  const std::string text = content(path);
  const size_t second = text.find('\n') + 1;
  CHECK(text.substr(0, head.size()) == head);
  CHECK(text.find(R"("query":"up{a=\"<b>\"}","start":"1970-01-01T00:00:01.000Z","step":15},"stats")"
                  R"(:{"timings":{"evalTotalTime":0.5,)") < second);
  CHECK(text.find(R"("spanID":"0000000000000000","traceID":"00000000000000000000000000000000",)"
                  R"("httpRequest":{"clientIP":"127.0.0.1","method":"POST",)"
                  R"("path":"/api/v1/query_range"}})") < second);
  CHECK(text.find(R"("step":15},"error":"too slow","stats":)", second) != std::string::npos);
  CHECK(text.substr(text.size() - 56) ==
        "00000000\",\"ruleGroup\":{\"file\":\"/etc/r.yml\",\"name\":\"g\"}}\n");
}

TEST_CASE("QueryLog follows the configuration", "[server]") {
  const silverback::tests::TempDir dir;
  const std::string path = dir.path() + "/q.log";
  Fixture f;
  const auto adopt = [&f](const std::string& to) {
    REQUIRE(f.log.prepare(to).is_ok());
    f.log.adopt();
  };
  adopt(path);
  f.ask("one");
  // Moved away, as logrotate does: a reload begins a new file.
  std::filesystem::rename(path, path + ".1");
  f.ask("two");
  adopt(path);
  f.ask("three");
  CHECK(content(path + ".1").find("\"two\"") != std::string::npos);
  CHECK(content(path).find("\"three\"") != std::string::npos);
  CHECK(content(path).find("\"two\"") == std::string::npos);
  // A file that cannot be opened leaves the old one in force.
  const base::Status refused = f.log.prepare(dir.path() + "/none/q.log");
  CHECK(refused.message().find("none/q.log: No such file") != std::string::npos);
  f.ask("four");
  CHECK(content(path).find("\"four\"") != std::string::npos);
  adopt("");
  f.ask("five");
  CHECK(content(path).find("\"five\"") == std::string::npos);
  CHECK(f.registry.gauge("prometheus_engine_query_log_enabled", "").value() == 0);
}

TEST_CASE("QueryLog counts lines that cannot be written", "[server]") {
  Fixture f;
  REQUIRE(f.log.prepare("/dev/full").is_ok());
  f.log.adopt();
  f.ask("x");
  CHECK(f.registry.counter("prometheus_engine_query_log_failures_total", "").value() == 1);
}
