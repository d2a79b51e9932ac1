#include "promql/parser.h"

#include "promql/parser_impl.h"

namespace silverback::promql {

using base::Errc;
using base::Result;
using base::Status;

base::Status parse_error(std::string_view text, uint32_t offset, std::string_view message) {
  return {Errc::kBadData, position_text(text, offset) + ": parse error: " + std::string(message)};
}

const Token& Parser::peek() {
  if (has_token_) return token_;
  has_token_ = true;
  token_ = lexer_.next();
  switch (token_.type) {
    case TokenType::kError: lexer_error_ = parse_error(text_, token_.pos, token_.text); break;
    case TokenType::kRightBrace:
    case TokenType::kRightParen:
    case TokenType::kRightBracket:
    case TokenType::kDuration:
    case TokenType::kNumber: last_closing_ = token_.end(); break;
    default: break;
  }
  if (++token_count_ > kMaxTokens && !lexer_error_) {
    lexer_error_ = parse_error(text_, token_.pos, "expression is longer than 50000 tokens");
    token_.type = TokenType::kError;
  }
  return token_;
}

Token Parser::take() {
  Token token = peek();
  has_token_ = false;
  return token;
}

bool Parser::take_if(TokenType type) {
  if (!next_is(type)) return false;
  has_token_ = false;
  return true;
}

Result<Token> Parser::expect(TokenType type) {
  if (!next_is(type)) return unexpected();
  return take();
}

Status Parser::fail(uint32_t offset, std::string_view message) {
  // Found earlier: the lexer is one token ahead.
  if (lexer_error_) return *lexer_error_;
  return parse_error(text_, offset, message);
}

Status Parser::unexpected() {
  std::string message = "unexpected " + describe(peek());
  if (!context_.where.empty()) message += " in " + std::string(context_.where);
  if (!context_.expected.empty()) message += ", expected " + std::string(context_.expected);
  return fail(token_.pos, message);
}

Status Parser::check_depth(int depth, uint32_t offset) {
  if (depth <= kMaxExprDepth) return Status::ok();
  return fail(offset,
              "expression tree is deeper than " + std::to_string(kMaxExprDepth) + " levels");
}

Result<Parser::Tree> Parser::finish(ExprPtr expr, int depth) {
  RETURN_IF_ERROR(check_depth(depth, expr->pos.start));
  return Tree{std::move(expr), depth};
}

Result<ExprPtr> Parser::expression() {
  if (next_is(TokenType::kEof)) return fail(0, "no expression found in input");
  ASSIGN_OR_RETURN(Tree tree, binary(0));
  if (!next_is(TokenType::kEof)) return unexpected();
  RETURN_IF_ERROR(check_types(text_, *tree.expr));
  return std::move(tree.expr);
}

Result<model::Matchers> Parser::metric_selector() {
  ASSIGN_OR_RETURN(Tree tree, selector());
  if (!next_is(TokenType::kEof)) return unexpected();
  return std::move(static_cast<VectorSelector&>(*tree.expr).matchers);
}

Result<ExprPtr> parse_expr(std::string_view text, const ParserOptions& options) {
  return Parser(text, options).expression();
}

Result<model::Matchers> parse_metric_selector(std::string_view text) {
  return Parser(text, {}).metric_selector();
}

}  // namespace silverback::promql
