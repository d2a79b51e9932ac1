#include "tsdb/partition/group.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/partition/format.h"

namespace silverback::tsdb::partition {
namespace {

using base::Errc;
using base::Status;
using chunkenc::ChunkBuilder;
using chunkenc::Encoding;

// Distance to an earlier time. Times of a partition lie in its window, yet a corrupt number must
// not be undefined behaviour.
uint64_t since(int64_t t, int64_t earlier) {
  return static_cast<uint64_t>(t) - static_cast<uint64_t>(earlier);
}
int64_t after(int64_t earlier, uint64_t distance) {
  return static_cast<int64_t>(static_cast<uint64_t>(earlier) + distance);
}

// Ends of even pieces of at most `most` out of n.
std::vector<size_t> even_cuts(size_t n, size_t most) {
  const size_t pieces = (n + most - 1) / most;
  std::vector<size_t> ends;
  for (size_t i = 1; i <= pieces; ++i) ends.push_back(n * i / pieces);
  return ends;
}

bool has_start(const std::vector<model::TimestampMs>& start, size_t from, size_t to) {
  for (size_t i = from; i < to && i < start.size(); ++i) {
    if (start[i] != 0) return true;
  }
  return false;
}

}  // namespace

void GroupWriter::add(const storage::ColumnBuffer& samples) {
  std::vector<Chunk>& chunks = series_.emplace_back();
  size_t from = 0;
  for (const size_t to : even_cuts(samples.t.size(), kSamplesPerChunk)) {
    const bool start = has_start(samples.start, from, to);
    ChunkBuilder builder(start ? Encoding::kXorStart : Encoding::kXor);
    for (size_t i = from; i < to; ++i) {
      builder.append(start ? samples.start[i] : 0, samples.t[i], samples.v[i]);
    }
    chunks.push_back({builder.min_time(), builder.max_time(), builder.bytes()});
    from = to;
  }
  from = 0;
  for (const size_t to : even_cuts(samples.histogram_t.size(), kHistogramsPerChunk)) {
    ChunkBuilder builder(Encoding::kHistogram);
    for (size_t i = from; i < to; ++i) {
      const bool start = i < samples.histogram_start.size();
      builder.append(start ? samples.histogram_start[i] : 0, samples.histogram_t[i],
                     samples.histograms[i]);
    }
    chunks.push_back({builder.min_time(), builder.max_time(), builder.bytes()});
    from = to;
  }
}

// Slices of equal length in time, by the first sample of a chunk; empty ones are left out.
std::vector<GroupWriter::Slice> GroupWriter::cut() const {
  size_t bytes = 0;
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = std::numeric_limits<int64_t>::min();
  for (const auto& chunks : series_) {
    for (const Chunk& chunk : chunks) {
      bytes += chunk.bytes.size();
      first = std::min(first, chunk.min_t);
      last = std::max(last, chunk.min_t);
    }
  }
  const size_t pieces = bytes / kSliceBytes + 1;
  const uint64_t length = first > last ? 1 : since(last, first) / pieces + 1;
  std::vector<Slice> slices(pieces);
  for (Slice& slice : slices) slice.series.resize(series_.size());
  for (size_t i = 0; i < series_.size(); ++i) {
    for (const Chunk& chunk : series_[i]) {
      Slice& slice = slices[since(chunk.min_t, first) / length];
      const bool fresh = slice.range == model::TimeRange::all();
      slice.range.after = fresh ? chunk.min_t - 1 : std::min(slice.range.after, chunk.min_t - 1);
      slice.range.until = fresh ? chunk.max_t : std::max(slice.range.until, chunk.max_t);
      slice.series[i].push_back(&chunk);
    }
  }
  std::erase_if(slices, [](const Slice& s) { return s.range == model::TimeRange::all(); });
  return slices;
}

std::string GroupWriter::encode(const Slice& slice) const {
  std::string head, sections;
  base::ByteWriter sizes(head), w(sections);
  sizes.uvarint(slice.series.size());
  for (const auto& chunks : slice.series) {
    const size_t begin = w.size();
    if (!chunks.empty()) w.uvarint(chunks.size());
    int64_t previous = window_start_ms_;
    for (const Chunk* chunk : chunks) {
      // Floats come before histograms: the distance may be negative.
      w.svarint(static_cast<int64_t>(since(chunk->min_t, previous)));
      w.uvarint(since(chunk->max_t, chunk->min_t));
      w.uvarint(chunk->bytes.size());
      previous = chunk->min_t;
    }
    for (const Chunk* chunk : chunks) w.bytes(chunk->bytes);
    sizes.uvarint(w.size() - begin);
  }
  return head + sections;
}

Status GroupWriter::flush(uint32_t group) {
  const std::vector<Slice> slices = cut();
  std::string head;
  base::ByteWriter w(head);
  w.uvarint(slices.size());
  for (const Slice& slice : slices) {
    w.uvarint(since(slice.range.after + 1, window_start_ms_));
    w.uvarint(since(slice.range.until, slice.range.after + 1));
  }
  for (size_t i = 0; i < slices.size(); ++i) {
    const std::string body = encode(slices[i]);
    RETURN_IF_ERROR(writer_.put_chunks(chunk_key(group, static_cast<uint32_t>(i)),
                                       i == 0 ? head + body : body));
  }
  series_.clear();
  return Status::ok();
}

base::Result<SliceTimes> decode_slice_times(std::string_view value, int64_t window_start_ms) {
  base::ByteReader in(value);
  SliceTimes out;
  const uint64_t n = in.uvarint();
  if (n == 0 || n > in.remaining() / 2) return Status(Errc::kCorruption, "number of slices");
  out.slices.reserve(n);
  for (uint64_t i = 0; i < n; ++i) {
    const int64_t first = after(window_start_ms, in.uvarint());
    const int64_t last = after(first, in.uvarint());
    if (!in.ok() || last < first || first == std::numeric_limits<int64_t>::min()) {
      return Status(Errc::kCorruption, "times of slice " + std::to_string(i));
    }
    out.slices.push_back({first - 1, last});
  }
  out.head_bytes = in.pos();
  return out;
}

namespace {

// The bytes of the series at `place`; empty when it has none in this slice.
base::Result<std::string_view> section_of(std::string_view body, uint32_t place) {
  base::ByteReader in(body);
  const uint64_t series = in.uvarint();
  if (series > kSeriesPerGroup) return Status(Errc::kCorruption, "series of a group");
  uint64_t offset = 0, wanted_offset = 0, wanted_bytes = 0;
  for (uint64_t i = 0; i < series; ++i) {
    const uint64_t bytes = in.uvarint();
    if (bytes > body.size()) return Status(Errc::kCorruption, "size of a series");
    if (i == place) {
      wanted_offset = offset;
      wanted_bytes = bytes;
    }
    offset += bytes;
  }
  if (!in.ok() || offset != in.remaining()) return Status(Errc::kCorruption, "sizes of a slice");
  return body.substr(in.pos() + wanted_offset, wanted_bytes);
}

}  // namespace

Status read_slice(std::string_view body, uint32_t place, int64_t window_start_ms,
                  model::TimeRange range, storage::ColumnBuffer& into) {
  ASSIGN_OR_RETURN(const std::string_view section, section_of(body, place));
  if (section.empty()) return Status::ok();
  base::ByteReader in(section);
  const uint64_t chunks = in.uvarint();
  if (chunks > in.remaining()) return {Errc::kCorruption, "number of chunks"};
  // The directory is walked twice: where the chunks begin is known only at its end.
  base::ByteReader directory = in;
  for (uint64_t i = 0; i < 3 * chunks; ++i) in.uvarint();
  int64_t first = window_start_ms;
  for (uint64_t i = 0; i < chunks; ++i) {
    first = after(first, static_cast<uint64_t>(directory.svarint()));
    const int64_t last = after(first, directory.uvarint());
    const std::string_view chunk = in.bytes(directory.uvarint());
    if (!in.ok() || !directory.ok()) return {Errc::kCorruption, "directory of a series"};
    if (last <= range.after || first > range.until) continue;
    RETURN_IF_ERROR(chunkenc::decode_chunk(chunk, range, into));
  }
  return in.at_end() ? Status::ok() : Status(Errc::kCorruption, "bytes after the last chunk");
}

}  // namespace silverback::tsdb::partition
