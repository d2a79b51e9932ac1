#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace silverback::rules::text_template {

/// Decodes the UTF-8 character at the start of `s`; U+FFFD and length 1 when it is malformed.
char32_t decode_rune(std::string_view s, size_t& length);
void append_rune(std::string& out, char32_t rune);
/// A letter by Unicode; beyond ASCII an approximation by blocks.
bool is_letter(char32_t rune);

}  // namespace silverback::rules::text_template
