#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/url.h"
#include "rules/notifier.h"

namespace silverback::rules {

/// The body of a POST to /api/v2/alerts.
std::string alerts_json(const std::vector<OutgoingAlert>& alerts);

/// The queue of one Alertmanager and the coroutine that empties it, a batch at a time. Shared with
/// that coroutine.
/// Threads: any; stop() not on an I/O thread.
class AlertmanagerClient : public std::enable_shared_from_this<AlertmanagerClient> {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;  // all borrowed
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;
    std::shared_ptr<base::HttpClient> http;
    base::Url url;
    std::chrono::milliseconds timeout{10'000};
    size_t queue_capacity = 10'000;
    size_t batch_size = 256;
  };
  explicit AlertmanagerClient(Options options);
  ~AlertmanagerClient();

  /// As metrics and status pages name it.
  const std::string& name() const { return name_; }

  /// Queues; the oldest go when there are too many.
  void send(const std::vector<OutgoingAlert>& alerts) EXCLUDES(mutex_);

  /// Takes nothing more. With `drain` what is queued is still sent, else dropped.
  void request_stop(bool drain) EXCLUDES(mutex_);
  /// Waits for the queue to be empty, no longer than `limit`; what is left then is dropped.
  void wait_stopped(std::chrono::milliseconds limit) EXCLUDES(mutex_);
  /// From now on the metrics are not touched: the caller removes them.
  void detach_metrics() EXCLUDES(mutex_);
  static void remove_metrics(base::metrics::Registry& registry, const std::string& name);

 private:
  struct Metrics;

  static boost::asio::awaitable<void> run(std::shared_ptr<AlertmanagerClient> self);
  boost::asio::awaitable<base::Status> post(std::string body);
  std::vector<OutgoingAlert> next_batch() EXCLUDES(mutex_);
  void finish_batch(size_t count, const base::Status& status, double seconds) EXCLUDES(mutex_);
  void drop(size_t count) REQUIRES(mutex_);
  void update_length() REQUIRES(mutex_);

  const Options options_;
  const std::string name_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  std::unique_ptr<Metrics> metrics_ GUARDED_BY(mutex_);  // null after detach_metrics()
  std::deque<OutgoingAlert> queue_ GUARDED_BY(mutex_);
  bool sending_ GUARDED_BY(mutex_) = false;  // the coroutine runs
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace silverback::rules
