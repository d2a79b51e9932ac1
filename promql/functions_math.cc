#include <cmath>
#include <limits>

#include "promql/call.h"
#include "promql/function_impl.h"
#include "promql/go_math.h"

namespace silverback::promql {

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kInf = std::numeric_limits<double>::infinity();

double math_abs(double v) {
  return std::abs(v);
}
double math_ceil(double v) {
  return std::ceil(v);
}
double math_floor(double v) {
  return std::floor(v);
}
double math_exp(double v) {
  return std::exp(v);
}
double math_sqrt(double v) {
  return std::sqrt(v);
}
double math_ln(double v) {
  return std::log(v);
}
double math_log2(double v) {
  return std::log2(v);
}
double math_log10(double v) {
  return std::log10(v);
}
double math_sin(double v) {
  return std::sin(v);
}
double math_cos(double v) {
  return std::cos(v);
}
double math_tan(double v) {
  return std::tan(v);
}
double math_asin(double v) {
  return std::asin(v);
}
double math_acos(double v) {
  return std::acos(v);
}
double math_atan(double v) {
  return std::atan(v);
}
double math_sinh(double v) {
  return std::sinh(v);
}
double math_cosh(double v) {
  return std::cosh(v);
}
double math_tanh(double v) {
  return std::tanh(v);
}
double math_asinh(double v) {
  return std::asinh(v);
}
double math_acosh(double v) {
  return std::acosh(v);
}
double math_atanh(double v) {
  return std::atanh(v);
}
double math_deg(double v) {
  return v * 180 / kPi;
}
double math_rad(double v) {
  return v * kPi / 180;
}
double math_sgn(double v) {
  return v < 0 ? -1 : v > 0 ? 1 : v;
}

/// One value a step, from the step's time or from scalar arguments.
template <typename At>
base::Result<StepValue> scalar_steps(Evaluator& ev, const StepGrid& grid, At at) {
  std::vector<double> values(grid.count());
  for (size_t i = 0; i < values.size(); ++i) values[i] = at(i);
  StepValue value = ev.new_scalar(std::move(values));
  RETURN_IF_ERROR(
      value.charge.add_bytes(static_cast<int64_t>(value.scalars.size() * sizeof(double))));
  return value;
}

base::Result<StepValue> eval_pi(Evaluator& ev, const Call&, const StepGrid& grid) {
  return scalar_steps(ev, grid, [](size_t) { return kPi; });
}

base::Result<StepValue> eval_time(Evaluator& ev, const Call&, const StepGrid& grid) {
  return scalar_steps(ev, grid, [&](size_t i) { return static_cast<double>(grid.at(i)) / 1000; });
}

base::Result<StepValue> eval_query_constant(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  const double constant = ev.plan().constant(expr).value_or(0);
  return scalar_steps(ev, grid, [constant](size_t) { return constant; });
}

base::Result<StepValue> eval_min_of(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(const std::vector<double> a, ev.eval_scalar(*expr.args[0], grid));
  ASSIGN_OR_RETURN(const std::vector<double> b, ev.eval_scalar(*expr.args[1], grid));
  return scalar_steps(ev, grid, [&](size_t i) { return go_min(a[i], b[i]); });
}

base::Result<StepValue> eval_max_of(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(const std::vector<double> a, ev.eval_scalar(*expr.args[0], grid));
  ASSIGN_OR_RETURN(const std::vector<double> b, ev.eval_scalar(*expr.args[1], grid));
  return scalar_steps(ev, grid, [&](size_t i) { return go_max(a[i], b[i]); });
}

/// Float samples through `at(step, value)`; histograms, and steps where `keep(step)` is false, are
/// left out.
template <typename Keep, typename At>
base::Result<StepValue> map_floats(Evaluator& ev, const StepGrid& grid, StepValue value, Keep keep,
                                   At at) {
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (s.is_float(i) && keep(i)) {
        s.values[i] = at(i, s.values[i]);
      } else {
        s.clear(i);
      }
    }
    ev.drop_name(s);
  }
  remove_empty(value.series);
  RETURN_IF_ERROR(ev.unite_equal_labels(value, grid));
  return value;
}

base::Result<StepValue> clamp_between(Evaluator& ev, const Call& expr, const StepGrid& grid,
                                      const Expr* low, const Expr* high) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  std::vector<double> lows(grid.count(), -kInf);
  std::vector<double> highs(grid.count(), kInf);
  if (low) {
    ASSIGN_OR_RETURN(lows, ev.eval_scalar(*low, grid));
  }
  if (high) {
    ASSIGN_OR_RETURN(highs, ev.eval_scalar(*high, grid));
  }
  return map_floats(
      ev, grid, std::move(value), [&](size_t i) { return !(highs[i] < lows[i]); },
      [&](size_t i, double v) { return go_max(lows[i], go_min(highs[i], v)); });
}

