#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace silverback::base::metrics {

/// Label names and values of one child, in the order to print.
using LabelPairs = std::vector<std::pair<std::string, std::string>>;

/// Threads: any thread, lock-free.
class Counter {
 public:
  void inc(double by = 1) {
    double cur = value_.load(std::memory_order_relaxed);
    while (!value_.compare_exchange_weak(cur, cur + by, std::memory_order_relaxed)) {
    }
  }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double by) {
    double cur = value_.load(std::memory_order_relaxed);
    while (!value_.compare_exchange_weak(cur, cur + by, std::memory_order_relaxed)) {
    }
  }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Classic histogram with fixed upper bounds (+Inf is implied).
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double v);
  const std::vector<double>& bounds() const { return bounds_; }
  uint64_t bucket(size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
  double sum() const { return sum_.value(); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // not cumulative; last is +Inf
  Counter sum_;
  std::atomic<uint64_t> count_{0};
};

/// Quantiles over a sliding window of the last ten minutes, as client_golang's summaries.
class Summary {
 public:
  explicit Summary(std::vector<double> quantiles);
  ~Summary();
  void observe(double v);
  const std::vector<double>& quantiles() const { return quantiles_; }
  /// NaN when the window is empty.
  std::vector<double> values() const;
  double sum() const { return sum_.value(); }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Window;
  const std::vector<double> quantiles_;
  std::unique_ptr<Window> window_;
  Counter sum_;
  std::atomic<uint64_t> count_{0};
};

/// What a collector callback writes into at scrape time.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void counter(std::string_view name, std::string_view help, const LabelPairs& labels,
                       double v) = 0;
  virtual void gauge(std::string_view name, std::string_view help, const LabelPairs& labels,
                     double v) = 0;
};

enum class Type : uint8_t { kCounter, kGauge, kHistogram, kSummary };
/// "counter"...
std::string_view type_name(Type type);

/// What one child shows at one instant.
struct Reading {
  double value = 0;    // counter, gauge
  uint64_t count = 0;  // histogram, summary
  double sum = 0;
  /// Upper bound and cumulative count, without +Inf (which is `count`); quantile and value.
  std::vector<std::pair<double, uint64_t>> buckets;
  std::vector<std::pair<double, double>> quantiles;
};
struct Family {
  std::string name;
  std::string help;
  Type type = Type::kGauge;
  std::vector<std::pair<LabelPairs, Reading>> children;  // by labels
};
enum class TextFormat : uint8_t {
  kText,         // 0.0.4
  kOpenMetrics,  // 1.0.0
};
std::string to_text(const std::vector<Family>& families, TextFormat format);

/// Owns every metric of the process; children live as long as it does. Asking again for the same
/// name and labels gives the same child. Threads: any thread.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& counter(std::string_view name, std::string_view help, LabelPairs labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, LabelPairs labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       LabelPairs labels = {});
  Summary& summary(std::string_view name, std::string_view help, std::vector<double> quantiles,
                   LabelPairs labels = {});
  /// Drops the children of `name` that carry all of `labels` (a removed job, a removed rule group).
  /// References to them dangle: the owner must not use them any more.
  void remove(std::string_view name, const LabelPairs& labels);
  /// Called at every render. Unregisters when the returned handle dies.
  [[nodiscard]] std::shared_ptr<void> add_collector(std::function<void(Sink&)> collect);

  /// All families, sorted by name.
  std::vector<Family> gather() const;
  std::string render_text() const { return to_text(gather(), TextFormat::kText); }
  std::string render_openmetrics() const { return to_text(gather(), TextFormat::kOpenMetrics); }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::base::metrics
