#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "promql/function_impl.h"
#include "promql/go_math.h"
#include "promql/histogram_rate.h"
#include "promql/interpolate.h"

namespace silverback::promql {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double to_seconds(int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

struct RateKind {
  bool counter = false;
  bool per_second = false;
};

/// What the samples in the window say before anything is extrapolated.
struct SampledChange {
  double change = 0;  // floats
  HistogramRef h;     // histograms
  double first = 0;   // first value, or first count
  size_t samples = 0;
  model::TimestampMs first_t = 0, last_t = 0;
  std::span<const model::TimestampMs> starts;

  double result() const { return h ? h->count : change; }
};

/// last - first, with what every reset of a counter took away.
double float_change(const RangeWindow& w, RangeCall& call, RateKind kind) {
  double change = w.v.back() - w.v.front();
  if (!kind.counter) return change;
  const bool starts = call.use_start_timestamps && !w.start.empty();
  bool overlap = false;
  for (size_t i = 1; i < w.v.size(); ++i) {
    bool reset = w.v[i] < w.v[i - 1];
    if (starts) {
      overlap = overlap || start_time_overlaps(w.start[i - 1], w.t[i - 1], w.start[i]);
      reset = reset || is_start_time_reset(w.start[i - 1], w.t[i - 1], w.start[i], w.t[i]);
    }
    if (reset) change += w.v[i - 1];
  }
  if (overlap) ++call.notes.start_overlaps;
  return change;
}

/// The length that `sampled` covers once it is stretched towards the window's bounds.
double covered_seconds(const SampledChange& s, const RangeCall& call, RateKind kind,
                       double sampled) {
  const double average = sampled / static_cast<double>(s.samples - 1);
  // A gap of up to 10% more than the average still counts as "sampled up to the bound".
  const double threshold = average * 1.1;
  double to_start = to_seconds(s.first_t - call.range_start);
  if (to_start >= threshold) to_start = average / 2;
  // A counter was never below zero: no stretching beyond the point where it would have been 0.
  if (kind.counter && s.result() > 0 && s.first >= 0) {
    to_start = std::min(to_start, sampled * (s.first / s.result()));
  }
  double to_end = to_seconds(call.range_end - s.last_t);
  if (to_end >= threshold) to_end = average / 2;
  return sampled + to_start + to_end;
}

/// The first sample's start timestamp, when it lies inside the window: the counter was 0 then.
model::TimestampMs zero_time(const SampledChange& s, const RangeCall& call, RateKind kind) {
  if (!kind.counter || s.starts.empty()) return 0;
  const model::TimestampMs start = s.starts[0];
  return start != 0 && start > call.range_start && start < s.first_t ? start : 0;
}

StepSample scaled(const SampledChange& s, double factor) {
  if (s.h) return StepSample::of(scale_histogram(*s.h, factor));
  return StepSample::of(s.change * factor);
}

StepSample extrapolate(SampledChange s, const RangeWindow& w, RangeCall& call, RateKind kind) {
  double factor = 1;
  const model::TimestampMs zero = zero_time(s, call, kind);
  if (zero != 0) {
    const double sampled = to_seconds(s.last_t - zero);
    const double average =
        s.samples > 1 ? to_seconds(s.last_t - s.first_t) / static_cast<double>(s.samples - 1) : 0;
    double to_end = to_seconds(call.range_end - s.last_t);
    if (to_end >= average * 1.1) to_end = average / 2;
    if (!w.v.empty()) {
      s.change += w.v.front();
    } else if (!add_first_histogram(w.histograms.front(), s.h, call.notes)) {
      return {};
    }
    factor = (sampled + to_end) / sampled;
  } else {
    if (s.samples < 2) return {};
    const double sampled = to_seconds(s.last_t - s.first_t);
    if (sampled != 0) factor = covered_seconds(s, call, kind, sampled) / sampled;
  }
  if (kind.per_second) factor /= call.range_seconds;
  return scaled(s, factor);
}

StepSample extrapolated_rate(const RangeWindow& w, RangeCall& call, RateKind kind) {
  if (w.mixed()) {
    call.notes.mixed = true;
    return {};
  }
  SampledChange s;
  if (!w.t.empty()) {
    s.samples = w.t.size();
    s.first_t = w.t.front();
    s.last_t = w.t.back();
    s.first = w.v.front();
    if (call.use_start_timestamps) s.starts = w.start;
    s.change = float_change(w, call, kind);
  } else {
    s.samples = w.histogram_t.size();
    s.first_t = w.histogram_t.front();
    s.last_t = w.histogram_t.back();
    s.first = w.histograms.front()->count;
    if (call.use_start_timestamps) s.starts = w.histogram_start;
    if (s.samples > 1) {
      s.h = histogram_change(w, call, kind.counter);
      if (!s.h) return {};
    }
  }
  return extrapolate(std::move(s), w, call, kind);
}

/// What resets between the points took away, for boundaries that were chosen or interpolated.
double reset_correction(double left, double right, std::span<const double> points) {
  double correction = 0;
  double before = left;
  for (const double v : points) {
    if (v < before) correction += before;
    before = v;
  }
  if (right < before) correction += before;
  return correction;
}

/// anchored and smoothed: between the values at the window's bounds, nothing extrapolated.
StepSample bounded_float_change(const RangeWindow& w, RangeCall& call, RateKind kind) {
  const BoundIndexes at = find_bounds(w.t, call.range_start, call.range_end, call.smoothed);
  if (w.t[at.last] <= call.range_start) return {};
  if (call.smoothed && w.t[at.first] > call.range_end) return {};
  const double left = left_value(w, at.first, call.range_start, call.smoothed, kind.counter);
  const double right = right_value(w, at.last, call.range_end, call.smoothed, kind.counter);
  double change = right - left;
  if (kind.counter) {
    const size_t from = w.t[at.first] <= call.range_start ? at.first + 1 : at.first;
    const size_t to = w.t[at.last] >= call.range_end ? at.last : at.last + 1;
    change +=
        reset_correction(left, right, to > from ? w.v.subspan(from, to - from) : w.v.first(0));
  }
  if (kind.per_second) change /= call.range_seconds;
  return StepSample::of(change);
}

StepSample change_in_range(const RangeWindow& w, RangeCall& call, RateKind kind) {
  if (!call.anchored && !call.smoothed) return extrapolated_rate(w, call, kind);
  if (w.mixed()) {
    call.notes.mixed = true;
    return {};
  }
  if (w.t.empty()) {
    return bounded_histogram_change(w, call, kind.counter, kind.per_second);
  }
  return bounded_float_change(w, call, kind);
}

StepSample rate(const RangeWindow& w, RangeCall& call) {
  return change_in_range(w, call, {true, true});
}
StepSample increase(const RangeWindow& w, RangeCall& call) {
  return change_in_range(w, call, {true, false});
}
StepSample delta(const RangeWindow& w, RangeCall& call) {
  return change_in_range(w, call, {false, false});
}

/// A window's samples of both kinds in order of time.
struct MergedSample {
  model::TimestampMs t = 0;
  model::TimestampMs start = 0;
  double v = 0;
  const model::Histogram* h = nullptr;
};

class MergedSamples {
 public:
  MergedSamples(const RangeWindow& w, size_t first_float, size_t first_histogram)
      : w_(w), float_(first_float), histogram_(first_histogram) {}

  bool next(MergedSample& s) {
    const bool floats = float_ < w_.t.size();
    const bool histograms = histogram_ < w_.histogram_t.size();
    if (!floats && !histograms) return false;
    if (floats && (!histograms || w_.t[float_] < w_.histogram_t[histogram_])) {
      s = {w_.t[float_], w_.start.empty() ? 0 : w_.start[float_], w_.v[float_], nullptr};
      ++float_;
    } else {
      s = {w_.histogram_t[histogram_],
           w_.histogram_start.empty() ? 0 : w_.histogram_start[histogram_], 0,
           w_.histograms[histogram_].get()};
      ++histogram_;
    }
    return true;
  }

 private:
  const RangeWindow& w_;
  size_t float_;
  size_t histogram_;
};

StepSample instant_change(const RangeWindow& w, RangeCall& call, bool per_second) {
  if (w.t.size() + w.histogram_t.size() < 2) return {};
  // Only the newest two of each kind can be the newest two of all.
  MergedSamples samples(w, w.t.size() > 2 ? w.t.size() - 2 : 0,
                        w.histogram_t.size() > 2 ? w.histogram_t.size() - 2 : 0);
  MergedSample before;
  MergedSample last;
  for (MergedSample s; samples.next(s);) {
    before = last;
    last = s;
  }
  const int64_t interval = last.t - before.t;
  if (interval == 0) return {};
  if ((last.h == nullptr) != (before.h == nullptr)) {
    call.notes.mixed = true;
    return {};
  }
  const bool start_reset = per_second && call.use_start_timestamps &&
                           is_start_time_reset(before.start, before.t, last.start, last.t);
  if (last.h) {
    return instant_histogram_change(*last.h, *before.h, interval, per_second, start_reset,
                                    call.notes);
  }
  double v = last.v;
  if (!per_second || !(last.v < before.v || start_reset)) v = last.v - before.v;
  if (per_second) v /= to_seconds(interval);
  return StepSample::of(v);
}

StepSample irate(const RangeWindow& w, RangeCall& call) {
  return instant_change(w, call, true);
}
StepSample idelta(const RangeWindow& w, RangeCall& call) {
  return instant_change(w, call, false);
}

/// Where counting starts. An anchored window begins with the newest sample at or before its left
/// bound, whatever its kind. False: no sample lies behind the bound.
bool first_samples(const RangeWindow& w, const RangeCall& call, size_t* first_float,
                   size_t* first_histogram) {
  *first_float = *first_histogram = 0;
  if (!call.anchored) return true;
  const auto behind = [&](std::span<const model::TimestampMs> t) {
    return static_cast<size_t>(std::upper_bound(t.begin(), t.end(), call.range_start) - t.begin());
  };
  const size_t f = behind(w.t);
  const size_t h = behind(w.histogram_t);
  if (f == w.t.size() && h == w.histogram_t.size()) return false;
  *first_float = f;
  *first_histogram = h;
  if (f == 0 && h == 0) return true;
  if (h == 0 || (f > 0 && w.t[f - 1] >= w.histogram_t[h - 1])) {
    --*first_float;
  } else {
    --*first_histogram;
  }
  return true;
}

/// Counts the neighbours for which `differs` holds.
template <typename Differs>
StepSample count_neighbours(const RangeWindow& w, const RangeCall& call, Differs differs) {
  size_t first_float = 0;
  size_t first_histogram = 0;
  if (!first_samples(w, call, &first_float, &first_histogram)) return {};
  MergedSamples samples(w, first_float, first_histogram);
  MergedSample before;
  if (!samples.next(before)) return {};
  double n = 0;
  for (MergedSample s; samples.next(s); before = s) {
    if ((s.h == nullptr) != (before.h == nullptr) || differs(before, s)) ++n;
  }
  return StepSample::of(n);
}

StepSample resets(const RangeWindow& w, RangeCall& call) {
  return count_neighbours(w, call, [&](const MergedSample& a, const MergedSample& b) {
    if (call.use_start_timestamps && is_start_time_reset(a.start, a.t, b.start, b.t)) return true;
    return b.h ? model::detect_reset(*b.h, *a.h) : b.v < a.v;
  });
}

StepSample changes(const RangeWindow& w, RangeCall& call) {
  return count_neighbours(w, call, [](const MergedSample& a, const MergedSample& b) {
    if (b.h) return !b.h->equals(*a.h);
    return b.v != a.v && !(std::isnan(a.v) && std::isnan(b.v));
  });
}

struct Line {
  double slope = 0;
  double intercept = 0;
};

/// Least squares; the intercept is at `origin`.
Line linear_regression(const RangeWindow& w, model::TimestampMs origin) {
  const double first = w.v[0];
  bool constant = true;
  double n = 0, x_sum = 0, x_c = 0, y_sum = 0, y_c = 0;
  double xy_sum = 0, xy_c = 0, xx_sum = 0, xx_c = 0;
  for (size_t i = 0; i < w.v.size(); ++i) {
    const double y = w.v[i];
    if (i > 0 && y != first) constant = false;
    ++n;
    const double x = to_seconds(w.t[i] - origin);
    kahan_add(x, x_sum, x_c);
    kahan_add(y, y_sum, y_c);
    kahan_add(x * y, xy_sum, xy_c);
    kahan_add(x * x, xx_sum, xx_c);
  }
  if (constant) return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  x_sum += x_c;
  y_sum += y_c;
  xy_sum += xy_c;
  xx_sum += xx_c;
  const double covariance = xy_sum - x_sum * y_sum / n;
  const double variance = xx_sum - x_sum * x_sum / n;
  const double slope = covariance / variance;
  return {slope, y_sum / n - slope * x_sum / n};
}

/// Two floats are needed; says so if only histograms kept them from being there.
bool enough_floats(const RangeWindow& w, RangeCall& call) {
  if (w.mixed()) call.notes.ignored_histograms = true;
  return w.t.size() >= 2;
}

StepSample deriv(const RangeWindow& w, RangeCall& call) {
  if (!enough_floats(w, call)) return {};
  return StepSample::of(linear_regression(w, w.t[0]).slope);
}

StepSample predict_linear(const RangeWindow& w, RangeCall& call) {
  if (!enough_floats(w, call)) return {};
  const Line line = linear_regression(w, call.step_time);
  return StepSample::of(line.slope * call.args[0] + line.intercept);
}

StepSample double_exponential_smoothing(const RangeWindow& w, RangeCall& call) {
  const double sf = call.args[0];
  const double tf = call.args[1];
  const auto invalid = [&](std::string_view what, std::string_view symbol, double got) {
    call.error = execution_error(
        fmt::format("invalid {} factor. Expected: 0 < {} < 1, got: {:f}", what, symbol, got));
    return StepSample{};
  };
  if (sf <= 0 || sf >= 1) return invalid("smoothing", "sf", sf);
  if (tf <= 0 || tf >= 1) return invalid("trend", "tf", tf);
  if (!enough_floats(w, call)) return {};
  double before = 0;
  double smoothed = w.v[0];
  double trend = w.v[1] - w.v[0];
  for (size_t i = 1; i < w.v.size(); ++i) {
    const double scaled_value = sf * w.v[i];
    if (i > 1) trend = tf * (smoothed - before) + (1 - tf) * trend;
    const double rest = (1 - sf) * (smoothed + trend);
    before = smoothed;
    smoothed = scaled_value + rest;
  }
  return StepSample::of(smoothed);
}

}  // namespace

namespace impl {
const FunctionImpl changes = {.range = &promql::changes, .anchored = true};
const FunctionImpl delta = {.range = &promql::delta, .anchored = true, .smoothed = true};
const FunctionImpl deriv = {.range = &promql::deriv};
const FunctionImpl double_exponential_smoothing = {.range = &promql::double_exponential_smoothing};
const FunctionImpl idelta = {.range = &promql::idelta};
const FunctionImpl increase = {.range = &promql::increase, .anchored = true, .smoothed = true};
const FunctionImpl irate = {.range = &promql::irate};
const FunctionImpl predict_linear = {.range = &promql::predict_linear};
const FunctionImpl rate = {.range = &promql::rate, .anchored = true, .smoothed = true};
const FunctionImpl resets = {.range = &promql::resets, .anchored = true};
}  // namespace impl

}  // namespace silverback::promql
