#include "server/request_lane.h"

#include <future>
#include <vector>

#include <catch2/catch.hpp>

namespace base = silverback::base;
namespace server = silverback::server;
using server::RequestLane;
using Outcome = server::RequestLane::Outcome;

namespace {

/// A lane over one thread, which the test may keep busy.
struct Fixture {
  explicit Fixture(std::chrono::milliseconds longest_wait = std::chrono::milliseconds(0)) {
    io.start();
    pool.start();
    RequestLane::Options options;
    options.name = "test";
    options.pool = &pool;
    options.io = &io;
    options.clock = &clock;
    options.registry = &registry;
    options.capacity = 2;
    options.longest_wait = longest_wait;
    lane = std::make_unique<RequestLane>(options);
  }
  ~Fixture() {
    release();
    pool.stop();
    io.stop();
  }
  void keep_busy() {
    std::promise<void> running;
    lane->post({}, [this, &running](Outcome) {
      running.set_value();
      busy.get_future().wait();
    });
    running.get_future().wait();
    kept = true;
  }
  void release() {
    if (std::exchange(kept, false)) busy.set_value();
  }
  std::future<Outcome> post(std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    lane->post(std::move(stop), [promise](Outcome outcome) { promise->set_value(outcome); });
    return promise->get_future();
  }

  base::SystemClock clock;
  base::metrics::Registry registry;
  base::IoRuntime io;
  base::WorkerPool pool{base::WorkerPool::Options{"lane", 1, 16, 0}};
  std::unique_ptr<RequestLane> lane;
  std::promise<void> busy;
  bool kept = false;
};

}  // namespace

TEST_CASE("RequestLane runs what waits in its order", "[server]") {
  Fixture f;
  f.keep_busy();
  std::future<Outcome> first = f.post();
  std::future<Outcome> second = f.post();
  CHECK(f.lane->waiting() == 2);
  f.release();
  CHECK(first.get() == Outcome::kRun);
  CHECK(second.get() == Outcome::kRun);
}

TEST_CASE("RequestLane refuses at once when its line is full", "[server]") {
  Fixture f;
  f.keep_busy();
  std::future<Outcome> first = f.post();
  std::future<Outcome> second = f.post();
  CHECK(f.post().get() == Outcome::kFull);
  CHECK(f.registry.render_text().find(
            "silverback_http_requests_refused_total{lane=\"test\",reason=\"full\"} 1\n") !=
        std::string::npos);
}

TEST_CASE("RequestLane answers in time while its threads are busy", "[server]") {
  Fixture f(std::chrono::milliseconds(20));
  f.keep_busy();
  std::future<Outcome> first = f.post();
  std::future<Outcome> second = f.post();
  CHECK(first.get() == Outcome::kTooLate);
  CHECK(second.get() == Outcome::kTooLate);
  std::future<Outcome> third = f.post();
  CHECK(third.get() == Outcome::kTooLate);
  CHECK(f.lane->waiting() == 0);
}

TEST_CASE("RequestLane does not run what nobody waits for", "[server]") {
  Fixture f;
  f.keep_busy();
  std::stop_source gone;
  std::future<Outcome> first = f.post(gone.get_token());
  gone.request_stop();
  f.release();
  CHECK(first.get() == Outcome::kStopped);
}
