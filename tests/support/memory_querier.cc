#include <algorithm>
#include <set>
#include <utility>

#include "model/histogram_ops.h"
#include "tests/support/memory_storage_impl.h"

namespace silverback::testing {
namespace {

using base::Errc;
using base::Result;
using base::Status;
using Entry = MemoryStorage::Snapshot::Entry;

bool matches(const model::Matchers& matchers, const model::Labels& labels) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const model::Matcher& m) { return m.matches(labels.get(m.name())); });
}

bool has_sample_in(const MemoryStorage::SeriesData& series, model::TimeRange range) {
  auto it = std::upper_bound(series.samples.begin(), series.samples.end(), range.after,
                             [](model::TimestampMs t, const StoredSample& s) { return t < s.t; });
  return it != series.samples.end() && it->t <= range.until;
}

/// What a database keeps with its chunks: whether a histogram goes on from the one before it. A
/// reset is read as "unknown", as from Prometheus: its chunk may have lost the chunk before.
model::CounterResetHint hint_of(const StoredSample& sample, const StoredSample* before) {
  using Hint = model::CounterResetHint;
  if (sample.h->hint == Hint::kGauge) return Hint::kGauge;
  if (before == nullptr || !before->h || before->h->hint == Hint::kGauge) return Hint::kUnknown;
  return model::detect_reset(*sample.h, *before->h) ? Hint::kUnknown : Hint::kNotReset;
}

void read_series(const Entry& entry, model::TimeRange range, storage::ColumnBuffer& into) {
  into = {};
  bool float_start = false, histogram_start = false;
  uint32_t floats_before = 0;
  const StoredSample* before = nullptr;
  for (const StoredSample& s : entry.data->samples) {
    const StoredSample* previous = std::exchange(before, &s);
    if (!range.contains(s.t)) {
      floats_before += s.t <= range.after && !s.h ? 1 : 0;
      continue;
    }
    if (s.h) {
      into.histogram_t.push_back(s.t);
      into.histograms.push_back(*s.h);
      into.histograms.back().hint = hint_of(s, previous);
      into.histogram_start.push_back(s.start);
      histogram_start = histogram_start || s.start != 0;
    } else {
      into.t.push_back(s.t);
      into.v.push_back(s.v);
      into.start.push_back(s.start);
      float_start = float_start || s.start != 0;
    }
  }
  if (!float_start) into.start.clear();
  if (!histogram_start) into.histogram_start.clear();
  into.column = {entry.column_id, floats_before};
}

class MemorySeriesSet final : public storage::SeriesSet {
 public:
  MemorySeriesSet(std::vector<Entry> entries, std::stop_token stop)
      : entries_(std::move(entries)), stop_(std::move(stop)) {}

  bool next() override {
    if (!status_.is_ok() || at_ == entries_.size()) return false;
    if (at_ % 1000 == 0 && stop_.stop_requested()) {
      status_ = Status(Errc::kCanceled, "query was canceled");
      return false;
    }
    ++at_;
    return true;
  }
  Status status() const override { return status_; }
  const model::Labels& labels() override { return entries_[at_ - 1].data->labels; }
  Status read(model::TimeRange range, storage::ColumnBuffer& into) override {
    if (stop_.stop_requested()) return Status(Errc::kCanceled, "query was canceled");
    read_series(entries_[at_ - 1], range, into);
    return Status::ok();
  }
  std::vector<std::unique_ptr<storage::SeriesSet>> split() override {
    std::vector<std::unique_ptr<storage::SeriesSet>> blocks;
    for (size_t i = 0; i < entries_.size(); i += storage::kSeriesPerBlock) {
      auto first = entries_.begin() + static_cast<std::ptrdiff_t>(i);
      size_t size = std::min(storage::kSeriesPerBlock, entries_.size() - i);
      blocks.push_back(std::make_unique<MemorySeriesSet>(
          std::vector<Entry>(first, first + static_cast<std::ptrdiff_t>(size)), stop_));
    }
    return blocks;
  }

 private:
  const std::vector<Entry> entries_;
  const std::stop_token stop_;
  size_t at_ = 0;  // one past the current entry
  Status status_;
};

class MemoryQuerier final : public storage::Querier {
 public:
  MemoryQuerier(std::shared_ptr<const MemoryStorage::Snapshot> snapshot,
                storage::QuerierOptions options)
      : snapshot_(std::move(snapshot)), options_(std::move(options)) {}

  Result<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                     const model::Matchers& matchers) override {
    if (options_.stop.stop_requested()) return Status(Errc::kCanceled, "query was canceled");
    std::vector<Entry> found = find(hints, matchers);
    if (hints.limit != 0 && found.size() > hints.limit) found.resize(hints.limit);
    return std::unique_ptr<storage::SeriesSet>(
        std::make_unique<MemorySeriesSet>(std::move(found), options_.stop));
  }

  Result<std::vector<std::string>> label_names(const storage::SelectHints& hints,
                                               const model::Matchers& matchers) override {
    std::set<std::string> names;
    for (const Entry& entry : find(hints, matchers)) {
      for (const model::Label& label : entry.data->labels) names.emplace(label.name);
    }
    return limited(names, hints.limit);
  }

  Result<std::vector<std::string>> label_values(const storage::SelectHints& hints,
                                                const std::string& name,
                                                const model::Matchers& matchers) override {
    std::set<std::string> values;
    for (const Entry& entry : find(hints, matchers)) {
      if (entry.data->labels.has(name)) values.emplace(entry.data->labels.get(name));
    }
    return limited(values, hints.limit);
  }

  Result<std::vector<storage::SeriesExemplars>> exemplars(
      model::TimeRange range, const std::vector<model::Matchers>& any_of) override {
    std::vector<storage::SeriesExemplars> found;
    for (const Entry& entry : snapshot_->by_labels) {
      bool wanted = std::any_of(any_of.begin(), any_of.end(), [&](const model::Matchers& m) {
        return matches(m, entry.data->labels);
      });
      if (!wanted) continue;
      storage::SeriesExemplars one{entry.data->labels, {}};
      for (const model::Exemplar& e : entry.data->exemplars) {
        if (range.contains(e.t)) one.exemplars.push_back(e);
      }
      if (!one.exemplars.empty()) found.push_back(std::move(one));
    }
    return found;
  }

  std::vector<std::string> warnings() const override { return snapshot_->warnings; }

 private:
  /// All that match; hints.limit is the caller's (label calls count names and values by it).
  std::vector<Entry> find(const storage::SelectHints& hints,
                          const model::Matchers& matchers) const {
    std::vector<Entry> found;
    for (const Entry& entry : hints.sorted ? snapshot_->by_labels : snapshot_->by_hash) {
      if (!matches(matchers, entry.data->labels)) continue;
      if (!has_sample_in(*entry.data, hints.range)) continue;
      found.push_back(entry);
    }
    return found;
  }

  static std::vector<std::string> limited(const std::set<std::string>& all, size_t limit) {
    std::vector<std::string> list(all.begin(), all.end());
    if (limit != 0 && list.size() > limit) list.resize(limit);
    return list;
  }

  const std::shared_ptr<const MemoryStorage::Snapshot> snapshot_;
  const storage::QuerierOptions options_;
};

}  // namespace

std::unique_ptr<storage::Querier> make_memory_querier(
    std::shared_ptr<const MemoryStorage::Snapshot> snapshot, storage::QuerierOptions options) {
  return std::make_unique<MemoryQuerier>(std::move(snapshot), std::move(options));
}

}  // namespace silverback::testing
