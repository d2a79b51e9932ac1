#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/go_float.h"
#include "base/go_quote.h"
#include "model/labels.h"
#include "promql/ast.h"
#include "promql/printer_impl.h"

namespace silverback::promql {

namespace {

void append_duration_ms(std::string& out, int64_t ms) {
  if (ms < 0) out += '-';
  out += base::format_duration(ms < 0 ? -ms : ms);
}

/// A number that was written with units. Cut to ms, as every duration is when it is shown.
void append_seconds(std::string& out, double seconds) {
  constexpr double kLimit = 9223372036854775807.0;
  const double ns = std::clamp(seconds * 1e9, -kLimit, kLimit);
  append_duration_ms(out, static_cast<int64_t>(ns / 1e6));
}

void append_literal(std::string& out, double value, bool duration) {
  if (duration) {
    append_seconds(out, value);
  } else {
    base::append_go_f(out, value);
  }
}

void append_labels(std::string& out, const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    if (model::is_legacy_label_name(labels[i])) {
      out += labels[i];
    } else {
      base::append_go_quote(out, labels[i]);
    }
  }
}

std::string_view duration_op_text(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kAdd: return " + ";
    case DurationExpr::Op::kSub: return " - ";
    case DurationExpr::Op::kMul: return " * ";
    case DurationExpr::Op::kDiv: return " / ";
    case DurationExpr::Op::kMod: return " % ";
    default: return " ^ ";
  }
}

void append_duration(std::string& out, const DurationExpr& d) {
  using Op = DurationExpr::Op;
  if (d.parenthesised) out += '(';
  switch (d.op) {
    case Op::kLiteral: append_literal(out, d.seconds, d.as_duration); break;
    case Op::kStep: out += "step()"; break;
    case Op::kRange: out += "range()"; break;
    case Op::kMinOf:
    case Op::kMaxOf:
      out += d.op == Op::kMinOf ? "min_of(" : "max_of(";
      append_duration(out, *d.lhs);
      out += ", ";
      append_duration(out, *d.rhs);
      out += ')';
      break;
    case Op::kNegate:
      out += '-';
      append_duration(out, *d.lhs);
      break;
    default:
      append_duration(out, *d.lhs);
      out += duration_op_text(d.op);
      append_duration(out, *d.rhs);
  }
  if (d.parenthesised) out += ')';
}

void append_range(std::string& out, int64_t ms, const DurationExpr* expr) {
  if (expr != nullptr) {
    append_duration(out, *expr);
  } else {
    append_duration_ms(out, ms);
  }
}

void append_offset(std::string& out, int64_t ms, const DurationExpr* expr) {
  if (expr == nullptr && ms == 0) return;
  out += " offset ";
  append_range(out, ms, expr);
}

void append_at(std::string& out, const AtModifier& at) {
  switch (at.kind) {
    case AtModifier::Kind::kNone: return;
    case AtModifier::Kind::kStart: out += " @ start()"; return;
    case AtModifier::Kind::kEnd: out += " @ end()"; return;
    case AtModifier::Kind::kTimestamp: break;
  }
  char text[64];
  std::snprintf(text, sizeof text, " @ %.3f", static_cast<double>(at.t) / 1000.0);
  out += text;
}

void append_extended(std::string& out, const VectorSelector& e) {
  if (e.anchored) {
    out += " anchored";
  } else if (e.smoothed) {
    out += " smoothed";
  }
}

/// Name and matchers, without what follows.
void append_bare_selector(std::string& out, const VectorSelector& e) {
  std::vector<std::string> texts;
  for (const model::Matcher& m : e.matchers) {
    const bool is_name = m.name() == model::kMetricName && m.type() == model::MatchType::kEqual &&
                         m.value() == e.name && !m.value().empty();
    if (!is_name) texts.push_back(m.to_string());
  }
  out += e.name;
  if (texts.empty()) {
    // Only info() takes a selector of nothing.
    if (e.name.empty()) out += "{}";
    return;
  }
  std::sort(texts.begin(), texts.end());
  out += '{';
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    out += texts[i];
  }
  out += '}';
}

void append_selector(std::string& out, const VectorSelector& e) {
  append_bare_selector(out, e);
  append_at(out, e.at);
  append_extended(out, e);
  append_offset(out, e.offset_ms, e.offset_expr.get());
}

void append_matrix(std::string& out, const MatrixSelector& e) {
  append_bare_selector(out, *e.selector);
  out += '[';
  append_range(out, e.range_ms, e.range_expr.get());
  out += ']';
  append_extended(out, *e.selector);
  append_at(out, e.selector->at);
  append_offset(out, e.selector->offset_ms, e.selector->offset_expr.get());
}

