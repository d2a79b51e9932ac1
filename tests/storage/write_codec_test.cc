#include "storage/remote/write_codec.h"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/support/write_request.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using testing::ProtoWriter;
using testing::WriteRequest;

// What a request holds, as text.
std::string read_all(std::string_view message, base::Status* status = nullptr) {
  WriteRequestReader reader(message);
  WireSeries series;
  std::string out;
  while (reader.next(series)) {
    out += "{";
    for (const model::Label& label : series.labels) {
      out += std::string(label.name) + "=" + std::string(label.value) + ",";
    }
    out += "}";
    for (const auto& s : series.samples) {
      out += " " + std::to_string(s.t) + ":" + std::to_string(static_cast<int>(s.value));
    }
    for (const auto& e : series.exemplars) {
      out += " #" + std::to_string(e.t) + ":" + std::to_string(e.labels);
    }
    out += " h" + std::to_string(series.histograms.size()) + "; ";
  }
  if (status != nullptr) *status = reader.status();
  return out;
}

base::Status read_status(std::string_view message) {
  base::Status status;
  read_all(message, &status);
  return status;
}

// A message of one histogram of the given parts, decoded.
base::Status decode(const ProtoWriter& message, WireHistogram& into) {
  return decode_histogram(message.out(), into);
}

}  // namespace

TEST_CASE("WriteRequestReader reads what a sender writes", "[storage]") {
  WriteRequest request;
  request.series({{"__name__", "up"}, {"job", "x"}}).sample(1000, 1).sample(-5, 2);
  request.series({}).exemplar({{"trace_id", "abc"}, {"b", ""}}, 7, 1).histogram(9, {});
  base::Status status;
  CHECK(read_all(request.protobuf(), &status) ==
        "{__name__=up,job=x,} 1000:1 -5:2 h0; {} #7:2 h1; ");
  CHECK(status.is_ok());
  CHECK(read_all("").empty());
}

TEST_CASE("Unknown fields and groups are skipped, however deep", "[storage]") {
  WriteRequest request;
  request.series({{"a", "b"}}).sample(1, 2);
  ProtoWriter extra;
  extra.varint(99, 5).number(98, 1.5).bytes(97, "xyz").bytes(3, "metadata");
  const std::string groups = std::string(100'000, '\x2b') + std::string(100'000, '\x2c');
  const std::string message =
      extra.out() + groups + std::string("\x35\1\2\3\4", 5) + request.protobuf();
  base::Status status;
  CHECK(read_all(message, &status) == "{a=b,} 1:2 h0; ");
  CHECK(status.is_ok());
}

TEST_CASE("Broken messages are bad data", "[storage]") {
  WriteRequest request;
  request.series({{"a", "b"}}).sample(1, 2);
  const std::string good = request.protobuf();
  for (size_t n = 1; n < good.size(); ++n) {
    INFO(n);
    CHECK(read_status(good.substr(0, n)).code() == Errc::kBadData);
  }
  const std::vector<std::string> broken = {
      std::string("\x0a") + std::string(8, '\xff') + "\x7f",  // a length of 2^63
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  // eleven bytes
      "\x08\x01",                                          // timeseries as a varint
      std::string(1, '\0') + "\1",                         // field 0
      "\x2b",                                              // a group without end
      "\x2c",                                              // an end without group
      "\x2f",                                              // wire type 7
      "\x0a\x02\x10\x01",                                  // samples as a varint
      "\x0a\x04\x0a\x02\x08\x01",                          // a label's name as a varint
  };
  for (const std::string& message : broken) {
    INFO(message.size());
    CHECK(read_status(message).code() == Errc::kBadData);
  }
}

TEST_CASE("Mutated messages never do harm", "[storage]") {
  model::Histogram h;
  h.schema = 12;
  h.positive_spans = {{0, 2}, {5, 1}};
  h.positive_buckets = {1, 2, 3};
  WriteRequest request;
  request.series({{"__name__", "up"}, {"job", "x"}}).sample(1000, 1).histogram(5, h);
  request.exemplar({{"t", "v"}}, 1, 1);
  const std::string good = request.protobuf();
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (int k = 0; k < 3; ++k) bad[random() % bad.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    WriteRequestReader reader(bad);
    WireSeries series;
    WireHistogram histogram;
    while (reader.next(series)) {
      for (const std::string_view message : series.histograms) {
        decode_histogram(message, histogram).permit_unchecked("any answer will do");
      }
    }
  }
  SUCCEED();
}

