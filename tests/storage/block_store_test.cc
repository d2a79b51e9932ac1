#include "storage/block_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/temp_dir.h"

namespace silverback::storage {
namespace {

namespace fs = std::filesystem;
using base::Errc;
using Entries = std::vector<std::pair<std::string, std::string>>;

class Store {
 public:
  Store() { open(); }
  void open() {
    store.reset();
    BlockStore::Options options;
    options.db_path = dir.file("db");
    options.flush_path = dir.file("flush");
    auto opened = BlockStore::open(options);
    INFO(opened.status().to_string());
    REQUIRE(opened.is_ok());
    store = std::move(opened).value();
  }
  void close() { store.reset(); }

  // Commits a partition of ten chunk values and two index entries.
  uint32_t write(const std::string& name, int64_t window_start_ms) {
    uint32_t id = 0;
    auto writer = store->new_partition(&id);
    REQUIRE(writer.is_ok());
    fill(**writer, name);
    PartitionMeta meta;
    meta.id = id;
    meta.window_start_ms = window_start_ms;
    meta.window_end_ms = window_start_ms + 100;
    meta.wal_sequence = 77;
    meta.min_time_ms = -5;
    meta.max_time_ms = 99;
    meta.series = 3;
    meta.samples = 30;
    REQUIRE((*writer)->commit(meta).is_ok());
    return id;
  }
  static void fill(BlockStore::Writer& writer, const std::string& name) {
    for (char c = '0'; c <= '9'; ++c) {
      // Incompressible enough that a file has several blocks.
      std::string value = name;
      for (uint32_t i = 0, x = static_cast<uint32_t>(c); i < 9000; ++i) {
        x = x * 1664525 + 1013904223;
        value.push_back(static_cast<char>(x >> 24));
      }
      REQUIRE(writer.put_chunks(std::string("g") + c, value).is_ok());
    }
    REQUIRE(writer.put_index("a", name).is_ok());
    REQUIRE(writer.put_index("b1", "x").is_ok());
    REQUIRE(writer.put_index("b2", "y").is_ok());
  }
  std::vector<uint32_t> ids() const {
    std::vector<uint32_t> out;
    auto metas = store->partitions();
    REQUIRE(metas.is_ok());
    for (const PartitionMeta& meta : *metas) out.push_back(meta.id);
    return out;
  }
  std::vector<fs::path> tables() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(dir.file("db"))) {
      if (entry.path().extension() == ".sst") out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> flush_files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(dir.file("flush"))) {
      out.push_back(entry.path().filename());
    }
    return out;
  }

  tests::TempDir dir;
  std::unique_ptr<BlockStore> store;
};

Entries scan(const BlockStore& store, uint32_t id, const std::string& prefix) {
  Entries out;
  const base::Status status =
      store.scan_index(id, prefix, [&](std::string_view key, std::string_view value) {
        out.emplace_back(key, value);
        return true;
      });
  REQUIRE(status.is_ok());
  return out;
}

}  // namespace

