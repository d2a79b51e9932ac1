// Bodies that a remote-write endpoint meets once it is on a network: each is refused with a 4xx,
// costs little memory, and the next good request is taken.
#include <atomic>
#include <chrono>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"
#include "tests/support/write_request_v2.h"

namespace silverback::e2e {
namespace {

using testing::ProtoWriter;
using testing::snappy_block;
using testing::WriteRequest;
using testing::WriteRequestV2;

constexpr const char* kV1 = "application/x-protobuf";
constexpr const char* kV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
constexpr int64_t kMiB = 1 << 20;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

HttpReply post(const Server& server, const std::string& body, const char* type = kV1) {
  return http(server.port(), "POST", "/api/v1/write", body,
              {{"Content-Type", type}, {"Content-Encoding", "snappy"}});
}

int64_t resident_bytes(const Server& server) {
  std::ifstream statm("/proc/" + std::to_string(server.pid()) + "/statm");
  int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

// The largest resident size since the process began.
int64_t peak_bytes(const Server& server) {
  const std::string status = read_file("/proc/" + std::to_string(server.pid()) + "/status");
  const size_t at = status.find("VmHWM:");
  REQUIRE(at != std::string::npos);
  return std::atoll(status.c_str() + at + 6) * 1024;
}

std::string varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
  return out;
}

// A true snappy block of `size` zeros: copies of 64 bytes, three bytes each.
std::string zeros_block(uint64_t size) {
  std::string out = varint(size) + std::string("\0\0", 2);
  for (uint64_t done = 1; done < size;) {
    const uint64_t n = std::min<uint64_t>(64, size - done);
    out.push_back(static_cast<char>(((n - 1) << 2) | 2));
    out.append("\1\0", 2);
    done += n;
  }
  return out;
}

void check_still_takes(const Server& server) {
  WriteRequest good;
  good.series({{"__name__", "still_fine"}}).sample(now_ms(), 1);
  CHECK(post(server, good.body()).status == 204);
  CHECK(query(server.port(), "still_fine").size() == 1);
}

TEST_CASE("Snappy bombs are refused before they cost memory", "[e2e]") {
  const Server server("scrape_configs: []\n");
  check_still_takes(server);
  const int64_t before = resident_bytes(server);
  const std::string declared_4gb = varint(0xffffffff) + std::string(1000, '\0');
  std::atomic<int> refused{0};
  std::vector<std::thread> senders;
  for (int i = 0; i < 40; ++i) {
    senders.emplace_back([&, i] {
      if (post(server, declared_4gb, i % 2 == 0 ? kV1 : kV2).status == 400) ++refused;
    });
  }
  for (std::thread& sender : senders) sender.join();
  CHECK(refused == 40);

  const std::string real_512mb = zeros_block(512 * kMiB);
  REQUIRE(real_512mb.size() < 32 * kMiB);
  CHECK(post(server, real_512mb).status == 400);
  CHECK(post(server, zeros_block(32 * kMiB + 1)).status == 400);
  // More than a block of this length can hold; the end is missing; a copy from before the start.
  for (const std::string& bad :
       {varint(30 * kMiB) + std::string("\0\0", 2), varint(100), std::string("\x05\x01\x09", 3),
        std::string("\xff"), std::string()}) {
    CHECK(post(server, bad).status == 400);
  }
  CHECK(peak_bytes(server) - before < 100 * kMiB);
  check_still_takes(server);
}

TEST_CASE("Broken and deep protobuf is refused or skipped, in both versions", "[e2e]") {
  const Server server("scrape_configs: []\n");
  WriteRequest v1;
  v1.series({{"__name__", "m"}}).sample(now_ms(), 1);
  WriteRequestV2 v2;
  v2.series({{"__name__", "m2"}}).sample(now_ms(), 1);
  std::vector<std::string> bad;
  for (const char field : {'\x0a', '\x1a', '\x22', '\x2a'}) {
    for (const char eighth : {'\x7f', '\x0f', '\x01'}) {
      // A length near 2^64, 2^60 and 2^57: ten bytes that ended another server.
      std::string message(1, field);
      message += std::string(8, '\xff') + eighth;
      bad.push_back(message);
    }
    bad.push_back(std::string(1, field) + "\xff\xff\xff\xff\x0f");
    bad.push_back(std::string(1, field));
  }
  bad.push_back(std::string(100'000, '\x0b'));  // groups without an end
  bad.push_back(std::string(100'000, '\x0c'));  // ends without a group
  for (const std::string& message : bad) {
    for (const char* type : {kV1, kV2}) {
      const bool first = type == kV1;
      const std::string body = (first ? v1.protobuf() : v2.protobuf()) + message;
      CAPTURE(type, message.substr(0, 16));
      const HttpReply reply = post(server, snappy_block(body), type);
      // A field that this version does not know may be skipped; its length must still fit.
      CHECK(reply.status == 400);
      CHECK(reply.body.find("malformed protobuf") != std::string::npos);
    }
  }
  CHECK(post(server, snappy_block("\x0a\x02\x0a\x05")).status == 400);
  CHECK(post(server, snappy_block("\x2a\x02\x0a\x05"), kV2).status == 400);
  CHECK(query(server.port(), "{__name__=~\"m.*\"}").empty());
  const std::string deep = std::string(100'000, '\x7b') + std::string(100'000, '\x7c');
  CHECK(post(server, snappy_block(deep + v1.protobuf())).status == 204);
  CHECK(post(server, snappy_block(deep + v2.protobuf()), kV2).status == 204);
  check_still_takes(server);
}

TEST_CASE("Labels that cannot be stored are told, and the others are kept", "[e2e]") {
  const Server server("scrape_configs: []\n");
  WriteRequest::Pairs many = {{"__name__", "m"}};
  for (int i = 0; i < 10'000; ++i) many.emplace_back("l" + std::to_string(i), "v");
  const std::vector<WriteRequest::Pairs> bad = {
      {{"job", "no name"}},
      {},
      {{"__name__", "m"}, {"", "x"}},
      {{"__name__", "m"}, {"a", "1"}, {"a", "2"}},
      {{"__name__", "m"}, {"a", "1"}, {"a", "1"}},
      {{"__name__", "m"}, {"a", "\xff\xfe"}},
      {{"__name__", "m"}, {"\xc3", "1"}},
      {{"__name__", "\xed\xa0\x80"}},
      {{"__name__", "m"}, {"a", std::string(1'000'000, 'v')}},
      {{"__name__", "m"}, {std::string(1'000'000, 'n'), "v"}},
      {{"__name__", std::string(1'000'000, 'm')}},
      many,
  };
  const int64_t before = resident_bytes(server);
  int64_t t = now_ms() - 1000;
  for (const auto& labels : bad) {
    WriteRequest v1;
    WriteRequestV2 v2;
    ++t;
    v1.series({{"__name__", "good"}}).sample(t, 1);
    v1.series(labels).sample(t, 1);
    v2.series({{"__name__", "good2"}}).sample(t, 1);
    v2.series(labels).sample(t, 1);
    const HttpReply first = post(server, v1.body());
    const HttpReply second = post(server, v2.body(), kV2);
    for (const HttpReply& reply : {first, second}) {
      INFO(reply.body.substr(0, 300));
      CHECK(reply.status == 400);
      CHECK(reply.body.find("1 of 2 samples refused: 1 with invalid labels") != std::string::npos);
      CHECK(reply.body.size() < 4000);
    }
    CHECK(second.headers.find("X-Prometheus-Remote-Write-Samples-Written: 1") != std::string::npos);
  }
  CHECK(query(server.port(), "count_over_time(good[5m])").begin()->second ==
        static_cast<double>(bad.size()));
  CHECK(query(server.port(), "count_over_time(good2[5m])").begin()->second ==
        static_cast<double>(bad.size()));
  CHECK(query(server.port(), "count({__name__!=\"\"})").begin()->second == 2);
  CHECK(peak_bytes(server) - before < 100 * kMiB);
  check_still_takes(server);
}

TEST_CASE("Extreme timestamps are refused and ingestion goes on", "[e2e]") {
  const Server server("scrape_configs: []\n");
  check_still_takes(server);
  const int64_t max = std::numeric_limits<int64_t>::max();
  const int64_t min = std::numeric_limits<int64_t>::min();
  for (const int64_t t : {max, min, max - 1, min + 1, int64_t{0}, int64_t{-1}, now_ms() + 3'600'000,
                          now_ms() + int64_t{366} * 86'400'000, int64_t{1} << 53}) {
    WriteRequest v1;
    v1.series({{"__name__", "extreme"}}).sample(t, 1);
    model::Histogram h;
    v1.series({{"__name__", "extreme_h"}}).histogram(t, h);
    WriteRequestV2 v2;
    v2.series({{"__name__", "extreme2"}}).sample(t, 1, max).histogram(t, h, min);
    CAPTURE(t);
    const HttpReply first = post(server, v1.body());
    CHECK(first.status == 400);
    CHECK(first.body.find("2 of 2 samples refused: 2 out of bounds") != std::string::npos);
    CHECK(post(server, v2.body(), kV2).status == 400);
    check_still_takes(server);
  }
  CHECK(query(server.port(), "{__name__=~\"extreme.*\"}").empty());
}

TEST_CASE("New series beyond the head's limit get 429, known ones go on", "[e2e]") {
  const Server server("scrape_configs: []\n", {"--storage.tsdb.max-head-series=100000"});
  const auto batch = [](int number, int64_t t) {
    WriteRequest request;
    for (int i = 0; i < 5000; ++i) {
      request.series({{"__name__", "many"}, {"i", std::to_string(number * 5000 + i)}});
      request.sample(t, 1);
    }
    return request.body();
  };
  const int64_t t = now_ms();
  int taken = 0, limited = 0;
  for (int i = 0; i < 60; ++i) {
    const HttpReply reply = post(server, batch(i, t));
    if (reply.status == 204) ++taken;
    if (reply.status != 429) continue;
    ++limited;
    INFO(reply.body);
    CHECK(reply.body.find("--storage.tsdb.max-head-series") != std::string::npos);
    CHECK(reply.body.find(" of 5000 samples refused: ") != std::string::npos);
  }
  CHECK(taken == 20);
  CHECK(limited == 40);
  CHECK(post(server, batch(0, t + 1)).status == 204);
  CHECK(query(server.port(), "count(many)").begin()->second == 100'000);
  CHECK(query(server.port(), "prometheus_tsdb_head_series or vector(0)").size() == 1);
}

}  // namespace
}  // namespace silverback::e2e
