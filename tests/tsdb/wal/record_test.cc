#include "tsdb/wal/record.h"

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"

namespace {

namespace wal = silverback::tsdb::wal;
namespace model = silverback::model;
using silverback::base::Errc;
using silverback::storage::SeriesRef;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

/// Writes down what it is given.
class Notes final : public wal::RecordHandler {
 public:
  void series(SeriesRef ref, const model::Labels& labels) override {
    lines.push_back("series " + std::to_string(ref.slot) + "." + std::to_string(ref.generation) +
                    " " + labels.to_string());
  }
  void newest(SeriesRef ref, const wal::NewestSample& s) override {
    lines.push_back("newest " + std::to_string(ref.slot) + " " + std::to_string(s.kind) + " " +
                    std::to_string(s.t) + " " + std::to_string(s.bits));
  }
  void sample(uint64_t sequence, SeriesRef ref, int64_t start, int64_t t, double v) override {
    lines.push_back("float " + std::to_string(sequence) + " " + std::to_string(ref.slot) + "." +
                    std::to_string(ref.generation) + " " + std::to_string(start) + " " +
                    std::to_string(t) + " " + std::to_string(std::bit_cast<uint64_t>(v)));
  }
  void sample(uint64_t sequence, SeriesRef ref, int64_t start, int64_t t,
              const model::Histogram& h) override {
    lines.push_back("histogram " + std::to_string(sequence) + " " + std::to_string(ref.slot) + " " +
                    std::to_string(start) + " " + std::to_string(t) + " " + h.to_string());
  }
  void exemplar(SeriesRef ref, const model::Exemplar& e) override {
    lines.push_back("exemplar " + std::to_string(ref.slot) + "." + std::to_string(ref.generation) +
                    " " + e.labels.to_string() + " " + std::to_string(e.value) + " " +
                    std::to_string(e.t));
  }
  std::vector<std::string> lines;
};

model::Histogram histogram() {
  model::Histogram h;
  h.integer = true;
  h.schema = 1;
  h.count = 3;
  h.sum = 1.5;
  h.positive_spans = {{1, 2}};
  h.positive_buckets = {1, 2};
  return h;
}

std::string full_batch() {
  wal::BatchEncoder e;
  e.series({7, 1}, model::Labels::from({{"__name__", "up"}, {"job", "x"}}));
  e.series({3, 2}, model::Labels::from({{"a", std::string(300, 'z')}}));
  e.sample({7, 1}, 0, kMin, 1.5);
  e.sample({3, 2}, 0, kMax, model::stale_nan());
  e.sample({4294967295, 4294967295}, 0, -5, -0.0);
  e.sample({3, 2}, 900, 1000, 2.0);
  e.sample({7, 1}, 0, 2000, wal::BatchEncoder::encode_value(histogram()));
  return e.finish(42);
}

}  // namespace

TEST_CASE("WAL record of exemplars holds a batch and then them", "[tsdb]") {
  wal::BatchEncoder e;
  e.exemplar({7, 1}, model::Exemplar{model::Labels::from({{"trace_id", "x"}}), 1.5, kMin});
  e.exemplar({4294967295, 4294967295}, model::Exemplar{model::Labels(), -2, kMax});
  e.series({7, 1}, model::Labels::from({{"__name__", "up"}}));
  e.sample({7, 1}, 0, 5, 1.0);
  const std::string body = e.finish(9);
  Notes notes;
  REQUIRE(wal::decode_record(body, wal::Part::kAll, notes).is_ok());
  CHECK(notes.lines == std::vector<std::string>{
                           "series 7.1 up",
                           "float 9 7.1 0 5 " + std::to_string(std::bit_cast<uint64_t>(1.0)),
                           "exemplar 7.1 {trace_id=\"x\"} 1.500000 " + std::to_string(kMin),
                           "exemplar 4294967295.4294967295 {} -2.000000 " + std::to_string(kMax)});
  Notes series;
  REQUIRE(wal::decode_record(body, wal::Part::kSeries, series).is_ok());
  CHECK(series.lines.size() == 1);
  for (size_t cut = 0; cut < body.size(); ++cut) {
    Notes some;
    INFO(cut);
    CHECK(wal::decode_record(body.substr(0, cut), wal::Part::kAll, some).code() ==
          Errc::kCorruption);
  }
}

