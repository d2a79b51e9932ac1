#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::base {

/// Prometheus duration: units y w d h m s ms, longest first, each at most once ("1h30m"); "0" is
/// allowed. In ms. kBadData: `not a valid duration string: "..."`.
Result<int64_t> parse_duration_ms(std::string_view text);

/// The shortest text with those units that parses back: 5400000 -> "1h30m", 0 -> "0s".
/// Years and weeks only when they divide evenly, as model.Duration.String does.
std::string format_duration(int64_t ms);

/// RFC 3339 in UTC with up to nanoseconds dropped to ms: "2006-01-02T15:04:05.123Z".
std::string format_rfc3339_ms(int64_t ms);
/// RFC 3339 with fraction and offset; ms.
Result<int64_t> parse_rfc3339_ms(std::string_view text);

}  // namespace silverback::base
