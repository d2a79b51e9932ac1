#include <bit>
#include <cmath>
#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "promql/engine.h"
#include "tests/support/memory_storage.h"

namespace silverback::promql {
namespace {

using testing::MemoryStorage;
using testing::StoredSample;

/// Counters and gauges with gaps, resets, NaN, infinities and stale markers.
void fill(MemoryStorage& storage) {
  std::mt19937 random(7);
  for (int s = 0; s < 12; ++s) {
    const auto labels = model::Labels::from({{"__name__", s % 2 == 0 ? "c_total" : "g"},
                                             {"i", std::to_string(s)},
                                             {"k", std::to_string(s % 3)},
                                             {"le", s % 4 < 2 ? "1" : "+Inf"}});
    double v = s;
    for (int i = 0; i < 300; ++i) {
      if (random() % 7 == 0) continue;
      const auto jitter = static_cast<int64_t>(random() % 3000);
      v = random() % 31 == 0 ? 0 : v + static_cast<double>(random() % 100) / 7;
      double stored = s % 2 == 0 ? v : std::sin(v) * 100;
      if (random() % 53 == 0) stored = model::stale_nan();
      if (s == 5 && random() % 29 == 0) stored = std::nan("");
      if (s == 7 && random() % 97 == 0) stored = HUGE_VAL;
      storage.add(labels, i * 15'000 + jitter, stored);
    }
  }
}

using Points = std::map<std::string, uint64_t>;

Points at_step(const Matrix& matrix, model::TimestampMs t) {
  Points out;
  for (const Series& s : matrix) {
    for (const FloatPoint& p : s.floats) {
      if (p.t == t) out[s.labels.to_string()] = std::bit_cast<uint64_t>(p.v);
    }
  }
  return out;
}

Points of_instant(const Value& value) {
  Points out;
  if (const auto* scalar = std::get_if<Scalar>(&value)) {
    out["{}"] = std::bit_cast<uint64_t>(scalar->v);
    return out;
  }
  for (const Sample& s : std::get<Vector>(value)) {
    out[s.labels.to_string()] = std::bit_cast<uint64_t>(s.v);
  }
  return out;
}

TEST_CASE("A range query gives at each step the bits of an instant query", "[promql]") {
  MemoryStorage storage;
  fill(storage);
  Engine engine{EngineOptions{}};
  for (const char* query : {"c_total",
                            "g offset 1m",
                            "rate(c_total[5m])",
                            "increase(c_total[90s])",
                            "delta(g[3m])",
                            "irate(c_total[2m])",
                            "deriv(g[5m])",
                            "predict_linear(g[5m], 60)",
                            "resets(c_total[10m])",
                            "changes(g[10m])",
                            "avg_over_time(g[7m])",
                            "sum_over_time(g[7m])",
                            "stddev_over_time(g[7m])",
                            "quantile_over_time(0.3, g[7m])",
                            "max_over_time(g[1m])",
                            "last_over_time(g[30s])",
                            "absent_over_time(g[10s])",
                            "present_over_time(g[20s])",
                            "sum(g)",
                            "avg by (k) (g)",
                            "stddev without (i) (g)",
                            "topk by (k) (1, c_total)",
                            "bottomk(3, g)",
                            "quantile(0.7, g)",
                            "count_values(\"v\", round(g, 50))",
                            "min(g) + max(g)",
                            "c_total / on (k) group_left () sum by (k) (c_total)",
                            "g > 10",
                            "g > bool 10",
                            "g and on (k) (c_total > 100)",
                            "g unless on (k) (c_total > 100)",
                            "c_total > 50 or g",
                            "max_over_time(rate(c_total[1m])[5m:30s])",
                            "histogram_quantile(0.5, sum by (k, le) (c_total))",
                            "timestamp(g)",
                            "hour(g)",
                            "scalar(sum(g)) * 2",
                            "clamp(g, -10, scalar(max(c_total)))",
                            "-g",
                            "absent(g > 1e9)",
                            "g @ 1000 + g",
                            "sum_over_time(g[5m] @ end()) + time()"}) {
    INFO(query);
    constexpr model::TimestampMs kStart = 200'000;
    constexpr int64_t kStep = 47'000;
    constexpr model::TimestampMs kEnd = kStart + 60 * kStep;
    const auto range = engine.range(storage, query, kStart, kEnd, kStep);
    REQUIRE(range.is_ok());
    for (model::TimestampMs t = kStart; t <= kEnd; t += kStep) {
      // @ end() of an instant query is its own time.
      std::string pinned = query;
      const size_t at = pinned.find("end()");
      if (at != std::string::npos) pinned.replace(at, 5, std::to_string(kEnd / 1000));
      const auto instant = engine.instant(storage, pinned, t);
      REQUIRE(instant.is_ok());
      INFO(t);
      CHECK(at_step(std::get<Matrix>(range->value), t) == of_instant(instant->value));
    }
  }
}

/// The samples of one series in (after, until], markers left out.
std::vector<StoredSample> window(const MemoryStorage& storage, const model::Labels& labels,
                                 model::TimestampMs after, model::TimestampMs until) {
  std::vector<StoredSample> out;
  for (const StoredSample& s : storage.samples(labels)) {
    if (s.t > after && s.t <= until && !model::is_stale(s.v)) out.push_back(s);
  }
  return out;
}

double plain_increase(const std::vector<StoredSample>& w, model::TimestampMs after,
                      model::TimestampMs until) {
  double change = w.back().v - w.front().v;
  for (size_t i = 1; i < w.size(); ++i) {
    if (w[i].v < w[i - 1].v) change += w[i - 1].v;
  }
  const double sampled = static_cast<double>(w.back().t - w.front().t) / 1000;
  const double average = sampled / static_cast<double>(w.size() - 1);
  double start = static_cast<double>(w.front().t - after) / 1000;
  if (start >= average * 1.1) start = average / 2;
  if (change > 0 && w.front().v >= 0) {
    start = std::min(start, sampled * (w.front().v / change));
  }
  double end = static_cast<double>(until - w.back().t) / 1000;
  if (end >= average * 1.1) end = average / 2;
  return change * ((sampled + start + end) / sampled);
}

TEST_CASE("Range kernels agree with the definition read off the samples", "[promql]") {
  MemoryStorage storage;
  fill(storage);
  Engine engine{EngineOptions{}};
  constexpr int64_t kRange = 240'000;
  for (model::TimestampMs t = 100'000; t < 4'600'000; t += 61'000) {
    const auto increase = engine.instant(storage, "increase(c_total[4m])", t);
    const auto count = engine.instant(storage, "count_over_time(c_total[4m])", t);
    const auto max = engine.instant(storage, "max_over_time(c_total[4m])", t);
    REQUIRE(increase.is_ok());
    const Points increases = of_instant(increase->value);
    const Points counts = of_instant(count->value);
    const Points maxima = of_instant(max->value);
    for (const model::Labels& labels : storage.series()) {
      if (labels.metric_name() != "c_total") continue;
      const auto w = window(storage, labels, t - kRange, t);
      const std::string key = labels.without_metric_name().to_string();
      INFO(key << " @ " << t);
      CHECK(counts.count(key) == (w.empty() ? 0 : 1));
      CHECK(increases.count(key) == (w.size() < 2 ? 0 : 1));
      if (w.empty()) continue;
      CHECK(std::bit_cast<double>(counts.at(key)) == static_cast<double>(w.size()));
      double largest = w[0].v;
      for (const StoredSample& s : w) largest = std::max(largest, s.v);
      CHECK(std::bit_cast<double>(maxima.at(key)) == largest);
      if (w.size() < 2) continue;
      CHECK(increases.at(key) == std::bit_cast<uint64_t>(plain_increase(w, t - kRange, t)));
    }
  }
}

TEST_CASE("Start timestamps tell of resets and of the zero before the first sample", "[promql]") {
  MemoryStorage storage;
  const auto labels = model::Labels::from({{"__name__", "c_total"}});
  storage.add(labels, 60'000, 60, 30'000);
  storage.add(labels, 120'000, 120, 30'000);
  storage.add(labels, 180'000, 150, 150'000);  // restarted, but not seen to fall
  EngineOptions options;
  options.use_start_timestamps = true;
  options.parser.experimental_functions = true;
  Engine engine{options};
  const auto value = [&](const char* query) {
    const auto result = engine.instant(storage, query, 180'000);
    REQUIRE(result.is_ok());
    const auto& vector = std::get<Vector>(result->value);
    REQUIRE(vector.size() == 1);
    return vector[0].v;
  };
  CHECK(value("resets(c_total[5m])") == 1);
  CHECK(value("increase(c_total[3m])") == 120 + 150);
  CHECK(value("start_timestamp(c_total)") == 150);
  Engine plain{EngineOptions{}};
  const auto without = plain.instant(storage, "resets(c_total[5m])", 180'000);
  CHECK(std::get<Vector>(without->value)[0].v == 0);
}

TEST_CASE("info adds the labels of the newest info series", "[promql]") {
  MemoryStorage storage;
  storage.add(model::Labels::from({{"__name__", "m"}, {"job", "j"}, {"instance", "i"}}), 60'000, 1);
  const auto target = [](const char* version) {
    return model::Labels::from(
        {{"__name__", "target_info"}, {"job", "j"}, {"instance", "i"}, {"version", version}});
  };
  storage.add(target("1"), 10'000, 1);
  storage.add(target("2"), 50'000, 1);
  EngineOptions options;
  options.parser.experimental_functions = true;
  Engine engine{options};
  const auto range = engine.range(storage, "info(last_over_time(m[10m]))", 60'000, 120'000, 60'000);
  REQUIRE(range.is_ok());
  const Matrix& matrix = std::get<Matrix>(range->value);
  REQUIRE(matrix.size() == 1);
  CHECK(matrix[0].labels.get("version") == "2");
  CHECK(matrix[0].floats.size() == 2);
  storage.add(target("3"), 50'000, 1);
  const auto conflict = engine.instant(storage, "info(m)", 60'000);
  CHECK(conflict.status().code() == base::Errc::kExecution);
  CHECK(conflict.status().message().find("found duplicate series for info metric") == 0);
}

}  // namespace
}  // namespace silverback::promql
