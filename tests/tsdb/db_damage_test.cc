#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "tests/tsdb/faulty_files.h"
#include "tests/tsdb/log_capture.h"
#include "tests/tsdb/tsdb_fixture.h"

namespace {

using silverback::base::Errc;
using silverback::base::FileSystem;
using silverback::storage::Durability;
using silverback::tsdb::Db;
using silverback::tsdb::DbOptions;
using silverback::tsdb::testing::Content;
using silverback::tsdb::testing::copy_folder;
using silverback::tsdb::testing::FaultyFiles;
using silverback::tsdb::testing::kNow;
using silverback::tsdb::testing::LogCapture;
using silverback::tsdb::testing::query;
using silverback::tsdb::testing::Samples;
using silverback::tsdb::testing::series;
using silverback::tsdb::testing::TempDir;
using silverback::tsdb::testing::TestDb;
using silverback::tsdb::testing::write;
namespace fs = std::filesystem;
namespace storage = silverback::storage;

constexpr int kBatches = 100;

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::string& path, const std::string& bytes) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A folder as a killed process left it: one series, kBatches samples, one WAL segment.
struct Killed {
  Killed() {
    TempDir alive;
    TestDb db(alive.path());
    for (int i = 0; i < kBatches; ++i) write(*db, {{series("m"), kNow + i, 1.0 * i}});
    copy_folder(db->path(), dir.file("data"));
    options.logger = &log.logger();
  }
  std::string segment() const { return dir.file("data/wal/00000001"); }
  Samples reopen() {
    TestDb db(dir.file("data"), options);
    corruptions = db->corruption_count();
    Content content = query(*db);
    // It goes on taking samples, and the next start is at ease with all of it.
    const auto counts = write(*db, {{series("m"), kNow + kBatches, 1}});
    CHECK(counts.accepted + counts.repeated == 1);
    CHECK(content.size() <= 1);
    return content.empty() ? Samples() : content.begin()->second;
  }
  TempDir dir;
  LogCapture log;
  DbOptions options;
  uint64_t corruptions = 0;
};

Samples expected_without(int from, int end) {
  Samples out;
  for (int i = 0; i < kBatches; ++i) {
    if (i < from || i >= end) out.emplace_back(kNow + i, 1.0 * i);
  }
  return out;
}

constexpr const char* kAlarms[] = {"corrupt", "torn", "checksum", "quarantin", "lost", "damaged"};

}  // namespace

TEST_CASE("Db says nothing about damage after a plain kill", "[tsdb]") {
  Killed killed;
  CHECK(killed.reopen() == expected_without(kBatches, kBatches));
  CHECK(killed.corruptions == 0);
  for (const char* word : kAlarms) CHECK(killed.log.text().find(word) == std::string::npos);
}

TEST_CASE("Db cuts off the write that a kill interrupted, quietly", "[tsdb]") {
  Killed killed;
  const std::string bytes = read(killed.segment());
  put(killed.segment(), bytes.substr(0, bytes.size() - 7));
  CHECK(killed.reopen() == expected_without(kBatches - 1, kBatches));
  CHECK(killed.corruptions == 0);
  for (const char* word : kAlarms) CHECK(killed.log.text().find(word) == std::string::npos);
  killed.reopen();
  CHECK(killed.corruptions == 0);
}

TEST_CASE("Db tells of a torn tail once, with file and offset", "[tsdb]") {
  Killed killed;
  std::string bytes = read(killed.segment());
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  put(killed.segment(), bytes);
  CHECK(killed.reopen() == expected_without(kBatches - 1, kBatches));
  const std::string text = killed.log.text();
  CHECK(text.find("torn") != std::string::npos);
  CHECK(text.find("wal/00000001") != std::string::npos);
  CHECK(text.find("offset=") != std::string::npos);
  killed.log.clear();
  killed.reopen();
  CHECK(killed.log.text().find("torn") == std::string::npos);
}

TEST_CASE("Db loses only the damaged record in the middle of the WAL and tells it", "[tsdb]") {
  Killed killed;
  std::string bytes = read(killed.segment());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put(killed.segment(), bytes);
  const Samples found = killed.reopen();
  CHECK(found.size() == kBatches - 1);
  for (const auto& [t, v] : found) CHECK(v == static_cast<double>(t - kNow));
  CHECK(killed.corruptions == 1);
  CHECK(killed.log.text().find("corrupt") != std::string::npos);
  CHECK(killed.log.text().find("wal/00000001") != std::string::npos);
}

TEST_CASE("Db finds a series again whose first definition is damaged", "[tsdb]") {
  Killed killed;
  std::string bytes = read(killed.segment());
  bytes[60] = static_cast<char>(bytes[60] ^ 1);
  put(killed.segment(), bytes);
  CHECK(killed.reopen() == expected_without(0, 1));
  CHECK(killed.corruptions == 1);
}

