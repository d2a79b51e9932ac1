// A target that exposes protobuf: native histograms and exemplars, from its page to the answers.
#include <atomic>
#include <chrono>
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"
#include "tests/support/http_test_server.h"
#include "tests/support/metric_family.h"

namespace silverback::e2e {
namespace {

using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

// 2 n observations in (1,2] and n in (2,4], and as many requests.
std::string page(int n) {
  const std::string count = std::to_string(n), total = std::to_string(3 * n);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string seconds =
      std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  const std::string histogram =
      "name: \"rpc_seconds\" help: \"Time of calls.\" type: HISTOGRAM unit: \"seconds\" metric {"
      " label { name: \"code\" value: \"200\" } histogram { schema: 0 sample_count: " +
      total + " sample_sum: " + total +
      " positive_span { offset: 1 length: 2 } positive_delta: " + std::to_string(2 * n) +
      " positive_delta: -" + count +
      " exemplars { value: 1.5 label { name: \"trace_id\" value: \"t" + count +
      "\" } timestamp { seconds: " + seconds + " } } } }";
  const std::string counter =
      "name: \"rpc_total\" type: COUNTER metric { counter { value: " + total + " } }";
  return testing::metric_page({histogram, counter});
}

std::string config(const HttpTestServer& target) {
  return "global:\n"
         "  scrape_interval: 1s\n"
         "  scrape_native_histograms: true\n"
         "storage:\n"
         "  exemplars: {max_exemplars: 50}\n"
         "scrape_configs:\n"
         "  - job_name: rpc\n"
         "    static_configs: [{targets: ['" +
         target.address() + "']}]\n";
}

double only(const QueryAnswer& answer) {
  REQUIRE(answer.size() == 1);
  return answer.begin()->second;
}

}  // namespace

TEST_CASE("native histograms and exemplars of a protobuf target are answered", "[e2e]") {
  std::atomic<int> scrapes{0};
  HttpTestServer target([&scrapes](const HttpTestRequest&) {
    HttpTestAnswer answer;
    answer.headers.emplace_back("Content-Type",
                                "application/vnd.google.protobuf; "
                                "proto=io.prometheus.client.MetricFamily; encoding=delimited");
    answer.body = page(++scrapes);
    return answer;
  });
  Server server(config(target), {"--enable-feature=exemplar-storage"});
  const auto ask = [&server](const std::string& expr) { return query(server.port(), expr); };
  REQUIRE(eventually(30, [&] { return !ask("histogram_count(rpc_seconds) > 9").empty(); }));
  CHECK(target.requests().front().header("accept").find("application/vnd.google.protobuf") == 0);

  // The same at any moment, as the shares of the buckets do not change.
  CHECK(only(ask("histogram_fraction(1, 2, rpc_seconds)")) == Approx(2.0 / 3));
  CHECK(only(ask("histogram_quantile(0, rpc_seconds)")) == 1);
  CHECK(only(ask("histogram_quantile(1, rate(rpc_seconds[1m]))")) == 4);
  CHECK(only(ask("histogram_quantile(0.5, sum(rate(rpc_seconds[1m])))")) ==
        Approx(std::exp2(0.75)));
  CHECK(only(ask("histogram_avg(rpc_seconds)")) == 1);
  CHECK(only(ask("histogram_count(rate(rpc_seconds[1m])) / on() rate(rpc_total[1m])")) ==
        Approx(1));
  const std::string metadata = http_get(server.port(), "/api/v1/metadata?metric=rpc_seconds").body;
  CHECK(metadata.find(R"({"type":"histogram","help":"Time of calls.","unit":"seconds"})") !=
        std::string::npos);

  const auto exemplars = [&server] {
    return http_get(server.port(),
                    "/api/v1/query_exemplars?query=histogram_quantile(0.9,rate(rpc_seconds[5m]))")
        .body;
  };
  const std::string before = exemplars();
  CHECK(before.find(R"("seriesLabels":{"__name__":"rpc_seconds","code":"200")") !=
        std::string::npos);
  CHECK(before.find(R"({"labels":{"trace_id":"t1"},"value":"1.5","timestamp":)") !=
        std::string::npos);
  CHECK(ask("prometheus_tsdb_exemplar_max_exemplars").empty());  // it does not scrape itself
  CHECK(http_get(server.port(), "/metrics")
            .body.find("\nprometheus_tsdb_exemplar_max_exemplars 50\n") != std::string::npos);

  // The WAL is written each second: what was there two seconds ago outlives a kill.
  const int seen = scrapes;
  REQUIRE(eventually(30, [&] { return scrapes > seen + 2; }));
  server.kill();
  server.start();
  CHECK(exemplars().find(R"("trace_id":"t1")") != std::string::npos);
  CHECK(only(ask("histogram_fraction(1, 2, last_over_time(rpc_seconds[1m]))")) == Approx(2.0 / 3));
}

TEST_CASE("a real Prometheus's page is the same in protobuf and in text", "[e2e]") {
  const TempDir dir;
  const int port = free_port();
  const std::string peer = "127.0.0.1:" + std::to_string(port);
  dir.write("prometheus.yml", "scrape_configs: []\n");
  Process prometheus({find_program("prometheus"), "--config.file=" + dir.file("prometheus.yml"),
                      "--storage.tsdb.path=" + dir.file("data"), "--web.listen-address=" + peer},
                     dir.file("prometheus.log"));
  REQUIRE(eventually(60, [&] { return http_get(port, "/-/ready").status == 200; }));
  const auto job = [&peer](const std::string& name, const std::string& protocol) {
    return "  - {job_name: " + name + ", scrape_protocols: [" + protocol +
           "], static_configs: [{targets: ['" + peer + "']}]}\n";
  };
  const Server server("global: {scrape_interval: 1s}\nscrape_configs:\n" +
                      job("pb", "PrometheusProto") + job("om", "OpenMetricsText1.0.0") +
                      job("text", "PrometheusText0.0.4"));
  const auto ask = [&server](const std::string& expr) { return query(server.port(), expr); };
  REQUIRE(eventually(60, [&] { return ask("count_over_time(up[1m]) > 3").size() == 3; }));
  CHECK(ask("up == 1").size() == 3);
  const std::string own = ",__name__!~\"up|scrape_.*\"}";
  for (const std::string other : {"pb", "om"}) {
    INFO(other);
    const std::string theirs = "{job=\"" + other + "\"" + own;
    CHECK(ask("count(" + theirs + ") > 300").size() == 1);
    // Series that only one of the two pages has; the label job aside.
    const std::string text = "{job=\"text\"" + own;
    const auto bare = [](const std::string& selector) {
      return "count by (__name__, le, quantile, code, handler) (" + selector + ")";
    };
    CHECK(ask(bare(theirs) + " unless " + bare(text)).empty());
    CHECK(ask(bare(text) + " unless " + bare(theirs)).empty());
  }
}

}  // namespace silverback::e2e
