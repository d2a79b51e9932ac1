#include "rules/template/node.h"

#include "model/labels.h"

namespace silverback::rules::text_template {

namespace {

void write(std::string& out, const Node& node);

void write_fields(std::string& out, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) out += "." + field;
}

void write_pipe(std::string& out, const PipeNode& pipe) {
  for (size_t i = 0; i < pipe.names.size(); ++i) {
    if (i > 0) out += ", ";
    out += pipe.names[i];
  }
  if (!pipe.names.empty()) out += pipe.is_assign ? " = " : " := ";
  for (size_t i = 0; i < pipe.commands.size(); ++i) {
    if (i > 0) out += " | ";
    write(out, *pipe.commands[i]);
  }
}

void write_operand(std::string& out, const Node& node) {
  const bool parenthesised = node.kind == NodeKind::kPipe;
  if (parenthesised) out += '(';
  write(out, node);
  if (parenthesised) out += ')';
}

void write_branch(std::string& out, const BranchNode& branch) {
  out += branch.kind == NodeKind::kIf      ? "{{if "
         : branch.kind == NodeKind::kRange ? "{{range "
                                           : "{{with ";
  write_pipe(out, *branch.pipe);
  out += "}}";
  write(out, *branch.list);
  if (branch.else_list) {
    out += "{{else}}";
    write(out, *branch.else_list);
  }
  out += "{{end}}";
}

void write_template(std::string& out, const TemplateNode& node) {
  out += "{{template " + model::go_quote(node.name);
  if (node.pipe) {
    out += ' ';
    write_pipe(out, *node.pipe);
  }
  out += "}}";
}

void write(std::string& out, const Node& node) {
  switch (node.kind) {
    case NodeKind::kText: out += static_cast<const TextNode&>(node).text; break;
    case NodeKind::kAction:
      out += "{{";
      write_pipe(out, *static_cast<const ActionNode&>(node).pipe);
      out += "}}";
      break;
    case NodeKind::kBool: out += static_cast<const BoolNode&>(node).value ? "true" : "false"; break;
    case NodeKind::kBreak: out += "{{break}}"; break;
    case NodeKind::kContinue: out += "{{continue}}"; break;
    case NodeKind::kChain: {
      const auto& chain = static_cast<const ChainNode&>(node);
      write_operand(out, *chain.node);
      write_fields(out, chain.fields);
      break;
    }
    case NodeKind::kCommand: {
      const auto& args = static_cast<const CommandNode&>(node).args;
      for (size_t i = 0; i < args.size(); ++i) {
        if (i > 0) out += ' ';
        write_operand(out, *args[i]);
      }
      break;
    }
    case NodeKind::kDot: out += '.'; break;
    case NodeKind::kElse: out += "{{else}}"; break;
    case NodeKind::kEnd: out += "{{end}}"; break;
    case NodeKind::kField: write_fields(out, static_cast<const FieldNode&>(node).fields); break;
    case NodeKind::kIdentifier: out += static_cast<const IdentifierNode&>(node).name; break;
    case NodeKind::kIf:
    case NodeKind::kRange:
    case NodeKind::kWith: write_branch(out, static_cast<const BranchNode&>(node)); break;
    case NodeKind::kList:
      for (const NodePtr& item : static_cast<const ListNode&>(node).nodes) write(out, *item);
      break;
    case NodeKind::kNil: out += "nil"; break;
    case NodeKind::kNumber: out += static_cast<const NumberNode&>(node).text; break;
    case NodeKind::kPipe: write_pipe(out, static_cast<const PipeNode&>(node)); break;
    case NodeKind::kString: out += static_cast<const StringNode&>(node).quoted; break;
    case NodeKind::kTemplate: write_template(out, static_cast<const TemplateNode&>(node)); break;
    case NodeKind::kVariable: {
      const auto& ident = static_cast<const VariableNode&>(node).ident;
      out += ident.front();
      write_fields(out, {ident.begin() + 1, ident.end()});
      break;
    }
  }
}

}  // namespace

std::string node_text(const Node& node) {
  std::string out;
  write(out, node);
  return out;
}

}  // namespace silverback::rules::text_template
