#pragma once

#include <cstdint>
#include <limits>

namespace silverback::model {

/// Milliseconds since the Unix epoch.
using TimestampMs = int64_t;

inline constexpr TimestampMs kMinTime = std::numeric_limits<int64_t>::min() / 2;
inline constexpr TimestampMs kMaxTime = std::numeric_limits<int64_t>::max() / 2;

/// (after, until]: exclusive on the left, inclusive on the right, everywhere in this program.
struct TimeRange {
  TimestampMs after = kMinTime;
  TimestampMs until = kMaxTime;

  bool contains(TimestampMs t) const { return t > after && t <= until; }
  bool empty() const { return until <= after; }
  bool overlaps(const TimeRange& o) const { return after < o.until && o.after < until; }
  bool operator==(const TimeRange&) const = default;

  static TimeRange all() { return {}; }
};

}  // namespace silverback::model
