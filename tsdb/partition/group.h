#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/timestamp.h"
#include "storage/block_store.h"
#include "storage/querier.h"

namespace silverback::tsdb::partition {

inline constexpr size_t kSamplesPerChunk = 240;
inline constexpr size_t kHistogramsPerChunk = 120;
/// A group with more is cut into slices of time.
inline constexpr size_t kSliceBytes = 48 << 10;

/// Encodes the samples of up to kSeriesPerGroup series and writes them as one group.
/// Threads: externally locked.
class GroupWriter {
 public:
  GroupWriter(storage::BlockStore::Writer& writer, int64_t window_start_ms)
      : writer_(writer), window_start_ms_(window_start_ms) {}

  /// The next series of the group.
  void add(const storage::ColumnBuffer& samples);
  /// Writes what was added and starts again.
  base::Status flush(uint32_t group);
  size_t series() const { return series_.size(); }

 private:
  struct Chunk {
    model::TimestampMs min_t = 0, max_t = 0;
    std::string bytes;
  };
  struct Slice {
    model::TimeRange range;  // of chunk times, both ends as min_t - 1 and max_t
    std::vector<std::vector<const Chunk*>> series;
  };
  std::vector<Slice> cut() const;
  std::string encode(const Slice& slice) const;

  storage::BlockStore::Writer& writer_;
  const int64_t window_start_ms_;
  std::vector<std::vector<Chunk>> series_;  // by place in the group
};

/// The time ranges of a group's slices, from the head of its first.
struct SliceTimes {
  std::vector<model::TimeRange> slices;
  size_t head_bytes = 0;  // the rest is the first slice's body
};
base::Result<SliceTimes> decode_slice_times(std::string_view value, int64_t window_start_ms);

/// Appends the samples in `range` of the series at `place` from a slice's body.
base::Status read_slice(std::string_view body, uint32_t place, int64_t window_start_ms,
                        model::TimeRange range, storage::ColumnBuffer& into);

}  // namespace silverback::tsdb::partition