void append_fill(std::string& out, const VectorMatching& m) {
  if (m.fill_left && m.fill_right && *m.fill_left == *m.fill_right) {
    out += " fill (" + base::go_g(*m.fill_left) + ")";
    return;
  }
  if (m.fill_left) out += " fill_left (" + base::go_g(*m.fill_left) + ")";
  if (m.fill_right) out += " fill_right (" + base::go_g(*m.fill_right) + ")";
}

void append_expr(std::string& out, const Expr& expr);

void append_call(std::string& out, const Call& e) {
  out += e.function->name;
  out += '(';
  for (size_t i = 0; i < e.args.size(); ++i) {
    if (i > 0) out += ", ";
    append_expr(out, *e.args[i]);
  }
  out += ')';
}

void append_aggregate(std::string& out, const AggregateExpr& e) {
  append_aggregate_head(out, e);
  out += '(';
  if (e.param) {
    append_expr(out, *e.param);
    out += ", ";
  }
  append_expr(out, *e.expr);
  out += ')';
}

void append_binary(std::string& out, const BinaryExpr& e) {
  const size_t start = out.size();
  append_expr(out, *e.lhs);
  // The sign of +Inf binds weaker than ^: it would become the sign of the power.
  if (e.op == BinaryOp::kPow && out[start] == '+') out.erase(start, 1);
  out += ' ';
  append_operator(out, e);
  out += ' ';
  append_expr(out, *e.rhs);
}

void append_expr(std::string& out, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber: {
      const auto& e = static_cast<const NumberLiteral&>(expr);
      return append_literal(out, e.value, e.duration);
    }
    case ExprKind::kString:
      return base::append_go_quote(out, static_cast<const StringLiteral&>(expr).value);
    case ExprKind::kVectorSelector:
      return append_selector(out, static_cast<const VectorSelector&>(expr));
    case ExprKind::kMatrixSelector:
      return append_matrix(out, static_cast<const MatrixSelector&>(expr));
    case ExprKind::kSubquery: {
      const auto& e = static_cast<const Subquery&>(expr);
      append_expr(out, *e.expr);
      return append_subquery_suffix(out, e);
    }
    case ExprKind::kUnary: {
      const auto& e = static_cast<const UnaryExpr&>(expr);
      out += e.negate ? '-' : '+';
      return append_expr(out, *e.operand);
    }
    case ExprKind::kBinary: return append_binary(out, static_cast<const BinaryExpr&>(expr));
    case ExprKind::kAggregate:
      return append_aggregate(out, static_cast<const AggregateExpr&>(expr));
    case ExprKind::kCall: return append_call(out, static_cast<const Call&>(expr));
    case ExprKind::kParen: {
      out += '(';
      append_expr(out, *static_cast<const ParenExpr&>(expr).expr);
      out += ')';
      return;
    }
  }
}

}  // namespace

void append_aggregate_head(std::string& out, const AggregateExpr& e) {
  out += aggregate_op_text(e.op);
  if (!e.without && e.grouping.empty()) return;
  out += e.without ? " without (" : " by (";
  append_labels(out, e.grouping);
  out += ") ";
}

void append_operator(std::string& out, const BinaryExpr& e) {
  using Card = VectorMatching::Card;
  out += binary_op_text(e.op);
  if (e.return_bool) out += " bool";
  if (!e.matching) return;
  const VectorMatching& m = *e.matching;
  const bool grouped = m.card == Card::kManyToOne || m.card == Card::kOneToMany;
  if (!m.labels.empty() || m.on || grouped) {
    out += m.on ? " on (" : " ignoring (";
    append_labels(out, m.labels);
    out += ')';
  }
  if (grouped) {
    out += m.card == Card::kManyToOne ? " group_left (" : " group_right (";
    append_labels(out, m.include);
    out += ')';
  }
  append_fill(out, m);
}

void append_subquery_suffix(std::string& out, const Subquery& e) {
  out += '[';
  append_range(out, e.range_ms, e.range_expr.get());
  out += ':';
  if (e.step_ms != 0 || e.step_expr) append_range(out, e.step_ms, e.step_expr.get());
  out += ']';
  append_at(out, e.at);
  append_offset(out, e.offset_ms, e.offset_expr.get());
}

std::string print_expr(const Expr& expr) {
  std::string out;
  append_expr(out, expr);
  return out;
}

}  // namespace silverback::promql
