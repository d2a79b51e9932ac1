#include "rules/template/parser.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "rules/template/lexer.h"
#include "rules/template/pipeline_parser.h"
#include "rules/template/unquote.h"

namespace silverback::rules::text_template {

namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr size_t kMaxTextBytes = 1 << 20;

/// Empty of everything but space, as far as a redefinition is concerned.
bool is_empty(const ListNode& list) {
  return std::all_of(list.nodes.begin(), list.nodes.end(), [](const NodePtr& node) {
    if (node->kind == NodeKind::kList) return is_empty(static_cast<const ListNode&>(*node));
    if (node->kind != NodeKind::kText) return false;
    const std::string& text = static_cast<const TextNode&>(*node).text;
    return text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  });
}

class Parser {
 public:
  Parser(Tree& tree, std::vector<Token> tokens) : tree_(tree), in_(tree.name, std::move(tokens)) {}

  Status run() {
    auto root = std::make_unique<ListNode>(0);
    while (in_.peek().kind != TokenKind::kEof) {
      if (in_.peek().kind == TokenKind::kLeftDelim) {
        const size_t mark = in_.mark();
        in_.next();
        if (in_.next_non_space().kind == TokenKind::kDefine) {
          RETURN_IF_ERROR(definition());
          continue;
        }
        in_.back_to(mark);
      }
      ASSIGN_OR_RETURN(NodePtr node, text_or_action());
      if (node->kind == NodeKind::kEnd || node->kind == NodeKind::kElse) {
        return in_.error("unexpected " + node_text(*node));
      }
      root->nodes.push_back(std::move(node));
    }
    return add(tree_.name, std::move(root));
  }

 private:
  Status add(const std::string& name, std::unique_ptr<ListNode> root) {
    auto& slot = tree_.templates[name];
    if (!slot || is_empty(*slot)) {
      slot = std::move(root);
      return {};
    }
    if (is_empty(*root)) return {};
    return in_.error("template: multiple definition of template " + model::go_quote(name));
  }

  struct ItemList {
    std::unique_ptr<ListNode> list;
    NodePtr end;  // {{end}} or {{else}}
  };
  Result<ItemList> item_list() {
    ItemList out;
    out.list = std::make_unique<ListNode>(in_.peek_non_space().pos);
    while (in_.peek_non_space().kind != TokenKind::kEof) {
      ASSIGN_OR_RETURN(NodePtr node, text_or_action());
      if (node->kind == NodeKind::kEnd || node->kind == NodeKind::kElse) {
        out.end = std::move(node);
        return out;
      }
      out.list->nodes.push_back(std::move(node));
    }
    return in_.error("unexpected EOF");
  }

  Result<NodePtr> text_or_action() {
    const Token& t = in_.next_non_space();
    if (t.kind == TokenKind::kText) {
      return NodePtr(std::make_unique<TextNode>(t.pos, std::string(t.text)));
    }
    if (t.kind != TokenKind::kLeftDelim) return in_.unexpected(t, "input");
    in_.set_action_line(t.line);
    Result<NodePtr> node = action();
    in_.set_action_line(0);
    return node;
  }

  Result<NodePtr> action() {
    const Token& t = in_.next_non_space();
    switch (t.kind) {
      case TokenKind::kBlock: return block_control();
      case TokenKind::kBreak: return loop_control(t, NodeKind::kBreak, "{{break}}");
      case TokenKind::kContinue: return loop_control(t, NodeKind::kContinue, "{{continue}}");
      case TokenKind::kElse: return else_control();
      case TokenKind::kEnd: {
        const Token& end = in_.next_non_space();
        if (end.kind != TokenKind::kRightDelim) return in_.unexpected(end, "end");
        return NodePtr(std::make_unique<PlainNode>(NodeKind::kEnd, end.pos));
      }
      case TokenKind::kIf: return branch(NodeKind::kIf, "if");
      case TokenKind::kRange: return branch(NodeKind::kRange, "range");
      case TokenKind::kTemplate: return template_control();
      case TokenKind::kWith: return branch(NodeKind::kWith, "with");
      default: break;
    }
    in_.backup();
    const uint32_t pos = in_.peek().pos;
    ASSIGN_OR_RETURN(auto pipe, in_.pipeline("command", TokenKind::kRightDelim));
    return NodePtr(std::make_unique<ActionNode>(pos, std::move(pipe)));
  }

  Result<NodePtr> loop_control(const Token& word, NodeKind kind, const std::string& context) {
    const Token& t = in_.next_non_space();
    if (t.kind != TokenKind::kRightDelim) return in_.unexpected(t, context);
    if (range_depth_ == 0) return in_.error(context + " outside {{range}}");
    return NodePtr(std::make_unique<PlainNode>(kind, word.pos));
  }

