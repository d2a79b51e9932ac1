#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace silverback::base {

/// The only source of time. Threads: any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, ms since the Unix epoch.
  virtual int64_t now_ms() const = 0;
  /// Monotonic time, for durations and deadlines only.
  virtual std::chrono::nanoseconds monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t now_ms() const override;
  std::chrono::nanoseconds monotonic() const override;
};

/// Stands still until told otherwise. For tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ms = 0) : now_ms_(now_ms) {}
  int64_t now_ms() const override { return now_ms_.load(); }
  std::chrono::nanoseconds monotonic() const override {
    return std::chrono::milliseconds(now_ms_.load());
  }
  void set_ms(int64_t now_ms) { now_ms_ = now_ms; }
  void advance(std::chrono::milliseconds by) { now_ms_ += by.count(); }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace silverback::base
