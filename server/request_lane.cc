#include "server/request_lane.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace silverback::server {

struct RequestLane::Impl : std::enable_shared_from_this<RequestLane::Impl> {
  struct Waiting {
    std::chrono::nanoseconds since{0};
    std::stop_token stop;
    Task task;
  };

  explicit Impl(Options o) : options(std::move(o)) {
    if (options.registry == nullptr) return;
    const base::metrics::LabelPairs lane = {{"lane", options.name}};
    depth = &options.registry->gauge("silverback_http_queue_length",
                                     "Requests that wait for a thread.", lane);
    const char* const help = "Requests refused because too many were waiting, or for too long.";
    const char* const name = "silverback_http_requests_refused_total";
    full = &options.registry->counter(name, help, {{"lane", options.name}, {"reason", "full"}});
    late = &options.registry->counter(name, help, {{"lane", options.name}, {"reason", "late"}});
  }

  bool too_late(const Waiting& waiting) const {
    return options.longest_wait.count() > 0 &&
           options.clock->monotonic() - waiting.since >= options.longest_wait;
  }

  /// The next in line, if there is one. Each post gives the pool one call of this; those whose
  /// request has left the line find nothing, or serve a later one.
  void run_next() {
    std::optional<Waiting> next;
    {
      const base::MutexLock lock(mutex);
      if (queue.empty()) return;
      next = std::move(queue.front());
      queue.pop_front();
      show();
    }
    if (next->stop.stop_requested()) {
      next->task(Outcome::kStopped);
    } else if (too_late(*next)) {
      if (late != nullptr) late->inc();
      next->task(Outcome::kTooLate);
    } else {
      next->task(Outcome::kRun);
    }
  }

  /// The pool takes nothing more: the next in line is not served.
  void drop_next() {
    std::optional<Waiting> next;
    {
      const base::MutexLock lock(mutex);
      if (queue.empty()) return;
      next = std::move(queue.front());
      queue.pop_front();
      show();
    }
    next->task(Outcome::kStopped);
  }

  /// Answers those that have waited too long; asks to be called again for the rest.
  void expire() {
    std::vector<Waiting> expired;
    std::optional<std::chrono::nanoseconds> oldest;
    {
      const base::MutexLock lock(mutex);
      while (!queue.empty() && too_late(queue.front())) {
        expired.push_back(std::move(queue.front()));
        queue.pop_front();
      }
      if (!queue.empty()) oldest = queue.front().since;
      watched = oldest.has_value();
      show();
    }
    for (Waiting& waiting : expired) {
      if (late != nullptr) late->inc();
      waiting.task(Outcome::kTooLate);
    }
    if (oldest) watch_from(*oldest);
  }

  void watch_from(std::chrono::nanoseconds since) {
    const auto left = since + options.longest_wait - options.clock->monotonic();
    const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(left);
    options.io->post_after(
        std::max(delay, std::chrono::milliseconds(0)) + std::chrono::milliseconds(1),
        [self = shared_from_this()] { self->expire(); });
  }

  void show() REQUIRES(mutex) {
    if (depth != nullptr) depth->set(static_cast<double>(queue.size()));
  }

  const Options options;
  base::metrics::Gauge* depth = nullptr;
  base::metrics::Counter* full = nullptr;
  base::metrics::Counter* late = nullptr;
  mutable base::Mutex mutex;
  std::deque<Waiting> queue GUARDED_BY(mutex);
  bool watched GUARDED_BY(mutex) = false;  // a timer is set for the oldest
};

RequestLane::RequestLane(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {}
RequestLane::~RequestLane() = default;

void RequestLane::post(std::stop_token stop, Task task) {
  Impl::Waiting waiting;
  waiting.since = impl_->options.clock->monotonic();
  waiting.stop = std::move(stop);
  waiting.task = std::move(task);
  const std::chrono::nanoseconds since = waiting.since;
  bool accepted = false;
  bool set_timer = false;
  {
    const base::MutexLock lock(impl_->mutex);
    accepted = impl_->queue.size() < impl_->options.capacity;
    if (accepted) {
      impl_->queue.push_back(std::move(waiting));
      impl_->show();
      const bool timed = impl_->options.io != nullptr && impl_->options.longest_wait.count() > 0;
      set_timer = timed && !std::exchange(impl_->watched, true);
    }
  }
  if (!accepted) {
    if (impl_->full != nullptr) impl_->full->inc();
    waiting.task(Outcome::kFull);
    return;
  }
  if (set_timer) impl_->watch_from(since);
  if (impl_->options.pool->post([impl = impl_] { impl->run_next(); })) return;
  // No room for another call: those before it serve the line, unless the pool has stopped.
  if (impl_->options.pool->queued() == 0) impl_->drop_next();
}

size_t RequestLane::waiting() const {
  const base::MutexLock lock(impl_->mutex);
  return impl_->queue.size();
}

}  // namespace silverback::server
