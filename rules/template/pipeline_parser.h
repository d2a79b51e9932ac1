#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "rules/template/lexer.h"
#include "rules/template/node.h"

namespace silverback::rules::text_template {

/// Nested branches, bodies and parentheses of one text.
inline constexpr int kMaxNesting = 100;

/// The tokens of one text and what stands inside an action: pipelines, commands, operands. The
/// parser of statements drives it. Threads: one.
class PipelineParser {
 public:
  PipelineParser(std::string name, std::vector<Token> tokens)
      : name_(std::move(name)), tokens_(std::move(tokens)) {}

  const Token& peek() { return token(at_); }
  const Token& next() { return token(at_++); }
  void backup() { --at_; }
  const Token& next_non_space() {
    while (token(at_).kind == TokenKind::kSpace) ++at_;
    return token(at_++);
  }
  const Token& peek_non_space() {
    const Token& t = next_non_space();
    backup();
    return t;
  }
  /// Where the tokens stand; back_to() returns there.
  size_t mark() const { return at_; }
  void back_to(size_t mark) { at_ = mark; }

  /// "template: <name>:<line>: <message>", the line being the furthest one looked at.
  base::Status error(const std::string& message) const;
  base::Status unexpected(const Token& t, std::string_view context) const;
  /// The line where the action began that is being parsed; 0 outside of one.
  void set_action_line(uint32_t line) { action_line_ = line; }

  /// One level deeper, until leave().
  base::Status enter();
  void leave() { --nesting_; }

  /// Variables that are declared so far, "$" first.
  std::vector<std::string>& variables() { return vars_; }

  /// Everything up to `end`, which is taken. `context` names the statement in error texts.
  base::Result<std::unique_ptr<PipeNode>> pipeline(const std::string& context, TokenKind end);

 private:
  const Token& token(size_t i) {
    furthest_ = std::max(furthest_, std::min(i, tokens_.size() - 1));
    return tokens_[std::min(i, tokens_.size() - 1)];
  }

  base::Status declarations(PipeNode& pipe, const std::string& context);
  base::Status check_pipeline(const PipeNode& pipe, const std::string& context) const;
  base::Result<std::unique_ptr<CommandNode>> parse_command();
  base::Result<NodePtr> operand();
  base::Result<NodePtr> term();
  base::Result<NodePtr> number(const Token& t) const;

  const std::string name_;
  std::vector<Token> tokens_;
  size_t at_ = 0, furthest_ = 0;
  uint32_t action_line_ = 0;
  int nesting_ = 0;
  std::vector<std::string> vars_ = {"$"};
};

}  // namespace silverback::rules::text_template
