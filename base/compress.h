#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::base {

/// gzip (RFC 1952), also several members. kLimit when the inflated text would pass `max_bytes`
/// (0 = no limit), kCorruption on bad input.
Result<std::string> gunzip(std::string_view in, size_t max_bytes);
std::string gzip(std::string_view in, int level = 6);
std::string zlib_deflate(std::string_view in, int level = 6);

}  // namespace silverback::base
