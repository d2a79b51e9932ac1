#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"

namespace silverback::promql {

struct Expr;  // promql/ast.h
using ExprPtr = std::unique_ptr<Expr>;

/// Which parts of the language are on (spec 8, feature flags).
struct ParserOptions {
  bool experimental_functions = false;    // promql-experimental-functions
  bool extended_range_selectors = false;  // promql-extended-range-selectors (anchored, smoothed)
  bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers
};

/// Parses and type-checks one expression. kBadData: "<line>:<col>: parse error: <msg>", the first
/// error only. Bounded: depth 256, 50,000 tokens. Threads: any thread.
base::Result<ExprPtr> parse_expr(std::string_view text, const ParserOptions& options = {});

/// A metric selector such as API match[] takes: `up{job="x"}`.
base::Result<model::Matchers> parse_metric_selector(std::string_view text);

/// One line of expression text; parse(print(e)) gives e again.
std::string print_expr(const Expr& expr);
/// format_query: broken over lines at 100 columns (spec 13.3).
std::string pretty_print_expr(const Expr& expr);

}  // namespace silverback::promql