TEST_CASE("snappy bombs are refused before memory is taken", "[storage]") {
  const std::string content(100'000, 'x');
  const std::string block = testing::snappy_block(content);
  REQUIRE(decode_snappy(block).is_ok());
  CHECK(decode_snappy(block)->view() == content);
  CHECK(decode_snappy(testing::snappy_block(""))->size == 0);
  const std::vector<std::string> bad = {
      "",
      "garbage",
      "\xff\xff\xff\xff\x0f",
      "\xff\xff\xff\xff\xff\xff",
      std::string("\x80\x80\x80\x10", 4),                             // 32 MiB from nothing
      block.substr(0, block.size() - 3),                              // torn
      testing::snappy_block(std::string(kMaxDecodedBytes + 1, 'x')),  // one byte too many
  };
  for (const std::string& body : bad) {
    INFO(body.size());
    CHECK(decode_snappy(body).status().code() == Errc::kBadData);
  }
  CHECK(decode_snappy(testing::snappy_block(std::string(kMaxDecodedBytes, 'x'))).is_ok());
}

TEST_CASE("Integer histograms come as deltas, packed or not", "[storage]") {
  ProtoWriter head;
  head.varint(1, 9).varint(6, 2).number(3, 18.5).sint(4, -1).number(5, 0.001);
  head.bytes(11, ProtoWriter().sint(1, -3).varint(2, 2).out());
  head.bytes(8, ProtoWriter().sint(1, 1).varint(2, 1).out());
  ProtoWriter loose = head, packed = head;
  loose.sint(12, 1).sint(12, 2).sint(9, 3);
  packed.bytes(12, "\x02\x04").bytes(9, "\x06");
  for (ProtoWriter* message : {&loose, &packed}) {
    message->varint(14, 3).varint(15, 1234);
    WireHistogram got;
    got.histogram.custom_values = {1};  // left from another
    const base::Status status = decode(*message, got);
    INFO(status.to_string());
    REQUIRE(status.is_ok());
    const model::Histogram& h = got.histogram;
    CHECK(got.t == 1234);
    CHECK(h.integer);
    CHECK(h.hint == model::CounterResetHint::kGauge);
    CHECK(h.schema == -1);
    CHECK(h.count == 9);
    CHECK(h.zero_count == 2);
    CHECK(h.sum == 18.5);
    CHECK(h.zero_threshold == 0.001);
    CHECK(h.positive_spans == std::vector<model::Span>{{-3, 2}});
    CHECK(h.negative_spans == std::vector<model::Span>{{1, 1}});
    CHECK(h.positive_buckets == std::vector<double>{1, 3});
    CHECK(h.negative_buckets == std::vector<double>{3});
    CHECK(h.custom_values.empty());
  }
}

TEST_CASE("Float histograms and custom buckets come as counts", "[storage]") {
  model::Histogram h;
  h.schema = model::kCustomBucketsSchema;
  h.count = 4.5;
  h.sum = 3;
  h.custom_values = {0.5, 1};
  h.positive_spans = {{0, 1}, {1, 1}};
  h.positive_buckets = {1.5, 3};
  WriteRequest request;
  request.series({{"__name__", "x"}}).histogram(5, h);
  const std::string message = request.protobuf();
  WriteRequestReader reader(message);
  WireSeries series;
  REQUIRE(reader.next(series));
  WireHistogram got;
  REQUIRE(decode_histogram(series.histograms.at(0), got).is_ok());
  CHECK_FALSE(got.histogram.integer);
  CHECK(got.histogram.equals(h));
}

TEST_CASE("Schemas finer than 8 are reduced to 8", "[storage]") {
  ProtoWriter message;
  message.number(2, 10).number(3, 1).sint(4, 9);
  // Indexes -1 0 1 2 3 and 7 of schema 9 are 0 0 1 1 2 and 4 of schema 8.
  message.bytes(11, ProtoWriter().sint(1, -1).varint(2, 5).out());
  message.bytes(11, ProtoWriter().sint(1, 3).varint(2, 1).out());
  for (const double count : {1.0, 2.0, 1.0, 1.0, 3.0, 2.0}) message.number(13, count);
  WireHistogram got;
  REQUIRE(decode(message, got).is_ok());
  CHECK(got.histogram.schema == 8);
  CHECK(got.histogram.positive_spans == std::vector<model::Span>{{0, 3}, {1, 1}});
  CHECK(got.histogram.positive_buckets == std::vector<double>{3, 2, 3, 2});
}

TEST_CASE("Histograms that break the rules are bad data", "[storage]") {
  const auto base_message = [] {
    ProtoWriter w;
    return w.number(2, 1).number(3, 1);
  };
  const std::string span = ProtoWriter().sint(1, 0).varint(2, 1).out();
  const std::string endless = ProtoWriter().sint(1, 0).varint(2, 0xffffffff).out();
  const std::string backwards = ProtoWriter().sint(1, -1).varint(2, 1).out();
  const std::vector<ProtoWriter> bad = {
      base_message().sint(4, 53),
      base_message().sint(4, -5),
      base_message().sint(4, -54),
      base_message().sint(4, 3).bytes(11, span),      // a bucket missing
      base_message().sint(4, 20).bytes(11, endless),  // many buckets missing
      base_message().sint(4, 20).bytes(11, span).bytes(11, backwards).number(13, 1).number(13, 1),
      base_message().sint(4, 3).bytes(11, span).number(13, -1),  // a negative count
  };
  WireHistogram got;
  for (const ProtoWriter& message : bad) {
    INFO(message.out().size());
    CHECK(decode(message, got).code() == Errc::kBadData);
  }
  CHECK(decode_histogram("\x0a\x05", got).code() == Errc::kCorruption);
  CHECK(decode_histogram("\x62\x01\xff", got).code() == Errc::kCorruption);  // a torn delta
}

TEST_CASE("A stale histogram needs no other field", "[storage]") {
  ProtoWriter message;
  message.varint(1, 77).number(3, model::stale_nan()).sint(4, 99).varint(15, 5);
  WireHistogram got;
  REQUIRE(decode(message, got).is_ok());
  CHECK(model::is_stale(got.histogram.sum));
  CHECK(got.t == 5);
}

}  // namespace silverback::storage::remote
