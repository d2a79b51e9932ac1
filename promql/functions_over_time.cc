#include <algorithm>
#include <cmath>
#include <limits>

#include "promql/call.h"
#include "promql/function_impl.h"
#include "promql/go_math.h"
#include "promql/histogram_step.h"
#include "promql/quantile.h"

namespace silverback::promql {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double to_seconds(model::TimestampMs t) {
  return static_cast<double>(t) / 1000;
}

/// For functions of floats only. False: there is nothing to work on.
bool floats_only(const RangeWindow& w, RangeCall& call) {
  if (w.t.empty()) return false;
  if (w.mixed()) call.notes.ignored_histograms = true;
  return true;
}

double float_mean(std::span<const double> v) {
  double sum = v[0];
  double c = 0;
  double mean = 0;
  double n = 1;
  bool incremental = false;
  for (const double x : v.subspan(1)) {
    ++n;
    if (!incremental) {
      double next_sum = sum;
      double next_c = c;
      kahan_add(x, next_sum, next_c);
      if (!std::isinf(next_sum)) {
        sum = next_sum;
        c = next_c;
        continue;
      }
      // The sum would overflow: from here on the mean itself is carried.
      incremental = true;
      mean = sum / (n - 1);
      c /= n - 1;
    }
    const double q = (n - 1) / n;
    mean *= q;
    c *= q;
    kahan_add(x / n, mean, c);
  }
  return incremental ? mean + c : sum / n + c / n;
}

double float_sum(std::span<const double> v) {
  double sum = 0;
  double c = 0;
  for (const double x : v) kahan_add(x, sum, c);
  return std::isinf(sum) ? sum : sum + c;
}

StepSample avg(const RangeWindow& w, RangeCall& call) {
  if (w.mixed()) {
    call.notes.mixed = true;
    return {};
  }
  if (w.t.empty()) return average_histograms(w.histograms, call.notes);
  return StepSample::of(float_mean(w.v));
}

StepSample sum(const RangeWindow& w, RangeCall& call) {
  if (w.mixed()) {
    call.notes.mixed = true;
    return {};
  }
  if (w.t.empty()) return sum_histograms(w.histograms, call.notes);
  return StepSample::of(float_sum(w.v));
}

StepSample count(const RangeWindow& w, RangeCall&) {
  return StepSample::of(static_cast<double>(w.t.size() + w.histogram_t.size()));
}

StepSample present(const RangeWindow&, RangeCall&) {
  return StepSample::of(1.0);
}

/// Index of the extreme sample; the first of equals, or the last of them.
template <typename Better>
size_t extreme(std::span<const double> v, Better better) {
  size_t best = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    if (better(v[i], v[best]) || std::isnan(v[best])) best = i;
  }
  return best;
}

StepSample min(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(w.v[extreme(w.v, [](double a, double b) { return a < b; })]);
}

StepSample max(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(w.v[extreme(w.v, [](double a, double b) { return a > b; })]);
}

StepSample ts_of_min(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(to_seconds(w.t[extreme(w.v, [](double a, double b) { return a <= b; })]));
}

StepSample ts_of_max(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(to_seconds(w.t[extreme(w.v, [](double a, double b) { return a >= b; })]));
}

double variance(std::span<const double> v) {
  double n = 0, mean = 0, mean_c = 0, squares = 0, squares_c = 0;
  for (const double x : v) {
    ++n;
    const double delta = x - (mean + mean_c);
    kahan_add(delta / n, mean, mean_c);
    kahan_add(delta * (x - (mean + mean_c)), squares, squares_c);
  }
  return (squares + squares_c) / n;
}

StepSample stdvar(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(variance(w.v));
}

StepSample stddev(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  return StepSample::of(std::sqrt(variance(w.v)));
}

StepSample last(const RangeWindow& w, RangeCall&) {
  if (w.histogram_t.empty() || (!w.t.empty() && w.histogram_t.back() < w.t.back())) {
    return StepSample::of(w.v.back());
  }
  return StepSample::of(w.histograms.back());
}

