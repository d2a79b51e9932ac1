#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/unique_function.h"

namespace silverback::server {

/// Something that every user should know while it lasts; the web UI shows it as a banner.
struct Notification {
  std::string text;
  int64_t date_ms = 0;
  bool active = true;
};

/// The list of /api/v1/notifications and its live subscribers. Threads: any thread.
class Notifications {
 public:
  static constexpr std::string_view kReloadFailed = "Configuration reload has failed.";
  static constexpr std::string_view kStarting =
      "Prometheus is starting and replaying the write-ahead log (WAL).";
  static constexpr std::string_view kStopping =
      "Prometheus is shutting down and gracefully stopping all operations.";

  /// False: it could not take the notification (counted). Must not block. Threads: any, several at
  /// once; perhaps once more after its handle has died.
  using Listener = base::UniqueFunction<bool(const Notification&)>;

  Notifications(size_t max_subscribers, base::Clock& clock, base::metrics::Registry& registry);

  /// Adds a text, or dates it anew when it is listed.
  void add(std::string_view text);
  /// Takes it from the list; subscribers hear of it with `active` false.
  void remove(std::string_view text);
  std::vector<Notification> list() const;

  /// Hears what is listed, then every change, until the handle dies. nullptr when there are too
  /// many subscribers.
  [[nodiscard]] std::shared_ptr<void> subscribe(Listener listener);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the handles
};

}  // namespace silverback::server
