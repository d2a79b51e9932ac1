#pragma once

#include "promql/evaluator.h"
#include "promql/function_impl.h"

namespace silverback::promql {

/// Runs a kernel over the range vector among the call's arguments, every series on every step.
/// Series keep their order; names are dropped unless the function keeps them.
base::Result<StepValue> eval_range_call(Evaluator& ev, const Call& expr, const StepGrid& grid,
                                        RangeKernel kernel);

/// The position that notes about the i-th argument carry. A subquery's series have none: 0.
uint32_t argument_position(const Call& expr, size_t i);

/// The text of a string argument (the type check made sure it is one).
const std::string& string_argument(const Call& expr, size_t i);

/// absent(): the labels that the selector pins down by `=`; none for any other expression.
model::Labels absent_labels(const Expr& argument);

}  // namespace silverback::promql
