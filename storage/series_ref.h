#pragma once

#include <cstdint>

namespace silverback::storage {

/// Names a series of the head: the pair is never reused, the slot is. Not a key on disk.
struct SeriesRef {
  uint32_t slot = 0;
  uint32_t generation = 0;  // 0 = no series
  bool operator==(const SeriesRef&) const = default;
  explicit operator bool() const { return generation != 0; }
};

/// One source whose samples share timestamps (a scrape target, a rule group). 0 = none.
using TargetId = uint64_t;

}  // namespace silverback::storage