TEST_CASE("Db serves nothing wrong whatever byte of the WAL is damaged", "[tsdb]") {
  Killed killed;
  const std::string whole = read(killed.segment());
  for (size_t at = 0; at < whole.size(); at += 97) {
    CAPTURE(at);
    TempDir dir;
    copy_folder(killed.dir.file("data"), dir.file("data"));
    std::string bytes = whole;
    for (size_t i = at; i < std::min(at + 20, bytes.size()); ++i) bytes[i] = '\xee';
    put(dir.file("data/wal/00000001"), bytes);
    TestDb db(dir.file("data"));
    const Content content = query(*db);
    REQUIRE(content.size() == 1);
    CHECK(content.begin()->second.size() >= kBatches - 2);
    for (const auto& [t, v] : content.begin()->second) CHECK(v == static_cast<double>(t - kNow));
  }
}

TEST_CASE("Db starts over WAL segments that are empty, zeroed or gone", "[tsdb]") {
  Killed killed;
  SECTION("empty") {
    put(killed.segment(), "");
  }
  SECTION("zeros") {
    put(killed.segment(), std::string(100'000, '\0'));
  }
  SECTION("gone") {
    fs::remove(killed.segment());
  }
  SECTION("a foreign file") {
    put(killed.dir.file("data/wal/readme"), "hello");
  }
  const Samples found = killed.reopen();
  CHECK((found.empty() || found == expected_without(kBatches, kBatches)));
}

TEST_CASE("Db locks its folder", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  DbOptions second;
  second.path = dir.path();
  CHECK(Db::open(second).status().code() == Errc::kUnavailable);
  CHECK(FileSystem::real().exists(dir.file("lock")));
  db.db.reset();
  CHECK_FALSE(FileSystem::real().exists(dir.file("lock")));
  REQUIRE(Db::open(second).is_ok());
}

TEST_CASE("Db refuses a folder of another format", "[tsdb]") {
  TempDir dir;
  put(dir.file("format"), "silverback-tsdb 2\n");
  DbOptions options;
  options.path = dir.path();
  CHECK(Db::open(options).status().code() == Errc::kCorruption);
  put(dir.file("format"), "");
  CHECK(Db::open(options).is_ok());
  CHECK(read(dir.file("format")) == "silverback-tsdb 1\n");
}

TEST_CASE("Db leaves a Prometheus database alone", "[tsdb]") {
  const std::string file =
      GENERATE("wal/00000000", "wal/checkpoint.00000003/00000000", "chunks_head/000001",
               "01BKGV7JBM69T2G1BGBGM6KB12/meta.json", "queries.active");
  CAPTURE(file);
  TempDir dir;
  put(dir.file("data/" + file), "theirs");
  LogCapture log;
  DbOptions options;
  options.logger = &log.logger();
  TestDb db(dir.file("data"), options);
  CHECK(db->path() == dir.file("data/silverback"));
  CHECK(log.text().find("Prometheus") != std::string::npos);
  write(*db, {{series("m"), kNow, 1}});
  REQUIRE(db->flush().is_ok());
  db.reopen();
  CHECK(query(*db).size() == 1);
  CHECK(read(dir.file("data/" + file)) == "theirs");
  size_t entries = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir.file("data"))) {
    const std::string path = entry.path().string();
    if (path.find("/data/silverback") == std::string::npos && entry.is_regular_file()) ++entries;
  }
  CHECK(entries == 1);
}

TEST_CASE("Db loses and doubles nothing when files begin to fail anywhere around a flush",
          "[tsdb]") {
  // From call n on every writing call fails; then the process "dies" and the next starts.
  for (int64_t n = 0;; ++n) {
    CAPTURE(n);
    TempDir dir;
    FaultyFiles files;
    DbOptions options;
    options.files = &files;
    options.window_ms = 1000;
    options.wal_segment_bytes = 600;
    Samples acknowledged;
    bool reached = false;
    {
      TestDb db(dir.file("data"), options);
      const auto batches = [&](int from, int end) {
        for (int i = from; i < end; ++i) {
          auto appender = db->appender();
          const auto ref = appender->resolve(series("m"));
          appender->append(*ref, 0, kNow + i * 100, i).permit_unchecked("counted below");
          const auto counts = storage::commit_and_wait(*appender, Durability::kDurable);
          if (counts.is_ok()) acknowledged.emplace_back(kNow + i * 100, i);
        }
      };
      batches(0, 25);
      files.fail_from = files.calls + n;
      db->flush().permit_unchecked("may fail");
      batches(25, 30);
      db->flush().permit_unchecked("may fail");
      reached = files.calls >= files.fail_from;
      copy_folder(db->path(), dir.file("copy"));
    }
    TestDb again(dir.file("copy"));
    const Samples found = query(*again).begin()->second;
    CHECK(again->corruption_count() == 0);
    for (const auto& sample : acknowledged) {
      CHECK(std::find(found.begin(), found.end(), sample) != found.end());
    }
    for (const auto& [t, v] : found) CHECK(static_cast<double>((t - kNow) / 100) == v);
    if (!reached) break;
  }
}
