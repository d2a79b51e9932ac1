#include "base/metrics.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <variant>

#include "base/mutex.h"

namespace silverback::base::metrics {
namespace {

using Child = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>,
                           std::unique_ptr<Histogram>, std::unique_ptr<Summary>>;

Reading read(const Histogram& h) {
  Reading reading;
  for (size_t i = 0; i < h.bounds().size(); ++i) {
    reading.count += h.bucket(i);
    reading.buckets.emplace_back(h.bounds()[i], reading.count);
  }
  // Observations go on while we read: the total is what the buckets say, so that they agree.
  reading.count += h.bucket(h.bounds().size());
  reading.sum = h.sum();
  return reading;
}

Reading read(const Summary& s) {
  Reading reading;
  const std::vector<double> values = s.values();
  for (size_t i = 0; i < values.size(); ++i) {
    reading.quantiles.emplace_back(s.quantiles()[i], values[i]);
  }
  reading.sum = s.sum();
  reading.count = s.count();
  return reading;
}

Reading read(const Counter& c) {
  Reading reading;
  reading.value = c.value();
  return reading;
}

Reading read(const Gauge& g) {
  Reading reading;
  reading.value = g.value();
  return reading;
}

struct Gathered {
  Type type = Type::kGauge;
  std::string help;
  std::map<LabelPairs, Reading> children;
};
using GatheredFamilies = std::map<std::string, Gathered, std::less<>>;

class GatherSink final : public Sink {
 public:
  explicit GatherSink(GatheredFamilies& families) : families_(families) {}
  void counter(std::string_view name, std::string_view help, const LabelPairs& labels,
               double v) override {
    add(name, help, labels, v, Type::kCounter);
  }
  void gauge(std::string_view name, std::string_view help, const LabelPairs& labels,
             double v) override {
    add(name, help, labels, v, Type::kGauge);
  }

 private:
  void add(std::string_view name, std::string_view help, const LabelPairs& labels, double v,
           Type type) {
    Gathered& family = families_[std::string(name)];
    if (family.children.empty()) {
      family.type = type;
      family.help = help;
    }
    family.children[labels].value = v;
  }
  GatheredFamilies& families_;
};

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      buckets_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {
  assert(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(double v) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), v);
  // NaN compares below nothing: it belongs to no bucket but the last.
  const size_t i = std::isnan(v) ? bounds_.size() : static_cast<size_t>(at - bounds_.begin());
  buckets_[i].fetch_add(1, std::memory_order_relaxed);
  sum_.inc(v);
  count_.fetch_add(1, std::memory_order_relaxed);
}

/// Five slices of two minutes, each with a bounded sample of what was observed in it.
struct Summary::Window {
  static constexpr size_t kSlices = 5;
  static constexpr size_t kSamplesPerSlice = 500;
  static constexpr std::chrono::minutes kSliceLength{2};

  struct Slice {
    int64_t number = -1;  // which two minutes since the clock's start
    uint64_t seen = 0;
    std::vector<double> samples;
  };

  static int64_t now_slice() {
    return std::chrono::steady_clock::now().time_since_epoch() / kSliceLength;
  }

