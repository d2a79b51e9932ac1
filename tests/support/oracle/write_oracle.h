#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "write_v2.pb.h"

namespace silverback::testing {

/// All that a remote write 2.0 message holds, as text: by our decoder, and by libprotobuf with the
/// rules of references applied. Numbers by their bits. nullopt: it cannot be read.
std::optional<std::string> v2_as_we_read(std::string_view message);
std::optional<std::string> v2_as_protobuf_reads(const std::string& message);

}  // namespace silverback::testing
