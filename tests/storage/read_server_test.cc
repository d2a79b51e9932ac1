#include "storage/remote/read_server.h"

#include <snappy.h>

#include <bit>

#include <catch2/catch.hpp>

#include "storage/remote/wire_reader.h"
#include "storage/remote/wire_writer.h"
#include "tests/support/memory_storage.h"

namespace silverback::storage::remote {
namespace {

using model::Labels;

std::string matcher(uint64_t type, const std::string& name, const std::string& value) {
  std::string out;
  WireWriter w(out);
  w.varint(1, type);
  w.bytes(2, name);
  w.bytes(3, value);
  return out;
}

std::string query(int64_t start, int64_t end, const std::vector<std::string>& matchers) {
  std::string out;
  WireWriter w(out);
  w.int64(1, start);
  w.int64(2, end);
  for (const std::string& m : matchers) w.bytes(3, m);
  return out;
}

std::string request(const std::vector<std::string>& queries, const std::vector<uint64_t>& types) {
  std::string out;
  WireWriter w(out);
  for (const std::string& q : queries) w.bytes(1, q);
  for (const uint64_t type : types) w.varint(2, type);
  return snappy_block(out);
}

/// Fields of a message by number; of each the bytes.
std::vector<std::string_view> fields(std::string_view message, uint32_t number) {
  std::vector<std::string_view> out;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == number) out.push_back(in.as_bytes());
  }
  CHECK_FALSE(in.failed());
  return out;
}

std::string labels_text(std::string_view series) {
  std::string out;
  for (const std::string_view label : fields(series, 1)) {
    out += std::string(fields(label, 1)[0]) + "=" + std::string(fields(label, 2)[0]) + " ";
  }
  return out;
}

/// Reads bits, the highest of a byte first.
class Bits {
 public:
  explicit Bits(std::string_view data) : data_(data) {}
  uint64_t take(unsigned count) {
    uint64_t v = 0;
    for (; count > 0; --count, ++at_) {
      const auto byte = static_cast<unsigned char>(data_.at(at_ / 8));
      v = v << 1 | (byte >> (7 - at_ % 8) & 1);
    }
    return v;
  }
  uint64_t uvarint() {
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
      const uint64_t byte = take(8);
      v |= (byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
  }
  /// Ones before the first zero, at most `max`.
  unsigned ones(unsigned max) {
    unsigned n = 0;
    while (n < max && take(1) == 1) ++n;
    return n;
  }

 private:
  std::string_view data_;
  size_t at_ = 0;
};

int64_t as_signed(uint64_t v, unsigned bits) {
  if (bits == 64) return static_cast<int64_t>(v);
  const uint64_t half = uint64_t{1} << (bits - 1);
  return v > half ? static_cast<int64_t>(v) - (int64_t{1} << bits) : static_cast<int64_t>(v);
}

double next_value(Bits& bits, uint64_t& value, unsigned& leading, unsigned& significant) {
  if (bits.take(1) == 1) {
    if (bits.take(1) == 1) {
      leading = static_cast<unsigned>(bits.take(5));
      significant = static_cast<unsigned>(bits.take(6));
      if (significant == 0) significant = 64;
    }
    value ^= bits.take(significant) << (64 - leading - significant);
  }
  return std::bit_cast<double>(value);
}

/// The samples of an XOR chunk, by the description of the format.
std::vector<std::pair<int64_t, double>> decode_xor(std::string_view data) {
  Bits bits(data);
  const uint64_t count = bits.take(16);
  std::vector<std::pair<int64_t, double>> out;
  int64_t t = 0, delta = 0;
  uint64_t value = 0;
  unsigned leading = 0, significant = 64;
  for (uint64_t i = 0; i < count; ++i) {
    if (i == 0) {
      t = WireReader::zigzag(bits.uvarint());
      value = bits.take(64);
      out.emplace_back(t, std::bit_cast<double>(value));
      continue;
    }
    if (i == 1) {
      delta = static_cast<int64_t>(bits.uvarint());
    } else {
      constexpr unsigned kWidths[] = {0, 14, 17, 20, 64};
      const unsigned width = kWidths[bits.ones(4)];
      if (width > 0) delta += as_signed(bits.take(width), width);
    }
    t += delta;
    out.emplace_back(t, next_value(bits, value, leading, significant));
  }
  return out;
}

struct Fixture {
  std::string samples(const ReadRequest& wanted, const Labels& external = {}) {
    const base::Result<std::string> block = server.samples(wanted, external, {});
    REQUIRE(block.is_ok());
    std::string message;
    REQUIRE(snappy::Uncompress(block->data(), block->size(), &message));
    return message;
  }

