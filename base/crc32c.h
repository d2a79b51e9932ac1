#pragma once

#include <cstdint>
#include <string_view>

namespace silverback::base {

/// CRC-32C (Castagnoli), by the CPU's instruction where it has one. `crc` continues a former
/// result.
uint32_t crc32c(std::string_view data, uint32_t crc = 0);

}  // namespace silverback::base
