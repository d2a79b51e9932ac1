#include "model/histogram_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/kahan.h"

namespace silverback::model {

namespace {

using Buckets = std::vector<IndexedBucket>;

constexpr double kInf = std::numeric_limits<double>::infinity();

Buckets to_indexed(const std::vector<Span>& spans, const std::vector<double>& counts) {
  Buckets out;
  out.reserve(counts.size());
  int32_t index = 0;
  size_t at = 0;
  for (const Span& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && at < counts.size(); ++i) {
      out.push_back({index++, counts[at++], 0});
    }
  }
  return out;
}

void to_spans(const Buckets& in, bool compensated, std::vector<Span>& spans,
              std::vector<double>& counts) {
  spans.clear();
  counts.clear();
  counts.reserve(in.size());
  int32_t next = 0;
  for (const IndexedBucket& b : in) {
    if (spans.empty() || b.index != next) {
      spans.push_back({b.index - next, 0});
    }
    ++spans.back().length;
    next = b.index + 1;
    counts.push_back(compensated ? b.count + b.c : b.count);
  }
}

int32_t reduced_index(int32_t index, int32_t from, int32_t to) {
  // A shift by 31 leaves the sign alone, and so would any longer one.
  return ((index - 1) >> std::min(from - to, 31)) + 1;
}

Buckets reduce_buckets(const Buckets& in, int32_t from, int32_t to) {
  Buckets out;
  for (const IndexedBucket& b : in) {
    const int32_t index = reduced_index(b.index, from, to);
    if (out.empty() || out.back().index != index) {
      out.push_back({index, b.count, b.c});
      continue;
    }
    kahan_add(b.count, out.back().count, out.back().c);
    kahan_add(b.c, out.back().count, out.back().c);
  }
  return out;
}

/// a += sign * b, bucket by bucket.
Buckets merge_buckets(const Buckets& a, const Buckets& b, double sign) {
  Buckets out;
  out.reserve(std::max(a.size(), b.size()));
  size_t i = 0;
  for (const IndexedBucket& other : b) {
    while (i < a.size() && a[i].index < other.index) out.push_back(a[i++]);
    if (i < a.size() && a[i].index == other.index) {
      IndexedBucket sum = a[i++];
      kahan_add(sign * other.count, sum.count, sum.c);
      if (other.c != 0) kahan_add(sign * other.c, sum.count, sum.c);
      out.push_back(sum);
    } else {
      out.push_back({other.index, sign * other.count, sign * other.c});
    }
  }
  out.insert(out.end(), a.begin() + static_cast<std::ptrdiff_t>(i), a.end());
  return out;
}

/// Leaves out exponential buckets that lie inside the zero bucket.
Buckets outside_zero(const Buckets& in, int32_t schema, double threshold) {
  Buckets out;
  for (const IndexedBucket& b : in) {
    if (out.empty() && exponential_bound(b.index, schema) <= threshold) continue;
    out.push_back(b);
  }
  return out;
}

std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

/// Custom buckets cut to fewer bounds.
Buckets map_bounds(const Buckets& in, const std::vector<double>& from,
                   const std::vector<double>& to) {
  Buckets out;
  for (const IndexedBucket& b : in) {
    const auto source = static_cast<size_t>(b.index);
    auto at = to.end();
    if (source < from.size()) at = std::lower_bound(to.begin(), to.end(), from[source]);
    const auto index = static_cast<int32_t>(at - to.begin());
    if (out.empty() || out.back().index != index) {
      out.push_back({index, 0, 0});
    }
    kahan_add(b.count, out.back().count, out.back().c);
    kahan_add(b.c, out.back().count, out.back().c);
  }
  return out;
}

void remove_empty(Buckets& buckets) {
  buckets.erase(std::remove_if(buckets.begin(), buckets.end(),
                               [](const IndexedBucket& b) { return b.count == 0 && b.c == 0; }),
                buckets.end());
}

/// The hint of a sum; true when the two contradict each other.
bool merge_hints(CounterResetHint& hint, CounterResetHint other) {
  if (hint == other || hint == CounterResetHint::kGauge) return false;
  if (other == CounterResetHint::kGauge) {
    hint = CounterResetHint::kGauge;
    return false;
  }
  const bool collision = hint != CounterResetHint::kUnknown && other != CounterResetHint::kUnknown;
  hint = CounterResetHint::kUnknown;
  return collision;
}

Histogram::Bucket custom_bucket(const std::vector<double>& bounds, int32_t index, double count) {
  const auto n = static_cast<int32_t>(bounds.size());
  Histogram::Bucket b;
  b.count = count;
  b.lower = index <= 0 ? -kInf : bounds[static_cast<size_t>(std::min(index, n) - 1)];
  b.upper = index >= n ? kInf : bounds[static_cast<size_t>(std::max(index, 0))];
  b.lower_inclusive = index <= 0;
  b.upper_inclusive = true;
  return b;
}

Histogram::Bucket exponential_bucket(int32_t schema, const IndexedBucket& at, bool positive) {
  Histogram::Bucket b;
  b.count = at.count;
  const double low = exponential_bound(at.index - 1, schema);
  const double high = exponential_bound(at.index, schema);
  b.lower = positive ? low : -high;
  b.upper = positive ? high : -low;
  b.lower_inclusive = !positive;
  b.upper_inclusive = positive;
  return b;
}

/// Missing or shrunken buckets.
bool any_bucket_shrank(const Buckets& current, const Buckets& previous) {
  size_t i = 0;
  for (const IndexedBucket& p : previous) {
    while (i < current.size() && current[i].index < p.index) ++i;
    const bool found = i < current.size() && current[i].index == p.index;
    if (found ? current[i].count < p.count : p.count != 0) return true;
  }
  return false;
}

}  // namespace

