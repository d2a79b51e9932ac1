#pragma once

#include <cstdint>
#include <vector>

#include "promql/evaluator.h"
#include "promql/histogram_step.h"

namespace silverback::promql {

/// sum, avg, count, min, max, group, stddev or stdvar of one group: takes its series one after
/// another, every step of each, and holds only what the operator needs.
/// Threads: one at a time.
class GroupFold {
 public:
  /// Borrows all but the labels.
  GroupFold(Evaluator& ev, const AggregateExpr& expr, const StepGrid& grid, model::Labels labels);

  /// Charges the state of the group; to be called once, first.
  base::Status start();
  base::Status add(const StepSeries& series);
  /// The group's series; without samples if no series had one. The fold is spent.
  StepSeries finish();

 private:
  bool is_mean() const { return expr_.op == AggregateOp::kAvg; }
  bool counts_only() const {
    return expr_.op == AggregateOp::kCount || expr_.op == AggregateOp::kGroup;
  }
  base::Status add_float(size_t i, double v);
  base::Status add_to_mean(size_t i, double v, double n);
  void add_to_variance(size_t i, double v, double n);
  base::Status add_histogram(size_t i, const StepSeries& from);
  void finish_step(size_t i, StepSeries& out);
  void finish_sum(size_t i, StepSeries& out);
  void finish_histogram(size_t i, StepSeries& out);
  uint32_t position() const;

  Evaluator& ev_;
  const AggregateExpr& expr_;
  const StepGrid& grid_;
  const size_t steps_;
  model::Labels labels_;
  bool drop_name_ = false;
  BudgetCharge charge_;
  std::vector<uint32_t> count_;            // floats folded in, or all samples where only they count
  std::vector<double> value_;              // sum, extreme, squares
  std::vector<double> mean_;               // of stddev; of avg from its first overflow on
  std::vector<double> c_;                  // Kahan's compensation of sum and avg
  std::vector<bool> incremental_;          // avg: the step carries its mean
  std::vector<uint32_t> histogram_count_;  // sum and avg; both empty until a histogram comes
  std::vector<HistogramFold> histograms_;
};

}  // namespace silverback::promql
