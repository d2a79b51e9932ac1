#include "tsdb/cardinality.h"

#include <algorithm>
#include <map>
#include <string>

#include "model/labels.h"

namespace silverback::tsdb {
namespace {

void keep_top(CardinalityStats::Top& top, size_t limit) {
  const auto greater = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  const auto middle = top.begin() + static_cast<ptrdiff_t>(std::min(limit, top.size()));
  std::partial_sort(top.begin(), middle, top.end(), greater);
  top.erase(middle, top.end());
}

}  // namespace

CardinalityStats count_cardinality(const Postings& postings, size_t limit) {
  CardinalityStats out;
  std::map<std::string_view, std::pair<uint64_t, uint64_t>> by_name;  // values, bytes
  for (const Postings::Count& c : postings.counts()) {
    ++out.label_pairs;
    auto& sums = by_name[c.name];
    ++sums.first;
    sums.second += c.value.size() * c.series;
    if (c.name == model::kMetricName) out.series_by_metric_name.emplace_back(c.value, c.series);
    std::string pair(c.name);
    pair += '=';
    pair += c.value;
    out.series_by_label_pair.emplace_back(std::move(pair), c.series);
  }
  for (const auto& entry : by_name) {
    out.label_values_by_name.emplace_back(entry.first, entry.second.first);
    out.memory_by_label_name.emplace_back(entry.first, entry.second.second);
  }
  for (CardinalityStats::Top* top : {&out.series_by_metric_name, &out.label_values_by_name,
                                     &out.memory_by_label_name, &out.series_by_label_pair}) {
    keep_top(*top, limit);
  }
  return out;
}

}  // namespace silverback::tsdb
