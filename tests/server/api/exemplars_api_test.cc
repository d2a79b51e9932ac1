#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "server/api/api.h"
#include "tests/tsdb/tsdb_fixture.h"

namespace {

namespace api = silverback::server::api;
namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace server = silverback::server;
namespace storage = silverback::storage;
namespace tsdb = silverback::tsdb;
using tsdb::testing::kNow;

tsdb::DbOptions with_exemplars() {
  tsdb::DbOptions options;
  options.max_exemplars = 100;
  return options;
}

struct Fixture {
  Fixture() {
    promql::EngineOptions options;
    options.clock = &db.clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.default_subquery_step_ms = [] { return int64_t{60'000}; };
    engine = std::make_unique<promql::Engine>(std::move(options));
    ctx.clock = &db.clock;
    ctx.engine = engine.get();
    ctx.queryable = db.db.get();
    add("a_total", kNow + 479, 6, "<x>");
    add("a_total", kNow + 2000, 7, "");
    add("b_bucket", kNow + 1000, 0.5, "y");
  }

  void add(const std::string& name, int64_t t, double value, const std::string& trace) {
    auto appender = db->appender();
    const auto ref = appender->resolve(model::Labels::from({{"__name__", name}, {"le", "1.0"}}));
    REQUIRE(ref.is_ok());
    model::Exemplar e;
    e.t = t;
    e.value = value;
    e.labels = model::Labels::from({{"trace_id", trace}});
    REQUIRE(appender->append_exemplar(*ref, e).is_ok());
    REQUIRE(storage::commit_and_wait(*appender, storage::Durability::kVisible).is_ok());
  }

  std::string get(const std::string& query) {
    server::HttpRequest request;
    request.method = "GET";
    request.query = query;
    const api::Call call{request, *api::Params::parse(request), ""};
    const server::HttpResponse response = api::to_response(api::query_exemplars(ctx, call));
    return std::to_string(response.status) + " " + response.body;
  }

  silverback::tests::TempDir dir;
  tsdb::testing::TestDb db{dir.path(), with_exemplars()};
  base::metrics::Registry registry;
  std::unique_ptr<promql::Engine> engine;
  api::Context ctx;
};

}  // namespace

TEST_CASE("API query_exemplars finds the exemplars of every selector", "[server]") {
  Fixture f;
  const std::string a =
      R"({"seriesLabels":{"__name__":"a_total","le":"1.0"},"exemplars":[{"labels":{"trace_id":"<x>"},"value":"6","timestamp":1700000000.479},{"labels":{},"value":"7","timestamp":1700000002}]})";
  const std::string b =
      R"({"seriesLabels":{"__name__":"b_bucket","le":"1.0"},"exemplars":[{"labels":{"trace_id":"y"},"value":"0.5","timestamp":1700000001}]})";
  const auto good = [](const std::string& data) {
    return R"(200 {"status":"success","data":[)" + data + "]}";
  };
  struct Row {
    std::string query, expected;
  };
  const std::vector<Row> rows = {
      {"query=a_total", good(a)},
      {"query=histogram_quantile(0.9,%20sum%20by%20(le)%20(rate(b_bucket[5m])))", good(b)},
      {"query=topk(scalar(b_bucket),%20max_over_time((-a_total)[5m:1m]))", good(a + "," + b)},
      {"query=a_total%20or%20b_bucket&start=1700000001&end=1700000001", good(b)},
      {"query=a_total%7Ble=%222%22%7D", good("")},
      {"query=nothing&start=1700000000&end=1700000001", good("")},
      // Grafana probes with milliseconds.
      {"query=test&start=1700000000000&end=1700000060000", good("")},
      {"query=1%2B1", "204 "},
      {"query=a_total&start=2&end=1",
       R"(400 {"status":"error","errorType":"bad_data","error":"end timestamp must not be before start timestamp"})"},
  };
  for (const Row& row : rows) {
    INFO(row.query);
    CHECK(f.get(row.query) == row.expected);
  }
  CHECK(f.get("query=a_total{").substr(0, 4) == "400 ");
  CHECK(f.get("query=x&start=y").substr(0, 4) == "400 ");
}