  Result<NodePtr> else_control() {
    const Token& t = in_.peek_non_space();
    // "else if" and "else with": the word stays for the branch that this else belongs to.
    if (t.kind == TokenKind::kIf || t.kind == TokenKind::kWith) {
      return NodePtr(std::make_unique<PlainNode>(NodeKind::kElse, t.pos));
    }
    const Token& end = in_.next_non_space();
    if (end.kind != TokenKind::kRightDelim) return in_.unexpected(end, "else");
    return NodePtr(std::make_unique<PlainNode>(NodeKind::kElse, end.pos));
  }

  Result<NodePtr> branch(NodeKind kind, const std::string& context) {
    RETURN_IF_ERROR(in_.enter());
    std::vector<std::string>& declared = in_.variables();
    const size_t vars = declared.size();
    Result<NodePtr> node = branch_body(kind, context);
    declared.resize(std::min(vars, declared.size()));
    in_.leave();
    return node;
  }

  Result<NodePtr> branch_body(NodeKind kind, const std::string& context) {
    ASSIGN_OR_RETURN(auto pipe, in_.pipeline(context, TokenKind::kRightDelim));
    auto node = std::make_unique<BranchNode>(kind, pipe->pos);
    node->pipe = std::move(pipe);
    if (kind == NodeKind::kRange) ++range_depth_;
    ASSIGN_OR_RETURN(ItemList items, item_list());
    if (kind == NodeKind::kRange) --range_depth_;
    node->list = std::move(items.list);
    if (items.end->kind == NodeKind::kEnd) return NodePtr(std::move(node));

    const TokenKind same = kind == NodeKind::kIf ? TokenKind::kIf : TokenKind::kWith;
    if (kind != NodeKind::kRange && in_.peek().kind == same) {
      // {{else if}} is an if inside the else that shares its {{end}}.
      in_.next();
      node->else_list = std::make_unique<ListNode>(items.end->pos);
      ASSIGN_OR_RETURN(NodePtr inner, branch(kind, context));
      node->else_list->nodes.push_back(std::move(inner));
      return NodePtr(std::move(node));
    }
    ASSIGN_OR_RETURN(ItemList otherwise, item_list());
    if (otherwise.end->kind != NodeKind::kEnd) {
      return in_.error("expected end; found " + node_text(*otherwise.end));
    }
    node->else_list = std::move(otherwise.list);
    return NodePtr(std::move(node));
  }

  Result<std::string> template_name(const Token& t, std::string_view context) {
    if (t.kind != TokenKind::kString && t.kind != TokenKind::kRawString) {
      return in_.unexpected(t, context);
    }
    std::optional<std::string> name = unquote(t.text);
    if (!name) return in_.error("invalid syntax");
    return *std::move(name);
  }

  /// Parses a body that has its own variables: a definition or a block.
  Status body(const std::string& name, std::string_view context) {
    RETURN_IF_ERROR(in_.enter());
    std::vector<std::string> vars = {"$"};
    vars.swap(in_.variables());
    const int range_depth = std::exchange(range_depth_, 0);
    ASSIGN_OR_RETURN(ItemList items, item_list());
    if (items.end->kind != NodeKind::kEnd) {
      return in_.error("unexpected " + node_text(*items.end) + " in " + std::string(context));
    }
    vars.swap(in_.variables());
    range_depth_ = range_depth;
    in_.leave();
    return add(name, std::move(items.list));
  }

  Status definition() {
    constexpr std::string_view kContext = "define clause";
    ASSIGN_OR_RETURN(const std::string name, template_name(in_.next_non_space(), kContext));
    const Token& end = in_.next_non_space();
    if (end.kind != TokenKind::kRightDelim) return in_.unexpected(end, kContext);
    return body(name, kContext);
  }

  Result<NodePtr> block_control() {
    constexpr std::string_view kContext = "block clause";
    const Token& t = in_.next_non_space();
    ASSIGN_OR_RETURN(std::string name, template_name(t, kContext));
    ASSIGN_OR_RETURN(auto pipe, in_.pipeline(std::string(kContext), TokenKind::kRightDelim));
    RETURN_IF_ERROR(body(name, kContext));
    return NodePtr(std::make_unique<TemplateNode>(t.pos, std::move(name), std::move(pipe)));
  }

  Result<NodePtr> template_control() {
    constexpr std::string_view kContext = "template clause";
    const Token& t = in_.next_non_space();
    ASSIGN_OR_RETURN(std::string name, template_name(t, kContext));
    std::unique_ptr<PipeNode> pipe;
    if (in_.next_non_space().kind != TokenKind::kRightDelim) {
      in_.backup();
      ASSIGN_OR_RETURN(pipe, in_.pipeline(std::string(kContext), TokenKind::kRightDelim));
    }
    return NodePtr(std::make_unique<TemplateNode>(t.pos, std::move(name), std::move(pipe)));
  }

  Tree& tree_;
  PipelineParser in_;
  int range_depth_ = 0;
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
