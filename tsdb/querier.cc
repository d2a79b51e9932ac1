#include "tsdb/querier.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_set.h>

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

Status TsdbQuerier::each_head_series(const model::Matchers& matchers,
                                     const std::function<void(const MemSeries&)>& fn) const {
  SeriesTable& table = view_->head.table();
  const Postings::Slots slots = table.postings().select(
      matchers, [&table](uint32_t slot) -> const model::Labels& { return table.at(slot)->labels; });
  size_t seen = 0;
  for (const uint32_t slot : slots) {
    if (++seen % kStopEvery == 0) RETURN_IF_ERROR(view_->check_stop());
    fn(*table.at(slot));
  }
  return {};
}

Result<Strings> TsdbQuerier::head_label_names(model::TimeRange range,
                                              const model::Matchers& matchers) const {
  const SeriesTable& table = view_->head.table();
  Strings out;
  if (matchers.empty()) {
    for (std::string& name : view_->head.table().postings().names()) {
      RETURN_IF_ERROR(view_->check_stop());
      const bool used = view_->head.table().postings().any(
          name, [&](uint32_t slot) { return view_->head_has_samples(*table.at(slot), range); });
      if (used) out.push_back(std::move(name));
    }
    return out;
  }
  // Most series bring nothing new: their samples are not looked at.
  absl::flat_hash_set<std::string_view> names;
  RETURN_IF_ERROR(each_head_series(matchers, [&](const MemSeries& series) {
    for (const model::Label& label : series.labels) {
      if (names.contains(label.name)) continue;
      if (!view_->head_has_samples(series, range)) return;
      names.insert(label.name);
    }
  }));
  out.assign(names.begin(), names.end());
  return out;
}

Result<Strings> TsdbQuerier::head_label_values(model::TimeRange range, const std::string& name,
                                               const model::Matchers& matchers) const {
  const SeriesTable& table = view_->head.table();
  Strings out;
  if (matchers.empty()) {
    const Postings& postings = view_->head.table().postings();
    size_t seen = 0;
    for (std::string& value : postings.values(name)) {
      if (++seen % kStopEvery == 0) RETURN_IF_ERROR(view_->check_stop());
      const bool used = postings.any(name, value, [&](uint32_t slot) {
        return view_->head_has_samples(*table.at(slot), range);
      });
      if (used) out.push_back(std::move(value));
    }
    return out;
  }
  absl::flat_hash_set<std::string_view> values;
  RETURN_IF_ERROR(each_head_series(matchers, [&](const MemSeries& series) {
    const std::string_view value = series.labels.get(name);
    if (value.empty() || values.contains(value)) return;
    if (view_->head_has_samples(series, range)) values.insert(value);
  }));
  out.assign(values.begin(), values.end());
  return out;
}

Result<Strings> TsdbQuerier::label_names(const storage::SelectHints& hints,
                                         const model::Matchers& matchers) {
  ASSIGN_OR_RETURN(Strings out, head_label_names(hints.range, matchers));
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
  ASSIGN_OR_RETURN(Strings out, head_label_values(hints.range, name, matchers));
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
    model::TimeRange range, const std::vector<model::Matchers>& any_of) {
  std::vector<storage::SeriesExemplars> found = view_->head.exemplars().select(range, any_of);
  size_t bytes = 0;
  for (const storage::SeriesExemplars& series : found) {
    bytes += series.series.bytes().size();
    for (const model::Exemplar& e : series.exemplars) bytes += sizeof e + e.labels.bytes().size();
  }
  RETURN_IF_ERROR(view_->charge(bytes));
  return found;
}

}  // namespace silverback::tsdb
