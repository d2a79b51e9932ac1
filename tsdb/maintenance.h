#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "base/mutex.h"
#include "base/result.h"
#include "tsdb/flush.h"
#include "tsdb/retention.h"

namespace silverback::tsdb {

/// The background work: flushes frozen windows, enforces retention, deletes what nobody reads any
/// more. Looks at least once a second, on a thread of its own at nice 10.
/// Threads: any thread.
class Maintenance {
 public:
  Maintenance(const Flusher::Parts& parts, RetentionLimits limits);
  ~Maintenance();  // stop()
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  void start();
  /// Waits for the work under way.
  void stop();

  /// Flushes every window with samples, on the calling thread. Blocking.
  base::Status flush_all();
  void set_limits(RetentionLimits limits);
  RetentionLimits limits() const;

 private:
  void run();
  void look();
  void flush_frozen() REQUIRES(work_mutex_);
  void enforce_retention() REQUIRES(work_mutex_);
  void finish_work() REQUIRES(work_mutex_);

  const Flusher::Parts parts_;

  base::Mutex work_mutex_;  // held over a whole flush or retention; the first in the lock order
  Flusher flusher_ GUARDED_BY(work_mutex_);
  int failures_ GUARDED_BY(work_mutex_) = 0;       // of flushes, in a row
  int looks_to_skip_ GUARDED_BY(work_mutex_) = 0;  // after failures
  bool delete_failed_ GUARDED_BY(work_mutex_) = false;

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  RetentionLimits limits_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace silverback::tsdb
