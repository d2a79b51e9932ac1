#include "promql/evaluator.h"

#include <algorithm>
#include <limits>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "promql/histogram_step.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

namespace {

constexpr std::string_view kSameLabelset = "vector cannot contain metrics with the same labelset";

constexpr size_t kStepBytes = sizeof(double) + sizeof(SampleKind);

bool has_equal_labels(const std::vector<StepSeries>& series) {
  if (series.size() < 2) return false;
  absl::flat_hash_set<std::string_view> seen;
  seen.reserve(series.size());
  for (const StepSeries& s : series) {
    if (!seen.insert(s.labels.bytes()).second) return true;
  }
  return false;
}

/// Moves the samples of `from` into `into`; false when both have one at a step.
bool join_series(StepSeries& into, StepSeries& from) {
  // The earlier sample decides what becomes of the name.
  if (from.first() < into.first()) into.drop_name = from.drop_name;
  for (size_t i = 0; i < from.steps(); ++i) {
    if (!from.has(i)) continue;
    if (into.has(i)) return false;
    into.copy_step(i, from, i);
  }
  return true;
}

}  // namespace

base::Status execution_error(std::string message) {
  return base::Status(base::Errc::kExecution, std::move(message));
}

base::Status not_built(std::string_view what) {
  return base::Status(base::Errc::kUnsupported, std::string(what) + ": not supported yet");
}

base::Status Evaluator::check() {
  if (options_.stop.stop_requested()) {
    return base::Status(base::Errc::kCanceled, "query was canceled in expression evaluation");
  }
  if (options_.clock && options_.clock->monotonic() > options_.deadline) {
    return base::Status(base::Errc::kTimeout, "query timed out in expression evaluation");
  }
  return {};
}

StepValue Evaluator::new_vector() const {
  StepValue value;
  value.type = ValueType::kVector;
  value.charge = BudgetCharge(options_.budget);
  return value;
}

StepValue Evaluator::new_scalar(std::vector<double> values) const {
  StepValue value;
  value.type = ValueType::kScalar;
  value.scalars = std::move(values);
  value.charge = BudgetCharge(options_.budget);
  return value;
}

base::Status Evaluator::expect_series(size_t series, size_t steps) const {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(series, steps * kStepBytes + sizeof(StepSeries), &bytes)) {
    bytes = std::numeric_limits<int64_t>::max();
  }
  BudgetCharge probe(options_.budget);
  return probe.add_bytes(
      static_cast<int64_t>(std::min<uint64_t>(bytes, std::numeric_limits<int64_t>::max())));
}

bool Evaluator::may_stream(size_t series, size_t steps) const {
  size_t samples = 0;
  return !__builtin_mul_overflow(series, steps, &samples) &&
         samples <= static_cast<size_t>(options_.budget->sample_limit());
}

base::Status Evaluator::charge_series(BudgetCharge& charge, const model::Labels& labels,
                                      size_t steps) const {
  return charge.add_bytes(
      static_cast<int64_t>(steps * kStepBytes + labels.bytes().size() + sizeof(StepSeries)));
}

base::Status Evaluator::charge_samples(StepValue& value) const {
  int64_t n = static_cast<int64_t>(value.scalars.size());
  for (const StepSeries& s : value.series) n += s.sample_count();
  return value.charge.add_samples(n);
}

base::Status Evaluator::refuse_equal_labels(const StepValue& value) const {
  if (has_equal_labels(value.series)) return execution_error(std::string(kSameLabelset));
  return {};
}

base::Status Evaluator::unite_equal_labels(StepValue& value, const StepGrid& grid) const {
  // With delayed name removal a single step is judged at the end only.
  if (grid.instant() && options_.delayed_name_removal) return {};
  if (!has_equal_labels(value.series)) return {};
  absl::flat_hash_map<std::string_view, size_t> first_of;
  std::vector<bool> joined(value.series.size(), false);
  for (size_t i = 0; i < value.series.size(); ++i) {
    const auto [at, added] = first_of.try_emplace(value.series[i].labels.bytes(), i);
    if (added) continue;
    if (!join_series(value.series[at->second], value.series[i])) {
      return execution_error(std::string(kSameLabelset));
    }
    joined[i] = true;
  }
  size_t kept = 0;
  for (size_t i = 0; i < value.series.size(); ++i) {
    if (joined[i]) continue;
    if (kept != i) value.series[kept] = std::move(value.series[i]);
    ++kept;
  }
  value.series.resize(kept);
  return {};
}

void Evaluator::drop_name(StepSeries& series) const {
  series.drop_name = true;
  if (!options_.delayed_name_removal) drop_metadata_labels(series);
}

base::Status Evaluator::finish_names(StepValue& value, const StepGrid& grid) {
  if (!options_.delayed_name_removal) return {};
  for (StepSeries& s : value.series) {
    if (s.drop_name) drop_metadata_labels(s);
  }
  if (grid.instant()) return refuse_equal_labels(value);
  return unite_equal_labels(value, grid);
}

base::Result<StepValue> Evaluator::eval(const Expr& expr, const StepGrid& grid) {
  RETURN_IF_ERROR(check());
  if (grid.count() == 0) {
    StepValue nothing = new_vector();
    nothing.type = expr.type();
    return nothing;
  }
  if (!grid.instant() && plan().step_invariant(expr)) return eval_once(expr, grid);
  return eval_node(expr, grid);
}

