#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "promql/evaluator.h"
#include "promql/step_value.h"

namespace silverback::promql {

/// The samples of one series in one window, ascending. Views into the reader's columns.
struct RangeWindow {
  std::span<const model::TimestampMs> t;
  std::span<const double> v;
  std::span<const model::TimestampMs> start;  // empty when no sample has a start timestamp
  std::span<const model::TimestampMs> histogram_t;
  std::span<const HistogramRef> histograms;
  std::span<const model::TimestampMs> histogram_start;

  bool empty() const { return t.empty() && histogram_t.empty(); }
  bool mixed() const { return !t.empty() && !histogram_t.empty(); }
};

/// What kernels have to say; gathered over the steps of a series, worded once.
struct RangeNotes {
  bool mixed = false;               // warning: floats and histograms for metric name
  bool ignored_histograms = false;  // info: in a range containing both
  bool not_counter = false, not_gauge = false;
  bool mixed_schemas = false;  // exponential and custom buckets
  bool reset_collision = false;
  bool reconciled_add = false, reconciled_sub = false, reconciled_aggregation = false;
  int64_t start_overlaps = 0;
  std::vector<double> bad_quantiles;  // each once
};

/// One call of a range function: one series at one step.
struct RangeCall {
  model::TimestampMs step_time = 0;
  /// The window's bounds as written, offset applied: (range_start, range_end]. Anchored and
  /// smoothed windows hold samples beyond them.
  model::TimestampMs range_start = 0, range_end = 0;
  double range_seconds = 0;
  std::span<const double> args;  // the scalar arguments, in order
  bool anchored = false, smoothed = false;
  bool use_start_timestamps = false;
  RangeNotes notes;
  base::Status error;  // ends the query
};

using RangeKernel = StepSample (*)(const RangeWindow&, RangeCall&);

/// How the evaluator calls a function: exactly one of math, range and call is set.
struct FunctionImpl {
  /// Float samples one by one; histograms are left out.
  double (*math)(double) = nullptr;
  /// A range vector, a series at a time.
  RangeKernel range = nullptr;
  /// Everything else; evaluates its own arguments.
  base::Result<StepValue> (*call)(Evaluator&, const Call&, const StepGrid&) = nullptr;
  bool keeps_name = false;
  bool anchored = false, smoothed = false;  // may be used with these selectors
};

/// One object a function, beside its code; function_table.cc puts it into its row.
namespace impl {
extern const FunctionImpl abs, absent, absent_over_time, acos, acosh, asin, asinh, atan, atanh,
    avg_over_time, ceil, changes, clamp, clamp_max, clamp_min, cos, cosh, count_over_time,
    day_of_month, day_of_week, day_of_year, days_in_month, deg, delta, deriv,
    double_exponential_smoothing, exp, first_over_time, floor, histogram_avg, histogram_count,
    histogram_fraction, histogram_quantile, histogram_quantiles, histogram_stddev, histogram_stdvar,
    histogram_sum, hour, idelta, increase, info, irate, label_join, label_replace, last_over_time,
    ln, log10, log2, mad_over_time, max_of, max_over_time, min_of, min_over_time, minute, month, pi,
    predict_linear, present_over_time, quantile_over_time, query_constant, rad, rate, resets, round,
    scalar, sgn, sin, sinh, sort, sort_by_label, sort_by_label_desc, sort_desc, sqrt,
    start_timestamp, stddev_over_time, stdvar_over_time, sum_over_time, tan, tanh, time, timestamp,
    ts_of_first_over_time, ts_of_last_over_time, ts_of_max_over_time, ts_of_min_over_time, vector,
    year;
}  // namespace impl

}  // namespace silverback::promql
