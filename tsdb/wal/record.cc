#include "tsdb/wal/record.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "storage/querier.h"
#include "tsdb/chunkenc/histogram_chunk.h"

namespace silverback::tsdb::wal {
namespace {

constexpr std::string_view kSegmentMagic = "SBWAL\x01\r\n";  // the sixth byte is the version
constexpr size_t kVersionAt = 5;

using base::ByteReader;
using base::ByteWriter;
using base::Errc;
using base::Result;
using base::Status;

uint32_t frame_crc(uint64_t segment, std::string_view body) {
  std::string lead;
  ByteWriter w(lead);
  w.u64(segment);
  w.u32(static_cast<uint32_t>(body.size()));
  return base::crc32c(body, base::crc32c(lead));
}

void put_prologue(uint64_t sequence, RecordKind kind, std::string& out) {
  ByteWriter w(out);
  w.u64(sequence);
  w.u8(static_cast<uint8_t>(kind));
}

/// Differences to the entry before; wrapping, so that any pair of numbers can be told.
int64_t minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

/// What a sample's entry holds behind its series and time. Stored: explicit numbers.
enum class SampleKind : uint8_t { kFloat = 0, kStartedFloat = 1, kHistogram = 2 };
constexpr unsigned kKindBits = 2;

uint64_t zigzag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
int64_t unzigzag(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}

Result<model::Labels> read_labels(ByteReader& r) {
  const std::string_view bytes = r.string();
  RETURN_IF_ERROR(r.status());
  if (bytes.empty() || !model::Labels::valid_bytes(bytes)) {
    return Status(Errc::kCorruption, "a series definition holds no valid labels");
  }
  return model::Labels::from_bytes(std::string(bytes));
}

Result<storage::SeriesRef> read_ref(ByteReader& r) {
  storage::SeriesRef ref;
  ref.slot = r.u32();
  ref.generation = r.u32();
  RETURN_IF_ERROR(r.status());
  if (!ref) return Status(Errc::kCorruption, "a series definition has generation 0");
  return ref;
}

Result<storage::SeriesRef> decode_series(ByteReader& r, Part part, RecordHandler& handler) {
  ASSIGN_OR_RETURN(const storage::SeriesRef ref, read_ref(r));
  if (part == Part::kSamples) {
    r.string();
    return ref;
  }
  ASSIGN_OR_RETURN(const model::Labels labels, read_labels(r));
  handler.series(ref, labels);
  return ref;
}

Status decode_samples(ByteReader& r, uint64_t sequence, RecordHandler& handler) {
  storage::SeriesRef ref;
  model::TimestampMs t = 0;
  storage::ColumnBuffer buffer;
  for (uint64_t n = r.uvarint(); n > 0 && r.ok(); --n) {
    const uint64_t lead = r.uvarint();
    ref.slot = static_cast<uint32_t>(plus(ref.slot, unzigzag(lead >> kKindBits)));
    ref.generation = static_cast<uint32_t>(r.uvarint());
    t = plus(t, r.svarint());
    const auto kind = static_cast<SampleKind>(lead & ((1U << kKindBits) - 1));
    const int64_t start = kind == SampleKind::kFloat ? 0 : r.svarint();
    if (kind == SampleKind::kHistogram) {
      const std::string_view encoded = r.string();
      RETURN_IF_ERROR(r.status());
      buffer.clear();
      RETURN_IF_ERROR(chunkenc::decode_histograms(encoded, 1, model::TimeRange::all(), buffer));
      if (buffer.histograms.size() != 1) return Status(Errc::kCorruption, "a histogram is missing");
      handler.sample(sequence, ref, start, t, buffer.histograms.front());
      continue;
    }
    if (kind != SampleKind::kFloat && kind != SampleKind::kStartedFloat) {
      return Status(Errc::kCorruption, "unknown kind of sample");
    }
    const double v = r.f64();
    if (r.ok()) handler.sample(sequence, ref, start, t, v);
  }
  return r.status();
}

Status decode_batch(ByteReader& r, uint64_t sequence, Part part, RecordHandler& handler) {
  for (uint64_t n = r.uvarint(); n > 0 && r.ok(); --n) {
    RETURN_IF_ERROR(decode_series(r, part, handler).status());
  }
  if (part == Part::kSeries) return r.status();
  return decode_samples(r, sequence, handler);
}

Status decode_exemplars(ByteReader& r, RecordHandler& handler) {
  for (uint64_t n = r.uvarint(); n > 0 && r.ok(); --n) {
    ASSIGN_OR_RETURN(const storage::SeriesRef ref, read_ref(r));
    model::Exemplar e;
    e.t = r.svarint();
    e.value = r.f64();
    const std::string_view labels = r.string();
    RETURN_IF_ERROR(r.status());
    if (!model::Labels::valid_bytes(labels)) {
      return Status(Errc::kCorruption, "an exemplar holds no valid labels");
    }
    e.labels = model::Labels::from_bytes(std::string(labels));
    handler.exemplar(ref, e);
  }
  return r.status();
}

Status decode_checkpoint(ByteReader& r, Part part, RecordHandler& handler) {
  for (uint64_t n = r.uvarint(); n > 0 && r.ok(); --n) {
    ASSIGN_OR_RETURN(const storage::SeriesRef ref, decode_series(r, part, handler));
    NewestSample newest;
    newest.kind = r.u8();
    newest.t = r.svarint();
    newest.bits = r.u64();
    RETURN_IF_ERROR(r.status());
    if (part != Part::kSeries) handler.newest(ref, newest);
  }
  return r.status();
}

}  // namespace

void BatchEncoder::series(storage::SeriesRef ref, const model::Labels& labels) {
  ByteWriter w(series_);
  w.u32(ref.slot);
  w.u32(ref.generation);
  w.string(labels.bytes());
  ++series_count_;
}

void BatchEncoder::begin_sample(uint8_t kind, storage::SeriesRef ref, model::TimestampMs t) {
  ByteWriter w(samples_);
  w.uvarint(zigzag(int64_t{ref.slot} - int64_t{slot_}) << kKindBits | kind);
  w.uvarint(ref.generation);
  w.svarint(minus(t, t_));
  slot_ = ref.slot;
  t_ = t;
  ++sample_count_;
}

void BatchEncoder::sample(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                          double v) {
  const auto kind = start == 0 ? SampleKind::kFloat : SampleKind::kStartedFloat;
  begin_sample(static_cast<uint8_t>(kind), ref, t);
  ByteWriter w(samples_);
  if (start != 0) w.svarint(start);
  w.f64(v);
}

void BatchEncoder::sample(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                          std::string_view encoded) {
  begin_sample(static_cast<uint8_t>(SampleKind::kHistogram), ref, t);
  ByteWriter w(samples_);
  w.svarint(start);
  w.string(encoded);
}

void BatchEncoder::exemplar(storage::SeriesRef ref, const model::Exemplar& e) {
  ByteWriter w(exemplars_);
  w.u32(ref.slot);
  w.u32(ref.generation);
  w.svarint(e.t);
  w.f64(e.value);
  w.string(e.labels.bytes());
  ++exemplar_count_;
}

std::string BatchEncoder::finish(uint64_t sequence) const {
  std::string out;
  out.reserve(series_.size() + samples_.size() + exemplars_.size() + 48);
  put_prologue(sequence, exemplar_count_ == 0 ? RecordKind::kBatch : RecordKind::kExemplars, out);
  ByteWriter w(out);
  w.uvarint(series_count_);
  w.bytes(series_);
  w.uvarint(sample_count_);
  w.bytes(samples_);
  if (exemplar_count_ == 0) return out;
  w.uvarint(exemplar_count_);
  w.bytes(exemplars_);
  return out;
}

std::string BatchEncoder::encode_value(const model::Histogram& h) {
  std::string out;
  chunkenc::encode_histogram({}, 0, 0, h, out);
  return out;
}

void CheckpointEncoder::series(storage::SeriesRef ref, const model::Labels& labels,
                               const NewestSample& newest) {
  ByteWriter w(bytes_);
  w.u32(ref.slot);
  w.u32(ref.generation);
  w.string(labels.bytes());
  w.u8(newest.kind);
  w.svarint(newest.t);
  w.u64(newest.bits);
  ++count_;
}

std::string CheckpointEncoder::finish(uint64_t sequence) const {
  std::string out;
  out.reserve(bytes_.size() + 32);
  put_prologue(sequence, RecordKind::kCheckpoint, out);
  ByteWriter w(out);
  w.uvarint(count_);
  w.bytes(bytes_);
  return out;
}

Status decode_record(std::string_view body, Part part, RecordHandler& handler) {
  ByteReader r(body);
  const uint64_t sequence = r.u64();
  const uint8_t kind = r.u8();
  RETURN_IF_ERROR(r.status());
  switch (static_cast<RecordKind>(kind)) {
    case RecordKind::kBatch: return decode_batch(r, sequence, part, handler);
    case RecordKind::kCheckpoint: return decode_checkpoint(r, part, handler);
    case RecordKind::kExemplars:
      RETURN_IF_ERROR(decode_batch(r, sequence, part, handler));
      return part == Part::kSeries ? Status() : decode_exemplars(r, handler);
  }
  return Status(Errc::kCorruption, "unknown kind of record " + std::to_string(kind));
}

uint64_t record_sequence(std::string_view body) {
  return ByteReader(body).u64();
}

void append_frame(uint64_t segment, std::string_view body, std::string& out) {
  ByteWriter w(out);
  w.u32(kRecordMagic);
  w.u32(static_cast<uint32_t>(body.size()));
  w.u32(frame_crc(segment, body));
  w.bytes(body);
}

Result<std::string_view> read_frame(uint64_t segment, std::string_view file, size_t offset) {
  ByteReader r(file.substr(std::min(offset, file.size())));
  const uint32_t magic = r.u32();
  const uint32_t size = r.u32();
  const uint32_t crc = r.u32();
  RETURN_IF_ERROR(r.status());
  if (magic != kRecordMagic || size > kMaxRecordBytes || size > r.remaining()) {
    return Status(Errc::kCorruption, "no record here");
  }
  const std::string_view body = r.bytes(size);
  if (frame_crc(segment, body) != crc) return Status(Errc::kCorruption, "checksum mismatch");
  return body;
}

std::string SegmentHeader::encode() const {
  std::string out(kSegmentMagic);
  ByteWriter w(out);
  w.u64(id);
  w.u64(previous_id);
  w.u64(first_sequence);
  w.u32(0);
  w.u32(base::crc32c(out));
  return out;
}

Result<SegmentHeader> SegmentHeader::decode(std::string_view file) {
  if (file.size() < kHeaderBytes) return Status(Errc::kCorruption, "segment header is cut short");
  ByteReader r(file.substr(0, kHeaderBytes));
  const std::string_view magic = r.bytes(kSegmentMagic.size());
  SegmentHeader h;
  h.id = r.u64();
  h.previous_id = r.u64();
  h.first_sequence = r.u64();
  r.u32();
  const uint32_t crc = r.u32();
  if (base::crc32c(file.substr(0, kHeaderBytes - 4)) != crc) {
    return Status(Errc::kCorruption, "segment header fails its checksum");
  }
  if (magic != kSegmentMagic) {
    return Status(
        Errc::kUnsupported,
        "segment of version " + std::to_string(static_cast<unsigned char>(magic[kVersionAt])));
  }
  return h;
}

std::string segment_name(uint64_t id) {
  const std::string digits = std::to_string(id);
  return digits.size() >= 8 ? digits : std::string(8 - digits.size(), '0') + digits;
}

uint64_t segment_id(std::string_view name) {
  if (name.size() < 8 || name.size() > 18) return 0;
  uint64_t id = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return 0;
    id = id * 10 + static_cast<uint64_t>(c - '0');
  }
  return id;
}

}  // namespace silverback::tsdb::wal
