#include "rules/template/exec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/labels.h"
#include "rules/template/evaluator.h"
#include "rules/template/go_format.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using base::Status;

enum class Flow : uint8_t { kNext, kBreak, kContinue };

class Executor {
 public:
  Executor(const Tree& tree, const Environment& env, const Limits& limits)
      : eval_(tree, env, limits), vars_(eval_.variables()) {}

  Result<std::string> run(const Value& data) {
    vars_.push_back({"$", data});
    ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow,
                     walk_list(data, *eval_.tree().templates.at(eval_.tree().name)));
    return std::move(out_);
  }

 private:
  Status write(std::string_view text) {
    const size_t limit = eval_.limits().output_bytes;
    if (text.size() > limit - std::min(limit, out_.size())) {
      return eval_.error("exceeded maximum output of " + std::to_string(limit) + " bytes");
    }
    out_ += text;
    return {};
  }

  // ---- statements
  Result<Flow> walk_list(const Value& dot, const ListNode& list) {
    RETURN_IF_ERROR(eval_.enter());
    for (const NodePtr& node : list.nodes) {
      ASSIGN_OR_RETURN(const Flow flow, walk(dot, *node));
      if (flow != Flow::kNext) {
        eval_.leave();
        return flow;
      }
    }
    eval_.leave();
    return Flow::kNext;
  }

  Result<Flow> walk(const Value& dot, const Node& node) {
    eval_.stand_at(node);
    RETURN_IF_ERROR(eval_.step());
    switch (node.kind) {
      case NodeKind::kText: RETURN_IF_ERROR(write(static_cast<const TextNode&>(node).text)); break;
      case NodeKind::kAction: {
        const PipeNode& pipe = *static_cast<const ActionNode&>(node).pipe;
        ASSIGN_OR_RETURN(const Value value, eval_.eval_pipeline(dot, pipe));
        if (!pipe.names.empty()) break;
        eval_.stand_at(node);
        RETURN_IF_ERROR(write(print_value(value)));
        break;
      }
      case NodeKind::kBreak: return Flow::kBreak;
      case NodeKind::kContinue: return Flow::kContinue;
      case NodeKind::kIf:
      case NodeKind::kWith: return walk_if_or_with(dot, static_cast<const BranchNode&>(node));
      case NodeKind::kRange: return walk_range(dot, static_cast<const BranchNode&>(node));
      case NodeKind::kTemplate:
        RETURN_IF_ERROR(walk_template(dot, static_cast<const TemplateNode&>(node)));
        break;
      default: return eval_.error("unknown node: " + node_text(node));
    }
    return Flow::kNext;
  }

  Result<Flow> walk_if_or_with(const Value& dot, const BranchNode& branch) {
    const size_t mark = vars_.size();
    ASSIGN_OR_RETURN(const Value value, eval_.eval_pipeline(dot, *branch.pipe));
    Flow flow = Flow::kNext;
    if (value.truth()) {
      const Value& inner = branch.kind == NodeKind::kWith ? value : dot;
      ASSIGN_OR_RETURN(flow, walk_list(inner, *branch.list));
    } else if (branch.else_list) {
      ASSIGN_OR_RETURN(flow, walk_list(dot, *branch.else_list));
    }
    vars_.resize(mark);
    return flow;
  }

  Result<Flow> walk_range(const Value& dot, const BranchNode& range) {
    const size_t mark = vars_.size();
    ASSIGN_OR_RETURN(const Value value, eval_.eval_pipeline(dot, *range.pipe));
    ASSIGN_OR_RETURN(const bool ran, iterate(range, value));
    Flow flow = Flow::kNext;
    if (!ran && range.else_list) {
      ASSIGN_OR_RETURN(flow, walk_list(dot, *range.else_list));
    }
    vars_.resize(mark);
    return flow;
  }

  /// False when there was nothing to iterate over.
  Result<bool> iterate(const BranchNode& range, const Value& value) {
    if (value.is_nil()) return false;
    if (const auto* n = value.as<Integer>()) {
      if (range.pipe->names.size() > 1) {
        return eval_.error("can't use " + print_value(value) +
                           " to iterate over more than one variable");
      }
      for (int64_t i = 0; i < n->v; ++i) {
        ASSIGN_OR_RETURN(const bool more,
                         iteration(range, Value(), Value(Integer{i, n->type, n->text})));
        if (!more) break;
      }
      return n->v > 0;
    }
    if (const auto* list = value.as<Value::SampleList>()) {
      if (!*list || (*list)->empty()) return false;
      for (size_t i = 0; i < (*list)->size(); ++i) {
        ASSIGN_OR_RETURN(const bool more, iteration(range, Value::integer(static_cast<int64_t>(i)),
                                                    Value((**list)[i])));
        if (!more) break;
      }
      return true;
    }
    if (const auto* map = value.as<Value::StringMapPtr>()) return iterate_map(range, map->get());
    if (const auto* map = value.as<Value::AnyMapPtr>()) return iterate_map(range, map->get());
    return eval_.error("range can't iterate over " + print_value(value));
  }

  template <typename Map>
  Result<bool> iterate_map(const BranchNode& range, const Map* map) {
    if (map == nullptr || map->empty()) return false;
    for (const auto& [key, element] : *map) {
      ASSIGN_OR_RETURN(const bool more, iteration(range, Value(key), Value(element)));
      if (!more) break;
    }
    return true;
  }

  /// False after {{break}}.
  Result<bool> iteration(const BranchNode& range, const Value& index, const Value& element) {
    RETURN_IF_ERROR(eval_.step());
    const PipeNode& pipe = *range.pipe;
    // The pipeline pushed its variables: the last is the element, the one before it the index.
    if (pipe.names.size() == 1) {
      RETURN_IF_ERROR(assign(pipe, 0, element));
    } else if (pipe.names.size() == 2) {
      RETURN_IF_ERROR(assign(pipe, 0, index));
      RETURN_IF_ERROR(assign(pipe, 1, element));
    }
    const size_t mark = vars_.size();
    ASSIGN_OR_RETURN(const Flow flow, walk_list(element, *range.list));
    vars_.resize(mark);
    return flow != Flow::kBreak;
  }

  Status assign(const PipeNode& pipe, size_t i, const Value& value) {
    if (pipe.is_assign) return eval_.set_variable(pipe.names[i], value);
    vars_[vars_.size() - pipe.names.size() + i].value = value;
    return {};
  }

  Status walk_template(const Value& dot, const TemplateNode& node) {
    const auto found = eval_.tree().templates.find(node.name);
    if (found == eval_.tree().templates.end()) {
      return eval_.error("template " + model::go_quote(node.name) + " not defined");
    }
    RETURN_IF_ERROR(eval_.enter());
    Value inner;
    if (node.pipe) {
      ASSIGN_OR_RETURN(inner, eval_.eval_pipeline(dot, *node.pipe));
    }
    // A template inherits no variables.
    std::vector<Evaluator::Variable> vars = {{"$", inner}};
    vars.swap(vars_);
    std::string name = std::exchange(eval_.template_name(), node.name);
    ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow, walk_list(inner, *found->second));
    eval_.template_name() = std::move(name);
    vars.swap(vars_);
    eval_.leave();
    return {};
  }

  Evaluator eval_;
  std::vector<Evaluator::Variable>& vars_;  // of eval_
  std::string out_;
};

}  // namespace

Result<std::string> execute(const Tree& tree, const Value& data, const Environment& env,
                            const Limits& limits) {
  return Executor(tree, env, limits).run(data);
}

}  // namespace silverback::rules::text_template
