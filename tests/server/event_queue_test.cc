#include "server/event_queue.h"

#include <unistd.h>

#include <csignal>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/types.h>

namespace server = silverback::server;
using server::Event;
using server::EventQueue;

TEST_CASE("EventQueue hands over what other threads push, in order", "[server]") {
  EventQueue queue;
  CHECK_FALSE(queue.wait(std::chrono::milliseconds(0)).has_value());
  std::thread other([&queue] {
    for (const Event::Kind kind : {Event::Kind::kReload, Event::Kind::kQuit}) {
      Event event;
      event.kind = kind;
      queue.push(std::move(event));
    }
  });
  CHECK(queue.wait(std::chrono::seconds(10))->kind == Event::Kind::kReload);
  CHECK(queue.wait(std::chrono::seconds(10))->kind == Event::Kind::kQuit);
  other.join();
}

TEST_CASE("EventQueue turns signals into events", "[server]") {
  EventQueue::block_signals();
  EventQueue queue;
  REQUIRE(pthread_kill(pthread_self(), SIGHUP) == 0);
  const auto reload = queue.wait(std::chrono::seconds(10));
  REQUIRE(reload.has_value());
  CHECK(reload->kind == Event::Kind::kReload);
  REQUIRE(pthread_kill(pthread_self(), SIGTERM) == 0);
  const auto quit = queue.wait(std::chrono::seconds(10));
  REQUIRE(quit.has_value());
  CHECK(quit->kind == Event::Kind::kQuit);
  CHECK(quit->cause == "terminated");
}
