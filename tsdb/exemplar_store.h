#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/metrics.h"
#include "base/mutex.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/timestamp.h"
#include "storage/querier.h"
#include "storage/series_ref.h"

namespace silverback::tsdb {

/// The newest exemplars of all series, in a ring: a new one takes the place of the oldest. A
/// series' exemplars come in ascending time, then value, then label hash. The ring grows as it
/// fills, so that an unused one costs nothing. Threads: any thread.
class ExemplarStore {
 public:
  /// `capacity` 0 = off: nothing is taken.
  explicit ExemplarStore(size_t capacity);

  enum class Verdict : uint8_t {
    kStored,
    kRepeated,  // the series' newest one again: silently fine
    kOutOfOrder,
    kTooLong,  // its labels
    kDisabled,
  };
  /// `ref` goes into the WAL with it.
  Verdict add(storage::SeriesRef ref, const model::Labels& series, const model::Exemplar& e);
  /// The same for what the WAL held: nothing is counted.
  void restore(storage::SeriesRef ref, const model::Labels& series, const model::Exemplar& e);

  /// Exemplars in `range` of series that one of the sets matches, sorted by labels.
  std::vector<storage::SeriesExemplars> select(model::TimeRange range,
                                               const std::vector<model::Matchers>& any_of) const;

  bool enabled() const { return capacity() > 0; }
  size_t capacity() const;
  /// The newest are kept.
  void resize(size_t capacity);

  /// Calls fn for at most `count` exemplars from number `from` on, oldest first; the number to go
  /// on from, or `from` at the end. Numbers grow with each exemplar taken.
  using Visitor = std::function<void(storage::SeriesRef, const model::Exemplar&)>;
  uint64_t visit(uint64_t from, size_t count, const Visitor& fn) const;

  void collect(base::metrics::Sink& sink) const;

 private:
  static constexpr uint32_t kNone = 0xffffffff;

  struct Series {
    model::Labels labels;
    storage::SeriesRef ref;
    uint32_t oldest = kNone, newest = kNone;  // slots
  };
  struct Entry {
    model::Exemplar exemplar;
    uint32_t series = kNone;  // in series_
    uint32_t next = kNone;    // slot of the series' next one
  };

  Verdict judge(const Series& series, const model::Exemplar& e) const REQUIRES(mutex_);
  Verdict insert(storage::SeriesRef ref, const model::Labels& series, const model::Exemplar& e)
      REQUIRES(mutex_);
  uint32_t series_of(const model::Labels& labels) REQUIRES(mutex_);
  void drop_oldest(uint32_t slot) REQUIRES(mutex_);
  uint32_t take_slot() REQUIRES(mutex_);
  uint32_t oldest_slot() const REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  size_t capacity_ GUARDED_BY(mutex_);
  std::vector<Entry> ring_ GUARDED_BY(mutex_);  // at most capacity_; full: oldest at next_slot_
  uint32_t next_slot_ GUARDED_BY(mutex_) = 0;
  uint64_t taken_ GUARDED_BY(mutex_) = 0;  // ever; the newest has this number
  std::vector<Series> series_ GUARDED_BY(mutex_);
  std::vector<uint32_t> free_series_ GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, uint32_t> by_labels_ GUARDED_BY(mutex_);  // label bytes
  uint64_t appended_ GUARDED_BY(mutex_) = 0, out_of_order_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::tsdb
