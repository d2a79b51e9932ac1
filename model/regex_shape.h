#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace silverback::model {

/// What a pattern is when it needs no regex engine. Everything here is exact or absent: a pattern
/// that is not understood completely gives nothing.

/// The strings a pattern of plain characters, escapes of punctuation, `|` and groups can match;
/// sorted, unique. nullopt when it is anything else, or more than a few thousand strings.
std::optional<std::vector<std::string>> literal_set(std::string_view pattern);

/// What every match starts with: the plain characters before the first operator. "" when unknown.
std::string literal_prefix(std::string_view pattern);

/// `.*`, `.+`, `a.*`, `.+a`, `.*a.*`...: a literal with wildcards at its ends, dot matching all.
struct WildcardShape {
  std::string literal;
  bool any_before = false, any_after = false;  // a wildcard stands there
  size_t min_before = 0, min_after = 0;        // 1 for .+
  bool matches(std::string_view s) const;
};
std::optional<WildcardShape> wildcard_shape(std::string_view pattern);

}  // namespace silverback::model
