#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "base/unique_function.h"

namespace silverback::server {

/// Something the main thread is to do.
struct Event {
  enum class Kind : uint8_t { kQuit, kReload, kWake };
  Kind kind = Kind::kWake;
  std::string cause;                              // for the log: "terminated", "web request"
  base::UniqueFunction<void(base::Status)> done;  // kReload: gets the outcome
};

/// Where signals and web requests meet the main thread. SIGTERM and SIGINT are kQuit, SIGHUP is
/// kReload. Threads: any may push, one waits.
class EventQueue {
 public:
  /// To be called before any thread is made, so that all of them inherit the mask.
  static void block_signals();

  EventQueue();
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  void push(Event event);
  /// nullopt when `timeout` has passed.
  std::optional<Event> wait(std::chrono::milliseconds timeout);

 private:
  std::optional<Event> pop();
  void take_signals();

  const int wake_fd_;
  const int signal_fd_;
  base::Mutex mutex_;
  std::deque<Event> events_ GUARDED_BY(mutex_);
};

}  // namespace silverback::server
