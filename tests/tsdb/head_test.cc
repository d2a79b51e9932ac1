#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/tsdb/tsdb_fixture.h"

namespace {

using silverback::base::Errc;
using silverback::model::Labels;
using silverback::model::TimeRange;
using silverback::storage::CommitCounts;
using silverback::storage::Durability;
using silverback::tsdb::DbOptions;
namespace model = silverback::model;
namespace storage = silverback::storage;
using silverback::tsdb::testing::Content;
using silverback::tsdb::testing::equals;
using silverback::tsdb::testing::kNow;
using silverback::tsdb::testing::query;
using silverback::tsdb::testing::series;
using silverback::tsdb::testing::TempDir;
using silverback::tsdb::testing::TestDb;
using silverback::tsdb::testing::write;

constexpr int64_t kHour = 3600 * 1000;

}  // namespace

TEST_CASE("Head takes samples of a series in order only", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  REQUIRE(write(*db, {{series("m"), kNow, 1}}).accepted == 1);

  const CommitCounts older = write(*db, {{series("m"), kNow - 1, 2}});
  CHECK(older.out_of_order == 1);
  CHECK(older.first_error.code() == Errc::kOutOfOrder);
  CHECK(older.first_error.message() ==
        "out of order sample: series m{instance=\"a\"}, timestamp " + std::to_string(kNow - 1));
  const CommitCounts same = write(*db, {{series("m"), kNow, 1}});
  CHECK(same.repeated == 1);
  CHECK(same.refused() == 0);
  const CommitCounts other = write(*db, {{series("m"), kNow, 2}});
  CHECK(other.duplicate == 1);
  CHECK(other.first_error.code() == Errc::kDuplicate);
  CHECK(query(*db) == Content{{"m{instance=\"a\"}", {{kNow, 1}}}});
}

TEST_CASE("Head judges the samples of one batch one after the other", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  const CommitCounts counts = write(*db, {{series("m"), kNow, 1},
                                          {series("m"), kNow + 5, 2},
                                          {series("m"), kNow + 1, 3},
                                          {series("m"), kNow + 5, 2},
                                          {series("m"), kNow + 5, 4}});
  CHECK(counts.accepted == 2);
  CHECK(counts.out_of_order == 1);
  CHECK(counts.repeated == 1);
  CHECK(counts.duplicate == 1);
  CHECK(query(*db) == Content{{"m{instance=\"a\"}", {{kNow, 1}, {kNow + 5, 2}}}});
}

TEST_CASE("Head tells values apart by their bits", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  write(*db, {{series("m"), kNow, model::stale_nan()}});
  CHECK(write(*db, {{series("m"), kNow, model::stale_nan()}}).repeated == 1);
  CHECK(write(*db, {{series("m"), kNow, model::normal_nan()}}).duplicate == 1);
  write(*db, {{series("z"), kNow, 0.0}});
  CHECK(write(*db, {{series("z"), kNow, -0.0}}).duplicate == 1);
}

TEST_CASE("Head refuses timestamps that are too far ahead or beyond any calendar", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  constexpr int64_t kTenMinutes = 600'000;
  for (const int64_t t : {kNow + kTenMinutes + 1, std::numeric_limits<int64_t>::max(),
                          std::numeric_limits<int64_t>::min(), model::kMinTime - 1}) {
    CAPTURE(t);
    const CommitCounts counts = write(*db, {{series("m"), t, 1}});
    CHECK(counts.out_of_bounds == 1);
    CHECK(counts.first_error.code() == Errc::kOutOfBounds);
  }
  CHECK(write(*db, {{series("m"), kNow + kTenMinutes, 1}}).accepted == 1);
  CHECK(write(*db, {{series("m"), kNow + kTenMinutes + 1, 1}}).out_of_bounds == 1);
}

TEST_CASE("Head refuses samples of frozen windows by its newest time alone", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  const int64_t window = kNow - kNow % (2 * kHour);
  REQUIRE(write(*db, {{series("a"), window - 10, 1}}).accepted == 1);
  // One hour behind the end of the window it is still open, a moment later it is not.
  db.clock.set_ms(window + 2 * kHour);
  REQUIRE(write(*db, {{series("b"), window + kHour - 1, 1}}).accepted == 1);
  CHECK(write(*db, {{series("a"), window - 9, 1}}).accepted == 1);
  REQUIRE(write(*db, {{series("b"), window + kHour, 1}}).accepted == 1);
  const CommitCounts late = write(*db, {{series("a"), window - 8, 1}});
  CHECK(late.out_of_bounds == 1);
  CHECK(write(*db, {{series("a"), window, 1}}).accepted == 1);
}

TEST_CASE("Head takes old data first and new data later", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  for (const int64_t t : {int64_t{-5 * kHour}, int64_t{0}, 3 * kHour, kNow}) {
    CAPTURE(t);
    CHECK(write(*db, {{series("m"), t, 1}}).accepted == 1);
  }
}

TEST_CASE("Head limits its series and needs a label", "[tsdb]") {
  TempDir dir;
  DbOptions options;
  options.max_head_series = 2;
  TestDb db(dir.path(), options);
  auto appender = db->appender();
  CHECK(appender->resolve(Labels()).status().code() == Errc::kBadData);
  REQUIRE(appender->resolve(series("a")).is_ok());
  REQUIRE(appender->resolve(series("b")).is_ok());
  REQUIRE(appender->resolve(series("a")).is_ok());
  const auto refused = appender->resolve(series("c"));
  CHECK(refused.status().code() == Errc::kLimit);
  CHECK(refused.status().message().find("--storage.tsdb.max-head-series") != std::string::npos);
}

