#include "promql/aggregate.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "base/go_float.h"
#include "promql/go_math.h"
#include "promql/group_fold.h"
#include "promql/matching.h"
#include "promql/quantile.h"

namespace silverback::promql {

namespace {

/// The folds of all groups, made as their series come.
class GroupFolds {
 public:
  GroupFolds(Evaluator& ev, const AggregateExpr& expr, const StepGrid& grid)
      : ev_(ev), expr_(expr), grid_(grid), group_of_(expr.without, expr.grouping) {}

  base::Status add(const StepSeries& series) {
    model::Labels labels = group_of_(series.labels);
    const auto [at, added] = index_.try_emplace(labels.bytes(), folds_.size());
    if (added) {
      labels_.push_back(labels);
      folds_.push_back(std::make_unique<GroupFold>(ev_, expr_, grid_, std::move(labels)));
      RETURN_IF_ERROR(folds_.back()->start());
    }
    return folds_[at->second]->add(series);
  }

  /// The groups in order of first appearance.
  base::Result<StepValue> finish() {
    StepValue out = ev_.new_vector();
    for (size_t g = 0; g < folds_.size(); ++g) {
      RETURN_IF_ERROR(ev_.check());
      RETURN_IF_ERROR(ev_.charge_series(out, labels_[g], grid_.count()));
      StepSeries series = folds_[g]->finish();
      folds_[g].reset();
      if (series.any()) out.series.push_back(std::move(series));
    }
    RETURN_IF_ERROR(ev_.charge_samples(out));
    return out;
  }

 private:
  Evaluator& ev_;
  const AggregateExpr& expr_;
  const StepGrid& grid_;
  const GroupLabels group_of_;
  absl::flat_hash_map<std::string, size_t> index_;
  std::vector<model::Labels> labels_;
  std::vector<std::unique_ptr<GroupFold>> folds_;
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

base::Result<StepValue> aggregate_fold(Evaluator& ev, const AggregateExpr& expr,
                                       const StepGrid& grid) {
  const Expr& operand = unwrap_parens(*expr.expr);
  GroupFolds folds(ev, expr, grid);
  const auto add = [&folds](const StepSeries& series) { return folds.add(series); };
  ASSIGN_OR_RETURN(const bool streamed, ev.stream(operand, grid, add));
  if (streamed) return folds.finish();
  // Held whole anyway: the state of one group at a time is enough.
  ASSIGN_OR_RETURN(const StepValue input, ev.eval(operand, grid));
  const Grouping groups = group_series(expr, input.series);
  StepValue out = ev.new_vector();
  for (size_t g = 0; g < groups.labels.size(); ++g) {
    RETURN_IF_ERROR(ev.charge_series(out, groups.labels[g], grid.count()));
    GroupFold fold(ev, expr, grid, groups.labels[g]);
    RETURN_IF_ERROR(fold.start());
    size_t at = 0;
    for (const uint32_t member : groups.members[g]) {
      if (at++ % 256 == 0) RETURN_IF_ERROR(ev.check());
      RETURN_IF_ERROR(fold.add(input.series[member]));
    }
    StepSeries series = fold.finish();
    if (series.any()) out.series.push_back(std::move(series));
  }
  RETURN_IF_ERROR(ev.charge_samples(out));
  return out;
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
  if (expr.op == AggregateOp::kCountValues) {
    ASSIGN_OR_RETURN(StepValue input, ev.eval(unwrap_parens(*expr.expr), grid));
    return aggregate_count_values(ev, expr, std::move(input), grid);
  }
  if (!expr.param) return aggregate_fold(ev, expr, grid);
  ASSIGN_OR_RETURN(const AggregateParam param, eval_param(ev, *expr.param, grid));
  ASSIGN_OR_RETURN(StepValue input, ev.eval(unwrap_parens(*expr.expr), grid));
  if (expr.op == AggregateOp::kQuantile) {
    return aggregate_quantile(ev, expr, std::move(input), param, grid);
  }
  return aggregate_choose(ev, expr, std::move(input), param, grid);
}

}  // namespace silverback::promql
