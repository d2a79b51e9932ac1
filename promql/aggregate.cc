#include "promql/aggregate.h"

#include <cmath>
#include <limits>

#include <absl/container/flat_hash_map.h>

#include "base/go_float.h"
#include "promql/go_math.h"
#include "promql/histogram_step.h"
#include "promql/matching.h"
#include "promql/quantile.h"

namespace silverback::promql {

namespace {

/// What the steps of one group have gathered.
struct FoldState {
  std::vector<double> value;     // sum, extreme, squares
  std::vector<double> mean;      // avg after an overflow, stddev
  std::vector<double> c;         // Kahan's compensation
  std::vector<uint32_t> floats;  // samples folded in
  std::vector<uint32_t> others;  // histograms counted
  std::vector<uint8_t> incremental;
  std::vector<HistogramFold> histograms;  // sum and avg over histograms; empty until one comes
};

class Fold {
 public:
  Fold(Evaluator& ev, const AggregateExpr& expr, StepValue input, const StepGrid& grid)
      : ev_(ev), expr_(expr), op_(expr.op), input_(std::move(input)), grid_(grid) {}

  base::Result<StepValue> run() {
    const Grouping groups = group_series(expr_, input_.series);
    StepValue out = ev_.new_vector();
    for (size_t g = 0; g < groups.labels.size(); ++g) {
      RETURN_IF_ERROR(ev_.check());
      ASSIGN_OR_RETURN(StepSeries series, fold_group(out, groups.labels[g], groups.members[g]));
      if (series.any()) out.series.push_back(std::move(series));
    }
    RETURN_IF_ERROR(ev_.charge_samples(out));
    return out;
  }

 private:
  base::Result<StepSeries> fold_group(StepValue& out, const model::Labels& labels,
                                      const std::vector<uint32_t>& members) {
    const size_t steps = grid_.count();
    RETURN_IF_ERROR(ev_.charge_series(out, labels, steps));
    BudgetCharge charge(ev_.options().budget);
    RETURN_IF_ERROR(charge.add_bytes(static_cast<int64_t>(steps * 40)));
    FoldState state;
    state.value.assign(steps, 0);
    state.mean.assign(steps, 0);
    state.c.assign(steps, 0);
    state.floats.assign(steps, 0);
    state.others.assign(steps, 0);
    state.incremental.assign(steps, 0);
    StepSeries series(labels, steps);
    size_t at = 0;
    for (const uint32_t member : members) {
      if (++at % 256 == 0) RETURN_IF_ERROR(ev_.check());
      const StepSeries& s = input_.series[member];
      for (size_t i = 0; i < steps; ++i) {
        if (s.is_float(i)) {
          add_float(state, i, s.values[i]);
        } else if (s.is_histogram(i)) {
          add_histogram(state, i, s);
        } else {
          continue;
        }
        series.drop_name = series.drop_name || s.drop_name;
      }
    }
    for (size_t i = 0; i < steps; ++i) finish_step(state, i, series);
    return series;
  }

  void add_float(FoldState& s, size_t i, double v) {
    const double n = ++s.floats[i];
    switch (op_) {
      case AggregateOp::kSum:
        // The first is taken as it is: -0 stays -0.
        if (n == 1) {
          s.value[i] = v;
        } else {
          kahan_add(v, s.value[i], s.c[i]);
        }
        return;
      case AggregateOp::kAvg: return add_to_mean(s, i, v, n);
      case AggregateOp::kMin:
        if (n == 1 || s.value[i] > v || std::isnan(s.value[i])) s.value[i] = v;
        return;
      case AggregateOp::kMax:
        if (n == 1 || s.value[i] < v || std::isnan(s.value[i])) s.value[i] = v;
        return;
      case AggregateOp::kStddev:
      case AggregateOp::kStdvar: return add_to_variance(s, i, v, n);
      default: return;  // count and group need no value
    }
  }

  static void add_to_mean(FoldState& s, size_t i, double v, double n) {
    if (n == 1) {
      s.value[i] = v;
      return;
    }
    if (s.incremental[i] == 0) {
      double sum = s.value[i];
      double c = s.c[i];
      kahan_add(v, sum, c);
      if (!std::isinf(sum)) {
        s.value[i] = sum;
        s.c[i] = c;
        return;
      }
      // The sum would overflow: from here on the mean itself is carried.
      s.incremental[i] = 1;
      s.mean[i] = s.value[i] / (n - 1);
      s.c[i] /= n - 1;
    }
    const double q = (n - 1) / n;
    double mean = q * s.mean[i];
    double c = q * s.c[i];
    kahan_add(v / n, mean, c);
    s.mean[i] = mean;
    s.c[i] = c;
  }