TEST_CASE("Appender gives equal refs for equal labels and knows foreign refs", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  auto one = db->appender();
  auto two = db->appender();
  const auto ref = one->resolve(series("a"));
  REQUIRE(ref.is_ok());
  CHECK(*ref == *two->resolve(series("a")));
  const storage::SeriesRef unknown{12345, 1}, other_life{ref->slot, ref->generation + 1};
  CHECK(one->append(unknown, 0, kNow, 1).code() == Errc::kStaleRef);
  CHECK(one->append(other_life, 0, kNow, 1).code() == Errc::kStaleRef);
  std::vector<size_t> dead;
  const std::vector<storage::SeriesRef> refs = {*ref, unknown};
  CHECK(one->append_column(1, kNow, refs, std::vector<double>{1, 2}, &dead).code() ==
        Errc::kStaleRef);
  CHECK(dead == std::vector<size_t>{1});
  REQUIRE(storage::commit_and_wait(*one, Durability::kDurable).is_ok());
  CHECK(query(*db).empty());
}

TEST_CASE("Appender that is dropped leaves nothing behind", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  {
    auto appender = db->appender();
    const auto ref = appender->resolve(series("m"));
    REQUIRE(appender->append(*ref, 0, kNow, 1).is_ok());
  }
  CHECK(query(*db).empty());
}

TEST_CASE("Querier sees what was committed before it opened and nothing after", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  write(*db, {{series("a"), kNow, 1}});
  auto before = db->querier({});
  REQUIRE(before.is_ok());
  std::vector<std::unique_ptr<storage::Querier>> later;
  for (int i = 1; i <= 200; ++i) {  // over a cut of the chunk, too
    write(*db, {{series("a"), kNow + i, 1}, {series("b"), kNow + i, 1}}, Durability::kVisible);
    auto opened = db->querier({});
    REQUIRE(opened.is_ok());
    later.push_back(std::move(opened).value());
  }
  CHECK(query(**before) == Content{{"a{instance=\"a\"}", {{kNow, 1}}}});
  for (size_t i = 0; i < later.size(); ++i) {
    const Content seen = query(*later[i]);
    REQUIRE(seen.size() == 2);
    CHECK(seen.at("a{instance=\"a\"}").size() == i + 2);
    CHECK(seen.at("b{instance=\"a\"}").size() == i + 1);
  }
}

TEST_CASE("Querier sees a batch whole or not at all while writers go on", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  constexpr int kSeries = 50, kBatches = 400;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int b = 0; b < kBatches; ++b) {
      auto appender = db->appender();
      for (int s = 0; s < kSeries; ++s) {
        const auto ref = appender->resolve(series("m", std::to_string(s)));
        appender->append(*ref, 0, kNow + b, b).permit_unchecked("checked by the reader");
      }
      appender->commit(Durability::kVisible, [](const auto&, const auto&) {});
    }
    done = true;
  });
  size_t last = 0;
  bool whole = true, forward = true;
  for (bool more = true; more;) {
    more = !done;
    const Content seen = query(*db);
    const size_t size = seen.empty() ? 0 : seen.begin()->second.size();
    for (const auto& entry : seen) whole = whole && entry.second.size() == size;
    whole = whole && (seen.empty() || seen.size() == kSeries);
    forward = forward && size >= last;
    last = size;
  }
  writer.join();
  CHECK(whole);
  CHECK(forward);
  CHECK(last == kBatches);
}

TEST_CASE("Head keeps start timestamps and histograms beside floats", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  model::Histogram h;
  h.integer = true;
  h.count = 2;
  h.sum = 3;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {2};
  {
    auto appender = db->appender();
    const auto ref = appender->resolve(series("m"));
    REQUIRE(appender->append(*ref, 0, kNow, 1.0).is_ok());
    REQUIRE(appender->append(*ref, kNow - 7, kNow + 1, 2.0).is_ok());
    REQUIRE(appender->append(*ref, kNow - 7, kNow + 2, h).is_ok());
    REQUIRE(appender->append(*ref, kNow - 7, kNow + 2, h).is_ok());
    REQUIRE(appender->append(*ref, 0, kNow + 3, 4.0).is_ok());
    const auto counts = storage::commit_and_wait(*appender, Durability::kDurable);
    REQUIRE(counts.is_ok());
    CHECK(counts->accepted == 4);
    CHECK(counts->histograms_accepted == 1);
    CHECK(counts->repeated == 1);
  }
  const int stage = GENERATE(0, 1, 2);  // as written, replayed, flushed
  if (stage == 1) db.reopen();
  if (stage == 2) REQUIRE(db->flush().is_ok());
  auto querier = db->querier({});
  auto set = (*querier)->select({}, {equals("__name__", "m")});
  REQUIRE((*set)->next());
  storage::ColumnBuffer b;
  REQUIRE((*set)->read(TimeRange::all(), b).is_ok());
  CHECK(b.t == std::vector<int64_t>{kNow, kNow + 1, kNow + 3});
  CHECK(b.v == std::vector<double>{1, 2, 4});
  CHECK(b.start == std::vector<int64_t>{0, kNow - 7, 0});
  CHECK(b.histogram_t == std::vector<int64_t>{kNow + 2});
  CHECK(b.histogram_start == std::vector<int64_t>{kNow - 7});
  REQUIRE(b.histograms.size() == 1);
  CHECK(b.histograms[0].equals(h));
}

TEST_CASE("Head refuses an invalid histogram", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  auto appender = db->appender();
  const auto ref = appender->resolve(series("m"));
  model::Histogram h;
  h.count = 5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1};
  CHECK_FALSE(appender->append(*ref, 0, kNow, h).is_ok());
}
