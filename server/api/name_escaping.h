#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::server::api {

/// How a name that the legacy character set does not hold is given to readers of that set.
enum class NameEscaping : uint8_t {
  kNone,         // allow-utf-8
  kUnderscores,  // every other character is '_'
  kDots,         // '.' is _dot_, '_' is __, every other character is __
  kValues,       // U__ in front, '_' is __, every other character is _<hex>_
};
/// The `escaping` parameter of an Accept header's value. False: there is no such scheme.
bool parse_name_escaping(std::string_view text, NameEscaping& out);
std::string_view name_escaping_text(NameEscaping escaping);

std::string escape_name(std::string_view name, NameEscaping escaping);
/// A name in the kValues form, decoded; others as they are.
std::string unescape_label_name(std::string_view name);

}  // namespace silverback::server::api
