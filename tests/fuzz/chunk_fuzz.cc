// Any bytes: decode_chunk must answer; what it accepts must survive another round trip.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "tsdb/chunkenc/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace chunkenc = silverback::tsdb::chunkenc;
  const silverback::model::TimeRange everything{std::numeric_limits<int64_t>::min(),
                                                std::numeric_limits<int64_t>::max()};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  silverback::storage::ColumnBuffer first;
  if (!chunkenc::decode_chunk(bytes, everything, first).is_ok()) {
    if (!first.empty()) std::abort();
    return 0;
  }
  if (first.t.empty()) return 0;
  chunkenc::ChunkBuilder builder(chunkenc::Encoding::kXorStart);
  for (size_t i = 0; i < first.t.size(); ++i) {
    builder.append(first.start.empty() ? 0 : first.start[i], first.t[i], first.v[i]);
  }
  silverback::storage::ColumnBuffer second;
  if (!chunkenc::decode_chunk(builder.bytes(), everything, second).is_ok()) std::abort();
  if (second.t != first.t || second.start != first.start) std::abort();
  for (size_t i = 0; i < first.v.size(); ++i) {
    if (std::bit_cast<uint64_t>(first.v[i]) != std::bit_cast<uint64_t>(second.v[i])) std::abort();
  }
  return 0;
}
