#include <future>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "server/api/routes.h"
#include "tests/support/memory_storage.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace server = silverback::server;
namespace api = silverback::server::api;

namespace {

/// Storage in memory; now is 1000 s, lookback five minutes.
struct Fixture {
  Fixture() {
    promql::EngineOptions options;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    engine = std::make_unique<promql::Engine>(std::move(options));
    ctx.clock = &clock;
    ctx.registry = &registry;
    ctx.engine = engine.get();
    ctx.queryable = &storage;
    ctx.config = [this] { return std::make_shared<const server::Config>(config); };
  }
  server::HttpResponse get(const std::string& query, const std::string& accept = "") {
    server::HttpRequest request;
    request.method = "GET";
    request.query = query;
    if (!accept.empty()) request.headers.set("Accept", accept);
    std::promise<server::HttpResponse> answer;
    api::federate(ctx, request,
                  [&answer](server::HttpResponse r) { answer.set_value(std::move(r)); });
    return answer.get_future().get();
  }
  void add(std::initializer_list<std::pair<std::string, std::string>> labels, int64_t t_s,
           double value) {
    storage.add(model::Labels::from(labels), t_s * 1000, value);
  }

  base::ManualClock clock{1'000'000};
  base::metrics::Registry registry;
  silverback::testing::MemoryStorage storage;
  std::unique_ptr<promql::Engine> engine;
  server::Config config;
  api::Context ctx;
};

}  // namespace

TEST_CASE("Federate gives the newest samples, by name, with our labels", "[server]") {
  Fixture f;
  f.config.external_labels = model::Labels::from({{"job", "mine"}, {"replica", "r1"}});
  f.add({{"__name__", "b"}, {"job", "j"}}, 990, 1);
  f.add({{"__name__", "b"}, {"job", "j"}}, 995, 2);
  f.add({{"__name__", "a"}, {"instance", "i"}}, 1000, 3);
  f.add({{"__name__", "a"}, {"z", "1"}}, 701, 4);
  const server::HttpResponse response = f.get("match[]={__name__=~\".%2B\"}&match[]=a");
  CHECK(response.status == 200);
  CHECK(response.headers.get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(response.body ==
        "# TYPE a untyped\n"
        "a{instance=\"i\",job=\"mine\",replica=\"r1\"} 3 1000000\n"
        "a{z=\"1\",instance=\"\",job=\"mine\",replica=\"r1\"} 4 701000\n"
        "# TYPE b untyped\n"
        "b{job=\"j\",instance=\"\",replica=\"r1\"} 2 995000\n");
}

TEST_CASE("Federate leaves out what is old, stale or nameless", "[server]") {
  Fixture f;
  f.add({{"__name__", "old"}}, 700, 1);
  f.add({{"__name__", "future"}}, 1001, 1);
  f.add({{"__name__", "ended"}}, 990, 1);
  f.add({{"__name__", "ended"}}, 995, model::stale_nan());
  f.add({{"job", "nameless"}}, 995, 1);
  CHECK(f.get("match[]={job=~\".*\"}").body.empty());
  CHECK(f.get("").body.empty());
  CHECK(f.get("").status == 200);
}

TEST_CASE("Federate gives native histograms to readers of protobuf only", "[server]") {
  Fixture f;
  model::Histogram h;
  h.count = 1;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {1};
  f.storage.add(model::Labels::from({{"__name__", "h"}}), 990'000, h);
  h.schema = model::kCustomBucketsSchema;
  h.custom_values = {1};
  f.storage.add(model::Labels::from({{"__name__", "nhcb"}}), 990'000, h);
  CHECK(f.get("match[]={__name__!=\"\"}").body ==
        "# TYPE nhcb histogram\n"
        "nhcb_bucket{instance=\"\",le=\"1\"} 1 990000\n"
        "nhcb_bucket{instance=\"\",le=\"+Inf\"} 1 990000\n"
        "nhcb_sum{instance=\"\"} 0 990000\n"
        "nhcb_count{instance=\"\"} 1 990000\n");
  const std::string protobuf =
      f.get("match[]=h",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited")
          .body;
  REQUIRE(protobuf.size() > 4);
  CHECK(protobuf.substr(1, 3) == "\n\x01h");
}

TEST_CASE("Federate refuses a bad selector and tells failures", "[server]") {
  Fixture f;
  const server::HttpResponse bad = f.get("match[]=up{");
  CHECK(bad.status == 400);
  CHECK(bad.body.rfind("1:4: parse error: ", 0) == 0);
  f.storage.fail_queries(base::Status(base::Errc::kCorruption, "bad bytes"));
  CHECK(f.get("match[]=up").status == 500);
  CHECK(f.registry.render_text().find("prometheus_web_federation_errors_total 1\n") !=
        std::string::npos);
}
