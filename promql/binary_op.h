#pragma once

#include "promql/evaluator.h"

namespace silverback::promql {

/// `l op r` of two numbers; comparisons give 1 or 0.
double scalar_op(BinaryOp op, double l, double r);

/// What an operator makes of two samples.
struct ElementResult {
  StepSample sample;    // comparisons: the left sample
  bool keep = false;    // false: a comparison that does not hold
  bool failed = false;  // the kinds do not go together: no sample, not even a 0 for bool
};

/// What element operations have to say; worded once an operator.
struct ElementNotes {
  bool float_float = false, float_histogram = false;
  bool histogram_float = false, histogram_histogram = false;  // incompatible kinds
  bool incompatible_layout = false;
  bool collision_add = false, collision_sub = false;
  bool reconciled_add = false, reconciled_sub = false;
};
ElementResult element_op(BinaryOp op, const StepSample& l, const StepSample& r,
                         ElementNotes& notes);
void note_elements(Evaluator& ev, const BinaryExpr& expr, const ElementNotes& notes);

/// + - * / % ^ atan2: the result is no longer the metric that its name says.
bool changes_meaning(BinaryOp op);

base::Result<StepValue> eval_vector_match(Evaluator& ev, const BinaryExpr& expr, StepValue lhs,
                                          StepValue rhs, const StepGrid& grid);
base::Result<StepValue> eval_set_op(Evaluator& ev, const BinaryExpr& expr, StepValue lhs,
                                    StepValue rhs, const StepGrid& grid);

}  // namespace silverback::promql
