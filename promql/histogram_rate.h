#pragma once

#include "model/histogram_ops.h"
#include "promql/counter_reset.h"
#include "promql/histogram_step.h"

namespace silverback::promql {

/// last - first of a window of at least two histograms, with what every reset took away; nullptr
/// when they do not fit each other.
HistogramRef histogram_change(const RangeWindow& w, RangeCall& call, bool counter);

/// Adds the window's first histogram to `sum` (nullptr: becomes it). False when they do not fit.
bool add_first_histogram(const HistogramRef& first, HistogramRef& sum, RangeNotes& notes);

/// rate, increase and delta of anchored and smoothed selectors.
StepSample bounded_histogram_change(const RangeWindow& w, RangeCall& call, bool counter,
                                    bool per_second);

/// irate and idelta.
StepSample instant_histogram_change(const model::Histogram& last, const model::Histogram& before,
                                    int64_t interval_ms, bool per_second, bool start_reset,
                                    RangeNotes& notes);

}  // namespace silverback::promql
