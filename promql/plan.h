#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/result.h"
#include "promql/ast.h"
#include "promql/step_value.h"

namespace silverback::promql {

/// What a query fixes about a selector or subquery: durations computed, @ resolved.
struct SelectorPlan {
  int64_t offset_ms = 0;
  int64_t range_ms = 0;  // matrix selectors and subqueries
  int64_t step_ms = 0;   // subqueries
  std::optional<model::TimestampMs> at;
  /// Vector selectors: only count and sum of its histograms are used further up.
  bool stats_only = false;

  /// The instant that a selector evaluated at `t` looks from.
  model::TimestampMs data_time(model::TimestampMs t) const { return at.value_or(t) - offset_ms; }
};

/// A parsed expression prepared for one query: duration expressions computed with the query's step
/// and range, start() and end() replaced, subtrees that give the same at every step marked. The
/// tree itself stays as it is; this borrows it. Threads: shared for reading.
class Plan {
 public:
  struct Query {
    StepGrid grid;
    /// range queries only; instant queries have step() == range() == 0
    bool is_range = false;
    int64_t default_subquery_step_ms = 60'000;
  };
  /// kBadData when a duration is not positive, out of range, or divides by zero.
  static base::Result<Plan> make(const Expr& root, const Query& query);

  /// Evaluated once and repeated at every step.
  bool step_invariant(const Expr& expr) const;
  /// Of a VectorSelector, MatrixSelector (its inner selector's offset and @), Subquery, or a call
  /// of info() (when its info series are looked at).
  const SelectorPlan& selector(const Expr& expr) const { return selectors_.at(&expr); }
  /// The value of start(), end(), range() or step().
  std::optional<double> constant(const Expr& expr) const;

  /// Everything that evaluating `root` on the query's grid may ask storage for.
  model::TimeRange data_range(int64_t lookback_ms) const;

 private:
  class Builder;
  std::unordered_map<const Expr*, SelectorPlan> selectors_;
  std::unordered_map<const Expr*, double> constants_;
  std::unordered_map<const Expr*, bool> invariant_;
  const Expr* root_ = nullptr;
  StepGrid grid_;
};

}  // namespace silverback::promql