  static void add_to_variance(FoldState& s, size_t i, double v, double n) {
    if (n == 1) {
      s.value[i] = std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN();
      s.mean[i] = v;
      return;
    }
    const double delta = v - s.mean[i];
    s.mean[i] += delta / n;
    s.value[i] += delta * (v - s.mean[i]);
  }

  void add_histogram(FoldState& s, size_t i, const StepSeries& from) {
    switch (op_) {
      case AggregateOp::kCount:
      case AggregateOp::kGroup: ++s.others[i]; return;
      case AggregateOp::kSum:
      case AggregateOp::kAvg: {
        ++s.others[i];
        if (s.histograms.empty()) s.histograms.resize(grid_.count());
        HistogramFold& fold = s.histograms[i];
        // Next to floats the step gives nothing anyway.
        if (s.floats[i] > 0 && !fold.any()) return;
        const bool fitting = op_ == AggregateOp::kSum ? fold.add(*from.histograms[i])
                                                      : fold.add_mean(*from.histograms[i]);
        if (!fitting) note_mixed_schemas(from.labels.metric_name());
        return;
      }
      default: note_ignored_histogram(ev_, expr_, position());
    }
  }

  void finish_step(FoldState& s, size_t i, StepSeries& out) {
    const double n = s.floats[i];
    if (s.floats[i] + s.others[i] == 0) return;
    switch (op_) {
      case AggregateOp::kCount: out.set(i, n + s.others[i]); return;
      case AggregateOp::kGroup: out.set(i, 1.0); return;
      case AggregateOp::kSum:
      case AggregateOp::kAvg: return finish_sum(s, i, out);
      case AggregateOp::kStdvar: out.set(i, s.value[i] / n); return;
      case AggregateOp::kStddev: out.set(i, std::sqrt(s.value[i] / n)); return;
      default: out.set(i, s.value[i]);
    }
  }

  void finish_sum(FoldState& s, size_t i, StepSeries& out) {
    if (s.floats[i] > 0 && s.others[i] > 0) {
      ev_.notes().warn("encountered a mix of histograms and floats for aggregation", position());
      return;
    }
    if (s.others[i] > 0) return finish_histogram(s.histograms[i], i, out);
    const double n = s.floats[i];
    if (op_ == AggregateOp::kSum) {
      out.set(i, s.value[i] + s.c[i]);
    } else if (s.incremental[i] != 0) {
      out.set(i, s.mean[i] + s.c[i]);
    } else {
      out.set(i, s.value[i] / n + s.c[i] / n);
    }
  }

  void finish_histogram(HistogramFold& fold, size_t i, StepSeries& out) {
    if (fold.incompatible()) return;
    if (fold.reconciled()) {
      ev_.notes().info("mismatched custom buckets were reconciled during aggregation", position());
    }
    HistogramRef h = op_ == AggregateOp::kSum ? fold.sum() : fold.mean();
    if (fold.reset_collision()) {
      ev_.notes().warn("conflicting counter resets during histogram aggregation", position());
    }
    out.set(i, std::move(h));
  }

  void note_mixed_schemas(std::string_view metric_name) {
    ev_.notes().warn(
        "vector contains a mix of histograms with exponential and custom buckets schemas for "
        "metric name " +
            model::go_quote(metric_name),
        position());
  }

  uint32_t position() const { return unwrap_parens(*expr_.expr).pos.start; }

