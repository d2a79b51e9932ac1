#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/histogram.h"
#include "model/timestamp.h"
#include "storage/querier.h"
#include "tsdb/chunkenc/bit_stream.h"

namespace silverback::tsdb::chunkenc {

/// How the bytes of a chunk are to be read (docs/format/chunks.md). Stored: numbers are explicit
/// and never reused; an unknown one is kCorruption.
enum class Encoding : uint8_t {
  kXor = 1,        // Gorilla timestamps and values
  kXorStart = 2,   // the same plus a start timestamp a sample
  kHistogram = 3,  // histograms with their timestamps and start timestamps
};

/// Builds one chunk; samples come in strictly ascending order of time. Threads: externally locked.
class ChunkBuilder {
 public:
  explicit ChunkBuilder(Encoding encoding) : encoding_(encoding) {}
  /// Only for kXor (`start` is not kept) and kXorStart.
  void append(model::TimestampMs start, model::TimestampMs t, double v);
  /// Only for kHistogram.
  void append(model::TimestampMs start, model::TimestampMs t, const model::Histogram& h);

  Encoding encoding() const { return encoding_; }
  uint32_t count() const { return count_; }
  model::TimestampMs min_time() const { return min_t_; }
  model::TimestampMs max_time() const { return max_t_; }
  /// Complete chunk as of now: u8 encoding, uvarint count, payload. A copy; the builder goes on.
  std::string bytes() const;
  size_t memory() const;

 private:
  void append_timestamp(model::TimestampMs t);
  void append_start(model::TimestampMs start);
  void append_value(uint64_t bits);

  Encoding encoding_;
  uint8_t leading_ = 0;      // the window of changed bits that '10' repeats
  uint8_t significant_ = 0;  // its width; 0 = none yet
  uint32_t count_ = 0;
  model::TimestampMs min_t_ = 0, max_t_ = 0, prev_start_ = 0;
  uint64_t delta_ = 0;  // modulo 2^64: extreme timestamps wrap and come back
  uint64_t prev_bits_ = 0;
  BitWriter bits_;
  // kHistogram only.
  std::string histogram_bytes_;
  std::unique_ptr<model::Histogram> prev_histogram_;
};

/// Appends the chunk's samples inside `range` to `into` (floats or histograms). Bytes of any
/// content are safe: kCorruption, and `into` is as it was.
base::Status decode_chunk(std::string_view chunk, model::TimeRange range,
                          storage::ColumnBuffer& into);

/// Samples in the chunk, from its head.
base::Result<uint32_t> chunk_count(std::string_view chunk);

}  // namespace silverback::tsdb::chunkenc
