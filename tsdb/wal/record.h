#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "model/timestamp.h"
#include "storage/series_ref.h"

/// Byte layouts of the WAL, drawn in docs/format/wal.md.
namespace silverback::tsdb::wal {

/// What a record holds. Stored: numbers are explicit and never reused.
enum class RecordKind : uint8_t {
  kBatch = 1,       // one commit: definitions of its new series, then its samples
  kCheckpoint = 2,  // series that live on, with their newest sample
  kExemplars = 3,   // a batch, then its exemplars
};

/// Kinds of value of a series' newest sample, as MemSeries::Kind.
struct NewestSample {
  uint8_t kind = 0;
  model::TimestampMs t = 0;
  uint64_t bits = 0;
};

inline constexpr size_t kMaxRecordBytes = size_t{256} << 20;

/// Builds the body of a kBatch record, or of a kExemplars one where there are any; samples keep
/// their order. Threads: externally locked.
class BatchEncoder {
 public:
  void series(storage::SeriesRef ref, const model::Labels& labels);
  void sample(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t, double v);
  /// `encoded` comes from encode_value().
  void sample(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
              std::string_view encoded);
  void exemplar(storage::SeriesRef ref, const model::Exemplar& e);
  uint64_t exemplars() const { return exemplar_count_; }
  std::string finish(uint64_t sequence) const;

  /// A histogram alone, without times.
  static std::string encode_value(const model::Histogram& h);

 private:
  void begin_sample(uint8_t kind, storage::SeriesRef ref, model::TimestampMs t);
  std::string series_, samples_, exemplars_;
  uint64_t series_count_ = 0, sample_count_ = 0, exemplar_count_ = 0;
  uint32_t slot_ = 0;  // of the sample before, as the next
  model::TimestampMs t_ = 0;
};

/// Builds the body of a kCheckpoint record. Threads: externally locked.
class CheckpointEncoder {
 public:
  void series(storage::SeriesRef ref, const model::Labels& labels, const NewestSample& newest);
  size_t bytes() const { return bytes_.size(); }
  uint64_t count() const { return count_; }
  std::string finish(uint64_t sequence) const;

 private:
  std::string bytes_;
  uint64_t count_ = 0;
};

/// Takes what a record holds, in its order.
class RecordHandler {
 public:
  virtual ~RecordHandler() = default;
  virtual void series(storage::SeriesRef ref, const model::Labels& labels) = 0;
  virtual void newest(storage::SeriesRef ref, const NewestSample& sample) = 0;
  virtual void sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                      model::TimestampMs t, double v) = 0;
  virtual void sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                      model::TimestampMs t, const model::Histogram& h) = 0;
  /// For who keeps them.
  virtual void exemplar(storage::SeriesRef /*ref*/, const model::Exemplar& /*e*/) {}
};

enum class Part : uint8_t { kSeries, kSamples, kAll };  // samples: newest ones, too

/// Any bytes are safe: kCorruption, after a part may have been handled.
base::Status decode_record(std::string_view body, Part part, RecordHandler& handler);
/// 0 when the body is too short to have one.
uint64_t record_sequence(std::string_view body);

/// The frame around a body: magic, length, CRC32C over {segment id, length, body}.
inline constexpr uint32_t kRecordMagic = 0xa15b7e4c;
inline constexpr size_t kFrameBytes = 12;
void append_frame(uint64_t segment, std::string_view body, std::string& out);
/// The body of the frame at `offset`; kCorruption when there is no valid one.
base::Result<std::string_view> read_frame(uint64_t segment, std::string_view file, size_t offset);

/// First bytes of each segment.
struct SegmentHeader {
  uint64_t id = 0;
  uint64_t previous_id = 0;     // 0 = none
  uint64_t first_sequence = 0;  // no record before it is lower
  std::string encode() const;
  /// kCorruption when it is damaged, kUnsupported for another version.
  static base::Result<SegmentHeader> decode(std::string_view file);
};
inline constexpr size_t kHeaderBytes = 40;

/// "00000012" <-> 12; 0 for a name that is none.
std::string segment_name(uint64_t id);
uint64_t segment_id(std::string_view name);

}  // namespace silverback::tsdb::wal
