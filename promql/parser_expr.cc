#include <utility>

#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;
using T = TokenType;

constexpr int kPowPrecedence = 6;

struct Operator {
  int precedence = -1;  // -1: the token is no binary operator
  BinaryOp op = BinaryOp::kAdd;
};

Operator binary_operator(T type) {
  switch (type) {
    case T::kOr: return {1, BinaryOp::kOr};
    case T::kAnd: return {2, BinaryOp::kAnd};
    case T::kUnless: return {2, BinaryOp::kUnless};
    case T::kEqlc: return {3, BinaryOp::kEq};
    case T::kNeq: return {3, BinaryOp::kNe};
    case T::kLss: return {3, BinaryOp::kLt};
    case T::kLte: return {3, BinaryOp::kLe};
    case T::kGtr: return {3, BinaryOp::kGt};
    case T::kGte: return {3, BinaryOp::kGe};
    case T::kTrimUpper: return {3, BinaryOp::kTrimUpper};
    case T::kTrimLower: return {3, BinaryOp::kTrimLower};
    case T::kAdd: return {4, BinaryOp::kAdd};
    case T::kSub: return {4, BinaryOp::kSub};
    case T::kMul: return {5, BinaryOp::kMul};
    case T::kDiv: return {5, BinaryOp::kDiv};
    case T::kMod: return {5, BinaryOp::kMod};
    case T::kAtan2: return {5, BinaryOp::kAtan2};
    case T::kPow: return {kPowPrecedence, BinaryOp::kPow};
    default: return {};
  }
}

}  // namespace

Result<Parser::Tree> Parser::binary(int min_precedence) {
  const NestingScope nesting(*this);
  if (nesting.too_deep()) {
    return fail(peek().pos,
                "expression is nested deeper than " + std::to_string(kMaxNesting) + " levels");
  }
  ASSIGN_OR_RETURN(Tree lhs, unary());
  while (true) {
    const T type = peek().type;
    const int precedence = binary_operator(type).precedence;
    if (precedence < 0 || precedence < min_precedence) return lhs;
    take();
    ASSIGN_OR_RETURN(Modifiers modifiers, binary_modifiers());
    // Only ^ groups to the right.
    ASSIGN_OR_RETURN(Tree rhs, binary(type == T::kPow ? precedence : precedence + 1));
    ASSIGN_OR_RETURN(lhs, join(std::move(lhs), type, std::move(modifiers), std::move(rhs)));
  }
}

Result<Parser::Tree> Parser::join(Tree lhs, T op, Modifiers modifiers, Tree rhs) {
  auto node = std::make_unique<BinaryExpr>();
  node->pos = {lhs.expr->pos.start, rhs.expr->pos.end};
  node->op = binary_operator(op).op;
  node->return_bool = modifiers.return_bool;
  const bool fills = modifiers.matching.fill_left || modifiers.matching.fill_right;
  node->matching = std::move(modifiers.matching);
  node->lhs = std::move(lhs.expr);
  node->rhs = std::move(rhs.expr);
  if (fills && !options_.binop_fill_modifiers) {
    return fail(node->pos.start, "binop fill modifiers are experimental and not enabled");
  }
  return finish(std::move(node), std::max(lhs.depth, rhs.depth) + 1);
}

// The sign binds like *: only ^ is stronger.
Result<Parser::Tree> Parser::unary() {
  if (!next_is(T::kAdd) && !next_is(T::kSub)) {
    ASSIGN_OR_RETURN(Tree tree, primary());
    return postfix(std::move(tree));
  }
  const Token sign = take();
  ASSIGN_OR_RETURN(Tree operand, binary(kPowPrecedence));
  if (operand.expr->kind == ExprKind::kNumber) {
    auto& number = static_cast<NumberLiteral&>(*operand.expr);
    if (sign.type == T::kSub) number.value *= -1;
    number.pos.start = sign.pos;
    return operand;
  }
  auto node = std::make_unique<UnaryExpr>();
  node->pos = {sign.pos, operand.expr->pos.end};
  node->negate = sign.type == T::kSub;
  node->operand = std::move(operand.expr);
  return finish(std::move(node), operand.depth + 1);
}

Result<Parser::Tree> Parser::primary() {
  switch (peek().type) {
    case T::kNumber:
    case T::kDuration: {
      auto node = std::make_unique<NumberLiteral>();
      node->pos = {token_.pos, token_.end()};
      ASSIGN_OR_RETURN(Number literal, number());
      node->value = literal.value;
      node->duration = literal.duration;
      return Tree{std::move(node)};
    }
    case T::kString: {
      auto node = std::make_unique<StringLiteral>();
      node->pos = {token_.pos, token_.end()};
      node->value = string_value(take());
      return Tree{std::move(node)};
    }
    case T::kLeftParen: return parenthesised();
    case T::kIdentifier:
    case T::kStart:
    case T::kEnd:
    case T::kStep:
    case T::kRange:
    case T::kMaxOf:
    case T::kMinOf: return call();
    default: return is_aggregator(token_.type) ? aggregate() : selector();
  }
}

Result<Parser::Tree> Parser::parenthesised() {
  const Token open = take();
  ASSIGN_OR_RETURN(Tree inner, binary(0));
  ASSIGN_OR_RETURN(const Token close, expect(T::kRightParen));
  auto node = std::make_unique<ParenExpr>();
  node->pos = {open.pos, close.end()};
  node->expr = std::move(inner.expr);
  return finish(std::move(node), inner.depth + 1);
}

}  // namespace silverback::promql
