#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// Go's fmt.Sprint: a space between operands when neither is a string.
std::string sprint(std::span<const Value> values);
/// Go's fmt.Sprintln.
std::string sprintln(std::span<const Value> values);
/// Go's fmt.Sprintf, with its words for mistakes: %!d(string=x), %!s(MISSING), %!(EXTRA ...).
/// Widths and precisions beyond 10,000 are bad (Go: 1,000,000), which bounds the output.
std::string sprintf(std::string_view format, std::span<const Value> values);

/// How an action prints its value: pointers are followed, nil is "<no value>".
std::string print_value(const Value& value);
/// fmt.Sprint of values as an action prints them (the escapers html, js, urlquery).
std::string print_values(std::span<const Value> values);

}  // namespace silverback::rules::text_template
