#include "tsdb/wal/writer.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/metrics.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/faulty_files.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"

namespace {

using silverback::base::Errc;
using silverback::base::Status;
using silverback::storage::Durability;
using silverback::tests::TempDir;
using silverback::tsdb::Metrics;
using silverback::tsdb::WalSync;
using silverback::tsdb::testing::FaultyFiles;
namespace wal = silverback::tsdb::wal;

struct TestWriter {
  explicit TestWriter(WalSync sync = WalSync::kAlways, int64_t segment_bytes = 1 << 20) {
    wal::Writer::Options o;
    o.dir = dir.path();
    o.sync = sync;
    o.segment_bytes = segment_bytes;
    o.files = &files;
    o.clock = &clock;
    o.logger = &silverback::base::Logger::null();
    o.metrics = &metrics;
    o.max_pending_bytes = 10000;
    writer = std::make_unique<wal::Writer>(o);
  }
  /// Gives a record and waits until it counts as written.
  Status put(uint64_t sequence) {
    std::promise<Status> promise;
    writer->enqueue(sequence, body(sequence),
                    [&promise](const Status& s) { promise.set_value(s); });
    return promise.get_future().get();
  }
  static std::string body(uint64_t sequence) {
    wal::BatchEncoder e;
    e.sample({1, 1}, 0, static_cast<int64_t>(sequence), 1);
    return e.finish(sequence);
  }
  std::vector<uint64_t> on_disk() {
    auto log = wal::scan_log(silverback::base::FileSystem::real(), dir.path());
    REQUIRE(log.is_ok());
    CHECK(log->corrupt.empty());
    CHECK(log->missing == 0);
    std::vector<uint64_t> out;
    for (const auto& r : log->records) out.push_back(r.sequence);
    return out;
  }

  TempDir dir;
  FaultyFiles files;
  silverback::base::SystemClock clock;
  silverback::base::metrics::Registry registry;
  Metrics metrics{registry};
  std::unique_ptr<wal::Writer> writer;
};

using Sequences = std::vector<uint64_t>;

}  // namespace

TEST_CASE("WAL writer has a record on disk when it says so", "[tsdb]") {
  const WalSync sync = GENERATE(WalSync::kAlways, WalSync::kInterval, WalSync::kNone);
  TestWriter t(sync);
  t.writer->start();
  REQUIRE(t.put(1).is_ok());
  CHECK(t.on_disk() == Sequences{1});
  REQUIRE(t.put(2).is_ok());
  CHECK(t.on_disk() == Sequences{1, 2});
}

TEST_CASE("WAL writer writes what nobody waits for when it stops", "[tsdb]") {
  TestWriter t;
  t.writer->start();
  for (uint64_t s = 1; s <= 5; ++s) t.writer->enqueue(s, TestWriter::body(s), {});
  t.writer->stop();
  CHECK(t.on_disk() == Sequences{1, 2, 3, 4, 5});
  CHECK(t.writer->admit(Durability::kVisible).code() == Errc::kUnavailable);
}

TEST_CASE("WAL writer begins a new segment when one is full", "[tsdb]") {
  TestWriter t(WalSync::kAlways, 100);
  t.writer->start();
  for (uint64_t s = 1; s <= 20; ++s) REQUIRE(t.put(s).is_ok());
  CHECK(t.writer->current_segment() > 3);
  CHECK(t.on_disk().size() == 20);
}

TEST_CASE("WAL writer removes only segments without needed records", "[tsdb]") {
  TestWriter t;
  t.writer->start();
  for (uint64_t s = 1; s <= 3; ++s) {
    REQUIRE(t.put(s).is_ok());
    REQUIRE(t.writer->flush(true).is_ok());
  }
  CHECK(t.writer->has_removable(3));
  REQUIRE(t.writer->remove_below(3).is_ok());
  CHECK(t.on_disk() == Sequences{3});
  CHECK_FALSE(t.writer->has_removable(3));
}

TEST_CASE("WAL writer answers a failed write and writes its records again elsewhere", "[tsdb]") {
  TestWriter t;
  t.writer->start();
  REQUIRE(t.put(1).is_ok());
  // The write is append, then sync; a failed append is followed by a truncate.
  const int64_t failing = GENERATE(0, 1);
  t.files.fail_from = t.files.calls + failing;
  t.files.fail_until = t.files.calls + failing + 1;
  CHECK(t.put(2).code() == Errc::kUnavailable);
  REQUIRE(t.put(3).is_ok());
  CHECK(t.writer->current_segment() == 2);
  CHECK(t.on_disk() == Sequences{1, 2, 3});
  CHECK(t.metrics.wal_writes_failed.value() == 1);
}

TEST_CASE("WAL writer refuses durable records while it cannot write, and recovers", "[tsdb]") {
  TestWriter t;
  t.writer->start();
  REQUIRE(t.put(1).is_ok());
  t.files.fail_from = t.files.calls.load();
  CHECK(t.put(2).code() == Errc::kUnavailable);
  CHECK(t.writer->admit(Durability::kDurable).code() == Errc::kUnavailable);
  CHECK(t.writer->admit(Durability::kVisible).is_ok());
  t.writer->enqueue(3, TestWriter::body(3), {});
  t.files.fail_from = INT64_MAX;
  // The writer tries again within a second.
  for (int i = 0; i < 100 && !t.writer->admit(Durability::kDurable).is_ok(); ++i) {
    t.writer->flush(false).permit_unchecked("it fails until the writer has recovered");
  }
  while (!t.writer->admit(Durability::kDurable).is_ok()) std::this_thread::yield();
  REQUIRE(t.put(4).is_ok());
  CHECK(t.on_disk() == Sequences{1, 2, 3, 4});
}

TEST_CASE("WAL writer bounds what it holds in memory", "[tsdb]") {
  TestWriter t;  // not started: nothing is written
  uint64_t s = 0;
  while (t.writer->admit(Durability::kVisible).is_ok()) {
    REQUIRE(++s < 1000);
    t.writer->enqueue(s, TestWriter::body(s), {});
  }
  CHECK(s > 100);
  CHECK(t.writer->admit(Durability::kDurable).code() == Errc::kUnavailable);
}

TEST_CASE("WAL writer survives the failure of any single file call", "[tsdb]") {
  for (int64_t n = 0;; ++n) {
    TestWriter t(WalSync::kAlways, 100);
    CAPTURE(n);
    t.files.fail_from = n;
    t.files.fail_until = n + 1;
    t.writer->start();
    for (uint64_t s = 1; s <= 6; ++s) {
      // Refusals are fine, as is losing nothing: the record is kept and written later.
      t.put(s).permit_unchecked("either answer is right");
    }
    t.writer->stop();
    CHECK(t.on_disk() == Sequences{1, 2, 3, 4, 5, 6});
    if (t.files.calls <= n) break;
  }
}
