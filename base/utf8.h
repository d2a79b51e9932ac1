#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::base {

/// Well-formed UTF-8 (no overlong forms, no surrogates), as Go's utf8.ValidString.
bool is_valid_utf8(std::string_view s);

/// The rune at the front of `s` (not empty) and its size in bytes; a byte that starts no
/// well-formed rune gives {kRuneError, 1}.
struct Rune {
  uint32_t code = 0;
  size_t size = 0;
};
inline constexpr uint32_t kRuneError = 0xfffd;
Rune decode_rune(std::string_view s);

/// Appends the UTF-8 form; U+FFFD for surrogates and values past U+10FFFF.
void append_rune(std::string& out, uint32_t code);

}  // namespace silverback::base
