#include <algorithm>
#include <utility>

#include "tsdb/series_set.h"

namespace silverback::tsdb {
namespace {

using base::Result;
using base::Status;

constexpr size_t kStopEvery = 1000;

/// A series as one source has it: the head (source 0) or a partition (its index + 1).
struct Found {
  model::LabelHash hash;
  uint32_t source = 0;
  uint32_t id = 0;  // slot or rank
};

bool before(const Found& a, const Found& b) {
  return a.hash != b.hash ? a.hash < b.hash : a.source < b.source;
}

Status find_in_head(const ReadView& view, model::TimeRange range, const model::Matchers& matchers,
                    std::vector<Found>& found) {
  SeriesTable& table = view.head.table();
  const Postings::Slots slots = table.postings().select(
      matchers, [&table](uint32_t slot) -> const model::Labels& { return table.at(slot)->labels; });
  size_t seen = 0;
  for (const uint32_t slot : slots) {
    if (++seen % kStopEvery == 0) RETURN_IF_ERROR(view.check_stop());
    const MemSeries& series = *table.at(slot);
    if (view.head_has_samples(series, range)) found.push_back({series.hash, 0, slot});
  }
  std::sort(found.begin(), found.end(), before);
  return {};
}

/// Finds in every source; the result is in engine order.
Result<std::vector<Found>> find_everywhere(const ReadView& view, model::TimeRange range,
                                           const model::Matchers& matchers) {
  std::vector<Found> found;
  RETURN_IF_ERROR(find_in_head(view, range, matchers, found));
  std::vector<size_t> runs = {0, found.size()};
  const auto& partitions = view.version->partitions;
  for (size_t i = 0; i < partitions.size(); ++i) {
    const storage::PartitionMeta& meta = partitions[i]->meta();
    if (meta.max_time_ms <= range.after || meta.min_time_ms > range.until) continue;
    RETURN_IF_ERROR(view.check_stop());
    ASSIGN_OR_RETURN(const std::vector<PartitionSeries> some,
                     partitions[i]->partition().select(matchers));
    found.reserve(found.size() + some.size());
    for (const PartitionSeries& s : some) {
      if (s.max_time_ms <= range.after || s.min_time_ms > range.until) continue;
      found.push_back({s.hash, static_cast<uint32_t>(i + 1), s.rank});
    }
    runs.push_back(found.size());
  }
  // Every run is sorted: merge neighbours until one is left.
  while (runs.size() > 2) {
    std::vector<size_t> merged = {0};
    for (size_t i = 0; i + 1 < runs.size(); i += 2) {
      const size_t end = i + 2 < runs.size() ? runs[i + 2] : runs[i + 1];
      const auto at = [&found](size_t n) { return found.begin() + static_cast<ptrdiff_t>(n); };
      std::inplace_merge(at(runs[i]), at(runs[i + 1]), at(end), before);
      merged.push_back(end);
    }
    runs = std::move(merged);
  }
  return found;
}

Result<model::Labels> labels_of(const ReadView& view, const Found& f) {
  if (f.source == 0) return view.head.table().at(f.id)->labels;
  return view.version->partitions[f.source - 1]->partition().labels(f.id);
}

/// Joins found[from, end), which all have one hash, into one series; equal hashes with other labels
/// make series of their own.
Status join(Selection& out, const std::vector<Found>& found, size_t from, size_t end) {
  const ReadView& view = *out.view;
  const auto add = [&](size_t at, SelectedSeries& to) {
    if (found[at].source == 0) {
      to.in_head = view.head.table().at(found[at].id);
    } else {
      out.places.push_back({found[at].source - 1, found[at].id});
      ++to.places;
    }
  };
  SelectedSeries series{found[from].hash, nullptr, static_cast<uint32_t>(out.places.size()), 0};
  add(from, series);
  std::vector<size_t> strangers;
  model::Labels expected;
  for (size_t i = from + 1; i < end; ++i) {
    if (found[i].source == 0) {
      strangers.push_back(i);  // two series of the head
      continue;
    }
    PartitionHandle& handle = *view.version->partitions[found[i].source - 1];
    if (!handle.verified(found[i].id)) {
      if (expected.empty()) {
        ASSIGN_OR_RETURN(expected, labels_of(view, found[from]));
      }
      ASSIGN_OR_RETURN(const model::Labels labels, labels_of(view, found[i]));
      if (!(labels == expected)) {
        strangers.push_back(i);
        continue;
      }
      handle.set_verified(found[i].id);
    }
    add(i, series);
  }
  out.series.push_back(series);
  for (const size_t i : strangers) RETURN_IF_ERROR(join(out, found, i, i + 1));
  return {};
}

Status sort_by_labels(Selection& out) {
  std::vector<std::pair<model::Labels, SelectedSeries>> keyed;
  keyed.reserve(out.series.size());
  size_t bytes = 0;
  for (const SelectedSeries& s : out.series) {
    if (keyed.size() % kStopEvery == 0) RETURN_IF_ERROR(out.view->check_stop());
    if (s.in_head != nullptr) {
      keyed.emplace_back(s.in_head->labels, s);
    } else {
      const PartitionPlace& place = out.places[s.first_place];
      ASSIGN_OR_RETURN(
          model::Labels labels,
          out.view->version->partitions[place.partition]->partition().labels(place.rank));
      keyed.emplace_back(std::move(labels), s);
    }
    bytes += sizeof(model::Labels) + keyed.back().first.bytes().size();
  }
  RETURN_IF_ERROR(out.view->charge(bytes));
  out.charged_bytes += bytes;
  std::sort(keyed.begin(), keyed.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 0; i < keyed.size(); ++i) {
    out.series[i] = keyed[i].second;
    out.labels.push_back(std::move(keyed[i].first));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Selection>> make_selection(std::shared_ptr<const ReadView> view,
                                                        const storage::SelectHints& hints,
                                                        const model::Matchers& matchers) {
  auto out = std::make_shared<Selection>(std::move(view));
  ASSIGN_OR_RETURN(const std::vector<Found> found,
                   find_everywhere(*out->view, hints.range, matchers));
  const size_t bytes = found.size() * (sizeof(SelectedSeries) + sizeof(PartitionPlace));
  RETURN_IF_ERROR(out->view->charge(bytes));
  out->charged_bytes = bytes;
  const bool cut = hints.limit > 0 && !hints.sorted;
  for (size_t from = 0, end = 0; from < found.size(); from = end) {
    if (cut && out->series.size() >= hints.limit) break;
    end = from + 1;
    while (end < found.size() && found[end].hash == found[from].hash) ++end;
    RETURN_IF_ERROR(join(*out, found, from, end));
  }
  if (hints.sorted) {
    RETURN_IF_ERROR(sort_by_labels(*out));
    if (hints.limit > 0 && out->series.size() > hints.limit) {
      out->series.resize(hints.limit);
      out->labels.resize(hints.limit);
    }
  }
  return std::shared_ptr<const Selection>(std::move(out));
}

}  // namespace silverback::tsdb
