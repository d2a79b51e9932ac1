#include "rules/template/pipeline_parser.h"

#include <optional>

#include "model/labels.h"
#include "rules/template/function_table.h"
#include "rules/template/number.h"
#include "rules/template/unquote.h"

namespace silverback::rules::text_template {

using base::Errc;
using base::Result;
using base::Status;

namespace {

std::vector<std::string> split_dots(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t dot = text.find('.');
    parts.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

Status PipelineParser::error(const std::string& message) const {
  return {Errc::kBadData,
          "template: " + name_ + ":" + std::to_string(tokens_[furthest_].line) + ": " + message};
}
Status PipelineParser::unexpected(const Token& t, std::string_view context) const {
  if (t.kind != TokenKind::kError) {
    return error("unexpected " + token_text(t) + " in " + std::string(context));
  }
  std::string extra;
  if (action_line_ != 0 && action_line_ != t.line) {
    extra = " in action started at " + name_ + ":" + std::to_string(action_line_);
    if (t.message.ends_with(" action")) extra.erase(0, std::string_view(" in action").size());
  }
  return error(t.message + extra);
}

Status PipelineParser::enter() {
  if (++nesting_ > kMaxNesting) return error("max expression depth exceeded");
  return {};
}

Status PipelineParser::declarations(PipeNode& pipe, const std::string& context) {
  for (;;) {
    const Token& variable = peek_non_space();
    if (variable.kind != TokenKind::kVariable) return {};
    next_non_space();
    const size_t variable_at = mark() - 1;
    const Token& after = next_non_space();
    const std::string name(variable.text);
    if (after.kind == TokenKind::kAssign || after.kind == TokenKind::kDeclare) {
      pipe.is_assign = after.kind == TokenKind::kAssign;
      pipe.names.push_back(name);
      vars_.push_back(name);
      return {};
    }
    if (after.kind != TokenKind::kChar || after.text != ",") {
      back_to(variable_at);  // an argument, not a declaration
      return {};
    }
    pipe.names.push_back(name);
    vars_.push_back(name);
    if (context != "range" || pipe.names.size() >= 2) {
      return error("too many declarations in " + context);
    }
    const TokenKind kind = peek_non_space().kind;
    if (kind != TokenKind::kVariable && kind != TokenKind::kRightDelim &&
        kind != TokenKind::kRightParen) {
      return error("range can only initialize variables");
    }
  }
}

Result<std::unique_ptr<PipeNode>> PipelineParser::pipeline(const std::string& context,
                                                           TokenKind end) {
  auto pipe = std::make_unique<PipeNode>(peek_non_space().pos);
  RETURN_IF_ERROR(declarations(*pipe, context));
  for (;;) {
    const Token& t = next_non_space();
    if (t.kind == end) {
      RETURN_IF_ERROR(check_pipeline(*pipe, context));
      return pipe;
    }
    switch (t.kind) {
      case TokenKind::kBool:
      case TokenKind::kCharConstant:
      case TokenKind::kDot:
      case TokenKind::kField:
      case TokenKind::kIdentifier:
      case TokenKind::kNumber:
      case TokenKind::kNil:
      case TokenKind::kRawString:
      case TokenKind::kString:
      case TokenKind::kVariable:
      case TokenKind::kLeftParen: break;
      default: return unexpected(t, context);
    }
    backup();
    ASSIGN_OR_RETURN(auto command, parse_command());
    pipe->commands.push_back(std::move(command));
  }
}

Status PipelineParser::check_pipeline(const PipeNode& pipe, const std::string& context) const {
  if (pipe.commands.empty()) return error("missing value for " + context);
  for (size_t i = 1; i < pipe.commands.size(); ++i) {
    switch (pipe.commands[i]->args.front()->kind) {
      case NodeKind::kBool:
      case NodeKind::kDot:
      case NodeKind::kNil:
      case NodeKind::kNumber:
      case NodeKind::kString:
        return error("non executable command in pipeline stage " + std::to_string(i + 1));
      default: break;
    }
  }
  return {};
}

Result<std::unique_ptr<CommandNode>> PipelineParser::parse_command() {
  auto command = std::make_unique<CommandNode>(peek_non_space().pos);
  for (;;) {
    peek_non_space();
    ASSIGN_OR_RETURN(NodePtr node, operand());
    if (node) command->args.push_back(std::move(node));
    const Token& t = next();
    if (t.kind == TokenKind::kSpace) continue;
    if (t.kind == TokenKind::kRightDelim || t.kind == TokenKind::kRightParen) {
      backup();
    } else if (t.kind != TokenKind::kPipe) {
      return unexpected(t, "operand");
    }
    break;
  }
  if (command->args.empty()) return error("empty command");
  return command;
}

/// A term with fields; null when the next token starts none.
Result<NodePtr> PipelineParser::operand() {
  ASSIGN_OR_RETURN(NodePtr node, term());
  if (!node || peek().kind != TokenKind::kField) return node;
  const uint32_t pos = peek().pos;
  std::vector<std::string> fields;
  while (peek().kind == TokenKind::kField) fields.emplace_back(next().text.substr(1));
  switch (node->kind) {
    case NodeKind::kField: {
      std::vector<std::string> all = static_cast<FieldNode&>(*node).fields;
      all.insert(all.end(), fields.begin(), fields.end());
      return NodePtr(std::make_unique<FieldNode>(pos, std::move(all)));
    }
    case NodeKind::kVariable: {
      std::vector<std::string> all = static_cast<VariableNode&>(*node).ident;
      all.insert(all.end(), fields.begin(), fields.end());
      return NodePtr(std::make_unique<VariableNode>(pos, std::move(all)));
    }
    case NodeKind::kBool:
    case NodeKind::kString:
    case NodeKind::kNumber:
    case NodeKind::kNil:
    case NodeKind::kDot:
      return error("unexpected . after term " + model::go_quote(node_text(*node)));
    default: break;
  }
  auto chain = std::make_unique<ChainNode>(pos, std::move(node));
  chain->fields = std::move(fields);
  return NodePtr(std::move(chain));
}

Result<NodePtr> PipelineParser::term() {
  const Token& t = next_non_space();
  switch (t.kind) {
    case TokenKind::kIdentifier:
      if (find_function(t.text) == nullptr) {
        return error("function " + model::go_quote(t.text) + " not defined");
      }
      return NodePtr(std::make_unique<IdentifierNode>(t.pos, std::string(t.text)));
    case TokenKind::kDot: return NodePtr(std::make_unique<PlainNode>(NodeKind::kDot, t.pos));
    case TokenKind::kNil: return NodePtr(std::make_unique<PlainNode>(NodeKind::kNil, t.pos));
    case TokenKind::kVariable: {
      if (std::find(vars_.begin(), vars_.end(), t.text) == vars_.end()) {
        return error("undefined variable " + model::go_quote(t.text));
      }
      return NodePtr(
          std::make_unique<VariableNode>(t.pos, std::vector<std::string>{std::string(t.text)}));
    }
    case TokenKind::kField:
      return NodePtr(std::make_unique<FieldNode>(t.pos, split_dots(t.text.substr(1))));
    case TokenKind::kBool: return NodePtr(std::make_unique<BoolNode>(t.pos, t.text == "true"));
    case TokenKind::kCharConstant:
    case TokenKind::kNumber: return number(t);
    case TokenKind::kLeftParen: {
      RETURN_IF_ERROR(enter());
      ASSIGN_OR_RETURN(auto pipe, pipeline("parenthesized pipeline", TokenKind::kRightParen));
      leave();
      return NodePtr(std::move(pipe));
    }
    case TokenKind::kString:
    case TokenKind::kRawString: {
      std::optional<std::string> text = unquote(t.text);
      if (!text) return error("invalid syntax");
      return NodePtr(std::make_unique<StringNode>(t.pos, std::string(t.text), *std::move(text)));
    }
    default: break;
  }
  backup();
  return NodePtr();
}

Result<NodePtr> PipelineParser::number(const Token& t) const {
  Result<std::unique_ptr<NumberNode>> node = parse_number(t);
  if (!node.is_ok()) return error(node.status().message());
  return NodePtr(*std::move(node));
}

}  // namespace silverback::rules::text_template
