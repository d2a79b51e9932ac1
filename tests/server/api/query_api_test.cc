#include <catch2/catch.hpp>

#include "server/api/api.h"
#include "tests/support/memory_storage.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace server = silverback::server;
namespace api = silverback::server::api;

namespace {

/// The query side of the API over storage in memory. `now` is 1000 s.
struct Fixture {
  Fixture() {
    promql::EngineOptions options;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.default_subquery_step_ms = [] { return int64_t{60'000}; };
    engine = std::make_unique<promql::Engine>(std::move(options));
    ctx.clock = &clock;
    ctx.engine = engine.get();
    ctx.queryable = &storage;
    for (const char* job : {"a", "b", "c"}) {
      const model::Labels labels = model::Labels::from({{"__name__", "up"}, {"job", job}});
      for (int64_t t = 900; t <= 1000; t += 10) storage.add(labels, t * 1000, 1);
    }
    storage.add(model::Labels::from({{"__name__", "http.requests"}, {"q", "<&>"}}), 1'000'000, 1.5);
  }

  /// "status body" of a GET.
  std::string get(api::Answer (*handler)(api::Context&, const api::Call&), const std::string& query,
                  const std::string& path_param = "") {
    server::HttpRequest request;
    request.method = "GET";
    request.query = query;
    const api::Call call{request, *api::Params::parse(request), path_param};
    const server::HttpResponse response = api::to_response(handler(ctx, call));
    return std::to_string(response.status) + " " + response.body;
  }

  base::ManualClock clock{1'000'000};
  base::metrics::Registry registry;
  silverback::testing::MemoryStorage storage;
  std::unique_ptr<promql::Engine> engine;
  api::Context ctx;
};

std::string bad(const std::string& error) {
  return R"(400 {"status":"error","errorType":"bad_data","error":")" + error + "\"}";
}
std::string good(const std::string& data) {
  return R"(200 {"status":"success","data":)" + data + "}";
}

}  // namespace

TEST_CASE("API query answers each kind of value", "[server]") {
  Fixture f;
  CHECK(f.get(api::query, "query=1%2B1&time=4") ==
        good(R"({"resultType":"scalar","result":[4,"2"]})"));
  CHECK(f.get(api::query, "query=\"x\"") == good(R"({"resultType":"string","result":[1000,"x"]})"));
  CHECK(
      f.get(api::query, "query=up{job=\"a\"}") ==
      good(
          R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1000,"1"]}]})"));
  CHECK(
      f.get(api::query, "query=up{job=\"a\"}[15s]&time=1000.5") ==
      good(
          R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},"values":[[990,"1"],[1000,"1"]]}]})"));
  CHECK(f.get(api::query, "query=nothing") == good(R"({"resultType":"vector","result":[]})"));
  CHECK(
      f.get(api::query, "query={\"http.requests\"}") ==
      good(
          R"({"resultType":"vector","result":[{"metric":{"__name__":"http.requests","q":"<&>"},"value":[1000,"1.5"]}]})"));
}

TEST_CASE("API query_range answers a matrix", "[server]") {
  Fixture f;
  CHECK(
      f.get(api::query_range, "query=sum(up)&start=990&end=1000&step=5") ==
      good(
          R"({"resultType":"matrix","result":[{"metric":{},"values":[[990,"3"],[995,"3"],[1000,"3"]]}]})"));
  CHECK(f.get(api::query_range, "query=1&start=0&end=11000&step=1").rfind("200 ", 0) == 0);
}

TEST_CASE("API query refuses with Prometheus's words", "[server]") {
  Fixture f;
  CHECK(
      f.get(api::query, "") ==
      bad(R"(invalid parameter \"query\": unknown position: parse error: no expression found in input)"));
  CHECK(
      f.get(api::query, "query=1&time=x") ==
      bad(R"(invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp)"));
  CHECK(f.get(api::query, "query=1&timeout=x") ==
        bad(R"(invalid parameter \"timeout\": cannot parse \"x\" to a valid duration)"));
  CHECK(f.get(api::query, "query=1&limit=-1") ==
        bad(R"(invalid parameter \"limit\": limit must be non-negative)"));
  CHECK(f.get(api::query, "query=1&lookback_delta=x") ==
        bad(R"(error parsing lookback delta duration: cannot parse \"x\" to a valid duration)"));
  CHECK(f.get(api::query_range, "query=1&end=1&step=1") ==
        bad(R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"));
  CHECK(f.get(api::query_range, "query=1&start=2&end=1&step=1") ==
        bad(R"(invalid parameter \"end\": end timestamp must not be before start time)"));
  CHECK(
      f.get(api::query_range, "query=1&start=1&end=2&step=0") ==
      bad(R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer)"));
  CHECK(
      f.get(api::query_range, "query=1&start=0&end=11001&step=1") ==
      bad(R"(exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX))"));
  CHECK(
      f.get(api::query_range, "query=up[1m]&start=0&end=1&step=1") ==
      bad(R"(invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector)"));
}

TEST_CASE("API query cuts at the limit, gives stats, obeys lookback", "[server]") {
  Fixture f;
  const std::string cut = f.get(api::query, "query=sort(up)&limit=2");
  CHECK(cut.find("\"warnings\":[\"results truncated due to limit\"]") != std::string::npos);
  CHECK(f.get(api::query, "query=up&limit=3").find("warnings") == std::string::npos);
  CHECK(f.get(api::query, "query=up&stats=x")
            .find(R"("warnings":["value \"x\" for parameter \"stats\" is deprecated and will be )"
                  R"(rejected in the next major release, use \"true\" or \"all\""])") !=
        std::string::npos);
  CHECK(
      f.get(api::query, "query=up&stats=true").find("\"stats\":{\"timings\":{\"evalTotalTime\":") !=
      std::string::npos);
  // Five windows of three samples; all but the first read one new sample.
  CHECK(f.get(api::query_range,
              "query=count_over_time(up{job=\"a\"}[30s])&start=960&end=1000&step=10&stats=all")
            .find(R"("samples":{"totalQueryableSamples":15,"samplesRead":7,)") !=
        std::string::npos);
  CHECK(f.get(api::query, "query=up&time=1060&lookback_delta=30s") ==
        good(R"({"resultType":"vector","result":[]})"));
  CHECK(f.get(api::query, "query=up&time=1060").find("\"job\":\"a\"") != std::string::npos);
}

TEST_CASE("API series lists label sets", "[server]") {
  Fixture f;
  CHECK(f.get(api::series, "") == bad("no match[] parameter provided"));
  CHECK(f.get(api::series, "match[]=up{job!=\"c\"}&match[]=up{job=\"a\"}") ==
        good(R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}])"));
  CHECK(f.get(api::series, "match[]=up&start=0&end=1") == good("[]"));
  CHECK(
      f.get(api::series, "match[]=up&start=1000&end=1000&limit=1") ==
      R"(200 {"status":"success","data":[{"__name__":"up","job":"a"}],"warnings":["results truncated due to limit"]})");
  CHECK(
      f.get(api::series, "match[]=up{")
          .rfind(
              R"(400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": )",
              0) == 0);
}

