#pragma once

#include <cstdint>
#include <vector>

#include "promql/evaluator.h"

namespace silverback::promql {

/// The groups of an aggregation, in order of first appearance.
struct Grouping {
  std::vector<model::Labels> labels;           // of each group
  std::vector<uint32_t> group_of;              // of each series
  std::vector<std::vector<uint32_t>> members;  // series of each group, in order
};
Grouping group_series(const AggregateExpr& expr, const std::vector<StepSeries>& series);

/// The parameter of topk, quantile, ...: one value a step and what they have in common.
struct AggregateParam {
  std::vector<double> values;
  double min = 0, max = 0;
  bool any_nan = false;
};
base::Result<AggregateParam> eval_param(Evaluator& ev, const Expr& expr, const StepGrid& grid);

/// sum, avg, count, min, max, group, stddev, stdvar: folded a series at a time, straight from
/// storage where the operand can be streamed.
base::Result<StepValue> aggregate_fold(Evaluator& ev, const AggregateExpr& expr,
                                       const StepGrid& grid);
base::Result<StepValue> aggregate_quantile(Evaluator& ev, const AggregateExpr& expr,
                                           StepValue input, const AggregateParam& param,
                                           const StepGrid& grid);
/// topk, bottomk, limitk, limit_ratio: choose among the input series.
base::Result<StepValue> aggregate_choose(Evaluator& ev, const AggregateExpr& expr, StepValue input,
                                         const AggregateParam& param, const StepGrid& grid);
base::Result<StepValue> aggregate_count_values(Evaluator& ev, const AggregateExpr& expr,
                                               StepValue input, const StepGrid& grid);

/// info: "ignored histogram in <op> aggregation".
void note_ignored_histogram(Evaluator& ev, const AggregateExpr& expr, uint32_t pos);

}  // namespace silverback::promql
