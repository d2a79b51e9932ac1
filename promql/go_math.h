#pragma once

#include <cmath>
#include <limits>

namespace silverback::promql {

/// Go's math.Min: NaN if either is NaN, -0 before 0.
inline double go_min(double a, double b) {
  if (std::isinf(a) && a < 0) return a;
  if (std::isinf(b) && b < 0) return b;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

/// Go's math.Max: NaN if either is NaN (but +Inf wins), 0 before -0.
inline double go_max(double a, double b) {
  if (std::isinf(a) && a > 0) return a;
  if (std::isinf(b) && b > 0) return b;
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
  if (a == 0 && a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

/// sum += x with Neumaier's compensation in c. The answer is sum + c.
inline void kahan_add(double x, double& sum, double& c) {
  const double t = sum + x;
  if (std::isinf(t)) {
    c = 0;
  } else if (std::abs(sum) >= std::abs(x)) {
    c += (sum - t) + x;
  } else {
    c += (x - t) + sum;
  }
  sum = t;
}

}  // namespace silverback::promql
