#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "model/timestamp.h"
#include "storage/series_ref.h"

namespace silverback::storage {

/// When a commit counts as done.
enum class Durability : uint8_t {
  kVisible = 0,  // queries see it; the WAL follows within a second
  kDurable = 1,  // its WAL record is on disk (group commit)
};

/// What became of a batch's samples. They are judged at commit, under the shard locks.
struct CommitCounts {
  uint64_t accepted = 0;
  uint64_t repeated = 0;             // same timestamp, same bits: silently fine
  uint64_t duplicate = 0;            // same timestamp, other value
  uint64_t out_of_order = 0;         // older than the series' newest
  uint64_t out_of_bounds = 0;        // its window is frozen, or more than 10 min ahead of the clock
  uint64_t histograms_accepted = 0;  // part of accepted
  uint64_t exemplars_accepted = 0;
  /// Of series whose exemplars in the batch were all older than one held.
  uint64_t exemplars_out_of_order = 0;
  /// The first sample refused: kOutOfOrder, kDuplicate or kOutOfBounds, naming series and time.
  base::Status first_error;
  uint64_t refused() const { return duplicate + out_of_order + out_of_bounds; }
};

/// A batch being staged. Nothing is touched before commit; dropping the Appender is the undo
/// (series that resolve() created stay, empty, until collected).
/// Threads: one batch, one thread.
class Appender {
 public:
  using Done = base::UniqueFunction<void(const base::Status&, const CommitCounts&)>;

  virtual ~Appender() = default;

  /// The ref of a label set; creates the series if new. kLimit when the head is full, kBadData for
  /// labels that cannot be stored (no labels at all). Refs stay valid beyond the batch until the
  /// series is collected.
  virtual base::Result<SeriesRef> resolve(const model::Labels& labels) = 0;

  /// Samples of one target at one instant; refs[i] takes values[i]. A dead generation is kStaleRef
  /// and stages nothing: `dead` gets the indexes, the caller resolves those again and repeats.
  virtual base::Status append_column(TargetId target, model::TimestampMs t,
                                     std::span<const SeriesRef> refs,
                                     std::span<const double> values, std::vector<size_t>* dead) = 0;

  /// One sample with its own timestamp. `start` = start timestamp (created time), 0 = unknown.
  /// kStaleRef when the generation is gone.
  virtual base::Status append(SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                              double value) = 0;
  virtual base::Status append(SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                              const model::Histogram& h) = 0;
  /// A zero at a series' start, where `start` lies between its newest sample and `t`: a zero
  /// histogram laid out as `like`, or a float for nullptr. Else nothing, silently.
  virtual base::Status append_start(SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                                    const model::Histogram* like) {
    static_cast<void>(ref), static_cast<void>(start), static_cast<void>(t);
    static_cast<void>(like);
    return {};  // for storages whose series have no beginning
  }
  /// `e.t` is given. Repeated, too old or too long ones are left out at commit, and nothing is kept
  /// where exemplars are off: never a reason to refuse samples.
  virtual base::Status append_exemplar(SeriesRef ref, const model::Exemplar& e) = 0;

  /// Judges and applies the batch as one: a Querier sees all of it or nothing. `done` is called
  /// exactly once: for kVisible before this returns, for kDurable on the WAL's thread once the
  /// record is on disk. An error Status means that nothing may be counted on (WAL failure:
  /// kUnavailable, kIo); refused samples alone are not an error. The Appender is spent afterwards.
  virtual void commit(Durability wanted, Done done) = 0;
};

/// Where batches go. Threads: any thread.
class Appendable {
 public:
  virtual ~Appendable() = default;
  /// A TargetId lives until closed; append_column names one.
  virtual TargetId open_target() = 0;
  virtual void close_target(TargetId target) = 0;
  virtual std::unique_ptr<Appender> appender() = 0;
};

/// Commits and waits for `done`. Never on an I/O thread.
base::Result<CommitCounts> commit_and_wait(Appender& appender, Durability wanted);

}  // namespace silverback::storage
