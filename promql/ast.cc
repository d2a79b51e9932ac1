#include "promql/ast.h"

#include <algorithm>
#include <array>

namespace silverback::promql {

namespace {

// In the order of BinaryOp.
constexpr std::array<std::string_view, 18> kBinaryOps = {"+",   "-",      "*",  "/",  "%",
                                                         "^",   "atan2",  "==", "!=", "<",
                                                         "<=",  ">",      ">=", "</", ">/",
                                                         "and", "unless", "or"};
static_assert(kBinaryOps.size() == static_cast<size_t>(BinaryOp::kOr) + 1);

// In the order of AggregateOp.
constexpr std::array<std::string_view, 14> kAggregateOps = {
    "sum",    "avg",  "count",   "min",      "max",          "group",  "stddev",
    "stdvar", "topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio"};
static_assert(kAggregateOps.size() == static_cast<size_t>(AggregateOp::kLimitRatio) + 1);

}  // namespace

std::string_view binary_op_text(BinaryOp op) {
  return kBinaryOps[static_cast<size_t>(op)];
}
std::string_view aggregate_op_text(AggregateOp op) {
  return kAggregateOps[static_cast<size_t>(op)];
}

bool is_comparison(BinaryOp op) {
  return op >= BinaryOp::kEq && op <= BinaryOp::kGe;
}
bool is_set_op(BinaryOp op) {
  return op >= BinaryOp::kAnd;
}

const Expr& unwrap_parens(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind == ExprKind::kParen) inner = static_cast<const ParenExpr*>(inner)->expr.get();
  return *inner;
}

std::string position_text(std::string_view query, uint32_t offset) {
  if (query.empty()) return "unknown position";
  if (offset > query.size()) return "invalid position";
  const std::string_view before = query.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_break = before.rfind('\n');
  const size_t column = line_break == std::string_view::npos ? offset + 1 : offset - line_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

std::string position_suffix(std::string_view query, uint32_t offset) {
  return " (" + position_text(query, offset) + ")";
}

}  // namespace silverback::promql
