#include "promql/ast_json.h"

#include <string>
#include <vector>

#include "base/go_float.h"

namespace silverback::promql {

namespace {

using base::JsonWriter;

std::string number_text(double value) {
  std::string text;
  base::append_go_f(text, value);
  return text;
}

void text_field(JsonWriter& w, std::string_view key, std::string_view value) {
  w.key(key);
  w.string(value);
}

void bool_field(JsonWriter& w, std::string_view key, bool value) {
  w.key(key);
  w.boolean(value);
}

void int_field(JsonWriter& w, std::string_view key, int64_t value) {
  w.key(key);
  w.number(value);
}

void list_field(JsonWriter& w, std::string_view key, const std::vector<std::string>& values) {
  w.key(key);
  w.begin_array();
  for (const std::string& value : values) w.string(value);
  w.end_array();
}

void node_field(JsonWriter& w, std::string_view key, const Expr* node) {
  w.key(key);
  if (node == nullptr) {
    w.null();
  } else {
    write_ast_json(w, *node);
  }
}

std::string_view duration_op_name(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kStep: return "step";
    case DurationExpr::Op::kRange: return "range";
    case DurationExpr::Op::kMinOf: return "min_of";
    case DurationExpr::Op::kMaxOf: return "max_of";
    case DurationExpr::Op::kAdd: return "+";
    case DurationExpr::Op::kSub:
    case DurationExpr::Op::kNegate: return "-";
    case DurationExpr::Op::kMul: return "*";
    case DurationExpr::Op::kDiv: return "/";
    case DurationExpr::Op::kMod: return "%";
    case DurationExpr::Op::kPow: return "^";
    case DurationExpr::Op::kLiteral: break;
  }
  return "";
}

void duration_field(JsonWriter& w, std::string_view key, const DurationExpr* d) {
  w.key(key);
  if (d == nullptr) {
    w.null();
    return;
  }
  w.begin_object();
  if (d->op == DurationExpr::Op::kLiteral) {
    bool_field(w, "duration", d->as_duration);
    text_field(w, "type", "numberLiteral");
    text_field(w, "val", number_text(d->seconds));
  } else {
    // The operand of a sign is its right side.
    const bool sign = d->op == DurationExpr::Op::kNegate;
    duration_field(w, "lhs", sign ? nullptr : d->lhs.get());
    text_field(w, "op", duration_op_name(d->op));
    duration_field(w, "rhs", sign ? d->lhs.get() : d->rhs.get());
    text_field(w, "type", "durationExpr");
    bool_field(w, "wrapped", d->parenthesised);
  }
  w.end_object();
}

std::string_view match_op(model::MatchType type) {
  switch (type) {
    case model::MatchType::kEqual: return "=";
    case model::MatchType::kNotEqual: return "!=";
    case model::MatchType::kRegex: return "=~";
    case model::MatchType::kNotRegex: break;
  }
  return "!~";
}

void matchers_field(JsonWriter& w, const model::Matchers& matchers) {
  w.key("matchers");
  w.begin_array();
  for (const model::Matcher& m : matchers) {
    w.begin_object();
    text_field(w, "name", m.name());
    text_field(w, "type", match_op(m.type()));
    text_field(w, "value", m.value());
    w.end_object();
  }
  w.end_array();
}

void start_or_end_field(JsonWriter& w, const AtModifier& at) {
  w.key("startOrEnd");
  if (at.kind == AtModifier::Kind::kStart || at.kind == AtModifier::Kind::kEnd) {
    w.string(at.kind == AtModifier::Kind::kStart ? "start" : "end");
  } else {
    w.null();
  }
}

void timestamp_field(JsonWriter& w, const AtModifier& at) {
  w.key("timestamp");
  if (at.kind == AtModifier::Kind::kTimestamp) {
    w.number(at.t);
  } else {
    w.null();
  }
}

/// A selector, with its range when it stands in a matrix selector.
void write_selector(JsonWriter& w, const VectorSelector& e, const MatrixSelector* matrix) {
  bool_field(w, "anchored", e.anchored);
  matchers_field(w, e.matchers);
  text_field(w, "name", e.name);
  int_field(w, "offset", e.offset_ms);
  duration_field(w, "offsetExpr", e.offset_expr.get());
  if (matrix != nullptr) {
    int_field(w, "range", matrix->range_ms);
    duration_field(w, "rangeExpr", matrix->range_expr.get());
  }
  bool_field(w, "smoothed", e.smoothed);
  start_or_end_field(w, e.at);
  timestamp_field(w, e.at);
  text_field(w, "type", matrix != nullptr ? "matrixSelector" : "vectorSelector");
}

void write_subquery(JsonWriter& w, const Subquery& e) {
  node_field(w, "expr", e.expr.get());
  int_field(w, "offset", e.offset_ms);
  duration_field(w, "offsetExpr", e.offset_expr.get());
  int_field(w, "range", e.range_ms);
  duration_field(w, "rangeExpr", e.range_expr.get());
  start_or_end_field(w, e.at);
  int_field(w, "step", e.step_ms);
  duration_field(w, "stepExpr", e.step_expr.get());
  timestamp_field(w, e.at);
  text_field(w, "type", "subquery");
}

std::string_view card_text(VectorMatching::Card card) {
  switch (card) {
    case VectorMatching::Card::kOneToOne: return "one-to-one";
    case VectorMatching::Card::kManyToOne: return "many-to-one";
    case VectorMatching::Card::kOneToMany: return "one-to-many";
    case VectorMatching::Card::kManyToMany: break;
  }
  return "many-to-many";
}

void fill_field(JsonWriter& w, std::string_view key, const std::optional<double>& value) {
  w.key(key);
  if (!value) {
    w.null();
  } else if (*value - *value != 0) {  // NaN and Inf have no JSON number
    w.string(base::go_g(*value));
  } else {
    w.number(*value);
  }
}

void matching_field(JsonWriter& w, const std::optional<VectorMatching>& matching) {
  w.key("matching");
  if (!matching) {
    w.null();
    return;
  }
  w.begin_object();
  text_field(w, "card", card_text(matching->card));
  w.key("fillValues");
  w.begin_object();
  fill_field(w, "lhs", matching->fill_left);
  fill_field(w, "rhs", matching->fill_right);
  w.end_object();
  list_field(w, "include", matching->include);
  list_field(w, "labels", matching->labels);
  bool_field(w, "on", matching->on);
  w.end_object();
}

void write_binary(JsonWriter& w, const BinaryExpr& e) {
  bool_field(w, "bool", e.return_bool);
  node_field(w, "lhs", e.lhs.get());
  matching_field(w, e.matching);
  text_field(w, "op", binary_op_text(e.op));
  node_field(w, "rhs", e.rhs.get());
  text_field(w, "type", "binaryExpr");
}

void write_aggregate(JsonWriter& w, const AggregateExpr& e) {
  node_field(w, "expr", e.expr.get());
  list_field(w, "grouping", e.grouping);
  text_field(w, "op", aggregate_op_text(e.op));
  node_field(w, "param", e.param.get());
  text_field(w, "type", "aggregation");
  bool_field(w, "without", e.without);
}

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::kScalar: return "scalar";
    case ValueType::kVector: return "vector";
    case ValueType::kMatrix: return "matrix";
    case ValueType::kString: return "string";
    case ValueType::kNone: break;
  }
  return "none";
}