TEST_CASE("API labels and label values", "[server]") {
  Fixture f;
  CHECK(f.get(api::label_names, "") == good(R"(["__name__","job","q"])"));
  CHECK(f.get(api::label_names, "match[]=up") == good(R"(["__name__","job"])"));
  CHECK(
      f.get(api::label_names, "limit=1") ==
      R"(200 {"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]})");
  CHECK(f.get(api::label_values, "", "job") == good(R"(["a","b","c"])"));
  CHECK(f.get(api::label_values, "match[]=up{job=\"a\"}&match[]=up{job=\"c\"}", "job") ==
        good(R"(["a","c"])"));
  CHECK(f.get(api::label_values, "", "__name__") == good(R"(["http.requests","up"])"));
  CHECK(f.get(api::label_values, "", "\xff") == bad(R"(invalid label name: \"\\xff\")"));
}

TEST_CASE("API label names and match[] are checked with Prometheus's words", "[server]") {
  Fixture f;
  const std::string empty = "match[] must contain at least one non-empty matcher";
  CHECK(f.get(api::label_names, "match[]={}") == bad(empty));
  CHECK(f.get(api::label_values, "match[]={q=~\".*\"}", "job") == bad(empty));
  CHECK(f.get(api::series, "match[]={}") == bad(R"(invalid parameter \"match[]\": )" + empty));
  CHECK(f.get(api::label_names, "match[]=up{") ==
        bad("1:4: parse error: unexpected end of input inside braces"));
  CHECK(f.get(api::label_values, "", "U__job") == good(R"(["a","b","c"])"));
}

TEST_CASE("API parse_query shows the tree", "[server]") {
  Fixture f;
  CHECK(
      f.get(api::parse_query, "query=-(1)") ==
      good(
          R"({"expr":{"expr":{"type":"numberLiteral","val":"1"},"type":"parenExpr"},"op":"-","type":"unaryExpr"})"));
  CHECK(
      f.get(api::parse_query, "") ==
      bad(R"(invalid parameter \"query\": unknown position: parse error: no expression found in input)"));
}

TEST_CASE("API admin calls say what is not built", "[server]") {
  Fixture f;
  const auto unsupported = [](const std::string& what) {
    return R"(422 {"status":"error","errorType":"execution","error":")" + what +
           R"( not supported yet"})";
  };
  CHECK(f.get(api::admin_delete_series, "match[]=up") ==
        R"(500 {"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
  f.ctx.admin_enabled = true;
  CHECK(f.get(api::admin_delete_series, "") == bad("no match[] parameter provided"));
  CHECK(
      f.get(api::admin_delete_series, "match[]=up&start=x") ==
      bad(R"(invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp)"));
  CHECK(f.get(api::admin_delete_series, "match[]=up") == unsupported("deleting series is"));
  CHECK(f.get(api::admin_clean_tombstones, "") == unsupported("cleaning tombstones is"));
  CHECK(
      f.get(api::admin_snapshot, "skip_head=x") ==
      bad(R"(invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"x\": invalid syntax)"));
  CHECK(f.get(api::admin_snapshot, "skip_head=1") == unsupported("snapshots are"));
}

TEST_CASE("API passes a storage failure and its warnings on", "[server]") {
  Fixture f;
  f.storage.set_warnings({"replay is not finished"});
  CHECK(f.get(api::label_values, "", "job").find("\"warnings\":[\"replay is not finished\"]") !=
        std::string::npos);
  f.storage.fail_queries(base::Status(base::Errc::kCorruption, "bad bytes"));
  CHECK(f.get(api::series, "match[]=up") ==
        R"(500 {"status":"error","errorType":"internal","error":"bad bytes"})");
}

TEST_CASE("API format_query prints over lines", "[server]") {
  Fixture f;
  CHECK(f.get(api::format_query, "query=foo%2Fbar") == good(R"("foo / bar")"));
}
