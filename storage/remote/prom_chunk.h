#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/querier.h"

namespace silverback::storage::remote {

/// A chunk as Prometheus writes it to disk and to the wire.
struct PromChunk {
  enum class Encoding : uint8_t { kXor = 1, kFloatHistogram = 3 };  // numbers of the protocol
  Encoding encoding = Encoding::kXor;
  model::TimestampMs min_t = 0, max_t = 0;  // inclusive
  std::string data;
};

/// All samples in order of time, 120 to a chunk. Histograms of whole numbers become float
/// histograms: no count is beyond 2^53, so nothing is lost.
std::vector<PromChunk> encode_prom_chunks(const ColumnBuffer& samples);

}  // namespace silverback::storage::remote
