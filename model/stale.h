#pragma once

#include <bit>
#include <cstdint>

namespace silverback::model {

/// The NaN payload that ends a series, and the one that ordinary NaNs are normalised to.
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002;
inline constexpr uint64_t kNormalNanBits = 0x7ff8000000000001;

inline double stale_nan() {
  return std::bit_cast<double>(kStaleNanBits);
}
inline double normal_nan() {
  return std::bit_cast<double>(kNormalNanBits);
}
inline bool is_stale(double v) {
  return std::bit_cast<uint64_t>(v) == kStaleNanBits;
}

}  // namespace silverback::model
