#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "rules/template/exec.h"
#include "rules/template/function_table.h"
#include "rules/template/node.h"
#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// The expressions of one execution: pipelines, commands, fields and calls, with the variables and
/// bounds that statements share with them. Threads: one.
class Evaluator {
 public:
  struct Variable {
    std::string name;
    Value value;
  };

  /// Borrows tree and environment.
  Evaluator(const Tree& tree, const Environment& env, const Limits& limits)
      : tree_(tree), env_(env), limits_(limits), template_name_(tree.name) {}

  const Tree& tree() const { return tree_; }
  const Limits& limits() const { return limits_; }
  std::vector<Variable>& variables() { return vars_; }
  std::string& template_name() { return template_name_; }

  /// Where the next error is told to be.
  void stand_at(const Node& node) { node_ = &node; }
  base::Status error(const std::string& message) const;
  /// Bounds: one more node walked; one level deeper, until leave().
  base::Status step();
  base::Status enter();
  void leave() { --depth_; }

  base::Status set_variable(const std::string& name, const Value& value);
  /// The value of a pipeline, which also declares or assigns its variables.
  base::Result<Value> eval_pipeline(const Value& dot, const PipeNode& pipe);

 private:
  /// The operands of a command behind its first word.
  using Args = std::span<const NodePtr>;

  Variable* find_variable(const std::string& name);

  base::Status not_a_function(const CommandNode& command, const Value* final) const;
  base::Result<Value> eval_command(const Value& dot, const CommandNode& command,
                                   const Value* final);
  base::Result<Value> eval_operand(const Value& dot, const Node& node);
  base::Result<Value> ideal_constant(const NumberNode& number) const;
  base::Result<Value> eval_field_node(const Value& dot, const FieldNode& field, Args args,
                                      const Value* final);
  base::Result<Value> eval_chain(const Value& dot, const ChainNode& chain, Args args,
                                 const Value* final);
  base::Result<Value> eval_variable(const Value& dot, const VariableNode& node, Args args,
                                    const Value* final);
  base::Result<Value> eval_fields(const Value& dot, Value receiver, const Node& node,
                                  std::span<const std::string> fields, Args args,
                                  const Value* final);
  base::Result<Value> eval_field(const Value& dot, const std::string& name, const Node& node,
                                 Args args, const Value* final, const Value& receiver);

  base::Result<Value> eval_function(const Value& dot, const IdentifierNode& node,
                                    const Node& command, Args args, const Value* final);
  base::Status check_count(const FunctionDef& function, size_t given, size_t written) const;
  base::Result<Value> eval_call(const Value& dot, const FunctionDef& function, const Node& node,
                                Args args, const Value* final, const Value* receiver);
  base::Result<Value> and_or(const Value& dot, bool is_or, Args args, const Value* final);
  base::Result<Value> validate(Value value, Param param) const;
  base::Result<Value> eval_arg(const Value& dot, Param param, const Node& node);
  base::Result<Value> nil_argument(Param param) const;
  base::Result<Value> constant_argument(const Value& dot, Param param, const Node& node);

  const Tree& tree_;
  const Environment& env_;
  const Limits limits_;
  std::string template_name_;
  const Node* node_ = nullptr;  // where an error is told to be
  std::vector<Variable> vars_;
  uint64_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace silverback::rules::text_template
