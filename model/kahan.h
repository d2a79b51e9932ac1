#pragma once

#include <cmath>

namespace silverback::model {

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

}  // namespace silverback::model
