#include <algorithm>
#include <cmath>
#include <utility>

#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;
using Op = DurationExpr::Op;
using T = TokenType;

constexpr int kPowPrecedence = 6;
// As int64 nanoseconds.
constexpr double kMaxSeconds = 9223372036854775808.0 / 1e9;

int precedence_of(T type) {
  switch (type) {
    case T::kAdd:
    case T::kSub: return 4;
    case T::kMul:
    case T::kDiv:
    case T::kMod: return 5;
    case T::kPow: return kPowPrecedence;
    default: return -1;
  }
}

Op operation(T type) {
  switch (type) {
    case T::kAdd: return Op::kAdd;
    case T::kSub: return Op::kSub;
    case T::kMul: return Op::kMul;
    case T::kDiv: return Op::kDiv;
    case T::kMod: return Op::kMod;
    case T::kPow: return Op::kPow;
    case T::kStep: return Op::kStep;
    case T::kRange: return Op::kRange;
    case T::kMinOf: return Op::kMinOf;
    default: return Op::kMaxOf;
  }
}

bool is_sign(T type) {
  return type == T::kAdd || type == T::kSub;
}

}  // namespace

// Operators and signs bind as in expressions.
Result<Parser::DurationTree> Parser::duration(int min_precedence) {
  const NestingScope nesting(*this);
  if (nesting.too_deep()) {
    return fail(peek().pos,
                "duration is nested deeper than " + std::to_string(kMaxNesting) + " levels");
  }
  DurationTree lhs;
  if (is_sign(peek().type)) {
    const Token sign = take();
    ASSIGN_OR_RETURN(DurationTree operand, duration(kPowPrecedence));
    lhs = apply_sign(sign, std::move(operand));
  } else {
    ASSIGN_OR_RETURN(lhs, duration_primary());
  }
  return duration_rest(std::move(lhs), min_precedence);
}

Result<Parser::DurationTree> Parser::duration_rest(DurationTree lhs, int min_precedence) {
  while (true) {
    const int precedence = precedence_of(peek().type);
    if (precedence < 0 || precedence < min_precedence) return lhs;
    const Token op = take();
    ASSIGN_OR_RETURN(DurationTree rhs, duration(op.type == T::kPow ? precedence : precedence + 1));
    ASSIGN_OR_RETURN(lhs, join_durations(std::move(lhs), op, std::move(rhs)));
  }
}

Result<Parser::DurationTree> Parser::join_durations(DurationTree lhs, const Token& op,
                                                    DurationTree rhs) {
  const bool by_zero = rhs.is_number() && rhs.expr->seconds == 0;
  if (by_zero && op.type == T::kDiv) return fail(op.pos, "division by zero");
  if (by_zero && op.type == T::kMod) return fail(op.pos, "modulo by zero");
  DurationTree tree{std::make_unique<DurationExpr>(), std::max(lhs.depth, rhs.depth) + 1};
  RETURN_IF_ERROR(check_depth(tree.depth, lhs.expr->pos.start));
  tree.expr->op = operation(op.type);
  tree.expr->pos = {lhs.expr->pos.start, rhs.expr->pos.end};
  tree.expr->lhs = std::move(lhs.expr);
  tree.expr->rhs = std::move(rhs.expr);
  return tree;
}

Result<Parser::DurationTree> Parser::duration_primary() {
  switch (peek().type) {
    case T::kNumber:
    case T::kDuration: return duration_literal(nullptr);
    case T::kStep:
    case T::kRange:
    case T::kMinOf:
    case T::kMaxOf: return duration_function();
    case T::kLeftParen: return duration_parenthesised();
    default: return unexpected();
  }
}

Result<Parser::DurationTree> Parser::duration_literal(const Token* sign) {
  DurationTree tree{std::make_unique<DurationExpr>(), 1};
  tree.expr->pos = {token_.pos, token_.end()};
  ASSIGN_OR_RETURN(const Number literal, number());
  if (std::abs(literal.value) > kMaxSeconds) {
    return fail(sign != nullptr ? sign->pos : tree.expr->pos.start, "duration out of range");
  }
  tree.expr->seconds = literal.value;
  tree.expr->as_duration = literal.duration;
  return tree;
}

// step(), range(), min_of(a, b), max_of(a, b).
Result<Parser::DurationTree> Parser::duration_function() {
  const Token name = take();
  DurationTree tree{std::make_unique<DurationExpr>(), 1};
  tree.expr->op = operation(name.type);
  RETURN_IF_ERROR(skip(T::kLeftParen));
  if (name.type == T::kStep || name.type == T::kRange) {
    ASSIGN_OR_RETURN(const Token close, expect(T::kRightParen));
    tree.expr->pos = {name.pos, close.end()};
    return tree;
  }
  ASSIGN_OR_RETURN(DurationTree first, duration(0));
  RETURN_IF_ERROR(skip(T::kComma));
  ASSIGN_OR_RETURN(DurationTree second, duration(0));
  RETURN_IF_ERROR(skip(T::kRightParen));
  tree.depth = std::max(first.depth, second.depth) + 1;
  RETURN_IF_ERROR(check_depth(tree.depth, name.pos));
  tree.expr->pos = {first.expr->pos.start, second.expr->pos.end};
  tree.expr->lhs = std::move(first.expr);
  tree.expr->rhs = std::move(second.expr);
  return tree;
}

Result<Parser::DurationTree> Parser::duration_parenthesised() {
  const Token open = take();
  ASSIGN_OR_RETURN(DurationTree tree, duration(0));
  ASSIGN_OR_RETURN(const Token close, expect(T::kRightParen));
  if (tree.is_number()) tree.expr->pos = {open.pos, close.end()};
  tree.expr->parenthesised = true;
  return tree;
}

Parser::DurationTree Parser::apply_sign(const Token& sign, DurationTree operand) {
  if (operand.is_number()) {
    if (sign.type == T::kSub) operand.expr->seconds *= -1;
    operand.expr->pos.start = sign.pos;
    return operand;
  }
  if (sign.type == T::kAdd) return operand;
  DurationTree tree{std::make_unique<DurationExpr>(), operand.depth + 1};
  tree.expr->op = Op::kNegate;
  tree.expr->pos = {sign.pos, operand.expr->pos.end};
  tree.expr->lhs = std::move(operand.expr);
  return tree;
}

Result<Parser::DurationTree> Parser::positive_duration() {
  ASSIGN_OR_RETURN(DurationTree tree, duration(0));
  if (tree.is_number() && tree.expr->seconds <= 0) {
    return fail(tree.expr->pos.start, "duration must be greater than 0");
  }
  return tree;
}

// Without parentheses an offset is one literal or function: `x offset 5m + y` adds two vectors.
Result<Parser::DurationTree> Parser::offset_duration() {
  if (next_is(T::kLeftParen)) {
    ASSIGN_OR_RETURN(DurationTree inner, duration_primary());
    return duration_rest(std::move(inner), 0);
  }
  if (!is_sign(peek().type)) return duration_primary();
  const Token sign = take();
  if (is_sign(peek().type)) {
    ASSIGN_OR_RETURN(DurationTree operand, duration(kPowPrecedence));
    return duration_rest(apply_sign(sign, std::move(operand)), 0);
  }
  const bool literal = next_is(T::kNumber) || next_is(T::kDuration);
  ASSIGN_OR_RETURN(DurationTree operand, literal ? duration_literal(&sign) : duration_primary());
  return apply_sign(sign, std::move(operand));
}

}  // namespace silverback::promql
