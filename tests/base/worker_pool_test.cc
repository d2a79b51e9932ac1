#include "base/worker_pool.h"

#include <atomic>
#include <future>

#include <catch2/catch.hpp>

namespace silverback::base {

TEST_CASE("WorkerPool runs tasks in order of arrival", "[base]") {
  WorkerPool pool({"test", 1, 100, 0});
  std::vector<int> seen;
  for (int i = 0; i < 10; ++i) REQUIRE(pool.post([&seen, i] { seen.push_back(i); }));
  CHECK(pool.queued() == 10);
  pool.start();
  pool.stop();
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("WorkerPool refuses what passes its capacity and counts it", "[base]") {
  WorkerPool pool({"test", 2, 2, 0});
  CHECK(pool.post([] {}));
  CHECK(pool.post([] {}));
  CHECK_FALSE(pool.post([] {}));
  CHECK(pool.dropped() == 1);
  pool.start();
  pool.stop();
  CHECK_FALSE(pool.post([] {}));
  CHECK(pool.dropped() == 2);
  CHECK(pool.threads() == 2);
}

TEST_CASE("WorkerPool runs tasks side by side", "[base]") {
  WorkerPool pool({"test", 2, 10, 1});
  pool.start();
  std::promise<void> first, second;
  // Each waits for the other: one thread alone would never finish.
  REQUIRE(pool.post([&] {
    first.set_value();
    second.get_future().wait();
  }));
  REQUIRE(pool.post([&] {
    first.get_future().wait();
    second.set_value();
  }));
  pool.stop();
  CHECK(pool.dropped() == 0);
}

}  // namespace silverback::base
