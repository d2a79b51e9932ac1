#include <array>
#include <cmath>
#include <limits>

#include "model/histogram.h"

namespace silverback::model {
namespace {

constexpr int kFinest = 8;
constexpr size_t kSteps = size_t{1} << kFinest;

// 2^(2^-n) for n = 1..8. The first is one unit below the nearest double: client libraries cut their
// buckets with that figure, and bounds must be theirs to the bit.
constexpr std::array<double, kFinest> kFactors{
    1.414213562373095,  1.189207115002721,  1.0905077326652577, 1.0442737824274138,
    1.0218971486541166, 1.0108892860517005, 1.0054299011128027, 1.0027112750502025};

// 2^(k/256 - 1): each schema takes its even bounds from the coarser one and one factor for the odd.
constexpr std::array<double, kSteps> make_bounds() {
  std::array<double, kSteps> bounds{};
  bounds[0] = 0.5;
  for (size_t n = 1; n <= kFactors.size(); ++n) {
    const size_t stride = kSteps >> n;
    for (size_t k = stride; k < kSteps; k += 2 * stride)
      bounds[k] = bounds[k - stride] * kFactors[n - 1];
  }
  return bounds;
}
constexpr std::array<double, kSteps> kBounds = make_bounds();

}  // namespace

double exponential_bound(int32_t index, int32_t schema) {
  int64_t exponent = 0;
  double fraction = 0.5;
  if (schema < 0) {
    exponent = int64_t{index} * (int64_t{1} << -schema) + 1;
  } else {
    const auto step = static_cast<uint32_t>(index) & ((1u << schema) - 1);
    fraction = kBounds[size_t{step} << (kFinest - schema)];
    exponent = (int64_t{index} >> schema) + 1;
  }
  // Infinite observations have a bucket of their own: the last one before it ends at the largest
  // number, where the formula alone would overflow.
  if (fraction == 0.5 && exponent == 1025) return std::numeric_limits<double>::max();
  if (exponent > 2000) return std::numeric_limits<double>::infinity();
  if (exponent < -2000) return 0;
  return std::ldexp(fraction, static_cast<int>(exponent));
}

}  // namespace silverback::model
