#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "promql/value.h"
#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// What functions can reach while a template runs.
struct Environment {
  /// An instant query at the evaluation's time.
  std::function<base::Result<promql::Vector>(const std::string&)> query;
  int64_t now_ms = 0;
  std::string external_url;  // without trailing slash
};

/// Parameter types of functions, as Go's signatures have them.
enum class Param : uint8_t {
  kAny,      // interface{}
  kReflect,  // reflect.Value: anything, nil too
  kString,
  kInt,
  kSampleList,
  kSample,
  kTime,
  kDuration,
};
/// Go's name of the type.
std::string_view param_type_name(Param param);

/// Arguments have been checked against the row; an error's message becomes
/// "error calling <name>: <message>".
using Function = base::Result<Value> (*)(const Environment& env, std::vector<Value>& args);

/// A function = one row + its code. `and` and `or` have no code: they short-circuit in the
/// executor.
struct FunctionDef {
  std::string_view name;
  std::vector<Param> params;
  bool variadic = false;  // the last parameter may be given any number of times
  Function fn = nullptr;
};

/// Null when there is no such function.
const FunctionDef* find_function(std::string_view name);
/// All names, sorted.
std::vector<std::string_view> function_names();

/// A method of a time, duration or histogram; args[0] is the receiver. Null when there is none.
const FunctionDef* find_method(const Value& receiver, std::string_view name);

// The groups that make up the table.
std::span<const FunctionDef> builtin_functions();   // of Go's text/template
std::span<const FunctionDef> compare_functions();   // eq ne lt le gt ge
std::span<const FunctionDef> query_functions();     // query, first, label, ...
std::span<const FunctionDef> text_functions();      // strings, links
std::span<const FunctionDef> humanize_functions();  // numbers and times

base::Status call_error(std::string message);

}  // namespace silverback::rules::text_template
