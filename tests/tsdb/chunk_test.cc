#include "tsdb/chunkenc/chunk.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "model/stale.h"

namespace silverback::tsdb::chunkenc {
namespace {

using base::Errc;
using model::TimeRange;
using model::TimestampMs;

// Every int64 but the least, which (after, until] cannot hold.
const TimeRange kEverything{std::numeric_limits<int64_t>::min(),
                            std::numeric_limits<int64_t>::max()};

struct Sample {
  TimestampMs start = 0;
  TimestampMs t = 0;
  double v = 0;
};

std::string build(Encoding encoding, const std::vector<Sample>& samples) {
  ChunkBuilder b(encoding);
  for (const Sample& s : samples) b.append(s.start, s.t, s.v);
  return b.bytes();
}

void check_round_trip(Encoding encoding, const std::vector<Sample>& samples) {
  const std::string bytes = build(encoding, samples);
  storage::ColumnBuffer got;
  const base::Status status = decode_chunk(bytes, kEverything, got);
  INFO(status.to_string());
  REQUIRE(status.is_ok());
  REQUIRE(got.t.size() == samples.size());
  REQUIRE(got.v.size() == samples.size());
  bool any_start = false;
  size_t wrong = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    wrong += got.t[i] != samples[i].t;
    wrong += std::bit_cast<uint64_t>(got.v[i]) != std::bit_cast<uint64_t>(samples[i].v);
    any_start |= samples[i].start != 0;
  }
  CHECK(wrong == 0);
  if (encoding == Encoding::kXor || !any_start) {
    CHECK(got.start.empty());
    return;
  }
  REQUIRE(got.start.size() == samples.size());
  for (size_t i = 0; i < samples.size(); ++i) wrong += got.start[i] != samples[i].start;
  CHECK(wrong == 0);
}

double from_bits(uint64_t bits) {
  return std::bit_cast<double>(bits);
}

std::vector<Sample> regular(const std::vector<double>& values) {
  std::vector<Sample> out;
  for (size_t i = 0; i < values.size(); ++i) {
    out.push_back({0, 1'700'000'000'000 + static_cast<int64_t>(i) * 15'000, values[i]});
  }
  return out;
}

model::Histogram histogram(double scale) {
  model::Histogram h;
  h.integer = true;
  h.schema = 3;
  h.zero_threshold = 1e-128;
  h.zero_count = 2 * scale;
  h.count = 12 * scale;
  h.sum = 18.4 * scale;
  h.positive_spans = {{-2, 2}, {3, 1}};
  h.negative_spans = {{0, 1}};
  h.positive_buckets = {scale, 3 * scale, 4 * scale};
  h.negative_buckets = {2 * scale};
  return h;
}

bool same(const model::Histogram& a, const model::Histogram& b) {
  auto bits = [](const std::vector<double>& v) {
    std::vector<uint64_t> out;
    for (double d : v) out.push_back(std::bit_cast<uint64_t>(d));
    return out;
  };
  return a.hint == b.hint && a.integer == b.integer && a.schema == b.schema &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         bits({a.zero_threshold, a.zero_count, a.count, a.sum}) ==
             bits({b.zero_threshold, b.zero_count, b.count, b.sum}) &&
         bits(a.positive_buckets) == bits(b.positive_buckets) &&
         bits(a.negative_buckets) == bits(b.negative_buckets) &&
         bits(a.custom_values) == bits(b.custom_values);
}

}  // namespace

TEST_CASE("XOR chunk gives values back bit by bit", "[tsdb]") {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> odd = {0.0,
                                   -0.0,
                                   inf,
                                   -inf,
                                   model::stale_nan(),
                                   model::normal_nan(),
                                   from_bits(0xfff8000000000000),
                                   from_bits(0x7ff0000000000001),
                                   from_bits(0xffffffffffffffff),
                                   from_bits(1),
                                   from_bits(0x800fffffffffffff),
                                   std::numeric_limits<double>::min(),
                                   std::numeric_limits<double>::max(),
                                   std::numeric_limits<double>::lowest(),
                                   0.1,
                                   0.2,
                                   0.3,
                                   1,
                                   1,
                                   1,
                                   2};
  check_round_trip(Encoding::kXor, regular(odd));
  check_round_trip(Encoding::kXorStart, regular(odd));
  check_round_trip(Encoding::kXor, regular({42}));
  check_round_trip(Encoding::kXor, {});
}

TEST_CASE("XOR chunk keeps every distance of timestamps", "[tsdb]") {
  constexpr int64_t lowest = std::numeric_limits<int64_t>::min() + 1;
  constexpr int64_t highest = std::numeric_limits<int64_t>::max();
  check_round_trip(Encoding::kXor, {{0, lowest, 1}, {0, lowest + 1, 2}, {0, highest, 3}});
  check_round_trip(Encoding::kXor,
                   {{0, lowest, 1}, {0, 0, 1}, {0, highest - 1, 1}, {0, highest, 1}});
  // Around the borders of every delta-of-delta class.
  std::vector<Sample> samples = {{0, 0, 1}, {0, 10'000'000, 1}};
  int64_t delta = 10'000'000;
  for (const int bits : {5, 9, 14, 20, 40}) {
    const int64_t edge = int64_t{1} << (bits - 1);
    for (const int64_t dod : {edge - 1, edge, edge + 1, -edge, -edge + 1, -edge - 1, int64_t{0}}) {
      if (delta + dod <= 0) delta += int64_t{1} << 45;
      delta += dod;
      samples.push_back({0, samples.back().t + delta, 1});
    }
  }
  check_round_trip(Encoding::kXor, samples);
}

TEST_CASE("XOR chunk of a regular constant series takes two bits a sample", "[tsdb]") {
  const std::string bytes = build(Encoding::kXor, regular(std::vector<double>(241, 7.5)));
  CHECK(bytes.size() <= 3 + 16 + 5 + 60);
}

TEST_CASE("Start timestamps survive and are cheap while they stay", "[tsdb]") {
  std::vector<Sample> samples;
  for (int i = 0; i < 121; ++i) {
    samples.push_back({1'699'999'000'000, 1'700'000'000'000 + i * 15'000, 7.5});
  }
  check_round_trip(Encoding::kXorStart, samples);
  CHECK(build(Encoding::kXorStart, samples).size() <= 2 + 24 + 8 + 46);
  samples[50].start = samples[49].t;  // reset
  samples[60].start = 0;              // unknown
  samples[61].start = 5;
  samples[62].start = std::numeric_limits<int64_t>::max();
  samples[63].start = std::numeric_limits<int64_t>::min();
  check_round_trip(Encoding::kXorStart, samples);
  samples.assign(3, {});
  samples[1].t = 1;
  samples[2] = {1, 2, 3.0};  // the first start appears late
  check_round_trip(Encoding::kXorStart, samples);
}

TEST_CASE("XOR chunks of random shape round-trip", "[tsdb]") {
  std::mt19937_64 random(20260101);
  for (int round = 0; round < 400; ++round) {
    std::vector<Sample> samples;
    auto t = static_cast<int64_t>(random() >> (random() % 40 + 2));
    double v = static_cast<double>(random() % 1000);
    const size_t n = random() % 300;
    const unsigned jitter = static_cast<unsigned>(random() % 40);
    const unsigned kind = static_cast<unsigned>(random() % 4);
    for (size_t i = 0; i < n; ++i) {
      samples.push_back({random() % 5 == 0 ? static_cast<int64_t>(random()) : t - 7, t, v});
      t += 1 + static_cast<int64_t>(random() & ((uint64_t{1} << jitter) - 1));
      if (kind == 0) v += static_cast<double>(random() % 100);
      if (kind == 1) v = from_bits(random());
      if (kind == 2 && random() % 3 == 0) v = v * 1.1 + 0.01;
    }
    check_round_trip(Encoding::kXor, samples);
    check_round_trip(Encoding::kXorStart, samples);
  }
}

TEST_CASE("decode_chunk appends what the range holds", "[tsdb]") {
  const std::string plain = build(Encoding::kXor, {{0, 10, 1}, {0, 20, 2}, {0, 30, 3}, {0, 40, 4}});
  const std::string started = build(Encoding::kXorStart, {{5, 50, 5}, {5, 60, 6}});
  storage::ColumnBuffer got;
  REQUIRE(decode_chunk(plain, {10, 30}, got).is_ok());
  CHECK(got.t == std::vector<TimestampMs>{20, 30});
  CHECK(got.start.empty());
  REQUIRE(decode_chunk(started, {0, 55}, got).is_ok());
  CHECK(got.t == std::vector<TimestampMs>{20, 30, 50});
  CHECK(got.v == std::vector<double>{2, 3, 5});
  CHECK(got.start == std::vector<TimestampMs>{0, 0, 5});
  REQUIRE(decode_chunk(build(Encoding::kXor, {{0, 70, 7}}), {0, 100}, got).is_ok());
  CHECK(got.start == std::vector<TimestampMs>{0, 0, 5, 0});
  REQUIRE(decode_chunk(plain, {40, 100}, got).is_ok());
  CHECK(got.t.size() == 4);
}

TEST_CASE("Histogram chunk keeps every field", "[tsdb]") {
  std::vector<model::Histogram> all = {histogram(1), histogram(2), histogram(5.5)};
  all[1].hint = model::CounterResetHint::kNotReset;
  all[2].integer = false;
  all[2].hint = model::CounterResetHint::kGauge;
  model::Histogram custom;
  custom.schema = model::kCustomBucketsSchema;
  custom.count = 3;
  custom.sum = model::stale_nan();
  custom.custom_values = {0.1, 1, 10};
  custom.positive_spans = {{1, 1}};
  custom.positive_buckets = {3};
  all.push_back(custom);
  custom.count = 4;
  all.push_back(custom);
  custom.custom_values.assign(1000, 0.5);  // too free to be repeated
  all.push_back(custom);
  all.push_back(custom);
  all.push_back(model::Histogram{});

  ChunkBuilder b(Encoding::kHistogram);
  int64_t t = std::numeric_limits<int64_t>::min() + 1;
  for (const model::Histogram& h : all) {
    b.append(t / 2, t, h);
    t += int64_t{1} << 60;
  }
  CHECK(b.count() == all.size());
  CHECK(b.memory() > 100);
  storage::ColumnBuffer got;
  REQUIRE(decode_chunk(b.bytes(), kEverything, got).is_ok());
  REQUIRE(got.histograms.size() == all.size());
  REQUIRE(got.histogram_start.size() == all.size());
  t = std::numeric_limits<int64_t>::min() + 1;
  for (size_t i = 0; i < all.size(); ++i) {
    INFO(i);
    CHECK(same(got.histograms[i], all[i]));
    CHECK(got.histogram_t[i] == t);
    CHECK(got.histogram_start[i] == t / 2);
    t += int64_t{1} << 60;
  }
  storage::ColumnBuffer some;
  REQUIRE(decode_chunk(b.bytes(), {got.histogram_t[1], got.histogram_t[3]}, some).is_ok());
  CHECK(some.histograms.size() == 2);
}

TEST_CASE("A torn chunk is corruption and leaves the buffer as it was", "[tsdb]") {
  std::vector<Sample> samples;
  std::mt19937_64 random(7);
  for (int i = 0; i < 60; ++i) samples.push_back({i, i * 1000, from_bits(random())});
  ChunkBuilder h(Encoding::kHistogram);
  for (int i = 1; i < 20; ++i) h.append(0, i, histogram(i));
  const std::vector<std::string> chunks = {build(Encoding::kXor, samples),
                                           build(Encoding::kXorStart, samples), h.bytes()};
  for (const std::string& chunk : chunks) {
    for (size_t n = 0; n < chunk.size(); ++n) {
      storage::ColumnBuffer into;
      into.t = {1};
      into.v = {1};
      const base::Status status =
          decode_chunk(std::string_view(chunk).substr(0, n), kEverything, into);
      INFO(n);
      REQUIRE(status.code() == Errc::kCorruption);
      REQUIRE(into.t.size() == 1);
      REQUIRE(into.v.size() == 1);
      REQUIRE(into.start.empty());
      REQUIRE(into.histograms.empty());
    }
  }
}

TEST_CASE("Bytes that are no chunk are refused or decoded, never worse", "[tsdb]") {
  std::mt19937_64 random(99);
  ChunkBuilder h(Encoding::kHistogram);
  for (int i = 1; i < 20; ++i) h.append(0, i, histogram(i));
  const std::string good = h.bytes();
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    if (round % 2 == 0) {
      bytes = good;
      for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    } else {
      bytes.push_back(static_cast<char>(random() % 5));
      bytes.push_back(static_cast<char>(random() % 100));
      for (size_t k = random() % 90; k > 0; --k) bytes.push_back(static_cast<char>(random()));
    }
    storage::ColumnBuffer into;
    const base::Status status = decode_chunk(bytes, kEverything, into);
    REQUIRE((status.is_ok() || status.code() == Errc::kCorruption));
    REQUIRE(into.t.size() == into.v.size());
    REQUIRE(into.histogram_t.size() == into.histograms.size());
  }
}

TEST_CASE("Unknown encodings and impossible counts are corruption", "[tsdb]") {
  storage::ColumnBuffer into;
  for (const int encoding : {0, 4, 255}) {
    std::string bytes = build(Encoding::kXor, {{0, 1, 1}});
    bytes[0] = static_cast<char>(encoding);
    CHECK(decode_chunk(bytes, kEverything, into).code() == Errc::kCorruption);
    CHECK(chunk_count(bytes).status().code() == Errc::kCorruption);
  }
  std::string huge;
  base::ByteWriter w(huge);
  w.u8(1);
  w.uvarint(uint64_t{1} << 31);
  w.u64(0);
  CHECK(decode_chunk(huge, kEverything, into).code() == Errc::kCorruption);
  CHECK(decode_chunk("", kEverything, into).code() == Errc::kCorruption);
  CHECK(*chunk_count(build(Encoding::kXor, {{0, 1, 1}, {0, 2, 1}})) == 2);
}

}  // namespace silverback::tsdb::chunkenc