HistogramAccumulator::HistogramAccumulator(const Histogram& first)
    : h_(first),
      positive_(to_indexed(first.positive_spans, first.positive_buckets)),
      negative_(to_indexed(first.negative_spans, first.negative_buckets)) {
  h_.positive_spans.clear();
  h_.negative_spans.clear();
  h_.positive_buckets.clear();
  h_.negative_buckets.clear();
}

HistogramSum HistogramAccumulator::add_signed(const Histogram& other, double sign) {
  HistogramSum sum;
  if (h_.uses_custom_buckets() != other.uses_custom_buckets()) {
    sum.compatible = false;
    return sum;
  }
  HistogramAccumulator o(other);
  sum.reset_collision = merge_hints(h_.hint, other.hint);
  if (h_.uses_custom_buckets()) {
    sum.reconciled = add_custom(o, sign).reconciled;
  } else {
    while (o.h_.zero_threshold != h_.zero_threshold) {
      if (h_.zero_threshold > o.h_.zero_threshold) o.widen_zero(h_.zero_threshold);
      if (o.h_.zero_threshold > h_.zero_threshold) widen_zero(o.h_.zero_threshold);
    }
    kahan_add(sign * o.h_.zero_count, h_.zero_count, zero_c_);
    const int32_t schema = std::min(h_.schema, o.h_.schema);
    reduce(schema);
    o.reduce(schema);
    positive_ =
        merge_buckets(positive_, outside_zero(o.positive_, schema, h_.zero_threshold), sign);
    negative_ =
        merge_buckets(negative_, outside_zero(o.negative_, schema, h_.zero_threshold), sign);
  }
  kahan_add(sign * other.count, h_.count, count_c_);
  kahan_add(sign * other.sum, h_.sum, sum_c_);
  h_.integer = h_.integer && other.integer;
  return sum;
}

HistogramSum HistogramAccumulator::add_custom(const HistogramAccumulator& other, double sign) {
  HistogramSum sum;
  if (h_.custom_values == other.h_.custom_values) {
    positive_ = merge_buckets(positive_, other.positive_, sign);
    return sum;
  }
  sum.reconciled = true;
  const std::vector<double> bounds = common_bounds(h_.custom_values, other.h_.custom_values);
  positive_ = merge_buckets(map_bounds(positive_, h_.custom_values, bounds),
                            map_bounds(other.positive_, other.h_.custom_values, bounds), sign);
  remove_empty(positive_);
  h_.custom_values = bounds;
  return sum;
}

void HistogramAccumulator::reduce(int32_t schema) {
  if (schema == h_.schema) return;
  positive_ = reduce_buckets(positive_, h_.schema, schema);
  negative_ = reduce_buckets(negative_, h_.schema, schema);
  h_.schema = schema;
}

