#pragma once

#include <span>
#include <string_view>

#include "promql/function_impl.h"
#include "promql/notes.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

/// The samples that stand for a window's bounds: `first` is the newest at or before the left one
/// (else the first there is), `last` the last sample, or for smoothed the first at or after the
/// right bound (else the last).
struct BoundIndexes {
  size_t first = 0;
  size_t last = 0;
};
BoundIndexes find_bounds(std::span<const model::TimestampMs> t, model::TimestampMs range_start,
                         model::TimestampMs range_end, bool smoothed);

/// The value at a bound: of the sample at that index, or interpolated with its neighbour.
double left_value(const RangeWindow& w, size_t first, model::TimestampMs range_start, bool smoothed,
                  bool counter);
double right_value(const RangeWindow& w, size_t last, model::TimestampMs range_end, bool smoothed,
                   bool counter);

/// What interpolation between samples met, over the steps of a series.
struct InterpolationNotes {
  bool mixed = false;
  bool mixed_schemas = false;
  bool reconciled_add = false, reconciled_sub = false;
};

/// Between two histograms at `t` in [t1, t2]. nullptr when they do not fit each other
/// (mixed_schemas is set).
HistogramRef interpolate_histograms(const HistogramRef& h1, model::TimestampMs t1,
                                    const HistogramRef& h2, model::TimestampMs t2,
                                    model::TimestampMs t, bool counter, InterpolationNotes& notes);

/// A smoothed instant selector at `t`, from the samples around it.
StepSample smooth_instant(const RangeWindow& w, model::TimestampMs t, InterpolationNotes& notes);
void note_interpolation(Notes& notes, const InterpolationNotes& what, std::string_view metric_name,
                        uint32_t pos);

/// Replaces what lies at or beyond the bounds of (after, until] by one sample on each of them.
void extend_to_bounds(SampleColumns& columns, model::TimestampMs after, model::TimestampMs until,
                      bool smoothed);

}  // namespace silverback::promql
