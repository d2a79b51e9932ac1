#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::scrape {

enum class ExpositionFormat : uint8_t { kText, kOpenMetrics, kProtobuf };

/// Which parser a page wants: its Content-Type decides; one that is missing, malformed or unknown
/// leaves it to `fallback_protocol` (a name of scrape_protocols, "" = none, and the scrape fails).
base::Result<ExpositionFormat> select_format(std::string_view content_type,
                                             std::string_view fallback_protocol);

/// What the Accept header says for a name of scrape_protocols, without weight; "" if unknown.
std::string_view protocol_media_type(std::string_view protocol);

}  // namespace silverback::scrape
