#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::base {

/// Go's strconv.Quote: double quotes, \n-style escapes, \xNN for bytes that are not UTF-8, \u and
/// \U for runes that Go does not print.
std::string go_quote(std::string_view s);
void append_go_quote(std::string& out, std::string_view s);

/// Go's strconv.IsPrint, Unicode 15.0: letters, marks, numbers, punctuation, symbols, ASCII space.
bool is_printable(uint32_t rune);

}  // namespace silverback::base
