#pragma once

#include <condition_variable>
#include <mutex>

// Clang's thread safety analysis (-Wthread-safety, the `tidy` preset); empty for other compilers.
#if defined(__clang__)
#define SB_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define SB_THREAD_ANNOTATION(x)
#endif
// Abseil's containers bring macros of some of these names, meaning the same.
#undef GUARDED_BY
#undef PT_GUARDED_BY
#undef NO_THREAD_SAFETY_ANALYSIS
#define CAPABILITY(x) SB_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY SB_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) SB_THREAD_ANNOTATION(guarded_by(x))
#define PT_GUARDED_BY(x) SB_THREAD_ANNOTATION(pt_guarded_by(x))
#define REQUIRES(...) SB_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SB_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) SB_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SB_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS SB_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace silverback::base {

/// std::mutex that the compiler can check.
class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits on a held Mutex: `while (!ready_) changed_.wait(mutex_);`
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { cv_.wait(mutex); }
  /// False when the time ran out.
  template <typename Duration>
  bool wait_for(Mutex& mutex, Duration timeout) REQUIRES(mutex) {
    return cv_.wait_for(mutex, timeout) == std::cv_status::no_timeout;
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace silverback::base
