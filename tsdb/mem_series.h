#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "storage/series_ref.h"
#include "tsdb/chunkenc/chunk.h"

namespace silverback::tsdb {

/// A closed chunk of the head. Immutable, shared with readers.
struct SealedChunk {
  uint64_t first_sequence = 0;              // of the batch that opened it
  model::TimestampMs min_t = 0, max_t = 0;  // inclusive
  std::string bytes;
};
using SealedChunks = std::vector<std::shared_ptr<const SealedChunk>>;

/// Says which chunks of the head a partition already holds: those whose window has one with a
/// sequence at or above the chunk's first. Immutable. Threads: any thread.
class FlushedWindows {
 public:
  struct Window {
    model::TimestampMs start = 0, end = 0;  // [start, end)
    uint64_t sequence = 0;
  };
  FlushedWindows() = default;
  explicit FlushedWindows(std::vector<Window> windows);

  bool covers(model::TimestampMs t, uint64_t sequence) const;

 private:
  std::vector<Window> windows_;               // by start
  model::TimestampMs end_ = model::kMinTime;  // of the last one
  int64_t longest_ = 0;
};

/// What an append has to know about its batch and window.
struct AppendContext {
  uint64_t sequence = 0;      // of the batch
  uint64_t low_sequence = 0;  // no reader is, or will be, below
  model::TimestampMs window_start = 0;
  uint64_t window_cut = 0;  // an open chunk begun at or before it was flushed: start another
};

/// One series of the head: identity, newest sample, chunks. Samples come in ascending time only, so
/// what a reader of sequence P may not see yet is always a tail: `marks` remember where the batches
/// above the lowest reader begin.
/// Threads: labels, hash and ref are constant; `logged` and newest_* belong to the committing
/// thread (commit mutex); the rest is guarded by the series' shard lock (see SeriesTable).
class MemSeries {
 public:
  enum class Kind : uint8_t { kNone = 0, kFloat = 1, kHistogram = 2 };

  model::Labels labels;
  model::LabelHash hash;
  storage::SeriesRef ref;

  bool logged = false;  // its definition is in the WAL
  Kind newest_kind = Kind::kNone;
  model::TimestampMs newest_t = model::kMinTime;
  uint64_t newest_bits = 0;  // of the value, or a hash of the histogram

  void append(const AppendContext& at, model::TimestampMs start, model::TimestampMs t, double v);
  void append(const AppendContext& at, model::TimestampMs start, model::TimestampMs t,
              const model::Histogram& h);

  /// The newest time a reader of `sequence` may see.
  model::TimestampMs visible_until(uint64_t sequence) const;
  /// A chunk that is not covered overlaps `range`, as a reader of `sequence` sees it.
  bool has_samples(model::TimeRange range, uint64_t sequence, const FlushedWindows& flushed) const;
  /// Chunks overlapping `range` and not covered, oldest first; the open one is copied.
  void collect(model::TimeRange range, const FlushedWindows& flushed, SealedChunks& into) const;
  /// Chunks of window [start, end) begun in sequences (after, until].
  void collect_window(model::TimestampMs start, model::TimestampMs end, uint64_t after,
                      uint64_t until, SealedChunks& into) const;
  bool has_window(model::TimestampMs start, model::TimestampMs end, uint64_t after,
                  uint64_t until) const;
  /// Drops the chunks of window [start, end) begun at or before `until`; returns how many.
  size_t drop_window(model::TimestampMs start, model::TimestampMs end, uint64_t until);

  size_t chunks() const { return sealed_.size() + (open_ ? 1 : 0); }

 private:
  struct OpenChunk {
    OpenChunk(chunkenc::Encoding encoding, uint64_t sequence)
        : builder(encoding), first_sequence(sequence) {}
    chunkenc::ChunkBuilder builder;
    uint64_t first_sequence;
  };
  struct Mark {
    uint64_t sequence = 0;
    model::TimestampMs first_t = 0;
  };

  void mark(const AppendContext& at, model::TimestampMs t);
  chunkenc::ChunkBuilder& open_for(const AppendContext& at, chunkenc::Encoding encoding);
  std::shared_ptr<const SealedChunk> seal_copy() const;

  Mark newest_mark_;
  std::unique_ptr<std::vector<Mark>> older_marks_;  // ascending; only while slow readers exist
  std::unique_ptr<OpenChunk> open_;
  SealedChunks sealed_;
};

}  // namespace silverback::tsdb
