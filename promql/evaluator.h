#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "promql/ast.h"
#include "promql/notes.h"
#include "promql/plan.h"
#include "promql/step_value.h"
#include "storage/querier.h"

namespace silverback::promql {

/// What one query lends to its evaluation.
struct EvalOptions {
  storage::Querier* querier = nullptr;
  storage::QueryBudget* budget = nullptr;
  const Plan* plan = nullptr;
  base::Clock* clock = nullptr;
  std::chrono::nanoseconds deadline{0};  // on the clock's monotonic time
  std::stop_token stop;
  int64_t lookback_ms = 0;
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
  bool type_and_unit_labels = false;
};

/// Takes the series of an expression one after another.
using SeriesSink = std::function<base::Status(StepSeries)>;

/// Walks a prepared tree, a series at a time over all steps of a grid. The parts of the language
/// live in files of their own and come back here for their operands.
/// Threads: one query, one thread.
class Evaluator {
 public:
  explicit Evaluator(const EvalOptions& options) : options_(options) {}

  /// Any expression but range vectors, on every step of the grid.
  base::Result<StepValue> eval(const Expr& expr, const StepGrid& grid);
  /// Gives the series that eval() would give to `sink`, and holds none of them. False, with nothing
  /// done, for what has to be held whole.
  base::Result<bool> stream(const Expr& expr, const StepGrid& grid, const SeriesSink& sink);
  /// eval() of a scalar expression: one value a step.
  base::Result<std::vector<double>> eval_scalar(const Expr& expr, const StepGrid& grid);
  /// A range vector at one instant, as the answer of an instant query.
  base::Result<Matrix> eval_matrix(const Expr& expr, model::TimestampMs t);
  /// The inner expression of a subquery that is used at the steps of `outer`.
  base::Result<StepValue> eval_subquery(const Subquery& expr, const StepGrid& outer,
                                        StepGrid* inner);
  /// What delayed name removal left to the end.
  base::Status finish_names(StepValue& value, const StepGrid& grid);

  /// kTimeout or kCanceled once the query must end. Called per series or per few thousand steps.
  base::Status check();

  const EvalOptions& options() const { return options_; }
  const Plan& plan() const { return *options_.plan; }
  Notes& notes() { return notes_; }

  /// totalQueryableSamples.
  int64_t total_samples() const { return total_samples_; }
  void add_total_samples(int64_t n) { total_samples_ += n; }
  void set_total_samples(int64_t n) { total_samples_ = n; }
  /// What storage was asked for.
  int64_t samples_read() const { return samples_read_; }
  void add_samples_read(size_t n) { samples_read_ += static_cast<int64_t>(n); }

  /// An empty vector whose charge is bound to the query's budget.
  StepValue new_vector() const;
  StepValue new_scalar(std::vector<double> values) const;
  /// Charges a series over `steps` before it is filled.
  base::Status charge_series(BudgetCharge& charge, const model::Labels& labels, size_t steps) const;
  base::Status charge_series(StepValue& into, const model::Labels& labels, size_t steps) const {
    return charge_series(into.charge, labels, steps);
  }
  /// kLimit when so many series over `steps` cannot fit: said before the first is read. Charges
  /// nothing.
  base::Status expect_series(size_t series, size_t steps) const;
  /// Whether so many series may be streamed: not past --query.max-samples, which counts results
  /// of selectors and range functions as if they were held.
  bool may_stream(size_t series, size_t steps) const;
  /// Charges the samples of everything in `value` (after filling it).
  base::Status charge_samples(StepValue& value) const;

  /// Series with equal labels become one if they never meet at a step; else "vector cannot contain
  /// metrics with the same labelset". Every operation that changes labels ends with this.
  base::Status unite_equal_labels(StepValue& value, const StepGrid& grid) const;
  /// The same without joining: equal labels are an error.
  base::Status refuse_equal_labels(const StepValue& value) const;
  /// Drops the name now, or marks it, as the mode says.
  void drop_name(StepSeries& series) const;

 private:
  base::Result<StepValue> eval_once(const Expr& expr, const StepGrid& grid);
  base::Result<StepValue> eval_node(const Expr& expr, const StepGrid& grid);
  base::Result<StepValue> eval_unary(const UnaryExpr& expr, const StepGrid& grid);
  base::Status repeat(StepValue& value, size_t steps) const;

  const EvalOptions options_;
  Notes notes_;
  int64_t total_samples_ = 0;
  int64_t samples_read_ = 0;
};

/// An execution error, as the API shows it.
base::Status execution_error(std::string message);
/// "... not supported yet" for what is valid in Prometheus.
base::Status not_built(std::string_view what);

// The parts, each in a file of its name.
base::Result<StepValue> eval_vector_selector(Evaluator& ev, const VectorSelector& expr,
                                             const StepGrid& grid);
base::Result<StepValue> eval_call(Evaluator& ev, const Call& expr, const StepGrid& grid);
base::Result<bool> stream_vector_selector(Evaluator& ev, const VectorSelector& expr,
                                          const StepGrid& grid, const SeriesSink& sink);
base::Result<bool> stream_call(Evaluator& ev, const Call& expr, const StepGrid& grid,
                               const SeriesSink& sink);
base::Result<StepValue> eval_binary(Evaluator& ev, const BinaryExpr& expr, const StepGrid& grid);
base::Result<StepValue> eval_aggregate(Evaluator& ev, const AggregateExpr& expr,
                                       const StepGrid& grid);

}  // namespace silverback::promql
