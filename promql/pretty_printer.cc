#include <string>

#include "promql/ast.h"
#include "promql/printer_impl.h"

namespace silverback::promql {

namespace {

constexpr size_t kMaxColumns = 100;

std::string indent(size_t level) {
  return std::string(level * 2, ' ');
}

/// Writes a node on one line if it fits, else its children one level deeper on lines of their own.
/// `level` is 0 where the parent began no new line.
void append_pretty(std::string& out, const Expr& expr, size_t level);

void append_child(std::string& out, const Expr& child, size_t level, std::string_view after) {
  append_pretty(out, child, level);
  out += after;
}

void append_split(std::string& out, const Expr& expr, size_t level) {
  switch (expr.kind) {
    case ExprKind::kAggregate: {
      const auto& e = static_cast<const AggregateExpr&>(expr);
      out += indent(level);
      append_aggregate_head(out, e);
      out += "(\n";
      if (e.param) append_child(out, *e.param, level + 1, ",\n");
      append_child(out, *e.expr, level + 1, "\n");
      out += indent(level) + ")";
      return;
    }
    case ExprKind::kBinary: {
      const auto& e = static_cast<const BinaryExpr&>(expr);
      append_child(out, *e.lhs, level + 1, "\n");
      out += indent(level);
      append_operator(out, e);
      out += '\n';
      return append_pretty(out, *e.rhs, level + 1);
    }
    case ExprKind::kCall: {
      const auto& e = static_cast<const Call&>(expr);
      out += indent(level);
      out += e.function->name;
      out += "(\n";
      for (size_t i = 0; i < e.args.size(); ++i) {
        append_child(out, *e.args[i], level + 1, i + 1 < e.args.size() ? ",\n" : "");
      }
      out += "\n" + indent(level) + ")";
      return;
    }
    case ExprKind::kParen: {
      const auto& e = static_cast<const ParenExpr&>(expr);
      out += indent(level) + "(\n";
      append_child(out, *e.expr, level + 1, "\n");
      out += indent(level) + ")";
      return;
    }
    case ExprKind::kSubquery: {
      const auto& e = static_cast<const Subquery&>(expr);
      append_pretty(out, *e.expr, level);
      return append_subquery_suffix(out, e);
    }
    default: out += indent(level) + print_expr(expr);
  }
}

void append_pretty(std::string& out, const Expr& expr, size_t level) {
  if (expr.kind == ExprKind::kUnary) {
    const auto& e = static_cast<const UnaryExpr&>(expr);
    std::string operand;
    append_pretty(operand, *e.operand, level);
    out += indent(level);
    out += e.negate ? '-' : '+';
    out += operand.substr(operand.find_first_not_of(' '));
    return;
  }
  const std::string line = print_expr(expr);
  if (line.size() > kMaxColumns) return append_split(out, expr, level);
  // A subquery brings no indent of its own.
  if (expr.kind != ExprKind::kSubquery) out += indent(level);
  out += line;
}

}  // namespace

std::string pretty_print_expr(const Expr& expr) {
  std::string out;
  append_pretty(out, expr, 0);
  return out;
}

}  // namespace silverback::promql
