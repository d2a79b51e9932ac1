#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>

#include <boost/asio/awaitable.hpp>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "rules/group.h"

namespace silverback::rules {

/// Drives one group: a timer on a strand of its own, evaluations on the rules pool. Shared with its
/// coroutine, which ends by itself after stop().
/// Threads: any but the I/O threads.
class GroupLoop : public std::enable_shared_from_this<GroupLoop> {
 public:
  struct Services {
    base::IoRuntime* io = nullptr;  // all borrowed
    base::WorkerPool* pool = nullptr;
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
  };
  GroupLoop(const Services& services, std::unique_ptr<Group> group);
  ~GroupLoop();

  /// Null after close().
  std::shared_ptr<Group> group() const EXCLUDES(mutex_);

  void start();
  /// No evaluation begins any more and a running one is told to end early.
  void request_stop() EXCLUDES(mutex_);
  /// request_stop, and waits for a running evaluation.
  void stop() EXCLUDES(mutex_);

  /// After stop(), when the group is configured no more: its series get stale markers of time `ts`
  /// two intervals later, so that a renamed rule can take them over first.
  void retire(model::TimestampMs ts) EXCLUDES(mutex_);
  /// Ends everything and destroys the group: what it borrowed may go.
  void close() EXCLUDES(mutex_);

 private:
  enum class Phase : uint8_t { kNew, kRunning, kStopped, kRetiring, kClosed };

  static boost::asio::awaitable<void> run(std::shared_ptr<GroupLoop> self);
  static boost::asio::awaitable<void> cancel_timer(std::shared_ptr<GroupLoop> self);
  /// One iteration on the pool. False when the loop is to end.
  bool iterate(model::TimestampMs ts, int64_t missed);
  void write_stale(model::TimestampMs ts);
  bool enter(Phase wanted) EXCLUDES(mutex_);
  void leave() EXCLUDES(mutex_);
  bool running() const EXCLUDES(mutex_);

  const Services services_;
  const int64_t interval_ms_;
  const boost::asio::any_io_executor strand_;
  base::AsyncTimer timer_;  // on strand_
  std::stop_source stop_;
  int evaluations_ = 0;  // by the evaluating thread

  mutable base::Mutex mutex_;
  base::CondVar idle_;
  std::shared_ptr<Group> group_ GUARDED_BY(mutex_);
  Phase phase_ GUARDED_BY(mutex_) = Phase::kNew;
  bool busy_ GUARDED_BY(mutex_) = false;
};

}  // namespace silverback::rules
