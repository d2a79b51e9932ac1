#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "promql/value.h"

namespace silverback::promql {

struct FunctionImpl;  // promql/function_impl.h: how the evaluator calls it

/// One row a function: parser, evaluator, API function lists and UI completion all read it.
struct FunctionDef {
  std::string_view name;
  std::array<ValueType, 5> args{};  // kNone after the last
  uint8_t arg_count = 0;            // types given in `args`
  /// 0: exactly arg_count. n > 0: the last is given 0 to n times. -1: any number of times, also 0.
  int8_t variadic = 0;
  ValueType returns = ValueType::kVector;
  bool experimental = false;
  /// The result depends on the evaluation time even over step-invariant arguments (spec 13.2).
  bool at_unsafe = false;
  std::string_view doc;
  const FunctionImpl* impl = nullptr;  // nullptr: not built yet, the engine answers kUnsupported
};

/// All functions, sorted by name, names unique (a test checks it).
std::span<const FunctionDef> function_table();
/// nullptr when there is none.
const FunctionDef* find_function(std::string_view name);

}  // namespace silverback::promql