void write_call(JsonWriter& w, const Call& e) {
  w.key("args");
  w.begin_array();
  for (const ExprPtr& argument : e.args) write_ast_json(w, *argument);
  w.end_array();
  w.key("func");
  w.begin_object();
  w.key("argTypes");
  w.begin_array();
  for (size_t i = 0; i < e.function->arg_count; ++i) w.string(type_name(e.function->args[i]));
  w.end_array();
  text_field(w, "name", e.function->name);
  text_field(w, "returnType", type_name(e.function->returns));
  int_field(w, "variadic", e.function->variadic);
  w.end_object();
  text_field(w, "type", "call");
}

}  // namespace

void write_ast_json(JsonWriter& w, const Expr& expr) {
  w.begin_object();
  switch (expr.kind) {
    case ExprKind::kNumber:
      text_field(w, "type", "numberLiteral");
      text_field(w, "val", number_text(static_cast<const NumberLiteral&>(expr).value));
      break;
    case ExprKind::kString:
      text_field(w, "type", "stringLiteral");
      text_field(w, "val", static_cast<const StringLiteral&>(expr).value);
      break;
    case ExprKind::kVectorSelector:
      write_selector(w, static_cast<const VectorSelector&>(expr), nullptr);
      break;
    case ExprKind::kMatrixSelector: {
      const auto& e = static_cast<const MatrixSelector&>(expr);
      write_selector(w, *e.selector, &e);
      break;
    }
    case ExprKind::kSubquery: write_subquery(w, static_cast<const Subquery&>(expr)); break;
    case ExprKind::kUnary: {
      const auto& e = static_cast<const UnaryExpr&>(expr);
      node_field(w, "expr", e.operand.get());
      text_field(w, "op", e.negate ? "-" : "+");
      text_field(w, "type", "unaryExpr");
      break;
    }
    case ExprKind::kBinary: write_binary(w, static_cast<const BinaryExpr&>(expr)); break;
    case ExprKind::kAggregate: write_aggregate(w, static_cast<const AggregateExpr&>(expr)); break;
    case ExprKind::kCall: write_call(w, static_cast<const Call&>(expr)); break;
    case ExprKind::kParen:
      node_field(w, "expr", static_cast<const ParenExpr&>(expr).expr.get());
      text_field(w, "type", "parenExpr");
      break;
  }
  w.end_object();
}

}  // namespace silverback::promql
