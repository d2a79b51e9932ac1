#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace silverback::rules::text_template {

/// Go's strconv.Unquote of "..." and `...`; nullopt on bad syntax.
std::optional<std::string> unquote(std::string_view quoted);
/// Go's character constant 'x'; nullopt on bad syntax.
std::optional<char32_t> unquote_char(std::string_view quoted);

}  // namespace silverback::rules::text_template
