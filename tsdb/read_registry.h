#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>

#include "base/mutex.h"

namespace silverback::tsdb {

/// Remembers which sequences open readers read at, so that a commit knows what it may forget.
/// Threads: any thread.
class ReadRegistry {
 public:
  /// Opens a reader at what is published now.
  uint64_t open(const std::atomic<uint64_t>& published) {
    base::MutexLock lock(mutex_);
    const uint64_t sequence = published.load(std::memory_order_acquire);
    ++readers_[sequence];
    return sequence;
  }
  void close(uint64_t sequence) {
    base::MutexLock lock(mutex_);
    const auto at = readers_.find(sequence);
    if (--at->second == 0) readers_.erase(at);
  }
  /// No reader is, or will be, below.
  uint64_t low(const std::atomic<uint64_t>& published) const {
    base::MutexLock lock(mutex_);
    const uint64_t now = published.load(std::memory_order_acquire);
    return readers_.empty() ? now : std::min(now, readers_.begin()->first);
  }

 private:
  mutable base::Mutex mutex_;
  std::map<uint64_t, uint64_t> readers_ GUARDED_BY(mutex_);  // sequence -> readers
};

}  // namespace silverback::tsdb
