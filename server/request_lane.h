#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/metrics.h"
#include "base/unique_function.h"
#include "base/worker_pool.h"

namespace silverback::server {

/// The requests that wait for the threads of one pool: at most so many, at most so long.
/// Threads: any.
class RequestLane {
 public:
  struct Options {
    std::string name;                  // of the metrics
    base::WorkerPool* pool = nullptr;  // all borrowed
    base::IoRuntime* io = nullptr;     // none: waiting too long is told when the turn comes
    base::Clock* clock = nullptr;
    base::metrics::Registry* registry = nullptr;
    size_t capacity = 256;
    std::chrono::milliseconds longest_wait{10'000};  // 0: no limit
  };
  enum class Outcome : uint8_t { kRun, kTooLate, kFull, kStopped };
  /// Called once: on the pool with kRun or kStopped (the client has gone, or the pool ends), on an
  /// I/O thread with kTooLate, by post() itself with kFull.
  using Task = base::UniqueFunction<void(Outcome)>;

  explicit RequestLane(Options options);
  ~RequestLane();
  RequestLane(const RequestLane&) = delete;
  RequestLane& operator=(const RequestLane&) = delete;

  void post(std::stop_token stop, Task task);
  size_t waiting() const;

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // the pool's and the timer's tasks hold it too
};

}  // namespace silverback::server