// Adds the buckets below the threshold to the zero bucket. A populated bucket across it moves the
// threshold to its far end: true, the other side must be looked at again.
bool HistogramAccumulator::absorb(const Buckets& buckets, ZeroBucket& zero) const {
  for (const IndexedBucket& b : buckets) {
    if (exponential_bound(b.index - 1, h_.schema) >= zero.threshold) return false;
    kahan_add(b.count, zero.count, zero.c);
    kahan_add(b.c, zero.count, zero.c);
    const double upper = exponential_bound(b.index, h_.schema);
    if (upper > zero.threshold) {
      if (b.count == 0) return false;
      zero.threshold = upper;
      return true;
    }
  }
  return false;
}

HistogramAccumulator::ZeroBucket HistogramAccumulator::zero_for(double threshold) const {
  ZeroBucket zero{threshold, h_.zero_count, zero_c_};
  if (threshold == h_.zero_threshold) return zero;
  while (true) {
    zero.count = h_.zero_count;
    zero.c = zero_c_;
    absorb(positive_, zero);
    if (!absorb(negative_, zero)) return zero;
  }
}

void HistogramAccumulator::widen_zero(double threshold) {
  const ZeroBucket zero = zero_for(threshold);
  h_.zero_threshold = zero.threshold;
  h_.zero_count = zero.count;
  zero_c_ = zero.c;
  const auto absorbed = [this](const IndexedBucket& b) {
    return exponential_bound(b.index - 1, h_.schema) < h_.zero_threshold;
  };
  for (Buckets* side : {&positive_, &negative_}) {
    side->erase(std::remove_if(side->begin(), side->end(), absorbed), side->end());
    remove_empty(*side);
  }
}

void HistogramAccumulator::scale(double factor) {
  for (double* v : {&h_.count, &h_.sum, &h_.zero_count, &count_c_, &sum_c_, &zero_c_}) {
    *v *= factor;
  }
  for (Buckets* side : {&positive_, &negative_}) {
    for (IndexedBucket& b : *side) {
      b.count *= factor;
      b.c *= factor;
    }
  }
}

void HistogramAccumulator::divide(double by) {
  for (double* v : {&h_.count, &h_.sum, &h_.zero_count, &count_c_, &sum_c_, &zero_c_}) *v /= by;
  for (Buckets* side : {&positive_, &negative_}) {
    for (IndexedBucket& b : *side) {
      b.count /= by;
      b.c /= by;
    }
  }
}

bool HistogramAccumulator::overflows() const {
  if (std::isinf(h_.count) || std::isinf(h_.sum) || std::isinf(h_.zero_count)) return true;
  const auto infinite = [](const IndexedBucket& b) { return std::isinf(b.count); };
  return std::any_of(positive_.begin(), positive_.end(), infinite) ||
         std::any_of(negative_.begin(), negative_.end(), infinite);
}

Histogram HistogramAccumulator::build(bool compensated) const {
  Histogram h = h_;
  if (compensated) {
    h.count += count_c_;
    h.sum += sum_c_;
    h.zero_count += zero_c_;
  }
  to_spans(positive_, compensated, h.positive_spans, h.positive_buckets);
  to_spans(negative_, compensated, h.negative_spans, h.negative_buckets);
  return h;
}

Histogram HistogramAccumulator::result() const {
  return build(true);
}
Histogram HistogramAccumulator::uncompensated() const {
  return build(false);
}

HistogramSum add_histogram(Histogram& h, const Histogram& other) {
  HistogramAccumulator a(h);
  const HistogramSum sum = a.add(other);
  if (sum.compatible) h = a.uncompensated();
  return sum;
}

HistogramSum subtract_histogram(Histogram& h, const Histogram& other) {
  HistogramAccumulator a(h);
  const HistogramSum sum = a.subtract(other);
  if (sum.compatible) h = a.uncompensated();
  return sum;
}

void scale(Histogram& h, double factor) {
  h.integer = false;
  h.count *= factor;
  h.sum *= factor;
  h.zero_count *= factor;
  for (double& v : h.positive_buckets) v *= factor;
  for (double& v : h.negative_buckets) v *= factor;
  if (factor < 0) h.hint = CounterResetHint::kGauge;
}

