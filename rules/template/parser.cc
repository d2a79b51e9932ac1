#include "rules/template/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/go_float.h"
#include "model/labels.h"
#include "rules/template/function_table.h"
#include "rules/template/lexer.h"
#include "rules/template/unquote.h"

namespace silverback::rules::text_template {

namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr int kMaxNesting = 100;
constexpr size_t kMaxTextBytes = 1 << 20;

std::vector<std::string> split_dots(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t dot = text.find('.');
    parts.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

/// Empty of everything but space, as far as a redefinition is concerned.
bool is_empty(const ListNode& list) {
  return std::all_of(list.nodes.begin(), list.nodes.end(), [](const NodePtr& node) {
    if (node->kind == NodeKind::kList) return is_empty(static_cast<const ListNode&>(*node));
    if (node->kind != NodeKind::kText) return false;
    const std::string& text = static_cast<const TextNode&>(*node).text;
    return text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  });
}

/// Go's strconv.ParseUint(text, 0, 64) with an optional sign: magnitude and sign.
struct ParsedInteger {
  bool negative = false;
  uint64_t magnitude = 0;
};
std::optional<ParsedInteger> parse_integer(std::string_view text) {
  ParsedInteger out;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int radix = 10;
  bool prefixed = false;
  if (text.size() > 1 && text[0] == '0') {
    const char c = static_cast<char>(text[1] | 0x20);
    radix = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 8;
    prefixed = true;
    text.remove_prefix(c == 'x' || c == 'o' || c == 'b' ? 2 : 1);
  }
  std::string digits;
  char last = prefixed ? '0' : '_';
  for (const char c : text) {
    // An underscore stands between digits, or after the prefix.
    if (c == '_' && last == '_') return std::nullopt;
    if (c != '_') digits += c;
    last = c;
  }
  if (digits.empty() || last == '_') return std::nullopt;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.magnitude, radix);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

/// A float constant; underscores may stand between digits.
std::optional<double> parse_float(std::string_view text) {
  std::string plain;
  const auto digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return base::parse_go_float(plain);
}

bool fits_int64(double f) {
  return f >= -9223372036854775808.0 && f < 9223372036854775808.0;
}
bool fits_uint64(double f) {
  return f >= 0 && f < 18446744073709551616.0;
}

class Parser {
 public:
  Parser(Tree& tree, std::vector<Token> tokens) : tree_(tree), tokens_(std::move(tokens)) {}

  Status run() {
    auto root = std::make_unique<ListNode>(0);
    while (peek().kind != TokenKind::kEof) {
      if (peek().kind == TokenKind::kLeftDelim) {
        const size_t mark = at_;
        next();
        if (next_non_space().kind == TokenKind::kDefine) {
          RETURN_IF_ERROR(definition());
          continue;
        }
        at_ = mark;
      }
      ASSIGN_OR_RETURN(NodePtr node, text_or_action());
      if (node->kind == NodeKind::kEnd || node->kind == NodeKind::kElse) {
        return error("unexpected " + node_text(*node));
      }
      root->nodes.push_back(std::move(node));
    }
    return add(tree_.name, std::move(root));
  }

 private:
  // ---- tokens
  const Token& token(size_t i) {
    furthest_ = std::max(furthest_, std::min(i, tokens_.size() - 1));
    return tokens_[std::min(i, tokens_.size() - 1)];
  }
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

  // ---- errors
  Status error(const std::string& message) const {
    return {Errc::kBadData, "template: " + tree_.name + ":" +
                                std::to_string(tokens_[furthest_].line) + ": " + message};
  }
  Status unexpected(const Token& t, std::string_view context) const {
    if (t.kind != TokenKind::kError) {
      return error("unexpected " + token_text(t) + " in " + std::string(context));
    }
    std::string extra;
    if (action_line_ != 0 && action_line_ != t.line) {
      extra = " in action started at " + tree_.name + ":" + std::to_string(action_line_);
      if (t.message.ends_with(" action")) extra.erase(0, std::string_view(" in action").size());
    }
    return error(t.message + extra);
  }

  Status add(const std::string& name, std::unique_ptr<ListNode> root) {
    auto& slot = tree_.templates[name];
    if (!slot || is_empty(*slot)) {
      slot = std::move(root);
      return {};
    }
    if (is_empty(*root)) return {};
    return error("template: multiple definition of template " + model::go_quote(name));
  }

  // ---- structure
  struct ItemList {
    std::unique_ptr<ListNode> list;
    NodePtr end;  // {{end}} or {{else}}
  };
  Result<ItemList> item_list() {
    ItemList out;
    out.list = std::make_unique<ListNode>(peek_non_space().pos);
    while (peek_non_space().kind != TokenKind::kEof) {
      ASSIGN_OR_RETURN(NodePtr node, text_or_action());
      if (node->kind == NodeKind::kEnd || node->kind == NodeKind::kElse) {
        out.end = std::move(node);
        return out;
      }
      out.list->nodes.push_back(std::move(node));
    }
    return error("unexpected EOF");
  }

  Result<NodePtr> text_or_action() {
    const Token& t = next_non_space();
    if (t.kind == TokenKind::kText) {
      return NodePtr(std::make_unique<TextNode>(t.pos, std::string(t.text)));
    }
    if (t.kind != TokenKind::kLeftDelim) return unexpected(t, "input");
    action_line_ = t.line;
    Result<NodePtr> node = action();
    action_line_ = 0;
    return node;
  }

  Result<NodePtr> action() {
    const Token& t = next_non_space();
    switch (t.kind) {
      case TokenKind::kBlock: return block_control();
      case TokenKind::kBreak: return loop_control(t, NodeKind::kBreak, "{{break}}");
      case TokenKind::kContinue: return loop_control(t, NodeKind::kContinue, "{{continue}}");
      case TokenKind::kElse: return else_control();
      case TokenKind::kEnd: {
        const Token& end = next_non_space();
        if (end.kind != TokenKind::kRightDelim) return unexpected(end, "end");
        return NodePtr(std::make_unique<PlainNode>(NodeKind::kEnd, end.pos));
      }
      case TokenKind::kIf: return branch(NodeKind::kIf, "if");
      case TokenKind::kRange: return branch(NodeKind::kRange, "range");
      case TokenKind::kTemplate: return template_control();
      case TokenKind::kWith: return branch(NodeKind::kWith, "with");
      default: break;
    }
    backup();
    const uint32_t pos = peek().pos;
    ASSIGN_OR_RETURN(auto pipe, pipeline("command", TokenKind::kRightDelim));
    return NodePtr(std::make_unique<ActionNode>(pos, std::move(pipe)));
  }

  Result<NodePtr> loop_control(const Token& word, NodeKind kind, const std::string& context) {
    const Token& t = next_non_space();
    if (t.kind != TokenKind::kRightDelim) return unexpected(t, context);
    if (range_depth_ == 0) return error(context + " outside {{range}}");
    return NodePtr(std::make_unique<PlainNode>(kind, word.pos));
  }

  Result<NodePtr> else_control() {
    const Token& t = peek_non_space();
    // "else if" and "else with": the word stays for the branch that this else belongs to.
    if (t.kind == TokenKind::kIf || t.kind == TokenKind::kWith) {
      return NodePtr(std::make_unique<PlainNode>(NodeKind::kElse, t.pos));
    }
    const Token& end = next_non_space();
    if (end.kind != TokenKind::kRightDelim) return unexpected(end, "else");
    return NodePtr(std::make_unique<PlainNode>(NodeKind::kElse, end.pos));
  }

  Result<NodePtr> branch(NodeKind kind, const std::string& context) {
    if (++nesting_ > kMaxNesting) return error("max expression depth exceeded");
    const size_t vars = vars_.size();
    Result<NodePtr> node = branch_body(kind, context);
    vars_.resize(std::min(vars, vars_.size()));
    --nesting_;
    return node;
  }

  Result<NodePtr> branch_body(NodeKind kind, const std::string& context) {
    ASSIGN_OR_RETURN(auto pipe, pipeline(context, TokenKind::kRightDelim));
    auto node = std::make_unique<BranchNode>(kind, pipe->pos);
    node->pipe = std::move(pipe);
    if (kind == NodeKind::kRange) ++range_depth_;
    ASSIGN_OR_RETURN(ItemList items, item_list());
    if (kind == NodeKind::kRange) --range_depth_;
    node->list = std::move(items.list);
    if (items.end->kind == NodeKind::kEnd) return NodePtr(std::move(node));

    const TokenKind same = kind == NodeKind::kIf ? TokenKind::kIf : TokenKind::kWith;
    if (kind != NodeKind::kRange && peek().kind == same) {
      // {{else if}} is an if inside the else that shares its {{end}}.
      next();
      node->else_list = std::make_unique<ListNode>(items.end->pos);
      ASSIGN_OR_RETURN(NodePtr inner, branch(kind, context));
      node->else_list->nodes.push_back(std::move(inner));
      return NodePtr(std::move(node));
    }
    ASSIGN_OR_RETURN(ItemList otherwise, item_list());
    if (otherwise.end->kind != NodeKind::kEnd) {
      return error("expected end; found " + node_text(*otherwise.end));
    }
    node->else_list = std::move(otherwise.list);
    return NodePtr(std::move(node));
  }

  Result<std::string> template_name(const Token& t, std::string_view context) {
    if (t.kind != TokenKind::kString && t.kind != TokenKind::kRawString) {
      return unexpected(t, context);
    }
    std::optional<std::string> name = unquote(t.text);
    if (!name) return error("invalid syntax");
    return *std::move(name);
  }

  /// Parses a body that has its own variables: a definition or a block.
  Status body(const std::string& name, std::string_view context) {
    if (++nesting_ > kMaxNesting) return error("max expression depth exceeded");
    std::vector<std::string> vars = {"$"};
    vars.swap(vars_);
    const int range_depth = std::exchange(range_depth_, 0);
    ASSIGN_OR_RETURN(ItemList items, item_list());
    if (items.end->kind != NodeKind::kEnd) {
      return error("unexpected " + node_text(*items.end) + " in " + std::string(context));
    }
    vars.swap(vars_);
    range_depth_ = range_depth;
    --nesting_;
    return add(name, std::move(items.list));
  }

  Status definition() {
    constexpr std::string_view kContext = "define clause";
    ASSIGN_OR_RETURN(const std::string name, template_name(next_non_space(), kContext));
    const Token& end = next_non_space();
    if (end.kind != TokenKind::kRightDelim) return unexpected(end, kContext);
    return body(name, kContext);
  }

  Result<NodePtr> block_control() {
    constexpr std::string_view kContext = "block clause";
    const Token& t = next_non_space();
    ASSIGN_OR_RETURN(std::string name, template_name(t, kContext));
    ASSIGN_OR_RETURN(auto pipe, pipeline(std::string(kContext), TokenKind::kRightDelim));
    RETURN_IF_ERROR(body(name, kContext));
    return NodePtr(std::make_unique<TemplateNode>(t.pos, std::move(name), std::move(pipe)));
  }

  Result<NodePtr> template_control() {
    constexpr std::string_view kContext = "template clause";
    const Token& t = next_non_space();
    ASSIGN_OR_RETURN(std::string name, template_name(t, kContext));
    std::unique_ptr<PipeNode> pipe;
    if (next_non_space().kind != TokenKind::kRightDelim) {
      backup();
      ASSIGN_OR_RETURN(pipe, pipeline(std::string(kContext), TokenKind::kRightDelim));
    }
    return NodePtr(std::make_unique<TemplateNode>(t.pos, std::move(name), std::move(pipe)));
  }

  // ---- pipelines
  Status declarations(PipeNode& pipe, const std::string& context) {
    for (;;) {
      const Token& variable = peek_non_space();
      if (variable.kind != TokenKind::kVariable) return {};
      next_non_space();
      const size_t mark = at_ - 1;
      const Token& after = next_non_space();
      const std::string name(variable.text);
      if (after.kind == TokenKind::kAssign || after.kind == TokenKind::kDeclare) {
        pipe.is_assign = after.kind == TokenKind::kAssign;
        pipe.names.push_back(name);
        vars_.push_back(name);
        return {};
      }
      if (after.kind != TokenKind::kChar || after.text != ",") {
        at_ = mark;  // an argument, not a declaration
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

  Result<std::unique_ptr<PipeNode>> pipeline(const std::string& context, TokenKind end) {
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

  Status check_pipeline(const PipeNode& pipe, const std::string& context) const {
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

  Result<std::unique_ptr<CommandNode>> parse_command() {
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
  Result<NodePtr> operand() {
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

  Result<NodePtr> term() {
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
        if (++nesting_ > kMaxNesting) return error("max expression depth exceeded");
        ASSIGN_OR_RETURN(auto pipe, pipeline("parenthesized pipeline", TokenKind::kRightParen));
        --nesting_;
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

  Result<NodePtr> number(const Token& t) {
    auto node = std::make_unique<NumberNode>(t.pos);
    node->text = std::string(t.text);
    if (t.kind == TokenKind::kCharConstant) {
      const std::optional<char32_t> rune = unquote_char(t.text);
      if (!rune) return error("malformed character constant: " + node->text);
      node->is_int = node->is_uint = node->is_float = true;
      node->int_value = static_cast<int64_t>(*rune);
      node->float_value = static_cast<double>(*rune);
      return NodePtr(std::move(node));
    }
    if (t.text.ends_with('i')) return error("complex constants are not supported: " + node->text);
    if (const auto parsed = parse_integer(t.text)) {
      const uint64_t limit = uint64_t{1} << 63;
      const bool signed_text = t.text[0] == '-' || t.text[0] == '+';
      node->is_uint = !signed_text || parsed->magnitude == 0;
      node->is_int = parsed->negative ? parsed->magnitude <= limit : parsed->magnitude < limit;
      node->int_value =
          static_cast<int64_t>(parsed->negative ? 0 - parsed->magnitude : parsed->magnitude);
      if (node->is_int || node->is_uint) {
        node->is_float = true;
        node->float_value = node->is_int ? static_cast<double>(node->int_value)
                                         : static_cast<double>(parsed->magnitude);
        return NodePtr(std::move(node));
      }
    }
    const std::optional<double> f = parse_float(t.text);
    if (!f) return error("illegal number syntax: " + model::go_quote(t.text));
    if (t.text.find_first_of(".eEpP") == std::string_view::npos) {
      return error("integer overflow: " + model::go_quote(t.text));
    }
    node->is_float = true;
    node->float_value = *f;
    if (fits_int64(*f) && std::trunc(*f) == *f) {
      node->is_int = true;
      node->int_value = static_cast<int64_t>(*f);
    }
    node->is_uint = fits_uint64(*f) && std::trunc(*f) == *f;
    return NodePtr(std::move(node));
  }

  Tree& tree_;
  std::vector<Token> tokens_;
  size_t at_ = 0, furthest_ = 0;
  uint32_t action_line_ = 0;
  int nesting_ = 0, range_depth_ = 0;
  std::vector<std::string> vars_ = {"$"};
};

}  // namespace

Result<std::shared_ptr<const Tree>> parse(std::string name, std::string text) {
  auto tree = std::make_shared<Tree>();
  tree->name = std::move(name);
  tree->text = std::move(text);
  if (tree->text.size() > kMaxTextBytes) {
    return Status(Errc::kBadData, "template: " + tree->name + ": text exceeds 1 MiB");
  }
  RETURN_IF_ERROR(Parser(*tree, lex(tree->text)).run());
  return std::shared_ptr<const Tree>(std::move(tree));
}

}  // namespace silverback::rules::text_template
