// Debian's Prometheus remote-writes into Silverback; both must answer alike.
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

void check_alike(const QueryAnswer& ours, const QueryAnswer& theirs, const std::string& expr) {
  INFO(expr);
  CHECK(ours.size() == theirs.size());
  for (const auto& [series, value] : theirs) {
    INFO(series);
    const auto found = ours.find(series);
    REQUIRE(found != ours.end());
    if (std::isnan(value)) {
      CHECK(std::isnan(found->second));
    } else {
      CHECK(found->second == Approx(value).epsilon(1e-12));
    }
  }
}

TEST_CASE("Debian's Prometheus writes into us and we answer as it does", "[e2e]") {
  const Server server("scrape_configs: []\n");
  const TempDir dir;
  const int port = free_port();
  const std::string self = "127.0.0.1:" + std::to_string(port);
  dir.write("prometheus.yml",
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            "  - {job_name: prometheus, static_configs: [{targets: ['" +
                self +
                "']}]}\n"
                "  - {job_name: silverback, static_configs: [{targets: ['127.0.0.1:" +
                std::to_string(server.port()) +
                "']}]}\n"
                "remote_write:\n"
                "  - url: http://127.0.0.1:" +
                std::to_string(server.port()) +
                "/api/v1/write\n"
                "    queue_config: {batch_send_deadline: 200ms}\n");
  Process prometheus({find_program("prometheus"), "--config.file=" + dir.file("prometheus.yml"),
                      "--storage.tsdb.path=" + dir.file("data"), "--web.listen-address=" + self},
                     dir.file("prometheus.log"));
  INFO(prometheus.log());
  REQUIRE(eventually(60, [&] { return http_get(port, "/-/ready").status == 200; }));
  // Long enough that no window below reaches back to a counter's birth: 2.x clamps there otherwise.
  REQUIRE(eventually(60, [&] {
    return query(server.port(), "count_over_time(up{job=\"silverback\"}[1m]) > 22").size() == 1;
  }));

  // A moment in the past that everything has arrived for, and that lies on no sample (2.x ranges
  // are closed on the left).
  const double newest = query(server.port(), "min(timestamp(up))").begin()->second;
  const std::string at = std::to_string(static_cast<int64_t>(newest) - 3) + ".0005";
  int compared = 0;
  for (const char* expr : {
           "up",
           "scrape_samples_scraped",
           "process_resident_memory_bytes",
           "count by (job) ({job!=\"\"})",
           "sum by (job) (rate(process_cpu_seconds_total[9s]))",
           "rate(prometheus_tsdb_head_samples_appended_total[9s])",
           "increase(prometheus_http_requests_total[9s])",
           "topk(2, scrape_duration_seconds)",
           "histogram_quantile(0.95, sum by (le) "
           "(rate(prometheus_http_request_duration_seconds_bucket[9s])))",
           "avg_over_time(go_goroutines[9s])",
           "stddev_over_time(go_memstats_alloc_bytes[9s])",
           "max_over_time(rate(prometheus_http_requests_total[5s])[9s:1s])",
           "quantile(0.9, prometheus_http_request_duration_seconds_sum)",
           "prometheus_http_requests_total / on (instance, job) group_left prometheus_build_info",
           "label_replace(up, \"short\", \"$1\", \"instance\", \"(.*):.*\")",
           "absent(nothing{a=\"b\"})",
           "deriv(go_memstats_alloc_bytes[9s])",
           "predict_linear(go_goroutines[9s], 60)",
           "count_values(\"v\", up)",
           "changes(go_goroutines[9s]) + resets(go_goroutines[9s])",
           "up == bool 1 or vector(2)",
       }) {
    check_alike(query(server.port(), expr, at), query(port, expr, at), expr);
    ++compared;
  }
  CHECK(compared == 21);
}

}  // namespace
}  // namespace silverback::e2e
