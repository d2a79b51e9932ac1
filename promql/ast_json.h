#pragma once

#include "base/json_writer.h"
#include "promql/ast.h"

namespace silverback::promql {

/// The tree as /api/v1/parse_query shows it: one object a node, its `type` names the kind. Keys are
/// in alphabetical order.
void write_ast_json(base::JsonWriter& w, const Expr& expr);

}  // namespace silverback::promql
