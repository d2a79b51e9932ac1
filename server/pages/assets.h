#pragma once

#include <string_view>

namespace silverback::server::pages {

/// The one stylesheet of all pages.
std::string_view stylesheet_text();
/// Changes with the stylesheet, so that browsers may keep it for good.
std::string_view stylesheet_version();

}  // namespace silverback::server::pages
