#include "promql/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace silverback::promql {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Relative differences below this between neighbouring buckets are rounding, not observations.
constexpr double kSmallDelta = 1e-12;

bool almost_equal(double a, double b) {
  if (a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double diff = std::abs(a - b);
  const double sum = std::abs(a) + std::abs(b);
  if (a == 0 || b == 0 || sum < kMinNormal) return diff < kSmallDelta * kMinNormal;
  return diff / std::min(sum, std::numeric_limits<double>::max()) < kSmallDelta;
}

/// Sorted by bound, equal bounds added up. False when the highest bound is not +Inf.
bool prepare(std::vector<ClassicBucket>& buckets) {
  std::sort(buckets.begin(), buckets.end(),
            [](const ClassicBucket& a, const ClassicBucket& b) { return a.upper < b.upper; });
  if (buckets.back().upper != kInf) return false;
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper == buckets[last].upper) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
  return true;
}

MonotonicFix make_monotonic(std::vector<ClassicBucket>& buckets) {
  MonotonicFix fix{false, kInf, -kInf, 0};
  double before = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    ClassicBucket& b = buckets[i];
    if (b.count == before) continue;
    if (almost_equal(before, b.count)) {
      b.count = before;
    } else if (b.count < before) {
      fix.forced = true;
      fix.min_bucket = std::min(fix.min_bucket, b.upper);
      fix.max_bucket = std::max(fix.max_bucket, b.upper);
      fix.max_diff = std::max(fix.max_diff, before - b.count);
      b.count = before;
    } else {
      before = b.count;
    }
  }
  return fix;
}

/// Cumulative count at `bound` inside the bucket (lower, b.upper], linearly.
double rank_inside(double bound, double lower, double rank_before, const ClassicBucket& b) {
  if (lower == -kInf) return b.count;
  return rank_before + (b.count - rank_before) * (bound - lower) / (b.upper - lower);
}

}  // namespace

double quantile(double q, std::vector<double>& values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  std::sort(values.begin(), values.end(), [](double a, double b) {
    if (std::isnan(a)) return !std::isnan(b);
    return a < b;
  });
  const double n = static_cast<double>(values.size());
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return values[static_cast<size_t>(lower)] * (1 - weight) +
         values[static_cast<size_t>(upper)] * weight;
}

double bucket_quantile(double q, std::vector<ClassicBucket>& buckets, MonotonicFix* fix) {
  *fix = {};
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (!prepare(buckets)) return kNan;
  *fix = make_monotonic(buckets);
  if (buckets.size() < 2) return kNan;
  const double observations = buckets.back().count;
  if (observations == 0) return kNan;

  double rank = q * observations;
  const auto last = buckets.end() - 1;
  // The first of the bounded buckets that reaches the rank.
  const auto at = std::partition_point(
      buckets.begin(), last, [rank](const ClassicBucket& b) { return !(b.count >= rank); });
  if (at == last) return (last - 1)->upper;
  if (at == buckets.begin() && at->upper <= 0) return at->upper;
  double start = 0;
  double count = at->count;
  if (at != buckets.begin()) {
    start = (at - 1)->upper;
    count -= (at - 1)->count;
    rank -= (at - 1)->count;
  }
  return start + (at->upper - start) * (rank / count);
}

double bucket_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (!prepare(buckets)) return kNan;
  const double total = buckets.back().count;
  if (total == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;

  std::optional<double> lower_rank;
  std::optional<double> upper_rank;
  double rank = 0;
  // Positive bounds only: observations are taken to start at 0.
  double bucket_lower = buckets[0].upper <= 0 ? -kInf : 0;
  for (const ClassicBucket& b : buckets) {
    const auto locate = [&](double bound, std::optional<double>& found) {
      if (found) return;
      if (bucket_lower >= bound) {
        found = rank;
      } else if (b.upper > bound) {
        found = rank_inside(bound, bucket_lower, rank, b);
      }
    };
    locate(lower, lower_rank);
    locate(upper, upper_rank);
    if (lower_rank && upper_rank) break;
    rank = b.count;
    bucket_lower = b.upper;
  }
  const double from = std::min(lower_rank.value_or(total), total);
  const double to = std::min(upper_rank.value_or(total), total);
  return (to - from) / total;
}

}  // namespace silverback::promql
