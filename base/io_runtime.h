#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/unique_function.h"
#include "base/worker_pool.h"

namespace boost::asio {
class io_context;
}

namespace silverback::base {

/// The I/O threads: one io_context run by `threads` threads. Nothing on them blocks, touches files
/// or computes for more than 1 ms; such work goes to a WorkerPool by run_on().
/// Threads: any thread.
class IoRuntime {
 public:
  explicit IoRuntime(size_t threads = 2);
  ~IoRuntime();  // stop()
  void start();
  /// Stops the io_context and joins. Pending coroutines are destroyed with the runtime.
  void stop();

  boost::asio::io_context& context();
  /// A fresh strand: one per session, target, rule group, endpoint.
  boost::asio::any_io_executor make_strand();
  /// Starts a coroutine on `executor` (a strand). An exception that leaves it is logged by nobody:
  /// coroutines return Status instead of throwing.
  void spawn(boost::asio::any_io_executor executor, boost::asio::awaitable<void> task);
  /// Calls `fn` on an I/O thread after `delay`.
  void post_after(std::chrono::milliseconds delay, UniqueFunction<void()> fn);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A timer that a coroutine sleeps on and anyone on the same strand may cut short.
class AsyncTimer {
 public:
  explicit AsyncTimer(boost::asio::any_io_executor executor);
  ~AsyncTimer();
  /// True when the time was reached, false when cancelled.
  boost::asio::awaitable<bool> sleep(std::chrono::milliseconds delay);
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

namespace detail {
/// Posts `work` to the pool and resumes the awaiting coroutine on its own executor afterwards.
/// False when the pool refused.
boost::asio::awaitable<bool> run_on_pool(WorkerPool& pool, UniqueFunction<void()> work);
}  // namespace detail

/// Runs `fn` on the pool and gives its result back on the caller's executor:
///   auto work = [body = std::move(body)] { return parse(body); };
///   auto r = co_await base::run_on(pool, work);
/// nullopt when the pool's queue is full or it has stopped. `fn`'s result must be movable, not
/// void. A lambda that owns something must be named, as above: g++ 12 copies temporaries in a
/// co_await bit by bit and destroys both. One that holds only references may stand in the call.
template <typename F>
requires(!std::is_trivially_copyable_v<F>)
    boost::asio::awaitable<std::optional<std::invoke_result_t<F&>>> run_on(WorkerPool& pool,
                                                                           F& fn) {
  std::optional<std::invoke_result_t<F&>> result;
  UniqueFunction<void()> work = [&] { result.emplace(fn()); };
  const bool ran = co_await detail::run_on_pool(pool, std::move(work));
  if (!ran) co_return std::nullopt;
  co_return std::move(result);
}
template <typename F>
requires(std::is_trivially_copyable_v<F>)
    boost::asio::awaitable<std::optional<std::invoke_result_t<F&>>> run_on(WorkerPool& pool, F fn) {
  std::optional<std::invoke_result_t<F&>> result;
  UniqueFunction<void()> work = [&] { result.emplace(fn()); };
  const bool ran = co_await detail::run_on_pool(pool, std::move(work));
  if (!ran) co_return std::nullopt;
  co_return std::move(result);
}

}  // namespace silverback::base
