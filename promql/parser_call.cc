#include <algorithm>
#include <utility>

#include "base/go_quote.h"
#include "model/labels.h"
#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;
using T = TokenType;

/// Tokens that an expression can begin with.
bool starts_expression(T type) {
  switch (type) {
    case T::kIdentifier:
    case T::kMetricIdentifier:
    case T::kString:
    case T::kNumber:
    case T::kDuration:
    case T::kLeftParen:
    case T::kLeftBrace:
    case T::kAdd:
    case T::kSub:
    case T::kAnd:
    case T::kOr:
    case T::kUnless:
    case T::kBy:
    case T::kFill:
    case T::kFillLeft:
    case T::kFillRight:
    case T::kOffset:
    case T::kSmoothed:
    case T::kAnchored:
    case T::kWithout: return true;
    default: return is_aggregator(type) || type >= T::kStart;
  }
}

/// Words that can name a label in by (...), on (...) and the like.
bool names_label(T type) {
  switch (type) {
    case T::kIdentifier:
    case T::kMetricIdentifier:
    case T::kAtan2:
    case T::kAnd:
    case T::kOr:
    case T::kUnless: return true;
    case T::kWithout: return false;
    default: return is_aggregator(type) || is_keyword(type) || type >= T::kStart;
  }
}

AggregateOp aggregate_op(T type) {
  switch (type) {
    case T::kAvg: return AggregateOp::kAvg;
    case T::kBottomk: return AggregateOp::kBottomk;
    case T::kCount: return AggregateOp::kCount;
    case T::kCountValues: return AggregateOp::kCountValues;
    case T::kGroup: return AggregateOp::kGroup;
    case T::kMax: return AggregateOp::kMax;
    case T::kMin: return AggregateOp::kMin;
    case T::kQuantile: return AggregateOp::kQuantile;
    case T::kStddev: return AggregateOp::kStddev;
    case T::kStdvar: return AggregateOp::kStdvar;
    case T::kTopk: return AggregateOp::kTopk;
    case T::kLimitk: return AggregateOp::kLimitk;
    case T::kLimitRatio: return AggregateOp::kLimitRatio;
    default: return AggregateOp::kSum;
  }
}

bool takes_parameter(AggregateOp op) {
  return op >= AggregateOp::kTopk;
}
bool is_experimental(AggregateOp op) {
  return op == AggregateOp::kLimitk || op == AggregateOp::kLimitRatio;
}

}  // namespace

Result<Parser::Args> Parser::call_body() {
  RETURN_IF_ERROR(skip(T::kLeftParen));
  Args args;
  if (take_if(T::kRightParen)) return args;
  while (true) {
    ASSIGN_OR_RETURN(Tree arg, binary(0));
    args.depth = std::max(args.depth, arg.depth);
    args.list.push_back(std::move(arg.expr));
    if (take_if(T::kRightParen)) return args;
    ASSIGN_OR_RETURN(const Token comma, expect(T::kComma));
    if (!starts_expression(peek().type)) {
      return fail(comma.pos, "trailing commas not allowed in function call args");
    }
  }
}

// A word that is a function when a parenthesis follows, else a metric.
Result<Parser::Tree> Parser::call() {
  const Token name = take();
  if (!next_is(T::kLeftParen)) return selector_of(name);
  ASSIGN_OR_RETURN(Args args, call_body());
  const FunctionDef* function = find_function(name.text);
  if (function == nullptr) {
    return fail(name.pos, "unknown function with name " + base::go_quote(name.text));
  }
  if (function->experimental && !options_.experimental_functions) {
    return fail(name.pos, "function " + base::go_quote(name.text) + " is not enabled");
  }
  auto node = std::make_unique<Call>();
  node->pos = {name.pos, last_closing_};
  node->function = function;
  node->args = std::move(args.list);
  return finish(std::move(node), args.depth + 1);
}