base::Result<StepValue> eval_clamp(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return clamp_between(ev, expr, grid, expr.args[1].get(), expr.args[2].get());
}
base::Result<StepValue> eval_clamp_min(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return clamp_between(ev, expr, grid, expr.args[1].get(), nullptr);
}
base::Result<StepValue> eval_clamp_max(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return clamp_between(ev, expr, grid, nullptr, expr.args[1].get());
}

base::Result<StepValue> eval_round(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  std::vector<double> nearest(grid.count(), 1.0);
  if (expr.args.size() > 1) {
    ASSIGN_OR_RETURN(nearest, ev.eval_scalar(*expr.args[1], grid));
  }
  return map_floats(
      ev, grid, std::move(value), [](size_t) { return true; },
      [&](size_t i, double v) {
        const double inverse = 1.0 / nearest[i];  // multiplying by it rounds better
        return std::floor(v * inverse + 0.5) / inverse;
      });
}

base::Result<StepValue> eval_scalar_function(Evaluator& ev, const Call& expr,
                                             const StepGrid& grid) {
  ASSIGN_OR_RETURN(const StepValue vector, ev.eval(*expr.args[0], grid));
  return scalar_steps(ev, grid, [&](size_t i) {
    const StepSeries* found = nullptr;
    for (const StepSeries& s : vector.series) {
      if (!s.is_float(i)) continue;
      if (found) return std::numeric_limits<double>::quiet_NaN();
      found = &s;
    }
    return found ? found->values[i] : std::numeric_limits<double>::quiet_NaN();
  });
}

base::Result<StepValue> eval_vector(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(const std::vector<double> values, ev.eval_scalar(*expr.args[0], grid));
  StepValue value = ev.new_vector();
  StepSeries series(model::Labels(), grid.count());
  RETURN_IF_ERROR(ev.charge_series(value, series.labels, grid.count()));
  for (size_t i = 0; i < values.size(); ++i) series.set(i, values[i]);
  value.series.push_back(std::move(series));
  RETURN_IF_ERROR(ev.charge_samples(value));
  return value;
}

base::Result<StepValue> eval_absent(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(const StepValue vector, ev.eval(*expr.args[0], grid));
  StepValue value = ev.new_vector();
  StepSeries series(absent_labels(*expr.args[0]), grid.count());
  RETURN_IF_ERROR(ev.charge_series(value, series.labels, grid.count()));
  std::vector<bool> found(grid.count(), false);
  for (const StepSeries& s : vector.series) {
    for (size_t i = 0; i < s.steps(); ++i) found[i] = found[i] || s.has(i);
  }
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) series.set(i, 1.0);
  }
  if (series.any()) value.series.push_back(std::move(series));
  RETURN_IF_ERROR(ev.charge_samples(value));
  return value;
}

}  // namespace

namespace impl {
const FunctionImpl abs = {.math = &math_abs};
const FunctionImpl absent = {.call = &eval_absent};
const FunctionImpl acos = {.math = &math_acos};
const FunctionImpl acosh = {.math = &math_acosh};
const FunctionImpl asin = {.math = &math_asin};
const FunctionImpl asinh = {.math = &math_asinh};
const FunctionImpl atan = {.math = &math_atan};
const FunctionImpl atanh = {.math = &math_atanh};
const FunctionImpl ceil = {.math = &math_ceil};
const FunctionImpl clamp = {.call = &eval_clamp};
const FunctionImpl clamp_max = {.call = &eval_clamp_max};
const FunctionImpl clamp_min = {.call = &eval_clamp_min};
const FunctionImpl cos = {.math = &math_cos};
const FunctionImpl cosh = {.math = &math_cosh};
const FunctionImpl deg = {.math = &math_deg};
const FunctionImpl exp = {.math = &math_exp};
const FunctionImpl floor = {.math = &math_floor};
const FunctionImpl ln = {.math = &math_ln};
const FunctionImpl log10 = {.math = &math_log10};
const FunctionImpl log2 = {.math = &math_log2};
const FunctionImpl max_of = {.call = &eval_max_of};
const FunctionImpl min_of = {.call = &eval_min_of};
const FunctionImpl pi = {.call = &eval_pi};
const FunctionImpl query_constant = {.call = &eval_query_constant};
const FunctionImpl rad = {.math = &math_rad};
const FunctionImpl round = {.call = &eval_round};
const FunctionImpl scalar = {.call = &eval_scalar_function};
const FunctionImpl sgn = {.math = &math_sgn};
const FunctionImpl sin = {.math = &math_sin};
const FunctionImpl sinh = {.math = &math_sinh};
const FunctionImpl sqrt = {.math = &math_sqrt};
const FunctionImpl tan = {.math = &math_tan};
const FunctionImpl tanh = {.math = &math_tanh};
const FunctionImpl time = {.call = &eval_time};
const FunctionImpl vector = {.call = &eval_vector};
}  // namespace impl

}  // namespace silverback::promql