base::Result<bool> Evaluator::stream(const Expr& expr, const StepGrid& grid,
                                     const SeriesSink& sink) {
  RETURN_IF_ERROR(check());
  if (grid.count() == 0 || (!grid.instant() && plan().step_invariant(expr))) return false;
  if (expr.kind == ExprKind::kVectorSelector) {
    return stream_vector_selector(*this, static_cast<const VectorSelector&>(expr), grid, sink);
  }
  if (expr.kind == ExprKind::kCall) {
    return stream_call(*this, static_cast<const Call&>(expr), grid, sink);
  }
  return false;
}

base::Result<StepValue> Evaluator::eval_once(const Expr& expr, const StepGrid& grid) {
  const int64_t before = total_samples_;
  ASSIGN_OR_RETURN(StepValue value, eval_node(expr, grid.first_only()));
  // Counted as if every step had read them.
  total_samples_ = before + (total_samples_ - before) * static_cast<int64_t>(grid.count());
  RETURN_IF_ERROR(repeat(value, grid.count()));
  return value;
}

base::Status Evaluator::repeat(StepValue& value, size_t steps) const {
  if (value.type == ValueType::kScalar) {
    RETURN_IF_ERROR(value.charge.add_bytes(static_cast<int64_t>(steps * sizeof(double))));
    value.scalars.resize(steps, value.scalars.at(0));
    return {};
  }
  for (StepSeries& s : value.series) {
    RETURN_IF_ERROR(charge_series(value, s.labels, steps));
    s.kinds.resize(steps, s.kinds[0]);
    s.values.resize(steps, s.values[0]);
    if (!s.histograms.empty()) s.histograms.resize(steps, s.histograms[0]);
    RETURN_IF_ERROR(value.charge.add_samples(s.sample_count()));
  }
  return {};
}

base::Result<StepValue> Evaluator::eval_node(const Expr& expr, const StepGrid& grid) {
  switch (expr.kind) {
    case ExprKind::kNumber: {
      RETURN_IF_ERROR(check());
      StepValue value = new_scalar({});
      RETURN_IF_ERROR(value.charge.add_bytes(static_cast<int64_t>(grid.count() * sizeof(double))));
      value.scalars.assign(grid.count(), static_cast<const NumberLiteral&>(expr).value);
      return value;
    }
    case ExprKind::kString: {
      StepValue value = new_vector();
      value.type = ValueType::kString;
      value.text = static_cast<const StringLiteral&>(expr).value;
      return value;
    }
    case ExprKind::kVectorSelector:
      return eval_vector_selector(*this, static_cast<const VectorSelector&>(expr), grid);
    case ExprKind::kUnary: return eval_unary(static_cast<const UnaryExpr&>(expr), grid);
    case ExprKind::kBinary: return eval_binary(*this, static_cast<const BinaryExpr&>(expr), grid);
    case ExprKind::kAggregate:
      return eval_aggregate(*this, static_cast<const AggregateExpr&>(expr), grid);
    case ExprKind::kCall: return eval_call(*this, static_cast<const Call&>(expr), grid);
    case ExprKind::kParen: return eval(*static_cast<const ParenExpr&>(expr).expr, grid);
    case ExprKind::kMatrixSelector:
    case ExprKind::kSubquery: break;
  }
  return base::Status(base::Errc::kInternal, "a range vector stands where none can");
}

base::Result<std::vector<double>> Evaluator::eval_scalar(const Expr& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue value, eval(expr, grid));
  return std::move(value.scalars);
}

base::Result<StepValue> Evaluator::eval_unary(const UnaryExpr& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue value, eval(*expr.operand, grid));
  if (!expr.negate) return value;
  for (double& v : value.scalars) v = -v;
  for (StepSeries& s : value.series) {
    drop_name(s);
    for (size_t i = 0; i < s.steps(); ++i) {
      if (s.is_float(i)) {
        s.values[i] = -s.values[i];
      } else if (s.is_histogram(i)) {
        s.histograms[i] = scale_histogram(*s.histograms[i], -1);
      }
    }
  }
  if (!options_.delayed_name_removal) RETURN_IF_ERROR(unite_equal_labels(value, grid));
  return value;
}

base::Result<StepValue> Evaluator::eval_subquery(const Subquery& expr, const StepGrid& outer,
                                                 StepGrid* inner) {
  const SelectorPlan& p = plan().selector(expr);
  const model::TimestampMs last = p.data_time(outer.at(outer.count() - 1));
  const model::TimestampMs after = p.data_time(outer.start) - p.range_ms;
  inner->step = p.step_ms;
  inner->start = p.step_ms * (after / p.step_ms);
  if (inner->start <= after) inner->start += p.step_ms;
  inner->end = last;
  return eval(*expr.expr, *inner);
}

base::Result<Matrix> Evaluator::eval_matrix(const Expr& expr, model::TimestampMs t) {
  const Expr& range = unwrap_parens(expr);
  const StepGrid at_t{t, t, 1};
  if (range.kind == ExprKind::kMatrixSelector) {
    return read_matrix(*this, static_cast<const MatrixSelector&>(range), t);
  }
  StepGrid inner;
  ASSIGN_OR_RETURN(StepValue value,
                   eval_subquery(static_cast<const Subquery&>(range), at_t, &inner));
  RETURN_IF_ERROR(finish_names(value, inner));
  return to_matrix(value, inner);
}

}  // namespace silverback::promql
