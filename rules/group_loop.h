#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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

/// How many rules of all groups may be evaluated beside others of their group. Threads: any.
class EvaluationSlots {
 public:
  explicit EvaluationSlots(int64_t count) : free_(count) {}
  bool try_take() {
    int64_t free = free_.load();
    while (free > 0) {
      if (free_.compare_exchange_weak(free, free - 1)) return true;
    }
    return false;
  }
  void give_back() { ++free_; }

 private:
  std::atomic<int64_t> free_;
};

/// Drives one group: a timer on a strand of its own, evaluations on the rules pool in slices, so
/// that groups take turns there. Shared with its coroutine, which ends by itself after stop().
/// Threads: any but the I/O threads.
class GroupLoop : public std::enable_shared_from_this<GroupLoop> {
 public:
  struct Services {
    base::IoRuntime* io = nullptr;  // all borrowed
    base::WorkerPool* pool = nullptr;
    EvaluationSlots* slots = nullptr;
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
  static boost::asio::awaitable<void> rule_done(std::shared_ptr<GroupLoop> self);
  /// One iteration. False when the loop is to end. The coroutines of run(), as all below.
  boost::asio::awaitable<bool> iterate(model::TimestampMs ts, int64_t missed);
  boost::asio::awaitable<void> evaluate_batches(Group* group, Group::Iteration* iteration);
  boost::asio::awaitable<void> evaluate_together(Group* group, Group::Iteration* iteration,
                                                 size_t batch);
  /// Runs `work` on the pool, when that has room for it; not at all once the loop is stopped.
  boost::asio::awaitable<void> on_pool(std::function<void()> work);
  void write_stale(model::TimestampMs ts);
  bool enter(Phase wanted) EXCLUDES(mutex_);
  void leave() EXCLUDES(mutex_);
  bool running() const EXCLUDES(mutex_);

  const Services services_;
  const int64_t interval_ms_;
  const boost::asio::any_io_executor strand_;
  base::AsyncTimer timer_;  // on strand_
  std::stop_source stop_;
  int evaluations_ = 0;  // on strand_, as the next
  size_t rules_under_way_ = 0;

  mutable base::Mutex mutex_;
  base::CondVar idle_;
  std::shared_ptr<Group> group_ GUARDED_BY(mutex_);
  Phase phase_ GUARDED_BY(mutex_) = Phase::kNew;
  bool busy_ GUARDED_BY(mutex_) = false;
};

}  // namespace silverback::rules
