#include "promql/binary_op.h"

#include <cmath>

#include "model/histogram_ops.h"
#include "promql/histogram_step.h"

namespace silverback::promql {

namespace {

bool compare(BinaryOp op, double l, double r) {
  switch (op) {
    case BinaryOp::kEq: return l == r;
    case BinaryOp::kNe: return l != r;
    case BinaryOp::kLt: return l < r;
    case BinaryOp::kLe: return l <= r;
    case BinaryOp::kGt: return l > r;
    default: return l >= r;
  }
}

bool is_trim(BinaryOp op) {
  return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}

ElementResult kept(HistogramRef h) {
  return {StepSample::of(std::move(h)), true, false};
}
ElementResult failed() {
  return {{}, false, true};
}

ElementResult float_float(BinaryOp op, const StepSample& l, const StepSample& r,
                          ElementNotes& notes) {
  if (is_trim(op)) {
    notes.float_float = true;
    return failed();
  }
  if (is_comparison(op)) return {l, compare(op, l.v, r.v), false};
  return {StepSample::of(scalar_op(op, l.v, r.v)), true, false};
}

ElementResult histogram_float(BinaryOp op, const StepSample& l, double r, ElementNotes& notes) {
  switch (op) {
    case BinaryOp::kMul: return kept(compacted(scale_histogram(*l.h, r)));
    case BinaryOp::kDiv: return kept(compacted(divide_histogram(*l.h, r)));
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower: {
      model::Histogram h = *l.h;
      model::trim_buckets(h, r, op == BinaryOp::kTrimUpper);
      return kept(std::make_shared<const model::Histogram>(std::move(h)));
    }
    default: notes.histogram_float = true; return failed();
  }
}

ElementResult add_or_subtract(BinaryOp op, const model::Histogram& l, const model::Histogram& r,
                              ElementNotes& notes) {
  const bool add = op == BinaryOp::kAdd;
  model::Histogram h = l;
  const model::HistogramSum sum =
      add ? model::add_histogram(h, r) : model::subtract_histogram(h, r);
  if (!sum.compatible) {
    notes.incompatible_layout = true;
    return failed();
  }
  if (!add) h.hint = model::CounterResetHint::kGauge;
  (add ? notes.collision_add : notes.collision_sub) |= sum.reset_collision;
  (add ? notes.reconciled_add : notes.reconciled_sub) |= sum.reconciled;
  model::compact(h);
  ElementResult result = kept(std::make_shared<const model::Histogram>(std::move(h)));
  return result;
}

ElementResult histogram_histogram(BinaryOp op, const StepSample& l, const StepSample& r,
                                  ElementNotes& notes) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub: return add_or_subtract(op, *l.h, *r.h, notes);
    case BinaryOp::kEq: return {l, l.h->equals(*r.h), false};
    case BinaryOp::kNe: return {l, !l.h->equals(*r.h), false};
    default: notes.histogram_histogram = true; return failed();
  }
}

base::Result<StepValue> vector_scalar(Evaluator& ev, const BinaryExpr& expr, StepValue vector,
                                      const std::vector<double>& scalars, bool scalar_left,
                                      const StepGrid& grid) {
  ElementNotes notes;
  for (StepSeries& s : vector.series) {
    RETURN_IF_ERROR(ev.check());
    for (size_t i = 0; i < s.steps(); ++i) {
      if (!s.has(i)) continue;
      const StepSample element = s.get(i);
      const StepSample scalar = StepSample::of(scalars[i]);
      ElementResult result = scalar_left ? element_op(expr.op, scalar, element, notes)
                                         : element_op(expr.op, element, scalar, notes);
      s.clear(i);
      if (result.failed) continue;
      if (expr.return_bool) {
        s.set(i, result.keep ? 1.0 : 0.0);
      } else if (result.keep) {
        // A filter gives the vector's sample, whichever side it stood on.
        s.set(i, is_comparison(expr.op) ? element : std::move(result.sample));
      }
    }
    if (changes_meaning(expr.op) || expr.return_bool) ev.drop_name(s);
  }
  note_elements(ev, expr, notes);
  remove_empty(vector.series);
  RETURN_IF_ERROR(ev.unite_equal_labels(vector, grid));
  return vector;
}

}  // namespace

