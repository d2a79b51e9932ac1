// The first hour of a user: a real exporter scraped, the queries and rules of the guides.
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

std::string data_file(const std::string& name) {
  std::string path = SILVERBACK_SOURCE;
  path += "/tests/e2e/data/";
  path += name;
  return path;
}

std::string node_config(int exporter_port) {
  return "global:\n"
         "  scrape_interval: 1s\n"
         "  evaluation_interval: 1s\n"
         "scrape_configs:\n"
         "  - job_name: node\n"
         "    static_configs:\n"
         "      - targets: ['127.0.0.1:" +
         std::to_string(exporter_port) + "']\n";
}

TEST_CASE("a real node_exporter is scraped and answers the usual questions", "[e2e]") {
  const TempDir dir;
  const int exporter_port = free_port();
  Process exporter({find_program("prometheus-node-exporter"),
                    "--web.listen-address=127.0.0.1:" + std::to_string(exporter_port)},
                   dir.file("exporter.log"));
  const Server server(node_config(exporter_port));

  REQUIRE(eventually(
      30, [&] { return query(server.port(), "count_over_time(up[1m]) > 3").size() == 1; }));
  const std::string up =
      "up{instance=\"127.0.0.1:" + std::to_string(exporter_port) + "\",job=\"node\"}";
  CHECK(query(server.port(), "up") == QueryAnswer{{up, 1}});

  const auto answers = [&](const std::string& expr) { return query(server.port(), expr); };
  for (const char* expr : {
           "100 - (avg by(instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m])) * 100)",
           "(1 - (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)) * 100",
           "(1 - (node_filesystem_avail_bytes / node_filesystem_size_bytes)) * 100",
           "rate(node_network_receive_bytes_total[5m])",
           "rate(node_network_transmit_bytes_total[5m])",
           "topk(3, count by (__name__) ({__name__=~\"node_.*\"}))",
           "scrape_duration_seconds",
           "scrape_samples_scraped > 100",
           "scrape_samples_post_metric_relabeling",
       }) {
    INFO(expr);
    CHECK_FALSE(answers(expr).empty());
  }
  for (const auto& [series, percent] :
       answers("(1 - (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)) * 100")) {
    INFO(series);
    CHECK((percent > 0 && percent < 100));
  }
  const HttpReply targets = http_get(server.port(), "/api/v1/targets");
  CHECK(targets.status == 200);
  CHECK(targets.body.find("\"health\":\"up\"") != std::string::npos);
  CHECK(http_get(server.port(), "/api/v1/metadata?metric=node_cpu_seconds_total")
            .body.find("counter") != std::string::npos);
}

TEST_CASE("every query of the guides is answered", "[e2e]") {
  const Server server("scrape_configs: []\n");
  std::ifstream queries(data_file("guide_queries.promql"));
  std::string expr;
  int asked = 0;
  while (std::getline(queries, expr)) {
    if (expr.empty() || expr.front() == '#') continue;
    std::string error;
    INFO(expr);
    CHECK(query_status(server.port(), expr, &error) == 200);
    CHECK(error.empty());
    ++asked;
  }
  CHECK(asked == 66);
}

TEST_CASE("the guides' config and rules load", "[e2e]") {
  const Server server("scrape_configs: []\n");
  for (const char* name : {"guide_prometheus.yml", "guide_rules.yml"}) {
    const std::string text = read_file(data_file(name));
    REQUIRE_FALSE(text.empty());
    server.dir().write(std::string(name) == "guide_prometheus.yml" ? "prometheus.yml" : name, text);
  }
  const HttpReply reload = http(server.port(), "POST", "/-/reload");
  INFO(reload.body);
  REQUIRE(reload.status == 200);
  const std::string rules = http_get(server.port(), "/api/v1/rules").body;
  for (const char* alert :
       {"HighErrorRate", "HighQueryLatency", "ServiceDown", "SpeechProviderFallbackActive",
        "DatabaseDown", "HighAuthFailureRate"}) {
    INFO(alert);
    CHECK(rules.find(alert) != std::string::npos);
  }
}

TEST_CASE("a bad file on reload changes nothing", "[e2e]") {
  Server server(node_config(free_port()));
  server.dir().write("bad_rules.yml",
                     "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: 'up =='\n");
  server.write_config("rule_files: [bad_rules.yml]\nscrape_configs: []\n");
  const HttpReply reload = http(server.port(), "POST", "/-/reload");
  CHECK(reload.status == 500);
  CHECK(reload.body.find("bad_rules.yml") != std::string::npos);
  CHECK(http_get(server.port(), "/api/v1/status/config").body.find("job_name: node") !=
        std::string::npos);
  CHECK(http_get(server.port(), "/api/v1/targets").body.find("\"scrapePool\":\"node\"") !=
        std::string::npos);
  CHECK(query(server.port(), "1").size() == 1);
}

}  // namespace
}  // namespace silverback::e2e
