#pragma once

#include <string>

#include "promql/ast.h"

namespace silverback::promql {

// The parts of a node that both printers write.

/// `sum by (a) `: operator and grouping, as far as the parenthesis.
void append_aggregate_head(std::string& out, const AggregateExpr& e);
/// `* on (a) group_left (b)`.
void append_operator(std::string& out, const BinaryExpr& e);
/// `[1h:1m] @ 3.000 offset 5m`.
void append_subquery_suffix(std::string& out, const Subquery& e);

}  // namespace silverback::promql
