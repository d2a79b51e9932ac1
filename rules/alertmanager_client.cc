#include "rules/alertmanager_client.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "base/json_writer.h"

namespace silverback::rules {

namespace asio = boost::asio;

namespace {

constexpr const char* kSent = "prometheus_notifications_sent_total";
constexpr const char* kErrors = "prometheus_notifications_errors_total";
constexpr const char* kDropped = "prometheus_notifications_dropped_total";
constexpr const char* kQueueLength = "prometheus_notifications_queue_length";
constexpr const char* kLatency = "prometheus_notifications_latency_seconds";
constexpr const char* kLatencyHistogram = "prometheus_notifications_latency_histogram_seconds";

base::metrics::LabelPairs label(const std::string& name) {
  return {{"alertmanager", name}};
}

void write_time(base::JsonWriter& w, std::string_view key, int64_t ms) {
  w.key(key);
  // Go's zero time, should an alert have no such time.
  w.string(ms == 0 ? "0001-01-01T00:00:00.000Z" : base::format_rfc3339_ms(ms));
}

}  // namespace

std::string alerts_json(const std::vector<OutgoingAlert>& alerts) {
  std::string out;
  base::JsonWriter w(out);
  w.begin_array();
  for (const OutgoingAlert& alert : alerts) {
    w.begin_object();
    w.key("annotations");
    w.begin_object();
    for (const auto& [name, value] : alert.annotations) {
      w.key(name);
      w.string(value);
    }
    w.end_object();
    write_time(w, "endsAt", alert.ends_at_ms);
    write_time(w, "startsAt", alert.starts_at_ms);
    w.key("generatorURL");
    w.string(alert.generator_url);
    w.key("labels");
    w.begin_object();
    for (const model::Label& l : alert.labels) {
      w.key(l.name);
      w.string(l.value);
    }
    w.end_object();
    w.end_object();
  }
  w.end_array();
  return out;
}

struct AlertmanagerClient::Metrics {
  Metrics(base::metrics::Registry& r, const std::string& name)
      : sent(r.counter(kSent, "Total number of alerts sent.", label(name))),
        errors(r.counter(kErrors, "Total number of sent alerts affected by errors.", label(name))),
        dropped(r.counter(kDropped,
                          "Total number of alerts dropped due to errors when sending to "
                          "Alertmanager.",
                          label(name))),
        queue_length(
            r.gauge(kQueueLength, "The number of alert notifications in the queue.", label(name))),
        latency(r.summary(kLatency, "Latency quantiles for sending alert notifications.",
                          {0.5, 0.9, 0.99}, label(name))),
        latency_histogram(r.histogram(kLatencyHistogram,
                                      "Latency histogram for sending alert notifications.",
                                      {.01, .1, 1, 10}, label(name))) {}

  base::metrics::Counter& sent;
  base::metrics::Counter& errors;
  base::metrics::Counter& dropped;
  base::metrics::Gauge& queue_length;
  base::metrics::Summary& latency;
  base::metrics::Histogram& latency_histogram;
};

AlertmanagerClient::AlertmanagerClient(Options options)
    : options_(std::move(options)),
      name_(options_.url.to_string()),
      metrics_(std::make_unique<Metrics>(*options_.registry, name_)) {}

AlertmanagerClient::~AlertmanagerClient() = default;

void AlertmanagerClient::remove_metrics(base::metrics::Registry& registry,
                                        const std::string& name) {
  for (const char* metric : {kSent, kErrors, kDropped, kQueueLength, kLatency, kLatencyHistogram}) {
    registry.remove(metric, label(name));
  }
}

void AlertmanagerClient::detach_metrics() {
  const base::MutexLock lock(mutex_);
  metrics_.reset();
}

void AlertmanagerClient::drop(size_t count) {
  if (metrics_ && count > 0) metrics_->dropped.inc(static_cast<double>(count));
}

void AlertmanagerClient::update_length() {
  if (metrics_) metrics_->queue_length.set(static_cast<double>(queue_.size()));
}

void AlertmanagerClient::send(const std::vector<OutgoingAlert>& alerts) {
  size_t dropped = 0;
  bool start = false;
  {
    const base::MutexLock lock(mutex_);
    if (stopping_ || alerts.empty()) return;
    queue_.insert(queue_.end(), alerts.begin(), alerts.end());
    if (queue_.size() > options_.queue_capacity) {
      dropped = queue_.size() - options_.queue_capacity;
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(dropped));
      drop(dropped);
    }
    update_length();
    start = !sending_ && !queue_.empty();
    sending_ = sending_ || start;
  }
  if (dropped > 0) {
    options_.logger->warn("Alert notification queue full, dropping alerts",
                          {{"alertmanager", name_}, {"count", dropped}});
  }
  if (start) options_.io->spawn(options_.io->make_strand(), run(shared_from_this()));
}

