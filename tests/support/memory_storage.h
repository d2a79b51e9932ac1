#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace silverback::testing {

/// One stored sample, as tests look at it; a histogram when `h` is set.
struct StoredSample {
  model::TimestampMs t = 0;
  double v = 0;
  std::shared_ptr<const model::Histogram> h;
  model::TimestampMs start = 0;
};

/// Storage in a vector per series: the double under tests of promql, rules and server. It keeps the
/// contracts of storage/querier.h and storage/appender.h (engine order, whole batches, snapshots),
/// without windows, limits or a WAL. Series whose float timestamps are equal share a column id;
/// histograms are read with the reset hint that follows from the one before.
/// Threads: any thread.
class MemoryStorage final : public storage::Queryable, public storage::Appendable {
 public:
  MemoryStorage();
  ~MemoryStorage() override;

  /// Puts a sample in its place, in any order of time; an equal timestamp is replaced.
  void add(const model::Labels& labels, model::TimestampMs t, double value,
           model::TimestampMs start = 0);
  void add(const model::Labels& labels, model::TimestampMs t, const model::Histogram& h,
           model::TimestampMs start = 0);
  void add_exemplar(const model::Labels& labels, const model::Exemplar& exemplar);
  /// Drops all data; refs that were handed out are dead.
  void clear();

  size_t series_count() const;
  /// All samples of one series, ascending; empty when there is no such series.
  std::vector<StoredSample> samples(const model::Labels& labels) const;
  /// All label sets in label order.
  std::vector<model::Labels> series() const;

  /// From now on every commit, or every opening of a querier, fails with this; ok() ends it.
  void fail_commits(base::Status status);
  void fail_queries(base::Status status);
  /// What Querier::warnings() tells.
  void set_warnings(std::vector<std::string> warnings);

  base::Result<std::unique_ptr<storage::Querier>> querier(storage::QuerierOptions options) override;
  storage::TargetId open_target() override;
  void close_target(storage::TargetId target) override;
  std::unique_ptr<storage::Appender> appender() override;

  struct SeriesData;  // one series; shared with snapshots, then copied before a change
  struct Snapshot;    // what a querier reads
  struct Staged;      // one sample or exemplar of a batch

 private:
  friend class MemoryAppender;
  base::Result<storage::SeriesRef> resolve(const model::Labels& labels) EXCLUDES(mutex_);
  bool alive(storage::SeriesRef ref) const EXCLUDES(mutex_);
  base::Status apply(const std::vector<Staged>& batch, storage::CommitCounts& counts)
      EXCLUDES(mutex_);
  uint32_t slot_of(const model::Labels& labels) REQUIRES(mutex_);
  SeriesData& writable(uint32_t slot) REQUIRES(mutex_);
  void insert(const model::Labels& labels, StoredSample sample) EXCLUDES(mutex_);

  mutable base::Mutex mutex_;
  std::vector<std::shared_ptr<SeriesData>> slots_ GUARDED_BY(mutex_);
  std::map<std::string, uint32_t> slot_by_labels_ GUARDED_BY(mutex_);  // key: Labels::bytes()
  std::shared_ptr<const Snapshot> snapshot_ GUARDED_BY(mutex_);        // nullptr after a change
  uint32_t generation_ GUARDED_BY(mutex_) = 1;
  storage::TargetId next_target_ GUARDED_BY(mutex_) = 1;
  base::Status commit_failure_ GUARDED_BY(mutex_);
  base::Status query_failure_ GUARDED_BY(mutex_);
  std::vector<std::string> warnings_ GUARDED_BY(mutex_);
};

}  // namespace silverback::testing
