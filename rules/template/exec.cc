#include "rules/template/exec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/labels.h"
#include "rules/template/go_format.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using base::Status;

enum class Flow : uint8_t { kNext, kBreak, kContinue };

struct Variable {
  std::string name;
  Value value;
};

/// The operands of a command behind its first word.
using Args = std::span<const NodePtr>;

bool is_nil_node(const Node& node) {
  return node.kind == NodeKind::kNil;
}

class Executor {
 public:
  Executor(const Tree& tree, const Environment& env, const Limits& limits)
      : tree_(tree), env_(env), limits_(limits), template_name_(tree.name) {}

  Result<std::string> run(const Value& data) {
    vars_.push_back({"$", data});
    ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow,
                     walk_list(data, *tree_.templates.at(tree_.name)));
    return std::move(out_);
  }

 private:
  // ---- errors and bounds
  Status error(const std::string& message) const {
    std::string where = tree_.name;
    std::string at;
    if (node_ != nullptr) {
      const std::string_view before = std::string_view(tree_.text).substr(0, node_->pos);
      const size_t newline = before.rfind('\n');
      const auto line = 1 + std::count(before.begin(), before.end(), '\n');
      const size_t column =
          newline == std::string_view::npos ? node_->pos : node_->pos - (newline + 1);
      where += ":" + std::to_string(line) + ":" + std::to_string(column);
      at = " at <" + node_text(*node_) + ">";
    }
    return call_error("template: " + where + ": executing " + model::go_quote(template_name_) + at +
                      ": " + message);
  }
  Status step() {
    if (++steps_ > limits_.steps) {
      return error("exceeded maximum of " + std::to_string(limits_.steps) + " steps");
    }
    return {};
  }
  Status enter() {
    if (++depth_ > limits_.depth) {
      return error("exceeded maximum template depth (" + std::to_string(limits_.depth) + ")");
    }
    return {};
  }
  Status write(std::string_view text) {
    if (text.size() > limits_.output_bytes - std::min(limits_.output_bytes, out_.size())) {
      return error("exceeded maximum output of " + std::to_string(limits_.output_bytes) + " bytes");
    }
    out_ += text;
    return {};
  }

  // ---- statements
  Result<Flow> walk_list(const Value& dot, const ListNode& list) {
    RETURN_IF_ERROR(enter());
    for (const NodePtr& node : list.nodes) {
      ASSIGN_OR_RETURN(const Flow flow, walk(dot, *node));
      if (flow != Flow::kNext) {
        --depth_;
        return flow;
      }
    }
    --depth_;
    return Flow::kNext;
  }

  Result<Flow> walk(const Value& dot, const Node& node) {
    node_ = &node;
    RETURN_IF_ERROR(step());
    switch (node.kind) {
      case NodeKind::kText: RETURN_IF_ERROR(write(static_cast<const TextNode&>(node).text)); break;
      case NodeKind::kAction: {
        const PipeNode& pipe = *static_cast<const ActionNode&>(node).pipe;
        ASSIGN_OR_RETURN(const Value value, eval_pipeline(dot, pipe));
        if (!pipe.names.empty()) break;
        node_ = &node;
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
      default: return error("unknown node: " + node_text(node));
    }
    return Flow::kNext;
  }

  Result<Flow> walk_if_or_with(const Value& dot, const BranchNode& branch) {
    const size_t mark = vars_.size();
    ASSIGN_OR_RETURN(const Value value, eval_pipeline(dot, *branch.pipe));
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
    ASSIGN_OR_RETURN(const Value value, eval_pipeline(dot, *range.pipe));
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
        return error("can't use " + print_value(value) + " to iterate over more than one variable");
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
    return error("range can't iterate over " + print_value(value));
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
    RETURN_IF_ERROR(step());
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
    if (pipe.is_assign) return set_variable(pipe.names[i], value);
    vars_[vars_.size() - pipe.names.size() + i].value = value;
    return {};
  }

  Status walk_template(const Value& dot, const TemplateNode& node) {
    const auto found = tree_.templates.find(node.name);
    if (found == tree_.templates.end()) {
      return error("template " + model::go_quote(node.name) + " not defined");
    }
    RETURN_IF_ERROR(enter());
    Value inner;
    if (node.pipe) {
      ASSIGN_OR_RETURN(inner, eval_pipeline(dot, *node.pipe));
    }
    // A template inherits no variables.
    std::vector<Variable> vars = {{"$", inner}};
    vars.swap(vars_);
    std::string name = std::exchange(template_name_, node.name);
    ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow, walk_list(inner, *found->second));
    template_name_ = std::move(name);
    vars.swap(vars_);
    --depth_;
    return {};
  }

  // ---- variables
  Variable* find_variable(const std::string& name) {
    for (auto it = vars_.rbegin(); it != vars_.rend(); ++it) {
      if (it->name == name) return &*it;
    }
    return nullptr;
  }
  Status set_variable(const std::string& name, const Value& value) {
    Variable* variable = find_variable(name);
    if (variable == nullptr) return error("undefined variable: " + name);
    variable->value = value;
    return {};
  }

  // ---- expressions
  Result<Value> eval_pipeline(const Value& dot, const PipeNode& pipe) {
    node_ = &pipe;
    RETURN_IF_ERROR(enter());
    Value value;
    const Value* final = nullptr;
    for (const auto& command : pipe.commands) {
      ASSIGN_OR_RETURN(value, eval_command(dot, *command, final));
      value.set_boxed(false);
      final = &value;
    }
    --depth_;
    for (const std::string& name : pipe.names) {
      if (pipe.is_assign) {
        RETURN_IF_ERROR(set_variable(name, value));
      } else {
        vars_.push_back({name, value});
      }
    }
    return value;
  }

  Status not_a_function(const CommandNode& command, const Value* final) const {
    if (command.args.size() == 1 && final == nullptr) return {};
    return error("can't give argument to non-function " + node_text(*command.args.front()));
  }

  /// `final`: the value of the pipeline so far, the command's last argument; null for the first.
  Result<Value> eval_command(const Value& dot, const CommandNode& command, const Value* final) {
    RETURN_IF_ERROR(step());
    const Node& first = *command.args.front();
    const Args args = Args(command.args).subspan(1);
    switch (first.kind) {
      case NodeKind::kField:
        return eval_field_node(dot, static_cast<const FieldNode&>(first), args, final);
      case NodeKind::kChain:
        return eval_chain(dot, static_cast<const ChainNode&>(first), args, final);
      case NodeKind::kIdentifier:
        return eval_function(dot, static_cast<const IdentifierNode&>(first), command, args, final);
      case NodeKind::kPipe:
        RETURN_IF_ERROR(not_a_function(command, final));
        return eval_pipeline(dot, static_cast<const PipeNode&>(first));
      case NodeKind::kVariable:
        return eval_variable(dot, static_cast<const VariableNode&>(first), args, final);
      default: break;
    }
    node_ = &first;
    RETURN_IF_ERROR(not_a_function(command, final));
    if (is_nil_node(first)) return error("nil is not a command");
    return eval_operand(dot, first);
  }

  /// A constant or dot where any type will do.
  Result<Value> eval_operand(const Value& dot, const Node& node) {
    node_ = &node;
    switch (node.kind) {
      case NodeKind::kBool: return Value(static_cast<const BoolNode&>(node).value);
      case NodeKind::kDot: return dot;
      case NodeKind::kString: return Value(static_cast<const StringNode&>(node).text);
      case NodeKind::kNumber: return ideal_constant(static_cast<const NumberNode&>(node));
      default: return error("can't evaluate command " + model::go_quote(node_text(node)));
    }
  }

  Result<Value> ideal_constant(const NumberNode& number) {
    const std::string& text = number.text;
    const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
                     text.find_first_of("pP") == std::string::npos;
    const bool rune = !text.empty() && text[0] == '\'';
    if (number.is_float && !hex && !rune && text.find_first_of(".eEpP") != std::string::npos) {
      return Value(number.float_value);
    }
    if (number.is_int) return Value::integer(number.int_value);
    return error(text + " overflows int");
  }

  Result<Value> eval_field_node(const Value& dot, const FieldNode& field, Args args,
                                const Value* final) {
    node_ = &field;
    return eval_fields(dot, dot, field, field.fields, args, final);
  }

  Result<Value> eval_chain(const Value& dot, const ChainNode& chain, Args args,
                           const Value* final) {
    node_ = &chain;
    if (is_nil_node(*chain.node)) {
      return error("indirection through explicit nil in " + node_text(chain));
    }
    ASSIGN_OR_RETURN(const Value receiver, eval_arg(dot, Param::kAny, *chain.node));
    return eval_fields(dot, receiver, chain, chain.fields, args, final);
  }

  Result<Value> eval_variable(const Value& dot, const VariableNode& node, Args args,
                              const Value* final) {
    node_ = &node;
    const Variable* variable = find_variable(node.ident.front());
    if (variable == nullptr) return error("undefined variable: " + node.ident.front());
    if (node.ident.size() == 1) {
      if (!args.empty() || final != nullptr) {
        return error("can't give argument to non-function " + node_text(node));
      }
      return variable->value;
    }
    const Value receiver = variable->value;
    return eval_fields(dot, receiver, node, std::span(node.ident).subspan(1), args, final);
  }

  Result<Value> eval_fields(const Value& dot, Value receiver, const Node& node,
                            std::span<const std::string> fields, Args args, const Value* final) {
    for (size_t i = 0; i + 1 < fields.size(); ++i) {
      ASSIGN_OR_RETURN(receiver, eval_field(dot, fields[i], node, {}, nullptr, receiver));
    }
    return eval_field(dot, fields.back(), node, args, final, receiver);
  }

  Result<Value> eval_field(const Value& dot, const std::string& name, const Node& node, Args args,
                           const Value* final, const Value& receiver) {
    if (receiver.is_nil()) return Value();  // a missing key's zero value has no fields either
    const std::string type = receiver.boxed() ? "interface {}" : receiver.type_name();
    if (const FunctionDef* method = find_method(receiver, name)) {
      return eval_call(dot, *method, node, args, final, &receiver);
    }
    const bool has_args = !args.empty() || final != nullptr;
    if (const auto* map = receiver.as<Value::StringMapPtr>()) {
      if (has_args) return error(name + " is not a method but has arguments");
      return map_element(map->get(), name, Value(std::string()));
    }
    if (const auto* map = receiver.as<Value::AnyMapPtr>()) {
      if (has_args) return error(name + " is not a method but has arguments");
      Value element = map_element(map->get(), name, Value());
      return element.set_boxed(true);
    }
    ASSIGN_OR_RETURN(std::optional<Value> field, struct_field(receiver, name, type));
    if (!field) return error("can't evaluate field " + name + " in type " + type);
    if (has_args) return error(name + " has arguments but cannot be invoked as function");
    return *std::move(field);
  }

  template <typename Map>
  static Value map_element(const Map* map, const std::string& key, Value zero) {
    if (map == nullptr) return zero;
    const auto it = map->find(key);
    return it == map->end() ? std::move(zero) : Value(it->second);
  }

  /// nullopt: no such field.
  Result<std::optional<Value>> struct_field(const Value& receiver, const std::string& name,
                                            const std::string& type) {
    using Field = std::optional<Value>;
    if (const auto* data = receiver.as<Value::AlertDataPtr>()) {
      if (name == "Labels") return Field(Value((*data)->labels));
      if (name == "ExternalLabels") return Field(Value((*data)->external_labels));
      if (name == "ExternalURL") return Field(Value((*data)->external_url));
      if (name == "Value") return Field(Value((*data)->value).set_boxed(true));
    }
    if (const auto* sample = receiver.as<Value::SamplePtr>()) {
      if (name != "Labels" && name != "Value") return Field();
      if (!*sample) return error("nil pointer evaluating " + type + "." + name);
      if (name == "Labels") return Field(Value((*sample)->labels));
      return Field(Value((*sample)->value).set_boxed(true));
    }
    if (const auto* h = receiver.as<Value::HistogramPtr>(); h != nullptr && *h) {
      if (name == "Count") return Field(Value((*h)->count));
      if (name == "Sum") return Field(Value((*h)->sum));
      if (name == "ZeroCount") return Field(Value((*h)->zero_count));
      if (name == "ZeroThreshold") return Field(Value((*h)->zero_threshold));
      if (name == "Schema") return Field(Value(Integer{(*h)->schema, "int32", nullptr}));
    }
    return Field();
  }

  // ---- calls
  Result<Value> eval_function(const Value& dot, const IdentifierNode& node, const Node& command,
                              Args args, const Value* final) {
    node_ = &node;
    const FunctionDef* function = find_function(node.name);
    if (function == nullptr) {
      return error(model::go_quote(node.name) + " is not a defined function");
    }
    return eval_call(dot, *function, command, args, final, nullptr);
  }

  Status check_count(const FunctionDef& function, size_t given, size_t written) const {
    const size_t wanted = function.params.size();
    const std::string name(function.name);
    if (function.variadic) {
      if (given + 1 >= wanted) return {};
      return error("wrong number of args for " + name + ": want at least " +
                   std::to_string(wanted - 1) + " got " + std::to_string(written));
    }
    if (given == wanted) return {};
    return error("wrong number of args for " + name + ": want " + std::to_string(wanted) + " got " +
                 std::to_string(given));
  }

  static Param param_at(const FunctionDef& function, size_t i) {
    return function.params[std::min(i, function.params.size() - 1)];
  }

  Result<Value> eval_call(const Value& dot, const FunctionDef& function, const Node& node,
                          Args args, const Value* final, const Value* receiver) {
    RETURN_IF_ERROR(step());
    const size_t given = args.size() + (final != nullptr ? 1 : 0);
    RETURN_IF_ERROR(check_count(function, given, args.size()));
    if (function.fn == nullptr) return and_or(dot, function.name == "or", args, final);

    std::vector<Value> values;
    values.reserve(given + 1);
    if (receiver != nullptr) values.push_back(*receiver);
    for (size_t i = 0; i < args.size(); ++i) {
      ASSIGN_OR_RETURN(Value value, eval_arg(dot, param_at(function, i), *args[i]));
      values.push_back(std::move(value));
    }
    if (final != nullptr) {
      ASSIGN_OR_RETURN(Value value, validate(*final, param_at(function, args.size())));
      values.push_back(std::move(value));
    }
    Result<Value> result = function.fn(env_, values);
    if (!result.is_ok()) {
      node_ = &node;
      return error("error calling " + std::string(function.name) + ": " +
                   result.status().message());
    }
    const auto* text = result->as<std::string>();
    if (text != nullptr && text->size() > limits_.output_bytes) {
      return error("exceeded maximum string of " + std::to_string(limits_.output_bytes) + " bytes");
    }
    return result;
  }

  /// The first argument that decides, else the last one.
  Result<Value> and_or(const Value& dot, bool is_or, Args args, const Value* final) {
    Value value;
    for (const NodePtr& arg : args) {
      ASSIGN_OR_RETURN(value, eval_arg(dot, Param::kReflect, *arg));
      if (value.truth() == is_or) return value;
    }
    return final != nullptr ? *final : value;
  }

  Result<Value> validate(Value value, Param param) const {
    const bool fits = [&] {
      switch (param) {
        case Param::kAny:
        case Param::kReflect: return true;
        case Param::kString: return value.as<std::string>() != nullptr;
        case Param::kInt:
          return value.as<Integer>() != nullptr &&
                 std::string_view(value.as<Integer>()->type) == "int";
        case Param::kSampleList: return value.as<Value::SampleList>() != nullptr;
        case Param::kSample: return value.as<Value::SamplePtr>() != nullptr;
        case Param::kTime: return value.as<Time>() != nullptr;
        case Param::kDuration: return value.as<Duration>() != nullptr;
      }
      return false;
    }();
    value.set_boxed(false);
    if (fits) return value;
    if (value.is_nil()) {
      if (param == Param::kSampleList) return Value(Value::SampleList());
      if (param == Param::kSample) return Value(Value::SamplePtr());
      return error("invalid value; expected " + std::string(param_type_name(param)));
    }
    return error("wrong type for value; expected " + std::string(param_type_name(param)) +
                 "; got " + value.type_name());
  }

  Result<Value> eval_arg(const Value& dot, Param param, const Node& node) {
    node_ = &node;
    switch (node.kind) {
      case NodeKind::kDot: return validate(dot, param);
      case NodeKind::kNil: return nil_argument(param);
      case NodeKind::kField: {
        ASSIGN_OR_RETURN(Value value,
                         eval_field_node(dot, static_cast<const FieldNode&>(node), {}, nullptr));
        return validate(std::move(value), param);
      }
      case NodeKind::kVariable: {
        ASSIGN_OR_RETURN(Value value,
                         eval_variable(dot, static_cast<const VariableNode&>(node), {}, nullptr));
        return validate(std::move(value), param);
      }
      case NodeKind::kPipe: {
        ASSIGN_OR_RETURN(Value value, eval_pipeline(dot, static_cast<const PipeNode&>(node)));
        return validate(std::move(value), param);
      }
      case NodeKind::kIdentifier: {
        const auto& identifier = static_cast<const IdentifierNode&>(node);
        ASSIGN_OR_RETURN(Value value, eval_function(dot, identifier, node, {}, nullptr));
        return validate(std::move(value), param);
      }
      case NodeKind::kChain: {
        ASSIGN_OR_RETURN(Value value,
                         eval_chain(dot, static_cast<const ChainNode&>(node), {}, nullptr));
        return validate(std::move(value), param);
      }
      default: return constant_argument(dot, param, node);
    }
  }

  Result<Value> nil_argument(Param param) const {
    switch (param) {
      case Param::kAny:
      case Param::kReflect: return Value();
      case Param::kSampleList: return Value(Value::SampleList());
      case Param::kSample: return Value(Value::SamplePtr());
      default: return error("cannot assign nil to " + std::string(param_type_name(param)));
    }
  }

  Result<Value> constant_argument(const Value& dot, Param param, const Node& node) {
    const auto* number =
        node.kind == NodeKind::kNumber ? &static_cast<const NumberNode&>(node) : nullptr;
    switch (param) {
      case Param::kAny:
      case Param::kReflect: return eval_operand(dot, node);
      case Param::kString:
        if (node.kind == NodeKind::kString) {
          return Value(static_cast<const StringNode&>(node).text);
        }
        return error("expected string; found " + node_text(node));
      case Param::kInt:
        if (number != nullptr && number->is_int) return Value::integer(number->int_value);
        return error("expected integer; found " + node_text(node));
      case Param::kDuration:
        if (number != nullptr && number->is_int) return Value(Duration{number->int_value});
        return error("expected integer; found " + node_text(node));
      default: break;
    }
    return error("can't handle " + node_text(node) + " for arg of type " +
                 std::string(param_type_name(param)));
  }

  const Tree& tree_;
  const Environment& env_;
  const Limits limits_;
  std::string template_name_;
  const Node* node_ = nullptr;  // where an error is told to be
  std::vector<Variable> vars_;
  std::string out_;
  uint64_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<std::string> execute(const Tree& tree, const Value& data, const Environment& env,
                            const Limits& limits) {
  return Executor(tree, env, limits).run(data);
}

}  // namespace silverback::rules::text_template