void divide(Histogram& h, double by) {
  h.integer = false;
  h.count /= by;
  h.sum /= by;
  h.zero_count /= by;
  if (by == 0) {
    h.positive_spans.clear();
    h.negative_spans.clear();
    h.positive_buckets.clear();
    h.negative_buckets.clear();
    return;
  }
  for (double& v : h.positive_buckets) v /= by;
  for (double& v : h.negative_buckets) v /= by;
  if (by < 0) h.hint = CounterResetHint::kGauge;
}

void compact(Histogram& h) {
  Buckets positive = to_indexed(h.positive_spans, h.positive_buckets);
  Buckets negative = to_indexed(h.negative_spans, h.negative_buckets);
  remove_empty(positive);
  remove_empty(negative);
  to_spans(positive, false, h.positive_spans, h.positive_buckets);
  to_spans(negative, false, h.negative_spans, h.negative_buckets);
}

Histogram copy_to_schema(const Histogram& h, int32_t schema) {
  if (schema == h.schema) return h;
  Histogram out = h;
  out.hint = CounterResetHint::kUnknown;
  out.schema = schema;
  to_spans(reduce_buckets(to_indexed(h.positive_spans, h.positive_buckets), h.schema, schema),
           false, out.positive_spans, out.positive_buckets);
  to_spans(reduce_buckets(to_indexed(h.negative_spans, h.negative_buckets), h.schema, schema),
           false, out.negative_spans, out.negative_buckets);
  return out;
}

bool detect_reset(const Histogram& current, const Histogram& previous) {
  if (current.hint == CounterResetHint::kReset) return true;
  if (current.hint == CounterResetHint::kNotReset) return false;
  if (current.count < previous.count) return true;
  const Buckets now = to_indexed(current.positive_spans, current.positive_buckets);
  if (current.uses_custom_buckets()) {
    if (!previous.uses_custom_buckets()) return true;
    const Buckets before = to_indexed(previous.positive_spans, previous.positive_buckets);
    if (current.custom_values == previous.custom_values) return any_bucket_shrank(now, before);
    const std::vector<double> bounds = common_bounds(current.custom_values, previous.custom_values);
    return any_bucket_shrank(map_bounds(now, current.custom_values, bounds),
                             map_bounds(before, previous.custom_values, bounds));
  }
  if (current.schema > previous.schema || current.zero_threshold < previous.zero_threshold) {
    return true;
  }
  HistogramAccumulator before(previous);
  const auto zero = before.zero_for(current.zero_threshold);
  if (zero.threshold != current.zero_threshold || current.zero_count < zero.count) return true;
  before.reduce(current.schema);
  const auto outside = [&](const Buckets& b) {
    return outside_zero(b, current.schema, current.zero_threshold);
  };
  if (any_bucket_shrank(outside(now), outside(before.positive_))) return true;
  return any_bucket_shrank(outside(to_indexed(current.negative_spans, current.negative_buckets)),
                           outside(before.negative_));
}

std::vector<Histogram::Bucket> all_buckets(const Histogram& h) {
  std::vector<Histogram::Bucket> out;
  const Buckets positive = to_indexed(h.positive_spans, h.positive_buckets);
  if (h.uses_custom_buckets()) {
    for (const IndexedBucket& b : positive) {
      out.push_back(custom_bucket(h.custom_values, b.index, b.count));
    }
    return out;
  }
  const Buckets negative = to_indexed(h.negative_spans, h.negative_buckets);
  const double zero = h.zero_threshold;
  for (auto b = negative.rbegin(); b != negative.rend(); ++b) {
    out.push_back(exponential_bucket(h.schema, *b, false));
    if (out.back().upper > -zero) out.back().upper = -zero;
  }
  if (h.zero_count > 0) out.push_back({-zero, zero, h.zero_count, true, true});
  for (const IndexedBucket& b : positive) {
    out.push_back(exponential_bucket(h.schema, b, true));
    if (out.back().lower < zero) out.back().lower = zero;
  }
  return out;
}

double fraction_below(const Histogram::Bucket& b, double v, bool linear) {
  if (linear) return (v - b.lower) / (b.upper - b.lower);
  const double log_lower = std::log2(std::abs(b.lower));
  const double log_upper = std::log2(std::abs(b.upper));
  const double log_v = std::log2(std::abs(v));
  if (v > 0) return (log_v - log_lower) / (log_upper - log_lower);
  return 1 - (log_v - log_upper) / (log_lower - log_upper);
}

}  // namespace silverback::model
