#include "tsdb/querier.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace silverback::tsdb {
namespace {

using base::Result;
using base::Status;

constexpr size_t kStopEvery = 1000;
using Strings = std::vector<std::string>;

void sort_unique(Strings& strings, size_t limit) {
  std::sort(strings.begin(), strings.end());
  strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
  if (limit > 0 && strings.size() > limit) strings.resize(limit);
}

bool overlaps(const PartitionHandle& handle, model::TimeRange range) {
  return handle.meta().max_time_ms > range.after && handle.meta().min_time_ms <= range.until;
}

}  // namespace

Result<std::unique_ptr<storage::SeriesSet>> TsdbQuerier::select(const storage::SelectHints& hints,
                                                                const model::Matchers& matchers) {
  ASSIGN_OR_RETURN(auto selection, make_selection(view_, hints, matchers));
  return std::unique_ptr<storage::SeriesSet>(std::make_unique<TsdbSeriesSet>(std::move(selection)));
}

Status TsdbQuerier::each_head_series(model::TimeRange range, const model::Matchers& matchers,
                                     const std::function<void(const model::Labels&)>& fn) const {
  SeriesTable& table = view_->head.table();
  const Postings::Slots slots = table.postings().select(
      matchers, [&table](uint32_t slot) -> const model::Labels& { return table.at(slot)->labels; });
  size_t seen = 0;
  for (const uint32_t slot : slots) {
    if (++seen % kStopEvery == 0) RETURN_IF_ERROR(view_->check_stop());
    const MemSeries& series = *table.at(slot);
    if (view_->head_has_samples(series, range)) fn(series.labels);
  }
  return {};
}

bool TsdbQuerier::any_has_samples(const Postings::Slots& slots, model::TimeRange range) const {
  const SeriesTable& table = view_->head.table();
  // The newest series are the likeliest to have samples.
  return std::any_of(slots.rbegin(), slots.rend(), [&](uint32_t slot) {
    return view_->head_has_samples(*table.at(slot), range);
  });
}

Result<Strings> TsdbQuerier::label_names(const storage::SelectHints& hints,
                                         const model::Matchers& matchers) {
  Strings out;
  std::set<std::string, std::less<>> names;
  RETURN_IF_ERROR(each_head_series(hints.range, matchers, [&names](const model::Labels& labels) {
    for (const model::Label& label : labels) {
      if (names.find(label.name) == names.end()) names.emplace(label.name);
    }
  }));
  out.assign(names.begin(), names.end());
  for (const auto& handle : view_->version->partitions) {
    if (!overlaps(*handle, hints.range)) continue;
    RETURN_IF_ERROR(view_->check_stop());
    ASSIGN_OR_RETURN(Strings more, handle->partition().label_names(matchers));
    std::move(more.begin(), more.end(), std::back_inserter(out));
  }
  sort_unique(out, hints.limit);
  return out;
}

Result<Strings> TsdbQuerier::label_values(const storage::SelectHints& hints,
                                          const std::string& name,
                                          const model::Matchers& matchers) {
  Strings out;
  if (matchers.empty()) {
    const Postings& postings = view_->head.table().postings();
    size_t seen = 0;
    for (std::string& value : postings.values(name)) {
      if (++seen % kStopEvery == 0) RETURN_IF_ERROR(view_->check_stop());
      if (any_has_samples(postings.slots(name, value), hints.range))
        out.push_back(std::move(value));
    }
  } else {
    std::set<std::string, std::less<>> values;
    RETURN_IF_ERROR(each_head_series(hints.range, matchers, [&](const model::Labels& labels) {
      const std::string_view value = labels.get(name);
      if (!value.empty() && values.find(value) == values.end()) values.emplace(value);
    }));
    out.assign(values.begin(), values.end());
  }
  for (const auto& handle : view_->version->partitions) {
    if (!overlaps(*handle, hints.range)) continue;
    RETURN_IF_ERROR(view_->check_stop());
    ASSIGN_OR_RETURN(Strings more, handle->partition().label_values(name, matchers));
    std::move(more.begin(), more.end(), std::back_inserter(out));
  }
  sort_unique(out, hints.limit);
  return out;
}

Result<std::vector<storage::SeriesExemplars>> TsdbQuerier::exemplars(
    model::TimeRange /*range*/, const std::vector<model::Matchers>& /*any_of*/) {
  return std::vector<storage::SeriesExemplars>();
}

}  // namespace silverback::tsdb