StepSample first(const RangeWindow& w, RangeCall&) {
  if (w.histogram_t.empty() || (!w.t.empty() && w.t.front() < w.histogram_t.front())) {
    return StepSample::of(w.v.front());
  }
  return StepSample::of(w.histograms.front());
}

StepSample ts_of_first(const RangeWindow& w, RangeCall&) {
  if (w.t.empty()) return StepSample::of(to_seconds(w.histogram_t.front()));
  if (w.histogram_t.empty()) return StepSample::of(to_seconds(w.t.front()));
  return StepSample::of(to_seconds(std::min(w.t.front(), w.histogram_t.front())));
}

StepSample ts_of_last(const RangeWindow& w, RangeCall&) {
  // A side without samples counts as time 0.
  const model::TimestampMs floats = w.t.empty() ? 0 : w.t.back();
  const model::TimestampMs histograms = w.histogram_t.empty() ? 0 : w.histogram_t.back();
  return StepSample::of(to_seconds(std::max(floats, histograms)));
}

StepSample quantile_of_range(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  const double q = call.args[0];
  if (!(q >= 0 && q <= 1)) {
    std::vector<double>& bad = call.notes.bad_quantiles;
    const auto same = [q](double b) { return b == q || (std::isnan(b) && std::isnan(q)); };
    if (std::none_of(bad.begin(), bad.end(), same)) bad.push_back(q);
  }
  std::vector<double> values(w.v.begin(), w.v.end());
  return StepSample::of(quantile(q, values));
}

StepSample mad(const RangeWindow& w, RangeCall& call) {
  if (!floats_only(w, call)) return {};
  std::vector<double> values(w.v.begin(), w.v.end());
  if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
    return StepSample::of(kNan);
  }
  const double median = quantile(0.5, values);
  for (double& v : values) v = std::abs(v - median);
  return StepSample::of(quantile(0.5, values));
}

base::Result<StepValue> eval_absent_over_time(Evaluator& ev, const Call& expr,
                                              const StepGrid& grid) {
  ASSIGN_OR_RETURN(const StepValue found, eval_range_call(ev, expr, grid, &present));
  StepValue value = ev.new_vector();
  StepSeries series(absent_labels(*expr.args[0]), grid.count());
  series.drop_name = true;
  RETURN_IF_ERROR(ev.charge_series(value, series.labels, grid.count()));
  for (size_t i = 0; i < grid.count(); ++i) {
    const bool any = std::any_of(found.series.begin(), found.series.end(),
                                 [i](const StepSeries& s) { return s.has(i); });
    if (!any) series.set(i, 1.0);
  }
  if (series.any()) value.series.push_back(std::move(series));
  RETURN_IF_ERROR(ev.charge_samples(value));
  return value;
}

}  // namespace

namespace impl {
const FunctionImpl absent_over_time = {.call = &eval_absent_over_time};
const FunctionImpl avg_over_time = {.range = &avg};
const FunctionImpl count_over_time = {.range = &count};
const FunctionImpl first_over_time = {.range = &first, .keeps_name = true};
const FunctionImpl last_over_time = {.range = &last, .keeps_name = true};
const FunctionImpl mad_over_time = {.range = &mad};
const FunctionImpl max_over_time = {.range = &max};
const FunctionImpl min_over_time = {.range = &min};
const FunctionImpl present_over_time = {.range = &present};
const FunctionImpl quantile_over_time = {.range = &quantile_of_range};
const FunctionImpl stddev_over_time = {.range = &stddev};
const FunctionImpl stdvar_over_time = {.range = &stdvar};
const FunctionImpl sum_over_time = {.range = &sum};
const FunctionImpl ts_of_first_over_time = {.range = &ts_of_first};
const FunctionImpl ts_of_last_over_time = {.range = &ts_of_last};
const FunctionImpl ts_of_max_over_time = {.range = &ts_of_max};
const FunctionImpl ts_of_min_over_time = {.range = &ts_of_min};
}  // namespace impl

}  // namespace silverback::promql
