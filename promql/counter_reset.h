#pragma once

#include "model/timestamp.h"

namespace silverback::promql {

/// Start timestamps (0 = unknown) tell of a counter reset between two samples. One that equals the
/// former sample's time is a reset only if that sample's own start was known: otherwise it is how
/// an unknown start is written.
inline bool is_start_time_reset(model::TimestampMs start_before, model::TimestampMs before,
                                model::TimestampMs start, model::TimestampMs t) {
  if (start == 0 || start >= t || start < before) return false;
  if (start > before) return true;
  return start_before <= before && start_before != 0 && start_before != before;
}

/// A sample that claims to have started before its forerunner, with another start than that one.
inline bool start_time_overlaps(model::TimestampMs start_before, model::TimestampMs before,
                                model::TimestampMs start) {
  return start != 0 && start < before && start != start_before;
}

}  // namespace silverback::promql
