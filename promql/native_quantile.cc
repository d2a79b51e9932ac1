#include "promql/native_quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "model/histogram_ops.h"
#include "promql/go_math.h"

namespace silverback::promql {

namespace {

using Bucket = model::Histogram::Bucket;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// With buckets on one side only, the zero bucket is taken to end at 0.
void halve_zero_bucket(const model::Histogram& h, Bucket& b) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) {
    b.lower = 0;
  } else if (h.positive_buckets.empty() && !h.negative_buckets.empty()) {
    b.upper = 0;
  }
}

/// The value at `fraction` of the way through the bucket.
double interpolate(const model::Histogram& h, const Bucket& b, double fraction) {
  if (h.uses_custom_buckets() || (b.lower <= 0 && b.upper >= 0)) {
    return b.lower + (b.upper - b.lower) * fraction;
  }
  const double log_lower = std::log2(std::abs(b.lower));
  const double log_upper = std::log2(std::abs(b.upper));
  if (b.lower > 0) return std::exp2(log_lower + (log_upper - log_lower) * fraction);
  return -std::exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

}  // namespace

double native_quantile(double q, const model::Histogram& h, NanObservations* nan) {
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (h.count == 0 || std::isnan(q)) return kNan;
  // NaN observations are in no bucket: ranks then hold from the low end only.
  const bool forward = std::isnan(h.sum) || q < 0.5;
  std::vector<Bucket> buckets = model::all_buckets(h);
  if (!forward) std::reverse(buckets.begin(), buckets.end());
  double rank = forward ? q * h.count : (1 - q) * h.count;

  Bucket bucket;
  double count = 0;
  size_t at = 0;
  while (at < buckets.size()) {
    bucket = buckets[at++];
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  if (h.uses_custom_buckets()) {
    if (bucket.lower == -kInf) {
      if (bucket.upper <= 0) return bucket.upper;
      bucket.lower = 0;
    } else if (bucket.upper == kInf) {
      return bucket.lower;
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    halve_zero_bucket(h, bucket);
  }
  count = std::min(count, h.count);
  if (count < rank) {
    if (!std::isnan(h.sum)) return bucket.upper;
    nan->result_is_nan = true;
    return kNan;
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  if (std::isnan(h.sum)) {
    // Prometheus goes on to the last bucket here and reads the answer from that one.
    double total = count;
    for (; at < buckets.size(); ++at) {
      bucket = buckets[at];
      total += bucket.count;
    }
    nan->skewed = total < h.count;
  }
  return interpolate(h, bucket, rank / bucket.count);
}

double native_fraction(double lower, double upper, const model::Histogram& h,
                       NanObservations* nan) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  std::optional<double> lower_rank;
  std::optional<double> upper_rank;
  double rank = 0;
  double total = 0;
  for (Bucket b : model::all_buckets(h)) {
    total += b.count;
    if (lower_rank && upper_rank) continue;
    const bool zero = b.lower <= 0 && b.upper >= 0;
    if (zero) halve_zero_bucket(h, b);
    const auto locate = [&](double bound, std::optional<double>& found) {
      if (found) return;
      if (b.lower >= bound) {
        found = rank;
      } else if (b.upper > bound) {
        const bool linear = h.uses_custom_buckets() || zero;
        found = linear && b.lower == -kInf
                    ? b.count
                    : rank + b.count * model::fraction_below(b, bound, linear);
      }
    };
    locate(lower, lower_rank);
    locate(upper, upper_rank);
    rank += b.count;
  }
  const bool nan_sum = std::isnan(h.sum);
  if (nan_sum && total < h.count) nan->excluded = true;
  const double count = nan_sum ? total : h.count;
  const double from = std::min(lower_rank.value_or(count), count);
  const double to = std::min(upper_rank.value_or(count), count);
  return (to - from) / h.count;
}

double native_variance(const model::Histogram& h) {
  const double mean = h.sum / h.count;
  double variance = 0;
  double c = 0;
  for (const Bucket& b : model::all_buckets(h)) {
    if (b.count == 0) continue;
    double middle = 0;
    if (h.uses_custom_buckets()) {
      middle = (b.upper + b.lower) / 2.0;
    } else if (!(b.lower <= 0 && b.upper >= 0)) {
      middle = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    kahan_add(b.count * delta * delta, variance, c);
  }
  return (variance + c) / h.count;
}

}  // namespace silverback::promql