  Mutex mutex;
  std::array<Slice, kSlices> slices GUARDED_BY(mutex);
  uint64_t random GUARDED_BY(mutex) = 0x9e3779b97f4a7c15;
};

Summary::Summary(std::vector<double> quantiles)
    : quantiles_(std::move(quantiles)), window_(std::make_unique<Window>()) {}

Summary::~Summary() = default;

void Summary::observe(double v) {
  sum_.inc(v);
  count_.fetch_add(1, std::memory_order_relaxed);
  const int64_t number = Window::now_slice();
  MutexLock lock(window_->mutex);
  Window::Slice& slice = window_->slices[static_cast<size_t>(number) % Window::kSlices];
  if (slice.number != number) {
    slice.number = number;
    slice.seen = 0;
    slice.samples.clear();
  }
  ++slice.seen;
  if (slice.samples.size() < Window::kSamplesPerSlice) {
    slice.samples.push_back(v);
    return;
  }
  // Reservoir sampling: each observation of the slice has the same chance to stay.
  uint64_t& x = window_->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  const uint64_t at = x % slice.seen;
  if (at < slice.samples.size()) slice.samples[static_cast<size_t>(at)] = v;
}

std::vector<double> Summary::values() const {
  struct Weighted {
    double value;
    double weight;
  };
  std::vector<Weighted> all;
  double total = 0;
  {
    const int64_t newest = Window::now_slice();
    MutexLock lock(window_->mutex);
    for (const Window::Slice& slice : window_->slices) {
      if (slice.number <= newest - static_cast<int64_t>(Window::kSlices) || slice.samples.empty())
        continue;
      const double weight =
          static_cast<double>(slice.seen) / static_cast<double>(slice.samples.size());
      for (const double v : slice.samples) all.push_back(Weighted{v, weight});
      total += static_cast<double>(slice.seen);
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  std::vector<double> out;
  for (const double q : quantiles_) {
    double value = std::numeric_limits<double>::quiet_NaN();
    double before = 0;
    for (const Weighted& w : all) {
      value = w.value;
      before += w.weight;
      if (before >= q * total) break;
    }
    out.push_back(value);
  }
  return out;
}

struct Registry::Impl {
  struct Children {
    Type type = Type::kGauge;
    std::string help;
    std::map<LabelPairs, Child> children;
  };

  // The child of those labels; made by `make` when it is new.
  template <typename T, typename Make>
  T& child(Type type, std::string_view name, std::string_view help, LabelPairs labels,
           const Make& make) {
    MutexLock lock(mutex);
    Children& family = families[std::string(name)];
    if (family.children.empty()) {
      family.type = type;
      family.help = help;
    }
    assert(family.type == type);
    auto at = family.children.find(labels);
    if (at == family.children.end()) at = family.children.emplace(std::move(labels), make()).first;
    return *std::get<std::unique_ptr<T>>(at->second);
  }

  mutable Mutex mutex;
  std::map<std::string, Children, std::less<>> families GUARDED_BY(mutex);

  // Apart from `mutex`: a collector may ask for metrics. Held while collectors run, so that a
  // handle's end waits for its collector.
  struct Collectors {
    Mutex mutex;
    std::map<uint64_t, std::function<void(Sink&)>> by_id GUARDED_BY(mutex);
    uint64_t next_id GUARDED_BY(mutex) = 0;
  };
  std::shared_ptr<Collectors> collectors = std::make_shared<Collectors>();
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, LabelPairs labels) {
  return impl_->child<Counter>(Type::kCounter, name, help, std::move(labels),
                               [] { return std::make_unique<Counter>(); });
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, LabelPairs labels) {
  return impl_->child<Gauge>(Type::kGauge, name, help, std::move(labels),
                             [] { return std::make_unique<Gauge>(); });
}

Histogram& Registry::histogram(std::string_view name, std::string_view help,
                               std::vector<double> bounds, LabelPairs labels) {
  return impl_->child<Histogram>(Type::kHistogram, name, help, std::move(labels),
                                 [&] { return std::make_unique<Histogram>(std::move(bounds)); });
}

Summary& Registry::summary(std::string_view name, std::string_view help,
                           std::vector<double> quantiles, LabelPairs labels) {
  return impl_->child<Summary>(Type::kSummary, name, help, std::move(labels),
                               [&] { return std::make_unique<Summary>(std::move(quantiles)); });
}

void Registry::remove(std::string_view name, const LabelPairs& labels) {
  MutexLock lock(impl_->mutex);
  const auto family = impl_->families.find(name);
  if (family == impl_->families.end()) return;
  auto& children = family->second.children;
  for (auto at = children.begin(); at != children.end();) {
    const LabelPairs& own = at->first;
    const bool carries_all = std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
      return std::find(own.begin(), own.end(), label) != own.end();
    });
    at = carries_all ? children.erase(at) : std::next(at);
  }
}

std::shared_ptr<void> Registry::add_collector(std::function<void(Sink&)> collect) {
  const std::shared_ptr<Impl::Collectors> collectors = impl_->collectors;
  uint64_t id = 0;
  {
    MutexLock lock(collectors->mutex);
    id = collectors->next_id++;
    collectors->by_id.emplace(id, std::move(collect));
  }
  return std::shared_ptr<void>(nullptr, [collectors, id](std::nullptr_t) {
    MutexLock lock(collectors->mutex);
    collectors->by_id.erase(id);
  });
}

std::vector<Family> Registry::gather() const {
  GatheredFamilies gathered;
  {
    GatherSink sink(gathered);
    MutexLock lock(impl_->collectors->mutex);
    for (const auto& entry : impl_->collectors->by_id) entry.second(sink);
  }
  {
    MutexLock lock(impl_->mutex);
    for (const auto& entry : impl_->families) {
      if (entry.second.children.empty()) continue;
      Gathered& family = gathered[entry.first];
      family.type = entry.second.type;
      family.help = entry.second.help;
      for (const auto& child : entry.second.children) {
        family.children[child.first] =
            std::visit([](const auto& metric) { return read(*metric); }, child.second);
      }
    }
  }
  std::vector<Family> out;
  out.reserve(gathered.size());
  for (auto& entry : gathered) {
    Family family{entry.first, std::move(entry.second.help), entry.second.type, {}};
    for (auto& child : entry.second.children) {
      family.children.emplace_back(child.first, std::move(child.second));
    }
    out.push_back(std::move(family));
  }
  return out;
}

}  // namespace silverback::base::metrics