  testing::MemoryStorage storage;
  base::metrics::Registry registry;
  ReadServer server{storage, registry, {100, 2, 1 << 20, 1 << 30}};
};

}  // namespace

TEST_CASE("Read request is decoded, external labels are taken out", "[storage]") {
  const Labels external = Labels::from({{"replica", "r1"}});
  const auto decoded =
      decode_read_request(request({query(1, 2,
                                         {matcher(0, "replica", "r1"), matcher(0, "replica", "r2"),
                                          matcher(3, "a", "b.*")})},
                                  {7, 1, 0}),
                          external);
  REQUIRE(decoded.is_ok());
  CHECK(decoded->streamed);
  REQUIRE(decoded->queries.size() == 1);
  const ReadQuery& q = decoded->queries[0];
  CHECK(q.start == 1);
  CHECK(q.end == 2);
  REQUIRE(q.matchers.size() == 3);
  CHECK(q.matchers[0].to_string() == "replica=\"\"");
  CHECK(q.matchers[1].to_string() == "replica=\"r2\"");
  CHECK(q.matchers[2].to_string() == "a!~\"b.*\"");
  CHECK_FALSE(decode_read_request(request({}, {}), {})->streamed);
}

TEST_CASE("Read request that is broken is refused", "[storage]") {
  CHECK_FALSE(decode_read_request("\xff\xff\xff\xff\xff", {}).is_ok());
  CHECK_FALSE(decode_read_request(snappy_block("\x0a\x05"), {}).is_ok());
  CHECK_FALSE(decode_read_request(request({query(1, 2, {matcher(4, "a", "")})}, {}), {}).is_ok());
  CHECK_FALSE(decode_read_request(request({query(1, 2, {matcher(2, "a", "(")})}, {}), {}).is_ok());
  const auto types = decode_read_request(request({}, {5}), {});
  CHECK(types.status().code() == base::Errc::kBadData);
}

TEST_CASE("Read server answers samples with both ends and external labels", "[storage]") {
  Fixture f;
  const Labels up = Labels::from({{"__name__", "up"}, {"z", "1"}});
  for (int64_t t = 1; t <= 4; ++t) f.storage.add(up, t * 1000, static_cast<double>(t));
  const auto wanted =
      decode_read_request(request({query(2000, 3000, {matcher(0, "__name__", "up")}),
                                   query(0, 9000, {matcher(0, "__name__", "down")})},
                                  {}),
                          {});
  const std::string message = f.samples(*wanted, Labels::from({{"replica", "r1"}, {"z", "other"}}));
  const auto results = fields(message, 1);
  REQUIRE(results.size() == 2);
  CHECK(results[1].empty());
  const auto series = fields(results[0], 1);
  REQUIRE(series.size() == 1);
  CHECK(labels_text(series[0]) == "__name__=up replica=r1 z=1 ");
  const auto samples = fields(series[0], 2);
  REQUIRE(samples.size() == 2);
  WireReader in(samples[0]);
  REQUIRE(in.next());
  CHECK(in.as_double() == 2);
  REQUIRE(in.next());
  CHECK(in.as_int64() == 2000);
}

