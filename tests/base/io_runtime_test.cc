#include "base/io_runtime.h"

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

namespace silverback::base {
namespace {

WorkerPool::Options pool_options(size_t capacity) {
  WorkerPool::Options options;
  options.name = "t";
  options.queue_capacity = capacity;
  return options;
}

boost::asio::awaitable<void> run_one(WorkerPool* pool,
                                     std::promise<std::optional<std::string>>* out,
                                     std::promise<bool>* moved) {
  const std::thread::id before = std::this_thread::get_id();
  auto owned = std::make_unique<std::string>("done");
  std::thread::id worker;
  auto work = [&worker, text = std::move(owned)] {
    worker = std::this_thread::get_id();
    return *text;
  };
  auto result = co_await run_on(*pool, work);
  moved->set_value(worker != before && worker != std::this_thread::get_id());
  out->set_value(std::move(result));
}

boost::asio::awaitable<void> sleep_one(AsyncTimer* timer, std::chrono::milliseconds delay,
                                       std::promise<bool>* out) {
  const bool reached = co_await timer->sleep(delay);
  out->set_value(reached);
}

}  // namespace

TEST_CASE("run_on computes on the pool and comes back to the I/O threads", "[base]") {
  IoRuntime io(1);
  WorkerPool pool(pool_options(8));
  io.start();
  pool.start();
  std::promise<std::optional<std::string>> result;
  std::promise<bool> moved;
  io.spawn(io.make_strand(), run_one(&pool, &result, &moved));
  CHECK(moved.get_future().get());
  CHECK(result.get_future().get() == std::optional<std::string>("done"));
  pool.stop();
}

TEST_CASE("run_on gives nothing when the pool refuses", "[base]") {
  IoRuntime io(1);
  WorkerPool pool(pool_options(8));
  io.start();
  pool.start();
  pool.stop();
  std::promise<std::optional<std::string>> result;
  std::promise<bool> moved;
  io.spawn(io.make_strand(), run_one(&pool, &result, &moved));
  CHECK(result.get_future().get() == std::nullopt);
}

TEST_CASE("AsyncTimer tells whether its time came", "[base]") {
  IoRuntime io(1);
  io.start();
  const auto strand = io.make_strand();
  AsyncTimer timer(strand);
  SECTION("reached") {
    std::promise<bool> reached;
    io.spawn(strand, sleep_one(&timer, std::chrono::milliseconds(1), &reached));
    CHECK(reached.get_future().get());
  }
  SECTION("cancelled") {
    std::promise<bool> reached;
    io.spawn(strand, sleep_one(&timer, std::chrono::hours(1), &reached));
    auto future = reached.get_future();
    while (future.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
      io.post_after(std::chrono::milliseconds(0), [&timer] { timer.cancel(); });
    }
    CHECK_FALSE(future.get());
  }
  io.stop();
}

TEST_CASE("IoRuntime stops with work pending", "[base]") {
  std::atomic<bool> called{false};
  {
    IoRuntime io(2);
    io.start();
    io.post_after(std::chrono::hours(1), [&called] { called = true; });
    io.stop();
  }
  CHECK_FALSE(called);
}

}  // namespace silverback::base
