#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "promql/ast.h"
#include "promql/lexer.h"
#include "promql/parser.h"

namespace silverback::promql {

/// "<line>:<col>: parse error: <message>" as kBadData.
base::Status parse_error(std::string_view text, uint32_t offset, std::string_view message);

/// Checks the types of a parsed tree, and settles what depends on them (vector matching).
base::Status check_types(std::string_view text, Expr& expr);

/// Recursive descent with operator precedence over one query. The texts of errors are those of
/// Prometheus' LALR grammar: a token that fits nowhere is blamed on the innermost construct with a
/// text of its own (ErrorContext), and a construct is checked before the token after it is looked
/// at, unless that token decides where it ends.
/// Threads: one query, one thread.
class Parser {
 public:
  Parser(std::string_view text, const ParserOptions& options)
      : text_(text), options_(options), lexer_(text) {}

  base::Result<ExprPtr> expression();
  base::Result<model::Matchers> metric_selector();

 private:
  static constexpr int kMaxNesting = 256;
  static constexpr int kMaxTokens = 50'000;

  /// A subtree and how deep it is.
  struct Tree {
    ExprPtr expr;
    int depth = 1;
  };
  struct DurationTree {
    std::unique_ptr<DurationExpr> expr;
    int depth = 1;
    /// A bare literal, which needs no evaluation at query time.
    bool is_number() const {
      return expr->op == DurationExpr::Op::kLiteral && !expr->parenthesised;
    }
    double seconds() const { return is_number() ? expr->seconds : 0; }
  };
  /// Which construct an unexpected token is blamed on.
  struct ErrorContext {
    std::string_view where;     // "" = none
    std::string_view expected;  // "" = not told
  };
  class ContextScope;
  class NestingScope;
  struct Args {
    std::vector<ExprPtr> list;
    int depth = 0;
  };
  struct Modifiers {
    bool return_bool = false;
    VectorMatching matching;
  };

  // parser.cc: tokens and errors.
  const Token& peek();
  bool next_is(TokenType type) { return peek().type == type; }
  Token take();
  bool take_if(TokenType type);
  base::Result<Token> expect(TokenType type);
  base::Status skip(TokenType type) { return expect(type).status(); }
  base::Status unexpected();
  base::Status fail(uint32_t offset, std::string_view message);
  base::Status check_depth(int depth, uint32_t offset);
  base::Result<Tree> finish(ExprPtr expr, int depth);

  // parser_expr.cc: operators and what they join.
  base::Result<Tree> binary(int min_precedence);
  base::Result<Tree> unary();
  base::Result<Tree> primary();
  base::Result<Tree> parenthesised();
  base::Result<Tree> join(Tree lhs, TokenType op, Modifiers modifiers, Tree rhs);

  // parser_call.cc: functions, aggregations, and the modifiers of operators.
  base::Result<Tree> call();
  base::Result<Tree> aggregate();
  base::Result<Args> call_body();
  base::Result<std::vector<std::string>> grouping_labels();
  base::Result<std::string> grouping_label();
  base::Result<Modifiers> binary_modifiers();
  base::Status group_modifier(VectorMatching& matching);
  base::Status fill_modifiers(VectorMatching& matching);
  base::Result<double> fill_value();

  // parser_selector.cc: selectors and what follows them.
  base::Result<Tree> selector();
  base::Result<Tree> selector_of(const Token& name);
  base::Result<model::Matchers> label_matchers();
  base::Result<model::Matcher> label_matcher();
  base::Result<Tree> postfix(Tree tree);
  base::Result<Tree> range_or_subquery(Tree tree, bool offset_set);
  base::Result<Tree> matrix(Tree tree, uint32_t bracket, bool offset_set, DurationTree range);
  base::Status offset_modifier(Expr& expr, bool& offset_set);
  base::Status at_modifier(Expr& expr);
  base::Status extended_modifier(Expr& expr);
  base::Result<AtModifier> at_instant(const Expr& expr);

  // parser_duration.cc
  base::Result<DurationTree> duration(int min_precedence);
  base::Result<DurationTree> duration_rest(DurationTree lhs, int min_precedence);
  base::Result<DurationTree> duration_primary();
  /// `sign`, if the literal has one that belongs to it, is blamed for what is out of range.
  base::Result<DurationTree> duration_literal(const Token* sign);
  base::Result<DurationTree> duration_function();
  base::Result<DurationTree> duration_parenthesised();
  base::Result<DurationTree> join_durations(DurationTree lhs, const Token& op, DurationTree rhs);
  base::Result<DurationTree> positive_duration();
  base::Result<DurationTree> offset_duration();
  static DurationTree apply_sign(const Token& sign, DurationTree operand);

  // parser_literal.cc
  struct Number {
    double value = 0;
    bool duration = false;
  };
  /// Takes a kNumber or kDuration token.
  base::Result<Number> number();
  base::Result<double> number_value(const Token& token);
  static std::string string_value(const Token& token);

  const std::string_view text_;
  const ParserOptions options_;
  Lexer lexer_;
  Token token_;  // valid when has_token_
  bool has_token_ = false;
  std::optional<base::Status> lexer_error_;
  int token_count_ = 0;
  int nesting_ = 0;
  uint32_t last_closing_ = 0;  // end of the last token that can end a construct
  ErrorContext context_;
};

/// Blames unexpected tokens on a construct while it lives.
class Parser::ContextScope {
 public:
  ContextScope(Parser& parser, std::string_view where, std::string_view expected)
      : parser_(parser), before_(parser.context_) {
    parser.context_ = {where, expected};
  }
  ~ContextScope() { parser_.context_ = before_; }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Parser& parser_;
  const ErrorContext before_;
};

/// Counts nesting; ask too_deep() first.
class Parser::NestingScope {
 public:
  explicit NestingScope(Parser& parser) : parser_(parser) { ++parser.nesting_; }
  ~NestingScope() { --parser_.nesting_; }
  NestingScope(const NestingScope&) = delete;
  NestingScope& operator=(const NestingScope&) = delete;
  bool too_deep() const { return parser_.nesting_ > kMaxNesting; }

 private:
  Parser& parser_;
};

}  // namespace silverback::promql
