#include "tsdb/exemplar_store.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace silverback::tsdb {
namespace {

// OpenMetrics: characters of all names and values together.
constexpr size_t kMaxLabelRunes = 128;
constexpr size_t kMaxCapacity = std::numeric_limits<uint32_t>::max() - 1;

size_t count_runes(std::string_view s) {
  return static_cast<size_t>(std::count_if(
      s.begin(), s.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool too_long(const model::Labels& labels) {
  size_t runes = 0;
  for (const model::Label& label : labels)
    runes += count_runes(label.name) + count_runes(label.value);
  return runes > kMaxLabelRunes;
}

}  // namespace

ExemplarStore::ExemplarStore(size_t capacity) : capacity_(std::min(capacity, kMaxCapacity)) {}

size_t ExemplarStore::capacity() const {
  const base::MutexLock lock(mutex_);
  return capacity_;
}

ExemplarStore::Verdict ExemplarStore::judge(const Series& series, const model::Exemplar& e) const {
  if (series.newest == kNone) return Verdict::kStored;
  const model::Exemplar& newest = ring_[series.newest].exemplar;
  if (e.t != newest.t) return e.t < newest.t ? Verdict::kOutOfOrder : Verdict::kStored;
  if (e.value != newest.value) {
    return e.value < newest.value ? Verdict::kOutOfOrder : Verdict::kStored;
  }
  if (e.labels == newest.labels) return Verdict::kRepeated;
  return e.labels.hash() < newest.labels.hash() ? Verdict::kOutOfOrder : Verdict::kStored;
}

uint32_t ExemplarStore::series_of(const model::Labels& labels) {
  const auto [at, made] = by_labels_.try_emplace(labels.bytes(), kNone);
  if (!made) return at->second;
  if (free_series_.empty()) {
    at->second = static_cast<uint32_t>(series_.size());
    series_.emplace_back();
  } else {
    at->second = free_series_.back();
    free_series_.pop_back();
  }
  Series& series = series_[at->second];
  series = Series();
  series.labels = labels;
  return at->second;
}

// The ring's oldest exemplar is also the oldest of its series.
void ExemplarStore::drop_oldest(uint32_t slot) {
  Entry& entry = ring_[slot];
  if (entry.series == kNone) return;
  Series& series = series_[entry.series];
  series.oldest = entry.next;
  if (series.oldest == kNone) {
    series.newest = kNone;
    by_labels_.erase(series.labels.bytes());
    series.labels = model::Labels();
    free_series_.push_back(entry.series);
  }
  entry.series = kNone;
}

uint32_t ExemplarStore::take_slot() {
  if (ring_.size() < capacity_) {
    ring_.emplace_back();
    return static_cast<uint32_t>(ring_.size() - 1);
  }
  const uint32_t slot = next_slot_;
  next_slot_ = slot + 1 == ring_.size() ? 0 : slot + 1;
  drop_oldest(slot);
  return slot;
}

uint32_t ExemplarStore::oldest_slot() const {
  return ring_.size() < capacity_ ? 0 : next_slot_;
}

ExemplarStore::Verdict ExemplarStore::insert(storage::SeriesRef ref, const model::Labels& series,
                                             const model::Exemplar& e) {
  if (capacity_ == 0) return Verdict::kDisabled;
  if (too_long(e.labels)) return Verdict::kTooLong;
  if (const auto known = by_labels_.find(series.bytes()); known != by_labels_.end()) {
    const Verdict verdict = judge(series_[known->second], e);
    if (verdict != Verdict::kStored) return verdict;
  }
  const uint32_t slot = take_slot();  // may end the series: found again below
  const uint32_t index = series_of(series);
  Series& owner = series_[index];
  owner.ref = ref;
  Entry& entry = ring_[slot];
  entry.exemplar = e;
  entry.series = index;
  entry.next = kNone;
  if (owner.newest == kNone) {
    owner.oldest = slot;
  } else {
    ring_[owner.newest].next = slot;
  }
  owner.newest = slot;
  ++taken_;
  return Verdict::kStored;
}

ExemplarStore::Verdict ExemplarStore::add(storage::SeriesRef ref, const model::Labels& series,
                                          const model::Exemplar& e) {
  const base::MutexLock lock(mutex_);
  const Verdict verdict = insert(ref, series, e);
  if (verdict == Verdict::kStored) ++appended_;
  if (verdict == Verdict::kOutOfOrder) ++out_of_order_;
  return verdict;
}

void ExemplarStore::restore(storage::SeriesRef ref, const model::Labels& series,
                            const model::Exemplar& e) {
  const base::MutexLock lock(mutex_);
  static_cast<void>(insert(ref, series, e));
}

std::vector<storage::SeriesExemplars> ExemplarStore::select(
    model::TimeRange range, const std::vector<model::Matchers>& any_of) const {
  std::vector<storage::SeriesExemplars> out;
  {
    const base::MutexLock lock(mutex_);
    for (const auto& entry : by_labels_) {
      const Series& series = series_[entry.second];
      if (ring_[series.newest].exemplar.t <= range.after ||
          ring_[series.oldest].exemplar.t > range.until) {
        continue;
      }
      if (std::none_of(any_of.begin(), any_of.end(), [&](const model::Matchers& matchers) {
            return model::matches_all(matchers, series.labels);
          })) {
        continue;
      }
      storage::SeriesExemplars found;
      for (uint32_t slot = series.oldest; slot != kNone; slot = ring_[slot].next) {
        const model::Exemplar& e = ring_[slot].exemplar;
        if (e.t > range.until) break;
        if (e.t > range.after) found.exemplars.push_back(e);
      }
      if (found.exemplars.empty()) continue;
      found.series = series.labels;
      out.push_back(std::move(found));
    }
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.series < b.series; });
  return out;
}

void ExemplarStore::resize(size_t capacity) {
  const base::MutexLock lock(mutex_);
  capacity = std::min(capacity, kMaxCapacity);
  if (capacity == capacity_) return;
  std::vector<Entry> old = std::move(ring_);
  const std::vector<Series> owners = std::move(series_);
  const size_t first = old.size() < capacity_ || old.empty() ? 0 : next_slot_;
  const size_t skipped = old.size() > capacity ? old.size() - capacity : 0;
  ring_.clear();
  series_.clear();
  free_series_.clear();
  by_labels_.clear();
  next_slot_ = 0;
  capacity_ = capacity;
  const uint64_t taken = taken_;
  for (size_t i = skipped; i < old.size(); ++i) {
    const Entry& entry = old[(first + i) % old.size()];
    const Series& owner = owners[entry.series];
    static_cast<void>(insert(owner.ref, owner.labels, entry.exemplar));
  }
  taken_ = taken;
}

uint64_t ExemplarStore::visit(uint64_t from, size_t count, const Visitor& fn) const {
  const base::MutexLock lock(mutex_);
  const uint64_t first = taken_ - ring_.size();  // number of the oldest
  if (from < first) from = first;
  for (; count > 0 && from < taken_; --count, ++from) {
    const size_t at = (oldest_slot() + static_cast<size_t>(from - first)) % ring_.size();
    fn(series_[ring_[at].series].ref, ring_[at].exemplar);
  }
  return from;
}

void ExemplarStore::collect(base::metrics::Sink& sink) const {
  const base::MutexLock lock(mutex_);
  const double oldest =
      ring_.empty() ? 0 : static_cast<double>(ring_[oldest_slot()].exemplar.t) / 1000;
  sink.counter("prometheus_tsdb_exemplar_exemplars_appended_total",
               "Total number of appended exemplars.", {}, static_cast<double>(appended_));
  sink.gauge("prometheus_tsdb_exemplar_exemplars_in_storage",
             "Number of exemplars currently in circular storage.", {},
             static_cast<double>(ring_.size()));
  sink.gauge("prometheus_tsdb_exemplar_series_with_exemplars_in_storage",
             "Number of series with exemplars currently in circular storage.", {},
             static_cast<double>(by_labels_.size()));
  sink.gauge("prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds",
             "The timestamp of the oldest exemplar stored in circular storage: from when on the "
             "buffer holds exemplars.",
             {}, oldest);
  sink.gauge("prometheus_tsdb_exemplar_max_exemplars",
             "Total number of exemplars the exemplar storage can store, resizeable.", {},
             static_cast<double>(capacity_));
  sink.counter("prometheus_tsdb_exemplar_out_of_order_exemplars_total",
               "Total number of out of order exemplar ingestion failed attempts.", {},
               static_cast<double>(out_of_order_));
}

}  // namespace silverback::tsdb