Result<Parser::Tree> Parser::aggregate() {
  const Token name = take();
  const T follow = peek().type;
  if (follow != T::kLeftParen && follow != T::kBy && follow != T::kWithout) {
    return selector_of(name);
  }
  auto node = std::make_unique<AggregateExpr>();
  node->op = aggregate_op(name.type);
  const auto modifier = [&]() -> Status {
    node->without = take().type == T::kWithout;
    ASSIGN_OR_RETURN(node->grouping, grouping_labels());
    return Status::ok();
  };
  Args args;
  uint32_t end = 0;
  {
    const ContextScope context(*this, "aggregation", "");
    if (follow != T::kLeftParen) RETURN_IF_ERROR(modifier());
    ASSIGN_OR_RETURN(args, call_body());
    end = last_closing_;
    if (follow == T::kLeftParen && (next_is(T::kBy) || next_is(T::kWithout))) {
      RETURN_IF_ERROR(modifier());
      end = last_closing_;
    }
  }
  node->pos = {name.pos, end};
  if (args.list.empty()) {
    return fail(name.pos, "no arguments for aggregate expression provided");
  }
  if (is_experimental(node->op) && !options_.experimental_functions) {
    return fail(name.pos, std::string(aggregate_op_text(node->op)) +
                              "() is experimental and must be enabled with "
                              "--enable-feature=promql-experimental-functions");
  }
  const size_t wanted = takes_parameter(node->op) ? 2 : 1;
  if (args.list.size() != wanted) {
    return fail(name.pos, "wrong number of arguments for aggregate expression provided, expected " +
                              std::to_string(wanted) + ", got " + std::to_string(args.list.size()));
  }
  if (wanted == 2) node->param = std::move(args.list.front());
  node->expr = std::move(args.list.back());
  return finish(std::move(node), args.depth + 1);
}

Result<std::vector<std::string>> Parser::grouping_labels() {
  {
    const ContextScope context(*this, "grouping opts", "\"(\"");
    RETURN_IF_ERROR(skip(T::kLeftParen));
  }
  std::vector<std::string> labels;
  if (take_if(T::kRightParen)) return labels;
  while (true) {
    ASSIGN_OR_RETURN(std::string label, grouping_label());
    labels.push_back(std::move(label));
    const ContextScope context(*this, "grouping opts", "\",\" or \")\"");
    if (take_if(T::kRightParen)) return labels;
    RETURN_IF_ERROR(skip(T::kComma));
    if (take_if(T::kRightParen)) return labels;
  }
}

Result<std::string> Parser::grouping_label() {
  const ContextScope context(*this, "grouping opts", "label");
  const bool quoted = next_is(T::kString);
  if (!quoted && !names_label(token_.type)) return unexpected();
  const Token token = take();
  std::string label(token.text);
  if (quoted) label = string_value(token);
  if (!model::is_valid_name(label)) {
    return fail(token.pos, "invalid label name for grouping: " + base::go_quote(label));
  }
  return label;
}

Result<Parser::Modifiers> Parser::binary_modifiers() {
  Modifiers modifiers;
  modifiers.return_bool = take_if(T::kBool);
  VectorMatching& matching = modifiers.matching;
  if (next_is(T::kOn) || next_is(T::kIgnoring)) {
    matching.on = take().type == T::kOn;
    ASSIGN_OR_RETURN(matching.labels, grouping_labels());
    RETURN_IF_ERROR(group_modifier(matching));
  }
  RETURN_IF_ERROR(fill_modifiers(matching));
  return modifiers;
}

Status Parser::group_modifier(VectorMatching& matching) {
  if (!next_is(T::kGroupLeft) && !next_is(T::kGroupRight)) return Status::ok();
  const bool left = take().type == T::kGroupLeft;
  matching.card = left ? VectorMatching::Card::kManyToOne : VectorMatching::Card::kOneToMany;
  // The labels may be left out if the right side follows.
  if (!next_is(T::kLeftParen) && starts_expression(peek().type)) return Status::ok();
  ASSIGN_OR_RETURN(matching.include, grouping_labels());
  return Status::ok();
}

Status Parser::fill_modifiers(VectorMatching& matching) {
  if (take_if(T::kFill)) {
    ASSIGN_OR_RETURN(const double value, fill_value());
    matching.fill_left = matching.fill_right = value;
  } else if (take_if(T::kFillLeft)) {
    ASSIGN_OR_RETURN(matching.fill_left, fill_value());
    if (take_if(T::kFillRight)) {
      ASSIGN_OR_RETURN(matching.fill_right, fill_value());
    }
  } else if (take_if(T::kFillRight)) {
    ASSIGN_OR_RETURN(matching.fill_right, fill_value());
    if (take_if(T::kFillLeft)) {
      ASSIGN_OR_RETURN(matching.fill_left, fill_value());
    }
  }
  return Status::ok();
}

Result<double> Parser::fill_value() {
  RETURN_IF_ERROR(skip(T::kLeftParen));
  double sign = 1;
  if (next_is(T::kAdd) || next_is(T::kSub)) sign = take().type == T::kSub ? -1 : 1;
  if (!next_is(T::kNumber) && !next_is(T::kDuration)) return unexpected();
  ASSIGN_OR_RETURN(const Number literal, number());
  RETURN_IF_ERROR(skip(T::kRightParen));
  return sign * literal.value;
}

}  // namespace silverback::promql