double scalar_op(BinaryOp op, double l, double r) {
  switch (op) {
    case BinaryOp::kAdd: return l + r;
    case BinaryOp::kSub: return l - r;
    case BinaryOp::kMul: return l * r;
    case BinaryOp::kDiv: return l / r;
    case BinaryOp::kMod: return std::fmod(l, r);
    case BinaryOp::kPow: return std::pow(l, r);
    case BinaryOp::kAtan2: return std::atan2(l, r);
    default: return compare(op, l, r) ? 1 : 0;
  }
}

bool changes_meaning(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kPow:
    case BinaryOp::kAtan2: return true;
    default: return false;
  }
}

ElementResult element_op(BinaryOp op, const StepSample& l, const StepSample& r,
                         ElementNotes& notes) {
  const bool left_float = l.kind == SampleKind::kFloat;
  const bool right_float = r.kind == SampleKind::kFloat;
  if (left_float && right_float) return float_float(op, l, r, notes);
  if (!left_float && right_float) return histogram_float(op, l, r.v, notes);
  if (!left_float) return histogram_histogram(op, l, r, notes);
  if (op == BinaryOp::kMul) return kept(compacted(scale_histogram(*r.h, l.v)));
  notes.float_histogram = true;
  return failed();
}

void note_elements(Evaluator& ev, const BinaryExpr& expr, const ElementNotes& n) {
  const std::string op(binary_op_text(expr.op));
  const uint32_t pos = expr.pos.start;
  Notes& notes = ev.notes();
  const auto incompatible = [&](bool seen, std::string_view l, std::string_view r) {
    if (!seen) return;
    notes.info("incompatible sample types encountered for binary operator \"" + op +
                   "\": " + std::string(l) + " " + op + " " + std::string(r),
               pos);
  };
  incompatible(n.float_float, "float", "float");
  incompatible(n.float_histogram, "float", "histogram");
  incompatible(n.histogram_float, "histogram", "float");
  incompatible(n.histogram_histogram, "histogram", "histogram");
  if (n.incompatible_layout) {
    notes.warn("incompatible bucket layout encountered for binary operator " + op, pos);
  }
  const std::string collision = "conflicting counter resets during histogram ";
  if (n.collision_add) notes.warn(collision + "addition", pos);
  if (n.collision_sub) notes.warn(collision + "subtraction", pos);
  const std::string reconciled = "mismatched custom buckets were reconciled during ";
  if (n.reconciled_add) notes.info(reconciled + "addition", pos);
  if (n.reconciled_sub) notes.info(reconciled + "subtraction", pos);
}

base::Result<StepValue> eval_binary(Evaluator& ev, const BinaryExpr& expr, const StepGrid& grid) {
  const bool left_scalar = expr.lhs->type() == ValueType::kScalar;
  const bool right_scalar = expr.rhs->type() == ValueType::kScalar;
  ASSIGN_OR_RETURN(StepValue lhs, ev.eval(*expr.lhs, grid));
  ASSIGN_OR_RETURN(StepValue rhs, ev.eval(*expr.rhs, grid));
  if (left_scalar && right_scalar) {
    for (size_t i = 0; i < lhs.scalars.size(); ++i) {
      lhs.scalars[i] = scalar_op(expr.op, lhs.scalars[i], rhs.scalars[i]);
    }
    return lhs;
  }
  if (left_scalar) return vector_scalar(ev, expr, std::move(rhs), lhs.scalars, true, grid);
  if (right_scalar) return vector_scalar(ev, expr, std::move(lhs), rhs.scalars, false, grid);
  if (is_set_op(expr.op)) {
    return eval_set_op(ev, expr, std::move(lhs), std::move(rhs), grid);
  }
  return eval_vector_match(ev, expr, std::move(lhs), std::move(rhs), grid);
}

}  // namespace silverback::promql
