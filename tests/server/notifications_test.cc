#include "server/notifications.h"

#include <catch2/catch.hpp>

namespace base = silverback::base;
using silverback::server::Notification;
using silverback::server::Notifications;

TEST_CASE("Notifications are listed once, dated anew, and gone when removed", "[server]") {
  base::ManualClock clock(1000);
  base::metrics::Registry registry;
  Notifications notifications(2, clock, registry);
  notifications.add("a");
  notifications.add("b");
  clock.advance(std::chrono::milliseconds(500));
  notifications.add("a");
  const std::vector<Notification> listed = notifications.list();
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].text == "a");
  CHECK(listed[0].date_ms == 1500);
  CHECK(listed[1].date_ms == 1000);
  CHECK(listed[0].active);
  notifications.remove("a");
  notifications.remove("nothing");
  REQUIRE(notifications.list().size() == 1);
  CHECK(notifications.list()[0].text == "b");
}

TEST_CASE("Notifications tell their subscribers", "[server]") {
  base::ManualClock clock(1000);
  base::metrics::Registry registry;
  Notifications notifications(1, clock, registry);
  notifications.add("a");
  std::string heard;
  const auto handle = notifications.subscribe([&](const Notification& n) {
    heard += n.text + (n.active ? "+" : "-");
    return n.text != "full";
  });
  REQUIRE(handle != nullptr);
  CHECK(notifications.subscribe([](const Notification&) { return true; }) == nullptr);
  notifications.add("full");
  notifications.remove("a");
  CHECK(heard == "a+full+a-");
  const std::string text = registry.render_text();
  CHECK(text.find("prometheus_api_notification_active_subscribers 1\n") != std::string::npos);
  CHECK(text.find("prometheus_api_notification_updates_sent_total 3\n") != std::string::npos);
  CHECK(text.find("prometheus_api_notification_updates_dropped_total 1\n") != std::string::npos);
}

TEST_CASE("Notifications let a subscriber go with its handle", "[server]") {
  base::ManualClock clock(1000);
  base::metrics::Registry registry;
  Notifications notifications(1, clock, registry);
  int heard = 0;
  auto handle = notifications.subscribe([&](const Notification&) { return ++heard > 0; });
  handle.reset();
  notifications.add("a");
  CHECK(heard == 0);
  CHECK(notifications.subscribe([](const Notification&) { return true; }) != nullptr);
}
