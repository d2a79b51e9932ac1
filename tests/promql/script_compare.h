#pragma once

#include "base/status.h"
#include "promql/annotations.h"
#include "promql/value.h"
#include "tests/promql/script.h"

namespace silverback::testing {

/// Equal, both NaN, both stale, or a relative difference below 1e-6.
bool almost_equal(double a, double b);

/// Whether `value` is what the command expects; a message if not.
base::Status compare_value(const EvalCommand& expected, const promql::Value& value);

/// Warnings and infos, as far as the command expects any.
base::Status compare_annotations(const EvalCommand& expected, const promql::Annotations& found);

/// Series of a matrix come in label order.
base::Status check_sorted(const promql::Matrix& matrix);

}  // namespace silverback::testing
