#pragma once

#include <string_view>

namespace silverback::base {

/// Well-formed UTF-8 (no overlong forms, no surrogates), as Go's utf8.ValidString.
bool is_valid_utf8(std::string_view s);

}  // namespace silverback::base
