#include "rules/template/evaluator.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "model/labels.h"

namespace silverback::rules::text_template {

using base::Result;
using base::Status;

namespace {

bool is_nil_node(const Node& node) {
  return node.kind == NodeKind::kNil;
}

Param param_at(const FunctionDef& function, size_t i) {
  return function.params[std::min(i, function.params.size() - 1)];
}

template <typename Map>
Value map_element(const Map* map, const std::string& key, Value zero) {
  if (map == nullptr) return zero;
  const auto it = map->find(key);
  return it == map->end() ? std::move(zero) : Value(it->second);
}

/// nullopt: no such field. A sample must not be nil.
std::optional<Value> struct_field(const Value& receiver, std::string_view name) {
  using Field = std::optional<Value>;
  if (const auto* data = receiver.as<Value::AlertDataPtr>()) {
    if (name == "Labels") return Field(Value((*data)->labels));
    if (name == "ExternalLabels") return Field(Value((*data)->external_labels));
    if (name == "ExternalURL") return Field(Value((*data)->external_url));
    if (name == "Value") return Field(Value((*data)->value).set_boxed(true));
  }
  if (const auto* sample = receiver.as<Value::SamplePtr>()) {
    if (name == "Labels") return Field(Value((*sample)->labels));
    if (name == "Value") return Field(Value((*sample)->value).set_boxed(true));
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

}  // namespace

Status Evaluator::error(const std::string& message) const {
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
Status Evaluator::step() {
  if (++steps_ > limits_.steps) {
    return error("exceeded maximum of " + std::to_string(limits_.steps) + " steps");
  }
  return {};
}
Status Evaluator::enter() {
  if (++depth_ > limits_.depth) {
    return error("exceeded maximum template depth (" + std::to_string(limits_.depth) + ")");
  }
  return {};
}

Evaluator::Variable* Evaluator::find_variable(const std::string& name) {
  for (auto it = vars_.rbegin(); it != vars_.rend(); ++it) {
    if (it->name == name) return &*it;
  }
  return nullptr;
}
Status Evaluator::set_variable(const std::string& name, const Value& value) {
  Variable* variable = find_variable(name);
  if (variable == nullptr) return error("undefined variable: " + name);
  variable->value = value;
  return {};
}

Result<Value> Evaluator::eval_pipeline(const Value& dot, const PipeNode& pipe) {
  node_ = &pipe;
  RETURN_IF_ERROR(enter());
  Value value;
  const Value* final = nullptr;
  for (const auto& command : pipe.commands) {
    ASSIGN_OR_RETURN(value, eval_command(dot, *command, final));
    value.set_boxed(false);
    final = &value;
  }
  leave();
  for (const std::string& name : pipe.names) {
    if (pipe.is_assign) {
      RETURN_IF_ERROR(set_variable(name, value));
    } else {
      vars_.push_back({name, value});
    }
  }
  return value;
}

Status Evaluator::not_a_function(const CommandNode& command, const Value* final) const {
  if (command.args.size() == 1 && final == nullptr) return {};
  return error("can't give argument to non-function " + node_text(*command.args.front()));
}

/// `final`: the value of the pipeline so far, the command's last argument; null for the first.
Result<Value> Evaluator::eval_command(const Value& dot, const CommandNode& command,
                                      const Value* final) {
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
Result<Value> Evaluator::eval_operand(const Value& dot, const Node& node) {
  node_ = &node;
  switch (node.kind) {
    case NodeKind::kBool: return Value(static_cast<const BoolNode&>(node).value);
    case NodeKind::kDot: return dot;
    case NodeKind::kString: return Value(static_cast<const StringNode&>(node).text);
    case NodeKind::kNumber: return ideal_constant(static_cast<const NumberNode&>(node));
    default: return error("can't evaluate command " + model::go_quote(node_text(node)));
  }
}

Result<Value> Evaluator::ideal_constant(const NumberNode& number) const {
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

Result<Value> Evaluator::eval_field_node(const Value& dot, const FieldNode& field, Args args,
                                         const Value* final) {
  node_ = &field;
  return eval_fields(dot, dot, field, field.fields, args, final);
}

Result<Value> Evaluator::eval_chain(const Value& dot, const ChainNode& chain, Args args,
                                    const Value* final) {
  node_ = &chain;
  if (is_nil_node(*chain.node)) {
    return error("indirection through explicit nil in " + node_text(chain));
  }
  ASSIGN_OR_RETURN(const Value receiver, eval_arg(dot, Param::kAny, *chain.node));
  return eval_fields(dot, receiver, chain, chain.fields, args, final);
}

Result<Value> Evaluator::eval_variable(const Value& dot, const VariableNode& node, Args args,
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

Result<Value> Evaluator::eval_fields(const Value& dot, Value receiver, const Node& node,
                                     std::span<const std::string> fields, Args args,
                                     const Value* final) {
  for (size_t i = 0; i + 1 < fields.size(); ++i) {
    ASSIGN_OR_RETURN(receiver, eval_field(dot, fields[i], node, {}, nullptr, receiver));
  }
  return eval_field(dot, fields.back(), node, args, final, receiver);
}

Result<Value> Evaluator::eval_field(const Value& dot, const std::string& name, const Node& node,
                                    Args args, const Value* final, const Value& receiver) {
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
  const auto* sample = receiver.as<Value::SamplePtr>();
  if (sample != nullptr && !*sample && (name == "Labels" || name == "Value")) {
    return error("nil pointer evaluating " + type + "." + name);
  }
  std::optional<Value> field = struct_field(receiver, name);
  if (!field) return error("can't evaluate field " + name + " in type " + type);
  if (has_args) return error(name + " has arguments but cannot be invoked as function");
  return *std::move(field);
}

Result<Value> Evaluator::eval_function(const Value& dot, const IdentifierNode& node,
                                       const Node& command, Args args, const Value* final) {
  node_ = &node;
  const FunctionDef* function = find_function(node.name);
  if (function == nullptr) {
    return error(model::go_quote(node.name) + " is not a defined function");
  }
  return eval_call(dot, *function, command, args, final, nullptr);
}

Status Evaluator::check_count(const FunctionDef& function, size_t given, size_t written) const {
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

Result<Value> Evaluator::eval_call(const Value& dot, const FunctionDef& function, const Node& node,
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
    return error("error calling " + std::string(function.name) + ": " + result.status().message());
  }
  const auto* text = result->as<std::string>();
  if (text != nullptr && text->size() > limits_.output_bytes) {
    return error("exceeded maximum string of " + std::to_string(limits_.output_bytes) + " bytes");
  }
  return result;
}

/// The first argument that decides, else the last one.
Result<Value> Evaluator::and_or(const Value& dot, bool is_or, Args args, const Value* final) {
  Value value;
  for (const NodePtr& arg : args) {
    ASSIGN_OR_RETURN(value, eval_arg(dot, Param::kReflect, *arg));
    if (value.truth() == is_or) return value;
  }
  return final != nullptr ? *final : value;
}

Result<Value> Evaluator::validate(Value value, Param param) const {
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
  return error("wrong type for value; expected " + std::string(param_type_name(param)) + "; got " +
               value.type_name());
}

Result<Value> Evaluator::eval_arg(const Value& dot, Param param, const Node& node) {
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

Result<Value> Evaluator::nil_argument(Param param) const {
  switch (param) {
    case Param::kAny:
    case Param::kReflect: return Value();
    case Param::kSampleList: return Value(Value::SampleList());
    case Param::kSample: return Value(Value::SamplePtr());
    default: return error("cannot assign nil to " + std::string(param_type_name(param)));
  }
}

Result<Value> Evaluator::constant_argument(const Value& dot, Param param, const Node& node) {
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

}  // namespace silverback::rules::text_template
