#include "model/histogram.h"

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "model/sample.h"

namespace silverback::model {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Histogram exponential() {
  Histogram h;
  h.integer = true;
  h.schema = 0;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 12;
  h.sum = 18.4;
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {1, 3, 2};
  h.negative_spans = {{1, 2}};
  h.negative_buckets = {0, 4};
  return h;
}

Histogram custom() {
  Histogram h;
  h.integer = true;
  h.schema = kCustomBucketsSchema;
  h.count = 6;
  h.sum = 10;
  h.custom_values = {1, 2.5, 10};
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {1, 2, 3};
  return h;
}

}  // namespace

TEST_CASE("exponential_bound gives the bounds of the client libraries", "[model]") {
  struct Row {
    int32_t index, schema;
    double bound;
  };
  const std::vector<Row> rows = {{0, 0, 1},
                                 {1, 0, 2},
                                 {-1, 0, 0.5},
                                 {10, 0, 1024},
                                 {0, 8, 1},
                                 {256, 8, 2},
                                 {128, 8, 1.414213562373095},
                                 {64, 8, 1.189207115002721},
                                 {255, 8, 1.9945921121709396},
                                 {1, 1, 1.414213562373095},
                                 {3, 2, 1.6817928305074288},
                                 {1, 3, 1.0905077326652577},
                                 {-1, 3, 0.9170040432046711},
                                 {1, 5, 1.0218971486541166},
                                 {1, 7, 1.0054299011128027},
                                 {1, 8, 1.0027112750502025},
                                 {1, -1, 4},
                                 {1, -4, 65536},
                                 {-1, -4, 1.0 / 65536},
                                 {1024, 0, std::numeric_limits<double>::max()},
                                 {1025, 0, kInf},
                                 {64, -4, std::numeric_limits<double>::max()},
                                 {65, -4, kInf},
                                 {1024 * 256, 8, std::numeric_limits<double>::max()},
                                 {-1074, 0, 5e-324},
                                 {-1075, 0, 0},
                                 {2147483647, -4, kInf},
                                 {-2147483647 - 1, -4, 0},
                                 {2147483647, 0, kInf}};
  for (const Row& row : rows) {
    INFO(row.index << " of schema " << row.schema);
    CHECK(exponential_bound(row.index, row.schema) == row.bound);
  }
}

TEST_CASE("Histogram prints as Prometheus does", "[model]") {
  CHECK(exponential().to_string() ==
        "{count:12, sum:18.4, [-4,-2):4, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:3, (4,8]:2}");
  CHECK(custom().to_string() == "{count:6, sum:10, [-Inf,1]:1, (1,2.5]:2, (10,+Inf]:3}");
  Histogram h;
  h.count = 3;
  h.sum = 1.5;
  h.positive_spans = {{1, 1}};
  h.positive_buckets = {3};
  CHECK(h.to_string() == "{count:3, sum:1.5, (1,2]:3}");
  CHECK(Histogram().to_string() == "{count:0, sum:0}");
}

TEST_CASE("Histogram lists its buckets in order and cuts them at the zero bucket", "[model]") {
  Histogram h = exponential();
  h.zero_threshold = 0.75;
  std::vector<double> edges;
  h.for_each_bucket([&](const Histogram::Bucket& b) {
    edges.push_back(b.lower);
    edges.push_back(b.upper);
    edges.push_back(b.count);
  });
  CHECK(edges == std::vector<double>{-4, -2, 4, -0.75, 0.75, 2, 0.75, 1, 1, 1, 2, 3, 4, 8, 2});
}

TEST_CASE("Histogram equality looks at the layout, not at the spans", "[model]") {
  const Histogram a = exponential();
  Histogram b = a;
  b.hint = CounterResetHint::kGauge;
  b.positive_spans = {{0, 1}, {0, 0}, {0, 1}, {0, 0}, {1, 1}};
  CHECK(a.equals(b));
  b.positive_spans = {{0, 2}, {2, 1}};
  CHECK_FALSE(a.equals(b));
  Histogram c = a;
  c.sum = std::nan("");
  CHECK_FALSE(a.equals(c));
  CHECK(c.equals(c));
  Histogram d = custom();
  CHECK(d.equals(custom()));
  d.custom_values[1] = 3;
  CHECK_FALSE(d.equals(custom()));
}

