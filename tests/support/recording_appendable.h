#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/appender.h"

namespace silverback::testing {

/// An Appendable that writes down what is committed. It judges order and duplicates as storage
/// does, and can be told to lose series, to be full or to fail. Threads: any.
class RecordingAppendable final : public storage::Appendable {
 public:
  struct Sample {
    std::string series;  // Labels::to_string()
    model::TimestampMs t = 0;
    double value = 0;
    storage::TargetId target = 0;  // 0: by append()
  };
  struct Batch {
    std::vector<Sample> samples;
    std::vector<std::string> exemplars;  // `series labels value @t`
    /// Value of a series in this batch; nullopt when it is not there.
    std::optional<double> value(const std::string& series) const;
    bool stale(const std::string& series) const;
    bool has(const std::string& series) const { return value(series).has_value(); }
  };

  storage::TargetId open_target() override;
  void close_target(storage::TargetId target) override;
  std::unique_ptr<storage::Appender> appender() override;

  std::vector<Batch> batches() const;
  size_t batch_count() const;
  size_t open_targets() const;
  uint64_t resolves() const;

  /// The series is collected: refs to it are dead.
  void collect(const std::string& series);
  /// New series beyond this many are refused with kLimit; 0 = no limit.
  void set_series_limit(size_t limit);
  /// Exemplars are refused from now on.
  void refuse_exemplars();
  /// The next commits fail with this.
  void fail_commits(base::Status status);

 private:
  friend class RecordingAppender;
  struct Series {
    std::string name;
    storage::SeriesRef ref;
    std::optional<Sample> newest;
  };
  struct Staged {
    storage::SeriesRef ref;
    Sample sample;
    std::string exemplar;        // not "": this, and no sample
    bool only_if_newer = false;  // than its series; else nothing
  };

  base::Result<storage::SeriesRef> resolve(const model::Labels& labels);
  bool alive(storage::SeriesRef ref) const;
  bool exemplars_refused() const;
  std::string name_of(storage::SeriesRef ref) const;
  base::Status commit(const std::vector<Staged>& staged, storage::CommitCounts& counts);

  mutable base::Mutex mutex_;
  std::map<std::string, Series> series_ GUARDED_BY(mutex_);
  std::map<uint64_t, std::string> by_ref_ GUARDED_BY(mutex_);
  std::set<storage::TargetId> targets_ GUARDED_BY(mutex_);
  std::vector<Batch> batches_ GUARDED_BY(mutex_);
  uint32_t next_slot_ GUARDED_BY(mutex_) = 1;
  uint32_t next_generation_ GUARDED_BY(mutex_) = 1;
  storage::TargetId next_target_ GUARDED_BY(mutex_) = 1;
  size_t series_limit_ GUARDED_BY(mutex_) = 0;
  bool exemplars_refused_ GUARDED_BY(mutex_) = false;
  uint64_t resolves_ GUARDED_BY(mutex_) = 0;
  base::Status commit_failure_ GUARDED_BY(mutex_);
};

}  // namespace silverback::testing