std::vector<OutgoingAlert> AlertmanagerClient::next_batch() {
  const base::MutexLock lock(mutex_);
  const size_t count = std::min(queue_.size(), std::max<size_t>(options_.batch_size, 1));
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<OutgoingAlert> batch(std::make_move_iterator(queue_.begin()),
                                   std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  update_length();
  if (batch.empty()) {
    sending_ = false;
    changed_.notify_all();
  }
  return batch;
}

asio::awaitable<void> AlertmanagerClient::run(std::shared_ptr<AlertmanagerClient> self) {
  for (;;) {
    const std::vector<OutgoingAlert> batch = self->next_batch();
    if (batch.empty()) co_return;
    const auto started = self->options_.clock->monotonic();
    std::string body = alerts_json(batch);
    const base::Status status = co_await self->post(std::move(body));
    const std::chrono::duration<double> took = self->options_.clock->monotonic() - started;
    self->finish_batch(batch.size(), status, took.count());
  }
}

asio::awaitable<base::Status> AlertmanagerClient::post(std::string body) {
  base::HttpClient::Request request;
  request.method = "POST";
  request.url = options_.url;
  request.headers.add("User-Agent", "Prometheus/3.14.0");
  request.headers.add("Content-Type", "application/json");
  request.body = std::move(body);
  base::HttpClient::Limits limits;
  limits.timeout = options_.timeout;
  limits.body_bytes = 1 << 20;  // the answer is not read
  const base::Result<base::HttpClient::Response> response =
      co_await options_.http->fetch(std::move(request), limits);
  if (!response.is_ok()) co_return response.status();
  if (response->status / 100 != 2) {
    co_return base::Status(
        base::Errc::kIo,
        "bad response status " + std::to_string(response->status) + " " + response->reason);
  }
  co_return base::Status();
}

void AlertmanagerClient::finish_batch(size_t count, const base::Status& status, double seconds) {
  if (!status.is_ok()) {
    options_.logger->error("Error sending alerts",
                           {{"alertmanager", name_}, {"count", count}, {"err", status.message()}});
  }
  const base::MutexLock lock(mutex_);
  if (!metrics_) return;
  if (!status.is_ok()) {
    // Not sent again: an alert that fires is told anew anyway.
    metrics_->errors.inc(static_cast<double>(count));
    drop(count);
    return;
  }
  metrics_->sent.inc(static_cast<double>(count));
  metrics_->latency.observe(seconds);
  metrics_->latency_histogram.observe(seconds);
}

void AlertmanagerClient::request_stop(bool drain) {
  const base::MutexLock lock(mutex_);
  stopping_ = true;
  if (drain) return;
  drop(queue_.size());
  queue_.clear();
  update_length();
}

void AlertmanagerClient::wait_stopped(std::chrono::milliseconds limit) {
  // The deadline is one of real time: a test's clock may stand still.
  const auto deadline = std::chrono::steady_clock::now() + limit;
  size_t left = 0;
  {
    const base::MutexLock lock(mutex_);
    while (sending_ && std::chrono::steady_clock::now() < deadline) {
      changed_.wait_for(mutex_, deadline - std::chrono::steady_clock::now());
    }
    left = queue_.size();
    drop(left);
    queue_.clear();
    update_length();
  }
  if (left > 0) {
    options_.logger->warn("Alert notification queue not drained on shutdown, dropping alerts",
                          {{"alertmanager", name_}, {"count", left}});
  }
}

}  // namespace silverback::rules
