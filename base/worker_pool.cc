#include "base/worker_pool.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include "base/mutex.h"

namespace silverback::base {

struct WorkerPool::Impl {
  explicit Impl(Options o) : options(std::move(o)) {}

  void run(size_t index);

  const Options options;

  mutable Mutex mutex;
  CondVar changed;
  std::deque<UniqueFunction<void()>> queue GUARDED_BY(mutex);
  bool started GUARDED_BY(mutex) = false;
  bool stopped GUARDED_BY(mutex) = false;
  uint64_t dropped GUARDED_BY(mutex) = 0;
  std::vector<std::thread> threads;  // touched by start() and stop() only
};

void WorkerPool::Impl::run(size_t index) {
  const std::string name = options.name + "-" + std::to_string(index);
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  if (options.nice != 0) {
    const auto tid = static_cast<id_t>(gettid());
    errno = 0;
    const int current = getpriority(PRIO_PROCESS, tid);
    // Best effort: a refused priority costs speed, not correctness.
    if (errno == 0) setpriority(PRIO_PROCESS, tid, current + options.nice);
  }
  for (;;) {
    UniqueFunction<void()> task;
    {
      MutexLock lock(mutex);
      while (queue.empty() && !stopped) changed.wait(mutex);
      if (queue.empty()) return;
      task = std::move(queue.front());
      queue.pop_front();
    }
    task();
  }
}

WorkerPool::WorkerPool(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

WorkerPool::~WorkerPool() {
  stop();
}

void WorkerPool::start() {
  {
    MutexLock lock(impl_->mutex);
    if (impl_->started || impl_->stopped) return;
    impl_->started = true;
  }
  for (size_t i = 0; i < impl_->options.threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get(), i] { impl->run(i); });
  }
}

void WorkerPool::stop() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopped = true;
  }
  impl_->changed.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  // Only a pool that was never started still holds tasks; they end without the lock held.
  std::deque<UniqueFunction<void()>> unstarted;
  MutexLock lock(impl_->mutex);
  impl_->dropped += impl_->queue.size();
  unstarted.swap(impl_->queue);
}

bool WorkerPool::post(UniqueFunction<void()> task) {
  {
    MutexLock lock(impl_->mutex);
    if (impl_->stopped || impl_->queue.size() >= impl_->options.queue_capacity) {
      ++impl_->dropped;
      return false;
    }
    impl_->queue.push_back(std::move(task));
  }
  impl_->changed.notify_one();
  return true;
}

size_t WorkerPool::queued() const {
  MutexLock lock(impl_->mutex);
  return impl_->queue.size();
}

uint64_t WorkerPool::dropped() const {
  MutexLock lock(impl_->mutex);
  return impl_->dropped;
}

size_t WorkerPool::threads() const {
  return impl_->options.threads;
}

}  // namespace silverback::base
