#include "base/io_runtime.h"

#include <pthread.h>

#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/mutex.h"

namespace silverback::base {

namespace asio = boost::asio;

struct IoRuntime::Impl {
  explicit Impl(size_t n)
      : thread_count(n == 0 ? 1 : n),
        context(static_cast<int>(thread_count)),
        work(asio::make_work_guard(context)) {}

  const size_t thread_count;
  asio::io_context context;  // own synchronisation
  asio::executor_work_guard<asio::io_context::executor_type> work;
  Mutex mutex;
  std::vector<std::thread> threads GUARDED_BY(mutex);
};

IoRuntime::IoRuntime(size_t threads) : impl_(std::make_unique<Impl>(threads)) {}

IoRuntime::~IoRuntime() {
  stop();
}

void IoRuntime::start() {
  const MutexLock lock(impl_->mutex);
  if (!impl_->threads.empty() || impl_->context.stopped()) return;
  for (size_t i = 0; i < impl_->thread_count; ++i) {
    impl_->threads.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("io-" + std::to_string(i)).c_str());
      impl_->context.run();
    });
  }
}

void IoRuntime::stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(impl_->mutex);
    threads.swap(impl_->threads);
  }
  impl_->context.stop();
  for (std::thread& thread : threads) thread.join();
}

asio::io_context& IoRuntime::context() {
  return impl_->context;
}

asio::any_io_executor IoRuntime::make_strand() {
  return asio::make_strand(impl_->context);
}

void IoRuntime::spawn(asio::any_io_executor executor, asio::awaitable<void> task) {
  asio::co_spawn(std::move(executor), std::move(task), asio::detached);
}

void IoRuntime::post_after(std::chrono::milliseconds delay, UniqueFunction<void()> fn) {
  auto timer = std::make_unique<asio::steady_timer>(impl_->context, delay);
  asio::steady_timer& waiting = *timer;
  waiting.async_wait([owned = std::move(timer),
                      call = std::move(fn)](const boost::system::error_code& error) mutable {
    if (!error) call();
  });
}

struct AsyncTimer::Impl {
  explicit Impl(asio::any_io_executor executor) : timer(std::move(executor)) {}
  asio::steady_timer timer;
};

AsyncTimer::AsyncTimer(asio::any_io_executor executor)
    : impl_(std::make_unique<Impl>(std::move(executor))) {}

AsyncTimer::~AsyncTimer() = default;

asio::awaitable<bool> AsyncTimer::sleep(std::chrono::milliseconds delay) {
  impl_->timer.expires_after(delay);
  const std::tuple<boost::system::error_code> done =
      co_await impl_->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !std::get<0>(done);
}

void AsyncTimer::cancel() {
  impl_->timer.cancel();
}

namespace detail {
namespace {

// Keeps the coroutine's handler where both the pool task and the refusing caller can reach it: a
// task that the pool refuses is destroyed, and with it would go the coroutine.
template <typename Handler>
struct PendingWork {
  PendingWork(Handler h, UniqueFunction<void()> w) : handler(std::move(h)), work(std::move(w)) {}

  void resume(bool ran) {
    auto executor = asio::get_associated_executor(handler);
    asio::post(executor, [h = std::move(handler), ran]() mutable { std::move(h)(ran); });
  }

  Handler handler;
  UniqueFunction<void()> work;
};

}  // namespace

asio::awaitable<bool> run_on_pool(WorkerPool& pool, UniqueFunction<void()> work) {
  auto initiate = [&pool](auto handler, UniqueFunction<void()> task) {
    using Pending = PendingWork<std::decay_t<decltype(handler)>>;
    auto pending = std::make_shared<Pending>(std::move(handler), std::move(task));
    const bool taken = pool.post([pending] {
      pending->work();
      pending->resume(true);
    });
    if (!taken) pending->resume(false);
  };
  const bool ran = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      initiate, asio::use_awaitable, std::move(work));
  co_return ran;
}

}  // namespace detail

}  // namespace silverback::base
