#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace silverback::rules::text_template {

enum class NodeKind : uint8_t {
  kText,
  kAction,
  kBool,
  kBreak,
  kChain,
  kCommand,
  kContinue,
  kDot,
  kElse,
  kEnd,
  kField,
  kIdentifier,
  kIf,
  kList,
  kNil,
  kNumber,
  kPipe,
  kRange,
  kString,
  kTemplate,
  kVariable,
  kWith,
};

/// A node of a parsed template. Immutable after parsing; the parser bounds its depth, so walks and
/// destructors may recurse. Threads: shared for reading.
struct Node {
  const NodeKind kind;
  const uint32_t pos;  // byte offset into the template's text

  Node(NodeKind k, uint32_t p) : kind(k), pos(p) {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};
using NodePtr = std::unique_ptr<Node>;

/// Nodes without content: dot, nil, break, continue, end, else.
struct PlainNode final : Node {
  using Node::Node;
};

struct TextNode final : Node {
  TextNode(uint32_t p, std::string t) : Node(NodeKind::kText, p), text(std::move(t)) {}
  std::string text;
};

struct BoolNode final : Node {
  BoolNode(uint32_t p, bool v) : Node(NodeKind::kBool, p), value(v) {}
  bool value;
};

/// A constant; several readings may hold, the context chooses.
struct NumberNode final : Node {
  explicit NumberNode(uint32_t p) : Node(NodeKind::kNumber, p) {}
  bool is_int = false, is_uint = false, is_float = false;
  int64_t int_value = 0;
  double float_value = 0;
  std::string text;
};

struct StringNode final : Node {
  StringNode(uint32_t p, std::string q, std::string t)
      : Node(NodeKind::kString, p), quoted(std::move(q)), text(std::move(t)) {}
  std::string quoted, text;
};

struct IdentifierNode final : Node {
  IdentifierNode(uint32_t p, std::string n) : Node(NodeKind::kIdentifier, p), name(std::move(n)) {}
  std::string name;
};

/// .A.B
struct FieldNode final : Node {
  FieldNode(uint32_t p, std::vector<std::string> f)
      : Node(NodeKind::kField, p), fields(std::move(f)) {}
  std::vector<std::string> fields;
};

/// $name.A.B; "$" is the data given to the template.
struct VariableNode final : Node {
  VariableNode(uint32_t p, std::vector<std::string> i)
      : Node(NodeKind::kVariable, p), ident(std::move(i)) {}
  std::vector<std::string> ident;  // name with '$', then fields
};

/// A term that is no field or variable, then .A.B
struct ChainNode final : Node {
  ChainNode(uint32_t p, NodePtr n) : Node(NodeKind::kChain, p), node(std::move(n)) {}
  NodePtr node;
  std::vector<std::string> fields;
};

struct CommandNode final : Node {
  explicit CommandNode(uint32_t p) : Node(NodeKind::kCommand, p) {}
  std::vector<NodePtr> args;  // at least one
};

struct PipeNode final : Node {
  explicit PipeNode(uint32_t p) : Node(NodeKind::kPipe, p) {}
  bool is_assign = false;          // `=` instead of `:=`
  std::vector<std::string> names;  // declared or assigned variables
  std::vector<std::unique_ptr<CommandNode>> commands;
};

struct ActionNode final : Node {
  ActionNode(uint32_t p, std::unique_ptr<PipeNode> c)
      : Node(NodeKind::kAction, p), pipe(std::move(c)) {}
  std::unique_ptr<PipeNode> pipe;
};

struct ListNode final : Node {
  explicit ListNode(uint32_t p) : Node(NodeKind::kList, p) {}
  std::vector<NodePtr> nodes;
};

/// if, range, with.
struct BranchNode final : Node {
  using Node::Node;
  std::unique_ptr<PipeNode> pipe;
  std::unique_ptr<ListNode> list;
  std::unique_ptr<ListNode> else_list;  // null when absent
};

struct TemplateNode final : Node {
  TemplateNode(uint32_t p, std::string n, std::unique_ptr<PipeNode> c)
      : Node(NodeKind::kTemplate, p), name(std::move(n)), pipe(std::move(c)) {}
  std::string name;
  std::unique_ptr<PipeNode> pipe;  // null: dot is nil
};

/// The text of a node as Go prints it back; error texts show it.
std::string node_text(const Node& node);

/// A parsed text with its {{define}}s. Immutable.
struct Tree {
  std::string name;
  std::string text;
  std::map<std::string, std::unique_ptr<ListNode>> templates;  // the text itself under `name`
};

}  // namespace silverback::rules::text_template