TEST_CASE("BlockStore keeps committed partitions over a reopen", "[storage]") {
  Store s;
  const uint32_t first = s.write("first", 100), second = s.write("second", -200);
  CHECK(first != second);
  for (int round = 0; round < 2; ++round) {
    CHECK(s.ids() == std::vector<uint32_t>{first, second});
    CHECK(s.store->get_index(first, "a").value() == "first");
    CHECK(s.store->get_index(second, "a").value() == "second");
    CHECK(s.store->get_chunks(second, "g7").value().substr(0, 6) == "second");
    CHECK(s.store->get_index(first, "c").status().code() == Errc::kNotFound);
    CHECK(s.store->get_chunks(99, "g7").status().code() == Errc::kNotFound);
    CHECK(scan(*s.store, first, "b") == Entries{{"b1", "x"}, {"b2", "y"}});
    CHECK(scan(*s.store, first, "").size() == 3);
    const PartitionMeta meta = s.store->partitions().value()[1];
    CHECK(meta.window_start_ms == -200);
    CHECK(meta.window_end_ms == -100);
    CHECK(meta.wal_sequence == 77);
    CHECK(meta.min_time_ms == -5);
    CHECK(meta.max_time_ms == 99);
    CHECK(meta.series == 3);
    CHECK(meta.samples == 30);
    CHECK(meta.bytes > 80'000);
    CHECK(s.store->disk_bytes() > 160'000);
    CHECK(s.flush_files().empty());
    s.open();
  }
}

TEST_CASE("A scan stops when told", "[storage]") {
  Store s;
  const uint32_t id = s.write("x", 0);
  int seen = 0;
  REQUIRE(s.store
              ->scan_index(id, "b",
                           [&](std::string_view, std::string_view) {
                             ++seen;
                             return false;
                           })
              .is_ok());
  CHECK(seen == 1);
}

TEST_CASE("An uncommitted partition leaves nothing and its id is not used again", "[storage]") {
  Store s;
  uint32_t id = 0;
  {
    auto writer = s.store->new_partition(&id);
    REQUIRE(writer.is_ok());
    Store::fill(**writer, "gone");
    CHECK((*writer)->bytes() > 0);
    CHECK(s.flush_files().size() == 2);
  }
  CHECK(s.flush_files().empty());
  CHECK(s.ids().empty());
  s.open();
  const uint32_t next = s.write("kept", 0);
  CHECK(next > id);
  REQUIRE(s.store->drop_partition(next).is_ok());
  s.open();
  CHECK(s.write("later", 0) > next);
}

TEST_CASE("Files of an unfinished flush are removed at open", "[storage]") {
  Store s;
  s.close();
  std::ofstream(s.dir.file("flush/5-chunks-0.sst.tmp")) << "torn";
  std::ofstream(s.dir.file("flush/other")) << "not ours";
  s.open();
  CHECK(s.flush_files() == std::vector<std::string>{"other"});
}

TEST_CASE("A dropped partition takes its files along", "[storage]") {
  Store s;
  const uint32_t first = s.write("first", 0), second = s.write("second", 0);
  const uint64_t before = s.store->disk_bytes();
  CHECK(s.tables().size() >= 4);
  REQUIRE(s.store->drop_partition(first).is_ok());
  CHECK(s.ids() == std::vector<uint32_t>{second});
  CHECK(s.store->get_index(first, "a").status().code() == Errc::kNotFound);
  CHECK(s.store->get_index(second, "a").value() == "second");
  CHECK(s.store->disk_bytes() < before * 2 / 3);
  s.open();
  CHECK(s.ids() == std::vector<uint32_t>{second});
}

TEST_CASE("put_meta lists a window without samples", "[storage]") {
  Store s;
  PartitionMeta meta;
  meta.window_start_ms = 1000;
  meta.wal_sequence = 5;
  REQUIRE(s.store->put_meta(meta).is_ok());
  const uint32_t id = s.write("x", 0);
  s.open();
  REQUIRE(s.ids().size() == 2);
  CHECK(s.store->partitions().value()[0].wal_sequence == 5);
  CHECK(s.ids()[1] == id);
  REQUIRE(s.store->drop_partition(s.ids()[0]).is_ok());
  CHECK(s.ids() == std::vector<uint32_t>{id});
}

TEST_CASE("A damaged or missing table puts its partition aside and serves the rest", "[storage]") {
  const auto damage = GENERATE(0, 1, 2);
  Store s;
  const uint32_t first = s.write("first", 0);
  const std::vector<fs::path> of_first = s.tables();
  const uint32_t second = s.write("second", 0);
  s.close();
  REQUIRE(of_first.size() == 2);
  for (const fs::path& table : of_first) {
    if (damage == 0) fs::remove(table);
    if (damage == 1) fs::resize_file(table, fs::file_size(table) / 2);
    if (damage == 2) fs::resize_file(table, 0);
  }
  s.open();
  CHECK(s.ids() == std::vector<uint32_t>{second});
  CHECK(s.store->get_index(second, "a").value() == "second");
  // It goes on: a new partition, the removal of the damaged one, another start.
  const uint32_t third = s.write("third", 0);
  s.open();
  CHECK(s.ids() == std::vector<uint32_t>{second, third});
  REQUIRE(s.store->drop_partition(first).is_ok());
  s.open();
  CHECK(s.ids() == std::vector<uint32_t>{second, third});
  CHECK(s.store->get_chunks(third, "g0").is_ok());
}

TEST_CASE("A damaged block is told when it is read", "[storage]") {
  Store s;
  const uint32_t id = s.write("first", 0);
  s.close();
  for (const fs::path& table : s.tables()) {
    if (fs::file_size(table) < 50'000) continue;
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.write("damage", 6);
  }
  s.open();
  CHECK(s.store->get_chunks(id, "g0").status().code() == Errc::kCorruption);
  CHECK(s.store->get_chunks(id, "g9").is_ok());
}

TEST_CASE("The database is rebuilt from its tables when RocksDB's own files are lost",
          "[storage]") {
  const std::string lost = GENERATE(as<std::string>(), "CURRENT", "MANIFEST", "log");
  Store s;
  const uint32_t first = s.write("first", 100), second = s.write("second", 200),
                 third = s.write("third", 300);
  REQUIRE(s.store->drop_partition(second).is_ok());
  s.close();
  for (const auto& entry : fs::directory_iterator(s.dir.file("db"))) {
    const std::string name = entry.path().filename();
    if (name.rfind(lost, 0) == 0 || (lost == "log" && entry.path().extension() == ".log")) {
      fs::remove(entry.path());
    }
  }
  s.open();
  CHECK(s.ids() == std::vector<uint32_t>{first, third});
  CHECK(s.store->get_index(third, "a").value() == "third");
  CHECK(s.store->get_chunks(first, "g5").value().substr(0, 5) == "first");
  CHECK(s.store->partitions().value()[1].window_start_ms == 300);
  CHECK(s.store->partitions().value()[1].wal_sequence == 77);
  CHECK(s.write("fourth", 0) > third);
}

TEST_CASE("BlockStore::open tells why it cannot", "[storage]") {
  tests::TempDir dir;
  std::ofstream(dir.file("db")) << "a file";
  BlockStore::Options options;
  options.db_path = dir.file("db");
  options.flush_path = dir.file("flush");
  CHECK_FALSE(BlockStore::open(options).is_ok());
}

}  // namespace silverback::storage
