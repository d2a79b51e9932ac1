#include "tsdb/wal/reader.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "tests/support/temp_dir.h"

namespace {

namespace wal = silverback::tsdb::wal;
using silverback::base::FileSystem;
using silverback::tests::TempDir;

constexpr size_t kBodyBytes = 50;
constexpr size_t kRecordBytes = wal::kFrameBytes + kBodyBytes;

std::string body(uint64_t sequence) {
  std::string out(8, '\0');
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(sequence >> (8 * i));
  out.append(kBodyBytes - 8, 'b');
  return out;
}

std::string segment(uint64_t id, uint64_t first, uint64_t last) {
  std::string out = wal::SegmentHeader{id, id - 1, first}.encode();
  for (uint64_t s = first; s <= last; ++s) wal::append_frame(id, body(s), out);
  return out;
}

size_t offset_of(size_t record) {
  return wal::kHeaderBytes + record * kRecordBytes;
}

void flip(std::string& bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
}

struct Log {
  void put(uint64_t id, const std::string& bytes) {
    REQUIRE(silverback::base::write_file_atomically(FileSystem::real(),
                                                    dir.file(wal::segment_name(id)), bytes)
                .is_ok());
  }
  wal::LogScan scan() {
    auto out = wal::scan_log(FileSystem::real(), dir.path());
    REQUIRE(out.is_ok());
    return *out;
  }
  TempDir dir;
};

std::vector<uint64_t> sequences(const wal::LogScan& log) {
  std::vector<uint64_t> out;
  for (const auto& r : log.records) out.push_back(r.sequence);
  return out;
}

using Sequences = std::vector<uint64_t>;

}  // namespace

TEST_CASE("WAL reader finds every record of a sound log", "[tsdb]") {
  Log log;
  log.put(1, segment(1, 1, 3));
  log.put(2, segment(2, 4, 5));
  log.put(3, segment(3, 6, 5));  // empty
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2, 3, 4, 5});
  CHECK(found.last_sequence == 5);
  CHECK(found.missing == 0);
  CHECK(found.tails.empty());
  CHECK(found.corrupt.empty());
}

TEST_CASE("WAL reader takes a record cut short at the end for an interrupted write", "[tsdb]") {
  for (size_t kept = 1; kept < kRecordBytes; ++kept) {
    Log log;
    CAPTURE(kept);
    log.put(1, segment(1, 1, 3).substr(0, offset_of(2) + kept));
    const auto found = log.scan();
    CHECK(sequences(found) == Sequences{1, 2});
    CHECK(found.corrupt.empty());
    REQUIRE(found.tails.size() == 1);
    CHECK(found.tails[0].offset == offset_of(2));
    CHECK(found.tails[0].incomplete);
  }
}

TEST_CASE("WAL reader takes a bad last record for a torn tail, not for an interrupted write",
          "[tsdb]") {
  Log log;
  std::string bytes = segment(1, 1, 3);
  flip(bytes, offset_of(2) + 30);
  log.put(1, bytes);
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2});
  CHECK(found.corrupt.empty());
  REQUIRE(found.tails.size() == 1);
  CHECK_FALSE(found.tails[0].incomplete);
}

TEST_CASE("WAL reader skips damage in the middle and only that", "[tsdb]") {
  for (size_t byte = 0; byte < kRecordBytes; ++byte) {
    Log log;
    CAPTURE(byte);
    std::string bytes = segment(1, 1, 4);
    flip(bytes, offset_of(1) + byte);
    log.put(1, bytes);
    const auto found = log.scan();
    CHECK(sequences(found) == Sequences{1, 3, 4});
    CHECK(found.missing == 1);
    REQUIRE(found.corrupt.size() == 1);
    CHECK(found.corrupt[0].offset == offset_of(1));
    CHECK(found.corrupt[0].size == kRecordBytes);
  }
}

TEST_CASE("WAL reader tells damage at a segment's end when the next one does not go on there",
          "[tsdb]") {
  Log log;
  std::string bytes = segment(1, 1, 3);
  flip(bytes, offset_of(2) + 30);
  log.put(1, bytes);
  SECTION("by its records") {
    log.put(2, segment(2, 4, 4));
  }
  SECTION("by its header alone") {
    log.put(2, segment(2, 4, 3));
  }
  const auto found = log.scan();
  CHECK(found.corrupt.size() == 1);
  CHECK(found.tails.empty());
  CHECK(found.last_sequence >= 3);
}

TEST_CASE("WAL reader forgives a segment's end that was written again in the next", "[tsdb]") {
  Log log;
  log.put(1, segment(1, 1, 3).substr(0, offset_of(2) + 9));
  log.put(2, segment(2, 2, 4));
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2, 3, 4});
  CHECK(found.records[1].segment == 1);
  CHECK(found.corrupt.empty());
  CHECK(found.missing == 0);
}

TEST_CASE("WAL reader reads on behind a damaged header", "[tsdb]") {
  Log log;
  std::string bytes = segment(1, 1, 2);
  flip(bytes, 10);
  log.put(1, bytes);
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2});
  REQUIRE(found.corrupt.size() == 1);
  CHECK(found.corrupt[0].header);
}

TEST_CASE("WAL reader notices a missing segment", "[tsdb]") {
  Log log;
  log.put(1, segment(1, 1, 2));
  log.put(3, segment(3, 6, 7));
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2, 6, 7});
  CHECK(found.missing == 3);
}

TEST_CASE("WAL reader copes with empty and foreign files", "[tsdb]") {
  Log log;
  log.put(1, "");
  log.put(2, segment(2, 1, 2));
  REQUIRE(
      silverback::base::write_file_atomically(FileSystem::real(), log.dir.file("notes.txt"), "x")
          .is_ok());
  const auto found = log.scan();
  CHECK(sequences(found) == Sequences{1, 2});
}

TEST_CASE("WAL reader never takes a record of another segment", "[tsdb]") {
  Log log;
  std::string bytes = segment(1, 1, 1);
  bytes += segment(2, 2, 2).substr(wal::kHeaderBytes);
  bytes += segment(1, 3, 3).substr(wal::kHeaderBytes);
  log.put(1, bytes);
  CHECK(sequences(log.scan()) == Sequences{1, 3});
}