TEST_CASE("WAL batch record gives back what it was given", "[tsdb]") {
  Notes notes;
  REQUIRE(wal::decode_record(full_batch(), wal::Part::kAll, notes).is_ok());
  const auto bits = [](double v) { return std::to_string(std::bit_cast<uint64_t>(v)); };
  CHECK(notes.lines ==
        std::vector<std::string>{
            "series 7.1 up{job=\"x\"}",
            "series 3.2 {a=\"" + std::string(300, 'z') + "\"}",
            "float 42 7.1 0 " + std::to_string(kMin) + " " + bits(1.5),
            "float 42 3.2 0 " + std::to_string(kMax) + " " + bits(model::stale_nan()),
            "float 42 4294967295.4294967295 0 -5 " + bits(-0.0),
            "float 42 3.2 900 1000 " + bits(2.0),
            "histogram 42 7 0 2000 " + histogram().to_string(),
        });
  CHECK(wal::record_sequence(full_batch()) == 42);
}

TEST_CASE("WAL batch record gives only series when asked", "[tsdb]") {
  Notes notes;
  REQUIRE(wal::decode_record(full_batch(), wal::Part::kSeries, notes).is_ok());
  CHECK(notes.lines.size() == 2);
}

TEST_CASE("WAL checkpoint record gives back series and newest samples", "[tsdb]") {
  wal::CheckpointEncoder e;
  e.series({1, 1}, model::Labels::from({{"a", "b"}}), {1, -7, 99});
  Notes notes;
  REQUIRE(wal::decode_record(e.finish(5), wal::Part::kAll, notes).is_ok());
  CHECK(notes.lines == std::vector<std::string>{"series 1.1 {a=\"b\"}", "newest 1 1 -7 99"});
}

TEST_CASE("WAL record that is cut anywhere is corruption", "[tsdb]") {
  const std::string whole = full_batch();
  for (size_t n = 0; n < whole.size(); ++n) {
    Notes notes;
    CAPTURE(n);
    CHECK(wal::decode_record(whole.substr(0, n), wal::Part::kAll, notes).code() ==
          Errc::kCorruption);
  }
}

TEST_CASE("WAL record of unknown kind is corruption", "[tsdb]") {
  std::string body = full_batch();
  body[8] = 99;
  Notes notes;
  CHECK(wal::decode_record(body, wal::Part::kAll, notes).code() == Errc::kCorruption);
}

TEST_CASE("WAL frame is valid only whole, unchanged and in its own segment", "[tsdb]") {
  std::string file = "xx";
  wal::append_frame(3, "hello", file);
  REQUIRE(wal::read_frame(3, file, 2).is_ok());
  CHECK(*wal::read_frame(3, file, 2) == "hello");
  CHECK_FALSE(wal::read_frame(4, file, 2).is_ok());
  CHECK_FALSE(wal::read_frame(3, file, 1).is_ok());
  CHECK_FALSE(wal::read_frame(3, file, 99).is_ok());
  for (size_t i = 2; i < file.size(); ++i) {
    std::string bad = file;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    CAPTURE(i);
    CHECK_FALSE(wal::read_frame(3, bad, 2).is_ok());
  }
}

TEST_CASE("WAL segment header knows its version", "[tsdb]") {
  const std::string bytes = wal::SegmentHeader{9, 8, 1000}.encode();
  REQUIRE(bytes.size() == wal::kHeaderBytes);
  const auto header = wal::SegmentHeader::decode(bytes);
  REQUIRE(header.is_ok());
  CHECK(header->id == 9);
  CHECK(header->previous_id == 8);
  CHECK(header->first_sequence == 1000);
  std::string damaged = bytes;
  damaged[20] = 'x';
  CHECK(wal::SegmentHeader::decode(damaged).status().code() == Errc::kCorruption);
  CHECK(wal::SegmentHeader::decode(bytes.substr(0, 39)).status().code() == Errc::kCorruption);
}

TEST_CASE("WAL segment names are their numbers", "[tsdb]") {
  CHECK(wal::segment_name(12) == "00000012");
  CHECK(wal::segment_name(123456789) == "123456789");
  CHECK(wal::segment_id("00000012") == 12);
  CHECK(wal::segment_id("123456789") == 123456789);
  CHECK(wal::segment_id("00000012.tmp") == 0);
  CHECK(wal::segment_id("12") == 0);
  CHECK(wal::segment_id("checkpoint") == 0);
}