TEST_CASE("Histogram validation words its complaints as Prometheus", "[model]") {
  CHECK(exponential().validate().is_ok());
  CHECK(custom().validate().is_ok());
  struct Row {
    void (*breaks)(Histogram&);
    std::string message;
  };
  const std::vector<Row> rows = {
      {[](Histogram& h) { h.schema = 9; },
       "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, "
       "or -53 for custom "
       "buckets, got schema 9"},
      {[](Histogram& h) { h.positive_spans[1].offset = -1; },
       "positive side: span number 2 with offset -1: histogram has a span whose offset is "
       "negative"},
      {[](Histogram& h) { h.negative_spans[0].length = 3; },
       "negative side: spans need 3 buckets, have 2 buckets: histogram spans specify different "
       "number of buckets than "
       "provided"},
      {[](Histogram& h) { h.positive_buckets[1] = -3; },
       "positive side: bucket number 2 has observation count of -3: histogram has a bucket whose "
       "observation count is "
       "negative"},
      {[](Histogram& h) { h.count = 11; },
       "12 observations found in buckets, but the Count field is 11: histogram's observation count "
       "should equal the "
       "number of observations found in the buckets (in absence of NaN)"},
      {[](Histogram& h) {
         h.count = 11;
         h.sum = std::nan("");
       },
       "12 observations found in buckets, but the Count field is 11: histogram's observation count "
       "should be at least "
       "the number of observations found in the buckets"},
      {[](Histogram& h) { h.custom_values = {1}; },
       "histogram with exponential schema must not have custom bounds"},
      {[](Histogram& h) {
         h.integer = false;
         h.count = -1;
       },
       "observation count is -1: histogram's observation count is negative"},
      {[](Histogram& h) { h.zero_count = -1; },
       "zero bucket has observation count of -1: histogram has a bucket whose observation count is "
       "negative"}};
  for (const Row& row : rows) {
    Histogram h = exponential();
    row.breaks(h);
    const base::Status status = h.validate();
    CHECK(status.code() == base::Errc::kBadData);
    CHECK(status.message() == row.message);
  }
  const std::vector<Row> custom_rows = {
      {[](Histogram& h) {
         h.custom_values = {1, 1, 2};
       },
       "custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom "
       "bounds must be in "
       "strictly increasing order"},
      {[](Histogram& h) { h.custom_values.back() = kInf; },
       "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds "
       "must be finite"},
      {[](Histogram& h) { h.custom_values.back() = std::nan(""); },
       "custom buckets: histogram custom bounds must not be NaN"},
      {[](Histogram& h) { h.custom_values.pop_back(); },
       "custom buckets: only 2 custom bounds defined which is insufficient to cover total span "
       "length of 4: histogram "
       "custom bounds are too few"},
      {[](Histogram& h) { h.positive_spans[0].offset = -1; },
       "custom buckets: span number 1 with offset -1: histogram has a span whose offset is "
       "negative"},
      {[](Histogram& h) { h.zero_count = 1; }, "custom buckets: must have zero count of 0"},
      {[](Histogram& h) { h.zero_threshold = 1; }, "custom buckets: must have zero threshold of 0"},
      {[](Histogram& h) {
         h.negative_spans = {{0, 1}};
       },
       "custom buckets: must not have negative spans"},
      {[](Histogram& h) { h.negative_buckets = {1}; },
       "custom buckets: must not have negative buckets"}};
  for (const Row& row : custom_rows) {
    Histogram h = custom();
    row.breaks(h);
    CHECK(h.validate().message() == row.message);
  }
}

TEST_CASE("Histograms may have counted more than their buckets when NaN was observed", "[model]") {
  Histogram h = exponential();
  h.sum = std::nan("");
  h.count = 13;
  CHECK(h.validate().is_ok());
  h = exponential();
  h.integer = false;
  h.count = 11.5;
  CHECK(h.validate().is_ok());
}

TEST_CASE("Broken histograms can be printed", "[model]") {
  Histogram h = exponential();
  h.positive_spans = {{0, 4000000000u}};
  h.negative_buckets.clear();
  CHECK(h.to_string().substr(0, 7) == "{count:");
  h = custom();
  h.positive_spans = {{-5, 2}, {100, 1}};
  CHECK(h.to_string().substr(0, 7) == "{count:");
}

TEST_CASE("metric_type_name spells types as the API", "[model]") {
  CHECK(metric_type_name(MetricType::kCounter) == "counter");
  CHECK(metric_type_name(MetricType::kGaugeHistogram) == "gaugehistogram");
  CHECK(metric_type_name(MetricType::kStateset) == "stateset");
  CHECK(metric_type_name(MetricType::kUnknown) == "unknown");
}

}  // namespace silverback::model
