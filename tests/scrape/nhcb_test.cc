#include "scrape/nhcb.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace {

namespace scrape = silverback::scrape;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::vector<std::pair<double, double>> buckets;
  std::vector<double> count;  // none or one
  double sum = 0;
  std::string expected;
};

std::string convert(const Row& row) {
  scrape::ClassicHistogram classic;
  for (const auto& [upper, cumulative] : row.buckets) classic.add_bucket(upper, cumulative);
  for (const double count : row.count) classic.set_count(count);
  classic.set_sum(row.sum);
  const auto made = classic.convert();
  if (!made.is_ok()) return made.status().message();
  CHECK(made->validate().is_ok());
  CHECK(made->schema == silverback::model::kCustomBucketsSchema);
  std::string out = (made->integer ? "int " : "float ") + made->to_string();
  for (const auto& span : made->positive_spans) {
    out += " " + std::to_string(span.offset) + "+" + std::to_string(span.length);
  }
  return out;
}

}  // namespace

TEST_CASE("ClassicHistogram becomes custom buckets", "[scrape]") {
  const std::vector<Row> rows = {
      {{}, {}, 0, "int {count:0, sum:0}"},
      {{}, {5}, 2, "int {count:5, sum:2, [-Inf,+Inf]:5} 0+1"},
      {{{1, 1}, {2, 3}, {kInf, 7}},
       {7},
       9,
       "int {count:7, sum:9, [-Inf,1]:1, (1,2]:2, (2,+Inf]:4} 0+3"},
      {{{1, 1}, {2, 3}}, {7}, 9, "int {count:7, sum:9, [-Inf,1]:1, (1,2]:2, (2,+Inf]:4} 0+3"},
      {{{1, 1}, {2, 3}}, {}, 9, "int {count:3, sum:9, [-Inf,1]:1, (1,2]:2} 0+2"},
      {{{kInf, 7}, {2, 3}, {1, 1}, {2, 5}},
       {7},
       kNan,
       "int {count:7, sum:NaN, [-Inf,1]:1, (1,2]:2, (2,+Inf]:4} 0+3"},
      {{{1, 1.5}, {2, 1.5}, {kInf, 2}},
       {2},
       1,
       "float {count:2, sum:1, [-Inf,1]:1.5, (2,+Inf]:0.5} 0+1 1+1"},
      // Short runs of empty buckets stay, long ones and those at the ends go.
      {{{1, 0}, {2, 1}, {3, 1}, {4, 1}, {5, 2}, {6, 2}, {7, 2}, {8, 2}, {9, 3}, {10, 3}, {kInf, 3}},
       {3},
       1,
       "int {count:3, sum:1, (1,2]:1, (4,5]:1, (8,9]:1} 1+4 3+1"},
      {{{1, 3}, {2, 2}}, {3}, 0, "count is not cumulative: 2 < 3"},
      {{{2, 2}, {1, 3}}, {3}, 0, "count is not cumulative: 2 < 3"},
      {{{1, -1}}, {}, 0, "bucket count must be non-negative: le=1, count=-1"},
      {{{kNan, 1}}, {}, 0, "bucket boundary must not be NaN"},
      {{{1, 1}}, {-1}, 0, "count must be non-negative: count=-1"},
      {{{kInf, 4}}, {3}, 0, "count mismatch: count=3 != le=+Inf count=4"},
  };
  for (const Row& row : rows) CHECK(convert(row) == row.expected);
}
