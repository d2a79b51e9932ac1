#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"

namespace {

using silverback::tsdb::wal::NewestSample;

/// Uses what it is given, so that nothing is optimised away.
class Sum final : public silverback::tsdb::wal::RecordHandler {
 public:
  void series(silverback::storage::SeriesRef ref,
              const silverback::model::Labels& labels) override {
    total += ref.slot + labels.size();
  }
  void newest(silverback::storage::SeriesRef ref, const NewestSample& sample) override {
    total += ref.slot + sample.bits;
  }
  void sample(uint64_t, silverback::storage::SeriesRef ref, int64_t, int64_t t, double) override {
    total += ref.slot + static_cast<uint64_t>(t);
  }
  void sample(uint64_t, silverback::storage::SeriesRef ref, int64_t, int64_t,
              const silverback::model::Histogram& h) override {
    total += ref.slot + h.positive_buckets.size();
  }
  void exemplar(silverback::storage::SeriesRef ref, const silverback::model::Exemplar& e) override {
    total += ref.slot + e.labels.size();
  }
  uint64_t total = 0;
};

}  // namespace

// First byte 0: the rest is a segment; else: the rest is a record's body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  Sum sum;
  if (data[0] != 0) {
    silverback::tsdb::wal::decode_record(rest, silverback::tsdb::wal::Part::kAll, sum)
        .permit_unchecked("any bytes may come");
    return 0;
  }
  const auto scan = silverback::tsdb::wal::scan_segment(1, rest);
  if (!scan.is_ok()) return 0;
  for (const auto& place : scan->records) {
    const auto body = silverback::tsdb::wal::read_frame(1, rest, place.offset);
    if (!body.is_ok()) __builtin_trap();  // scan_segment() has just read it
    silverback::tsdb::wal::decode_record(*body, silverback::tsdb::wal::Part::kAll, sum)
        .permit_unchecked("any bytes may come");
  }
  return 0;
}
