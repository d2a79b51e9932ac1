#pragma once

#include <cmath>
#include <limits>

#include "model/kahan.h"

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

using model::kahan_add;

}  // namespace silverback::promql