TEST_CASE("Read server holds its limits", "[storage]") {
  Fixture f;
  const Labels up = Labels::from({{"__name__", "up"}});
  for (int64_t t = 1; t <= 101; ++t) f.storage.add(up, t, 0);
  ReadRequest wanted;
  wanted.queries.push_back(
      {1, 101, {*model::Matcher::make(model::MatchType::kEqual, "__name__", "up")}});
  const auto refused = f.server.samples(wanted, {}, {});
  CHECK(refused.status().code() == base::Errc::kBadData);
  CHECK(refused.status().message() == "exceeded sample limit (100)");
  wanted.queries[0].end = 100;
  CHECK(f.server.samples(wanted, {}, {}).is_ok());
  auto first = f.server.enter();
  const auto second = f.server.enter();
  REQUIRE(second != nullptr);
  CHECK(f.server.enter() == nullptr);
  first.reset();
  CHECK(f.server.enter() != nullptr);
}

TEST_CASE("Read server streams XOR chunks that hold every sample", "[storage]") {
  Fixture f;
  std::vector<std::pair<int64_t, double>> written;
  const Labels a = Labels::from({{"__name__", "a"}});
  int64_t t = -5000;
  for (int i = 0; i < 300; ++i) {
    t += i % 7 == 0 ? 40'000 : i % 50 == 0 ? 1'000'000'000'000 : 1000 + i % 3;
    const double v = i % 5 == 0 ? 1e300 / (i + 1) : i % 4 == 0 ? 7 : -i * 0.1;
    written.emplace_back(t, v);
    f.storage.add(a, t, v);
  }
  f.storage.add(Labels::from({{"__name__", "b"}}), 5, 1);
  ReadRequest wanted;
  wanted.queries.push_back(
      {-10'000, t, {*model::Matcher::make(model::MatchType::kRegex, "__name__", "a|b")}});
  ReadServer::Stream stream(f.server, wanted, {}, {}, f.server.enter());
  std::string frames;
  const base::Result<bool> more = stream.next(frames, 1 << 30);
  REQUIRE(more.is_ok());
  CHECK_FALSE(*more);
  std::vector<std::pair<int64_t, double>> read;
  std::string series;
  size_t chunks = 0;
  for (std::string_view rest = frames; !rest.empty();) {
    // Length, checksum, message.
    Bits head(rest);
    const uint64_t size = head.uvarint();
    const size_t start = (size < 0x80 ? 1 : size < 0x4000 ? 2 : 3) + 4;
    const std::string_view message = rest.substr(start, size);
    REQUIRE(message.size() == size);
    rest.remove_prefix(start + size);
    const auto chunked = fields(message, 1);
    REQUIRE(chunked.size() == 1);
    series += labels_text(chunked[0]);
    for (const std::string_view chunk : fields(chunked[0], 2)) {
      ++chunks;
      WireReader parts(chunk);
      while (parts.next()) {
        if (parts.field() == 3) CHECK(parts.as_varint() == 1);
        if (parts.field() != 4 || series != "__name__=a ") continue;
        for (const auto& sample : decode_xor(parts.as_bytes())) read.push_back(sample);
      }
    }
  }
  CHECK(series == "__name__=a __name__=b ");
  CHECK(chunks == 4);
  CHECK(read == written);
}

TEST_CASE("Prom chunks part kinds of samples and counter resets", "[storage]") {
  ColumnBuffer samples;
  samples.t = {1, 2, 9};
  samples.v = {1, 1, 1};
  model::Histogram h;
  h.positive_spans = {{0, 1}};
  for (const double count : {1.0, 2.0, 1.0}) {
    h.count = count;
    h.positive_buckets = {count};
    samples.histograms.push_back(h);
  }
  samples.histogram_t = {3, 4, 5};
  const std::vector<PromChunk> chunks = encode_prom_chunks(samples);
  REQUIRE(chunks.size() == 4);
  CHECK(chunks[0].encoding == PromChunk::Encoding::kXor);
  CHECK(chunks[0].max_t == 2);
  CHECK(chunks[1].encoding == PromChunk::Encoding::kFloatHistogram);
  CHECK(chunks[1].min_t == 3);
  CHECK(chunks[1].max_t == 4);
  CHECK(chunks[1].data.substr(0, 3) == std::string("\0\x02\0", 3));
  CHECK(chunks[2].data.substr(0, 3) == std::string("\0\x01\x80", 3));
  CHECK(chunks[3].min_t == 9);
}

}  // namespace silverback::storage::remote
