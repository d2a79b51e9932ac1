#include "promql/engine.h"

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include <catch2/catch.hpp>

#include "tests/support/memory_storage.h"

namespace silverback::promql {
namespace {

using testing::MemoryStorage;

constexpr double kInf = std::numeric_limits<double>::infinity();

model::Labels labels(std::initializer_list<std::pair<std::string, std::string>> pairs) {
  return model::Labels::from(pairs);
}

/// Values of an instant query by label text; the scalar under "".
std::map<std::string, double> instant(Engine& engine, MemoryStorage& storage,
                                      const std::string& query, model::TimestampMs t) {
  const auto result = engine.instant(storage, query, t);
  INFO(query << ": " << result.status().to_string());
  REQUIRE(result.is_ok());
  std::map<std::string, double> out;
  if (const auto* scalar = std::get_if<Scalar>(&result->value)) out[""] = scalar->v;
  if (const auto* vector = std::get_if<Vector>(&result->value)) {
    for (const Sample& s : *vector) out[s.labels.to_string()] = s.v;
  }
  return out;
}

double only(Engine& engine, MemoryStorage& storage, const std::string& query,
            model::TimestampMs t) {
  const auto values = instant(engine, storage, query, t);
  REQUIRE(values.size() == 1);
  return values.begin()->second;
}

void check_close(double got, double want) {
  if (std::isnan(want)) {
    CHECK(std::isnan(got));
  } else if (std::isinf(want)) {
    CHECK(got == want);
  } else {
    CHECK(got == Approx(want).epsilon(1e-12));
  }
}

TEST_CASE("Engine extrapolates rate, increase and delta", "[promql]") {
  MemoryStorage storage;
  for (int i = 0; i <= 40; ++i) storage.add(labels({{"__name__", "c"}}), i * 15'000, 10.0 * i);
  for (int i = 0; i <= 10; ++i) {
    storage.add(labels({{"__name__", "zero"}}), 150'000 + i * 15'000, 10.0 * i);
    storage.add(labels({{"__name__", "high"}}), 150'000 + i * 15'000, 1000 + 10.0 * i);
  }
  const double with_reset[] = {10, 20, 5, 15, 25};
  for (int i = 0; i < 5; ++i) {
    storage.add(labels({{"__name__", "r"}}), i * 15'000, with_reset[i]);
  }
  const double gauge[] = {5, 1, -3, -7};
  for (int i = 0; i < 4; ++i) {
    storage.add(labels({{"__name__", "g"}}), (i + 1) * 15'000, gauge[i]);
  }
  Engine engine{EngineOptions{}};
  struct Row {
    const char* query;
    model::TimestampMs t;
    double want;
  };
  for (const Row& row :
       {Row{"increase(c[60s])", 300'000, 40}, Row{"increase(c[60s])", 307'000, 40},
        Row{"increase(zero[300s])", 300'000, 100}, Row{"increase(high[300s])", 300'000, 105},
        Row{"increase(r[60s])", 60'000, 100.0 / 3}, Row{"rate(r[60s])", 60'000, 100.0 / 180},
        Row{"delta(g[60s])", 60'000, -16}}) {
    INFO(row.query << " @ " << row.t);
    check_close(only(engine, storage, row.query, row.t), row.want);
  }
}

TEST_CASE("Engine reads quantiles off classic and native histograms", "[promql]") {
  MemoryStorage storage;
  const std::pair<const char*, double> buckets[] = {
      {"0.1", 10}, {"0.5", 30}, {"1", 90}, {"+Inf", 100}};
  for (const auto& [le, count] : buckets) {
    storage.add(labels({{"__name__", "b"}, {"le", le}}), 1000, count);
  }
  model::Histogram native;
  native.count = 10;
  native.sum = 20;
  native.positive_spans = {{1, 2}};
  native.positive_buckets = {4, 6};
  storage.add(labels({{"__name__", "n"}}), 1000, native);
  Engine engine{EngineOptions{}};
  struct Row {
    const char* query;
    double want;
  };
  for (const Row& row :
       {Row{"histogram_quantile(0, b)", 0}, Row{"histogram_quantile(0.05, b)", 0.05},
        Row{"histogram_quantile(0.5, b)", 2.0 / 3}, Row{"histogram_quantile(0.9, b)", 1},
        Row{"histogram_quantile(0.95, b)", 1}, Row{"histogram_quantile(1, b)", 1},
        Row{"histogram_quantile(-1, b)", -kInf}, Row{"histogram_quantile(2, b)", kInf},
        Row{"histogram_quantile(0.2, n)", 1.4142135623730951},
        Row{"histogram_quantile(0.5, n)", 2.244924096618746},
        Row{"histogram_quantile(0.9, n)", 3.5635948725613575}}) {
    INFO(row.query);
    check_close(only(engine, storage, row.query, 1000), row.want);
  }
}

TEST_CASE("Engine evaluates expressions without data", "[promql]") {
  MemoryStorage storage;
  Engine engine{EngineOptions{}};
  struct Row {
    const char* query;
    double want;
  };
  for (const Row& row : {Row{"-2^2", -4},
                         Row{"2^3^2", 512},
                         Row{"1h30m", 5400},
                         Row{"010", 8},
                         Row{"0x1F", 31},
                         Row{"1 - 2 - 3", -4},
                         Row{"5 % 3 ^ 2", 5},
                         Row{"-1 % 2", -1},
                         Row{"1 > bool 2", 0},
                         Row{"round(vector(2.5))", 3},
                         Row{"round(vector(-2.5))", -2},
                         Row{"round(vector(0.15), 0.1)", 0.2},
                         Row{"time()", 1.5},
                         Row{"scalar(vector(7))", 7},
                         Row{"scalar(nothing)", std::nan("")},
                         Row{"days_in_month(vector(951782400))", 29},
                         Row{"year(vector(-1))", 1969},
                         Row{"day_of_week(vector(-86400))", 3},
                         Row{"day_of_year(vector(978220800))", 366},
                         Row{"hour(vector(-1))", 23}}) {
    INFO(row.query);
    check_close(only(engine, storage, row.query, 1500), row.want);
  }
}

TEST_CASE("Engine looks back left-open and honours stale markers", "[promql]") {
  MemoryStorage storage;
  const model::Labels foo = labels({{"__name__", "foo"}});
  storage.add(foo, 1000, 1);
  Engine engine{EngineOptions{}};
  CHECK(instant(engine, storage, "foo", 301'000).empty());
  CHECK(instant(engine, storage, "foo", 300'999).size() == 1);
  CHECK(instant(engine, storage, "foo", 999).empty());
  CHECK(instant(engine, storage, "foo offset -1s", 0).size() == 1);
}

TEST_CASE("absent takes its labels from unambiguous equality matchers", "[promql]") {
  MemoryStorage storage;
  Engine engine{EngineOptions{}};
  CHECK(instant(engine, storage, R"(absent(x{a="1",a="2",b!="3",c="4"}))", 0) ==
        std::map<std::string, double>{{R"({c="4"})", 1}});
  CHECK(instant(engine, storage, "absent(sum(x))", 0) == std::map<std::string, double>{{"{}", 1}});
}

TEST_CASE("label_replace expands as Go does", "[promql]") {
  MemoryStorage storage;
  storage.add(labels({{"__name__", "up"}, {"job", "a:c"}, {"x", "old"}}), 0, 1);
  Engine engine{EngineOptions{}};
  CHECK(instant(engine, storage, R"(label_replace(up, "x", "$1y", "job", "(.*):.*"))", 0)
            .count(R"(up{job="a:c"})") == 1);
  CHECK(instant(engine, storage, R"(label_replace(up, "x", "${1}y", "job", "(.*):.*"))", 0)
            .count(R"(up{job="a:c", x="ay"})") == 1);
}

TEST_CASE("Engine refuses what has no answer, with the texts of Prometheus", "[promql]") {
  MemoryStorage storage;
  for (const char* code : {"200", "500"}) {
    storage.add(labels({{"__name__", "a"}, {"code", code}}), 0, 1);
    storage.add(labels({{"__name__", "b"}, {"code", code}}), 0, 1);
  }
  Engine engine{EngineOptions{}};
  const std::pair<const char*, const char*> rows[] = {
      {"sum without(code) (a) + on() b",
       "found duplicate series for the match group {} on the right hand-side of the operation: "
       "[{__name__=\"b\", code=\"200\"}, {__name__=\"b\", code=\"500\"}];many-to-many matching "
       "not allowed: matching labels must be unique on one side"},
      {"a + on() sum(b)",
       "multiple matches for labels: many-to-one matching must be explicit "
       "(group_left/group_right)"},
      {"abs({__name__=~\"a|b\"})", "vector cannot contain metrics with the same labelset"},
      {"topk(NaN, a)", "Parameter value is NaN"},
      {"topk(1e30, a)", "Scalar value 1e+30 overflows int64"},
      {"label_join(a, \"\", \"\", \"code\")", "invalid destination label name in label_join(): "},
  };
  for (const auto& [query, text] : rows) {
    INFO(query);
    const auto result = engine.instant(storage, query, 0);
    CHECK(result.status().code() == base::Errc::kExecution);
    CHECK(result.status().message() == text);
  }
}

TEST_CASE("Engine evaluates @-fixed parts once for every step", "[promql]") {
  MemoryStorage storage;
  for (int i = 0; i <= 100; ++i) storage.add(labels({{"__name__", "m"}}), i * 10'000, i);
  Engine engine{EngineOptions{}};
  const auto result =
      engine.range(storage, "m @ 50 + sum_over_time(m[30s] @ end())", 0, 600'000, 60'000);
  REQUIRE(result.is_ok());
  const Matrix& matrix = std::get<Matrix>(result->value);
  REQUIRE(matrix.size() == 1);
  REQUIRE(matrix[0].floats.size() == 11);
  for (const FloatPoint& p : matrix[0].floats) CHECK(p.v == 5 + 58 + 59 + 60);
}

TEST_CASE("Subqueries are aligned to absolute time", "[promql]") {
  MemoryStorage storage;
  for (int i = 0; i <= 100; ++i) storage.add(labels({{"__name__", "m"}}), i * 10'000, i);
  EngineOptions options;
  options.default_subquery_step_ms = [] { return int64_t{30'000}; };
  Engine engine{options};
  // 100 s, 110 s, 120 s are the multiples of 10 s in (95 s, 125 s].
  CHECK(only(engine, storage, "sum_over_time(m[30s:10s])", 125'000) == 10 + 11 + 12);
  CHECK(only(engine, storage, "sum_over_time(m[1m:])", 125'000) == 9 + 12);
  CHECK(only(engine, storage, "sum_over_time(m[30s:10s] offset 10s)", 125'000) == 9 + 10 + 11);
  CHECK(only(engine, storage, "count_over_time(m[30s:10s] @ 60)", 125'000) == 3);
}

TEST_CASE("Engine keeps to its limits", "[promql]") {
  MemoryStorage storage;
  for (int s = 0; s < 20; ++s) {
    storage.add(labels({{"__name__", "m"}, {"s", std::to_string(s)}}), 0, 1);
  }
  SECTION("samples") {
    EngineOptions options;
    options.max_samples = 30;
    Engine engine{options};
    CHECK(engine.instant(storage, "m", 0).is_ok());
    const auto result = engine.range(storage, "m", 0, 60'000, 10'000);
    CHECK(result.status().code() == base::Errc::kExecution);
    CHECK(result.status().message() ==
          "query processing would load too many samples into memory in query execution");
  }
  SECTION("bytes are refused before they are taken") {
    EngineOptions options;
    options.query_bytes = 1 << 20;
    Engine engine{options};
    const auto result = engine.range(storage, "m", 0, 100'000'000, 1);
    CHECK(result.status().code() == base::Errc::kLimit);
  }
  SECTION("bytes of all queries together") {
    EngineOptions options;
    options.total_bytes = 1 << 20;
    Engine engine{options};
    {
      const auto result = engine.range(storage, "m", 0, 1'000'000, 1000);
      CHECK(result.is_ok());
      CHECK(engine.total_budget().bytes() > 0);  // an answer counts until it is gone
    }
    CHECK(engine.total_budget().bytes() == 0);
    REQUIRE(engine.total_budget().charge(1'000'000).is_ok());  // somebody else's
    const auto refused = engine.range(storage, "m", 0, 1'000'000, 1000);
    CHECK(refused.status().code() == base::Errc::kLimit);
    CHECK(refused.status().message().find("--query.max-total-memory") != std::string::npos);
    engine.total_budget().release(1'000'000);
  }
  SECTION("the client went away") {
    Engine engine{EngineOptions{}};
    std::stop_source stop;
    stop.request_stop();
    QueryOptions query;
    query.stop = stop.get_token();
    const auto result = engine.instant(storage, "m", 0, query);
    CHECK(result.status().code() == base::Errc::kCanceled);
    CHECK(result.status().message() == "query was canceled in expression evaluation");
  }
  SECTION("time") {
    base::ManualClock clock(1);
    EngineOptions options;
    options.clock = &clock;
    options.timeout_ms = -1;
    Engine engine{options};
    const auto result = engine.instant(storage, "m", 0);
    CHECK(result.status().code() == base::Errc::kTimeout);
    CHECK(result.status().message() == "query timed out in expression evaluation");
  }
}

TEST_CASE("Engine refuses labels that double at every call", "[promql]") {
  MemoryStorage storage;
  storage.add(labels({{"__name__", "m"}}), 0, 1);
  EngineOptions options;
  options.query_bytes = 1 << 20;
  Engine engine{options};
  for (const std::string call : {R"q(label_replace(@, "x", "$1$1", "x", "(.*)"))q",
                                 R"q(label_join(@, "x", "", "x", "x"))q"}) {
    std::string query = R"(label_replace(m, "x", "0123456789abcdef", "", ""))";
    const size_t at = call.find('@');
    for (int i = 0; i < 40; ++i) query = call.substr(0, at) + query + call.substr(at + 1);
    CAPTURE(call);
    CHECK(engine.instant(storage, query, 0).status().code() == base::Errc::kLimit);
    CHECK(engine.total_budget().bytes() == 0);
  }
}

TEST_CASE("Engine groups by thousands of names as by one", "[promql]") {
  MemoryStorage storage;
  storage.add(labels({{"__name__", "m"}, {"a", "1"}, {"b", "1"}}), 0, 1);
  storage.add(labels({{"__name__", "m"}, {"a", "1"}, {"b", "2"}}), 0, 2);
  storage.add(labels({{"__name__", "m"}, {"a", "2"}, {"b", "2"}}), 0, 4);
  Engine engine{EngineOptions{}};
  std::string names;
  for (int i = 0; i < 5000; ++i) names += "n" + std::to_string(9999 - i) + ",";
  const auto by = instant(engine, storage, "sum by (" + names + "b) (m)", 0);
  CHECK(by == instant(engine, storage, "sum by (b) (m)", 0));
  CHECK(by.size() == 2);
  CHECK(instant(engine, storage, "sum without (" + names + "b, __name__) (m)", 0) ==
        instant(engine, storage, "sum by (a) (m)", 0));
}

TEST_CASE("Engine tells notes once, with positions", "[promql]") {
  MemoryStorage storage;
  for (int i = 0; i < 10; ++i) storage.add(labels({{"__name__", "gauge"}}), i * 10'000, i);
  Engine engine{EngineOptions{}};
  const auto result = engine.range(storage, "1 +\n rate(gauge[1m])", 0, 90'000, 10'000);
  REQUIRE(result.is_ok());
  CHECK(result->annotations.infos() ==
        std::vector<std::string>{"PromQL info: metric might not be a counter, name does not end "
                                 "in _total/_sum/_count/_bucket: \"gauge\" (2:7)"});
  CHECK(result->annotations.warnings().empty());
}

TEST_CASE("Engine marks names with delayed name removal", "[promql]") {
  MemoryStorage storage;
  storage.add(labels({{"__name__", "a"}, {"x", "1"}}), 0, -1);
  EngineOptions options;
  options.delayed_name_removal = true;
  Engine engine{options};
  CHECK(instant(engine, storage, "abs(a)", 0).count(R"({x="1"})") == 1);
  CHECK(instant(engine, storage, R"(label_replace(abs(a), "__name__", "b", "x", "1"))", 0)
            .count(R"(b{x="1"})") == 1);
  CHECK(instant(engine, storage, "sum by (__name__) (abs(a))", 0).count("{}") == 1);
}

TEST_CASE("Engine counts queryable samples", "[promql]") {
  MemoryStorage storage;
  for (int i = 0; i <= 100; ++i) storage.add(labels({{"__name__", "m"}}), i * 10'000, i);
  Engine engine{EngineOptions{}};
  CHECK(engine.range(storage, "m", 0, 50'000, 10'000)->stats.total_samples == 6);
  CHECK(engine.range(storage, "m @ 10", 0, 50'000, 10'000)->stats.total_samples == 6);
  CHECK(engine.instant(storage, "sum_over_time(m[1m])", 600'000)->stats.total_samples == 6);
  CHECK(engine.instant(storage, "sum_over_time(m[1m:10s])", 600'000)->stats.total_samples == 6);
}

}  // namespace
}  // namespace silverback::promql
