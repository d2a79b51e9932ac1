// An alert from a dying target to a real Alertmanager, and back.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

constexpr const char* kRules =
    "groups:\n"
    "  - name: liveness\n"
    "    interval: 1s\n"
    "    rules:\n"
    "      - alert: TargetDown\n"
    "        expr: up == 0\n"
    "        for: 3s\n"
    "        labels: {severity: critical}\n"
    "        annotations:\n"
    "          summary: 'Instance {{ $labels.instance }} of {{ $labels.job }} is down'\n"
    "      - record: job:up:sum\n"
    "        expr: sum by (job) (up)\n";

std::string alert_config(int exporter, int alertmanager) {
  return "global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {replica: a}}\n"
         "rule_files: [rules.yml]\n"
         "alerting:\n"
         "  alertmanagers:\n"
         "    - static_configs: [{targets: ['127.0.0.1:" +
         std::to_string(alertmanager) +
         "']}]\n"
         "scrape_configs:\n"
         "  - job_name: node\n"
         "    static_configs: [{targets: ['127.0.0.1:" +
         std::to_string(exporter) + "']}]\n";
}

std::unique_ptr<Process> start_exporter(const TempDir& dir, int port) {
  return std::make_unique<Process>(
      std::vector<std::string>{find_program("prometheus-node-exporter"),
                               "--collector.disable-defaults", "--collector.time",
                               "--web.listen-address=127.0.0.1:" + std::to_string(port)},
      dir.file("exporter.log"));
}

// What `amtool alert query` prints.
std::string amtool_alerts(const TempDir& dir, int port) {
  const std::string out = dir.file("amtool.out");
  std::remove(out.c_str());
  Process amtool(
      {find_program("amtool"), "--alertmanager.url=http://127.0.0.1:" + std::to_string(port),
       "alert", "query", "-o", "extended"},
      out);
  amtool.wait(20);
  return read_file(out);
}

bool alert_state_is(int port, const std::string& state) {
  return http_get(port, "/api/v1/alerts").body.find("\"state\":\"" + state + "\"") !=
         std::string::npos;
}

TEST_CASE("a dead target fires in a real Alertmanager and resolves when it returns", "[e2e]") {
  const TempDir dir;
  const int exporter_port = free_port(), alertmanager_port = free_port();
  auto exporter = start_exporter(dir, exporter_port);
  dir.write("alertmanager.yml",
            "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n");
  Process alertmanager(
      {find_program("prometheus-alertmanager"), "--config.file=" + dir.file("alertmanager.yml"),
       "--storage.path=" + dir.file("alertmanager"), "--cluster.listen-address=",
       "--web.listen-address=127.0.0.1:" + std::to_string(alertmanager_port)},
      dir.file("alertmanager.log"));
  REQUIRE(eventually(30, [&] { return http_get(alertmanager_port, "/-/ready").status == 200; }));

  Server server("scrape_configs: []\n", {"--rules.alert.resend-delay=1s"});
  server.dir().write("rules.yml", kRules);
  server.write_config(alert_config(exporter_port, alertmanager_port));
  REQUIRE(http(server.port(), "POST", "/-/reload").status == 200);
  const int port = server.port();
  REQUIRE(eventually(30, [&] { return query(port, "job:up:sum == 1").size() == 1; }));
  CHECK(http_get(port, "/api/v1/alertmanagers").body.find(std::to_string(alertmanager_port)) !=
        std::string::npos);

  exporter->kill();
  CHECK(eventually(20, [&] { return alert_state_is(port, "pending"); }));
  CHECK(eventually(20, [&] { return alert_state_is(port, "firing"); }));
  CHECK(eventually(10, [&] { return query(port, "ALERTS{alertstate=\"firing\"}").size() == 1; }));
  CHECK(query(port, "ALERTS_FOR_STATE").size() == 1);
  std::string seen;
  CHECK(eventually(20, [&] {
    seen = amtool_alerts(dir, alertmanager_port);
    return seen.find("TargetDown") != std::string::npos;
  }));
  INFO(seen);
  CHECK(seen.find("severity=\"critical\"") != std::string::npos);
  CHECK(seen.find("replica=\"a\"") != std::string::npos);
  CHECK(seen.find("Instance 127.0.0.1:" + std::to_string(exporter_port) + " of node is down") !=
        std::string::npos);

  exporter = start_exporter(dir, exporter_port);
  CHECK(eventually(20, [&] {
    return http_get(port, "/api/v1/alerts").body.find("TargetDown") == std::string::npos;
  }));
  CHECK(eventually(20, [&] {
    return amtool_alerts(dir, alertmanager_port).find("TargetDown") == std::string::npos;
  }));
  CHECK(server.stop() == 0);
}

TEST_CASE("a pending alert keeps its clock through kill -9", "[e2e]") {
  Server server("scrape_configs: []\n", {"--rules.alert.for-grace-period=0s"});
  server.dir().write("rules.yml",
                     "groups:\n  - name: g\n    interval: 1s\n    rules:\n"
                     "      - {alert: Slow, expr: 'vector(1)', for: 1h}\n");
  server.write_config("rule_files: [rules.yml]\nscrape_configs: []\n");
  REQUIRE(http(server.port(), "POST", "/-/reload").status == 200);
  REQUIRE(eventually(20, [&] { return query(server.port(), "ALERTS_FOR_STATE").size() == 1; }));
  const double active_since = query(server.port(), "ALERTS_FOR_STATE").begin()->second;
  // The clock must have moved on by whole seconds, or a fresh start could look the same.
  REQUIRE(eventually(20, [&] { return query(server.port(), "time()").at("") > active_since + 3; }));

  server.kill();
  server.start();
  double restored = 0;
  CHECK(eventually(20, [&] {
    const QueryAnswer fresh = query(server.port(), "last_over_time(ALERTS_FOR_STATE[2s])");
    if (fresh.empty() || query(server.port(), "count_over_time(ALERTS_FOR_STATE[2s]) >= 1").empty())
      return false;
    restored = fresh.begin()->second;
    return restored == active_since;
  }));
  INFO("active since " << active_since << ", after the restart " << restored);
  CHECK(restored - active_since <= 5);
}

}  // namespace
}  // namespace silverback::e2e
