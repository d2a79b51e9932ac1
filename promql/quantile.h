#pragma once

#include <vector>

namespace silverback::promql {

/// The q-quantile by linear interpolation between sorted values, NaN the smallest. Sorts `values`.
/// NaN for no values or q = NaN; -Inf and +Inf for q beyond [0, 1].
double quantile(double q, std::vector<double>& values);

/// One bucket of a classic histogram: observations <= upper.
struct ClassicBucket {
  double upper = 0;
  double count = 0;
};

/// What had to be mended before a quantile could be read off.
struct MonotonicFix {
  bool forced = false;
  double min_bucket = 0, max_bucket = 0, max_diff = 0;
};

/// The q-quantile of a classic histogram; sorts and mends `buckets` (at least one).
double bucket_quantile(double q, std::vector<ClassicBucket>& buckets, MonotonicFix* fix);
/// The fraction of observations in (lower, upper]; sorts `buckets` (at least one).
double bucket_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

}  // namespace silverback::promql
