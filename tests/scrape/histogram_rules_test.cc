#include "scrape/histogram_rules.h"

#include <vector>

#include <catch2/catch.hpp>

namespace {

namespace model = silverback::model;
namespace scrape = silverback::scrape;

model::Histogram histogram(int32_t schema, uint32_t buckets) {
  model::Histogram h;
  h.integer = true;
  h.schema = schema;
  h.hint = model::CounterResetHint::kGauge;
  h.count = 2 * buckets;
  h.positive_spans = {{1, buckets}};
  h.negative_spans = {{1, buckets}};
  h.positive_buckets.assign(buckets, 1);
  h.negative_buckets.assign(buckets, 1);
  return h;
}

}  // namespace

TEST_CASE("Histograms get coarser until they fit the bucket limit", "[scrape]") {
  struct Row {
    int32_t schema;
    uint32_t buckets;  // a side
    scrape::HistogramLimits limits;
    int32_t expected;  // schema; 99: refused
  };
  const std::vector<Row> rows = {
      {3, 8, {0, 0}, 3},   {3, 8, {16, 0}, 3},  {3, 8, {15, 0}, 2},  {3, 8, {4, 0}, 1},
      {3, 8, {2, 0}, 0},   {3, 8, {1, 0}, 99},  {-4, 4, {7, 0}, 99}, {8, 8, {0, 1.001}, 8},
      {8, 8, {0, 2}, 0},   {8, 8, {0, 1.2}, 1}, {8, 8, {0, 1.1}, 2}, {8, 8, {0, 1e9}, -4},
      {0, 8, {0, 1.1}, 0}, {8, 8, {2, 1.2}, 1}, {20, 8, {0, 2}, 0},  {52, 8, {0, 2}, 0},
      {20, 8, {0, 0}, 20},
  };
  for (const Row& row : rows) {
    INFO(row.schema << " " << row.limits.buckets << " " << row.limits.bucket_factor);
    model::Histogram h = histogram(row.schema, row.buckets);
    const auto status = scrape::fit_histogram(row.limits, h);
    if (row.expected == 99) {
      CHECK(status.code() == silverback::base::Errc::kLimit);
      CHECK(status.message() == "histogram bucket limit exceeded");
      continue;
    }
    REQUIRE(status.is_ok());
    CHECK(h.schema == row.expected);
    CHECK(h.hint == model::CounterResetHint::kGauge);
    if (h.schema <= 8) CHECK(h.validate().is_ok());
  }
}

TEST_CASE("Custom buckets cannot get coarser", "[scrape]") {
  model::Histogram h;
  h.schema = model::kCustomBucketsSchema;
  h.custom_values = {1, 2};
  h.positive_spans = {{0, 3}};
  h.positive_buckets = {1, 1, 1};
  h.count = 3;
  CHECK(scrape::fit_histogram({3, 4}, h).is_ok());
  CHECK(h.uses_custom_buckets());
  CHECK(scrape::fit_histogram({2, 0}, h).code() == silverback::base::Errc::kLimit);
}
