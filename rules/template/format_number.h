#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace silverback::rules::text_template {

/// Flags, width and precision of one printf verb.
struct FormatSpec {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
};

/// Go's verbs for integers: d b o O x X. `verb` must be one of them.
std::string format_integer(int64_t v, char verb, const FormatSpec& spec);
/// Go's verbs for floats: e E f F g G x X b, and v, which is shortest g.
std::string format_float(double v, char verb, const FormatSpec& spec);
/// To the spec's width in characters; with zeros when `zeros`.
std::string pad(std::string text, const FormatSpec& spec, bool zeros);

}  // namespace silverback::rules::text_template