  Evaluator& ev_;
  const AggregateExpr& expr_;
  const AggregateOp op_;
  const StepValue input_;
  const StepGrid& grid_;
};

base::Status check_quantile_param(Evaluator& ev, const AggregateExpr& expr,
                                  const AggregateParam& param) {
  const uint32_t pos = unwrap_parens(*expr.param).pos.start;
  const auto warn = [&](double q) {
    ev.notes().warn("quantile value should be between 0 and 1, got " + base::go_g(q), pos);
  };
  if (param.any_nan) warn(std::numeric_limits<double>::quiet_NaN());
  if (param.max > 1) warn(param.max);
  if (param.min < 0) warn(param.min);
  return {};
}

}  // namespace

Grouping group_series(const AggregateExpr& expr, const std::vector<StepSeries>& series) {
  Grouping grouping;
  grouping.group_of.reserve(series.size());
  absl::flat_hash_map<std::string, uint32_t> index;
  const GroupLabels group_of(expr.without, expr.grouping);
  for (size_t i = 0; i < series.size(); ++i) {
    model::Labels labels = group_of(series[i].labels);
    const auto [at, added] =
        index.try_emplace(labels.bytes(), static_cast<uint32_t>(grouping.labels.size()));
    if (added) {
      grouping.labels.push_back(std::move(labels));
      grouping.members.emplace_back();
    }
    grouping.group_of.push_back(at->second);
    grouping.members[at->second].push_back(static_cast<uint32_t>(i));
  }
  return grouping;
}

base::Result<AggregateParam> eval_param(Evaluator& ev, const Expr& expr, const StepGrid& grid) {
  AggregateParam param;
  ASSIGN_OR_RETURN(param.values, ev.eval_scalar(unwrap_parens(expr), grid));
  constexpr double kMax = std::numeric_limits<double>::max();
  param.min = kMax;
  param.max = -kMax;
  for (const double v : param.values) {
    param.max = go_max(param.max, v);
    param.min = go_min(param.min, v);
    param.any_nan = param.any_nan || std::isnan(v);
  }
  return param;
}

void note_ignored_histogram(Evaluator& ev, const AggregateExpr& expr, uint32_t pos) {
  ev.notes().info(
      "ignored histogram in " + std::string(aggregate_op_text(expr.op)) + " aggregation", pos);
}

base::Result<StepValue> aggregate_fold(Evaluator& ev, const AggregateExpr& expr, StepValue input,
                                       const StepGrid& grid) {
  return Fold(ev, expr, std::move(input), grid).run();
}

base::Result<StepValue> aggregate_quantile(Evaluator& ev, const AggregateExpr& expr,
                                           StepValue input, const AggregateParam& param,
                                           const StepGrid& grid) {
  RETURN_IF_ERROR(check_quantile_param(ev, expr, param));
  const Grouping groups = group_series(expr, input.series);
  StepValue out = ev.new_vector();
  std::vector<double> values;
  bool ignored = false;
  for (size_t g = 0; g < groups.labels.size(); ++g) {
    RETURN_IF_ERROR(ev.charge_series(out, groups.labels[g], grid.count()));
    StepSeries series(groups.labels[g], grid.count());
    for (size_t i = 0; i < grid.count(); ++i) {
      if (i % 256 == 0) RETURN_IF_ERROR(ev.check());
      values.clear();
      for (const uint32_t member : groups.members[g]) {
        const StepSeries& s = input.series[member];
        ignored = ignored || s.is_histogram(i);
        if (!s.is_float(i)) continue;
        values.push_back(s.values[i]);
        series.drop_name = series.drop_name || s.drop_name;
      }
      if (!values.empty()) series.set(i, quantile(param.values[i], values));
    }
    if (series.any()) out.series.push_back(std::move(series));
  }
  if (ignored) note_ignored_histogram(ev, expr, unwrap_parens(*expr.expr).pos.start);
  RETURN_IF_ERROR(ev.charge_samples(out));
  return out;
}

base::Result<StepValue> eval_aggregate(Evaluator& ev, const AggregateExpr& expr,
                                       const StepGrid& grid) {
  AggregateParam param;
  if (expr.op == AggregateOp::kCountValues) {
    ASSIGN_OR_RETURN(StepValue input, ev.eval(unwrap_parens(*expr.expr), grid));
    return aggregate_count_values(ev, expr, std::move(input), grid);
  }
  if (expr.param) {
    ASSIGN_OR_RETURN(param, eval_param(ev, *expr.param, grid));
  }
  ASSIGN_OR_RETURN(StepValue input, ev.eval(unwrap_parens(*expr.expr), grid));
  switch (expr.op) {
    case AggregateOp::kQuantile: return aggregate_quantile(ev, expr, std::move(input), param, grid);
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio: return aggregate_choose(ev, expr, std::move(input), param, grid);
    default: return aggregate_fold(ev, expr, std::move(input), grid);
  }
}

}  // namespace silverback::promql
