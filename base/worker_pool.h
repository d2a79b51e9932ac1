#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/unique_function.h"

namespace silverback::base {

/// A fixed number of threads over one bounded FIFO queue.
/// Threads: any thread may post; tasks run on the pool's threads, in order of arrival.
class WorkerPool {
 public:
  struct Options {
    std::string name;  // thread names "name-0".. (<= 11 characters)
    size_t threads = 1;
    size_t queue_capacity = 4096;
    int nice = 0;  // added to each thread's niceness
  };
  explicit WorkerPool(Options options);
  ~WorkerPool();  // stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void start();
  /// Runs what is queued, then joins. Later posts are refused.
  void stop();

  /// False when the queue is full or the pool is stopped: the task is dropped and counted.
  [[nodiscard]] bool post(UniqueFunction<void()> task);

  size_t queued() const;
  uint64_t dropped() const;
  size_t threads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::base
