#include "tsdb/db.h"

#include <chrono>
#include <limits>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "tests/tsdb/tsdb_fixture.h"

namespace {

using silverback::base::Errc;
using silverback::model::MatchType;
using silverback::model::TimeRange;
using silverback::storage::Durability;
using silverback::tsdb::Db;
using silverback::tsdb::DbOptions;
using silverback::tsdb::testing::Content;
using silverback::tsdb::testing::copy_folder;
using silverback::tsdb::testing::equals;
using silverback::tsdb::testing::kNow;
using silverback::tsdb::testing::matcher;
using silverback::tsdb::testing::Point;
using silverback::tsdb::testing::query;
using silverback::tsdb::testing::Samples;
using silverback::tsdb::testing::series;
using silverback::tsdb::testing::TempDir;
using silverback::tsdb::testing::TestDb;
using silverback::tsdb::testing::write;
namespace model = silverback::model;
namespace storage = silverback::storage;

constexpr int64_t kMinute = 60 * 1000;
constexpr int64_t kHour = 60 * kMinute;

DbOptions minute_windows() {
  DbOptions options;
  options.window_ms = kMinute;
  return options;
}

/// `n` samples of series a and b, a second apart, from t on, one batch each.
Content fill(Db& db, int64_t t, int n) {
  Content out;
  for (int i = 0; i < n; ++i) {
    const int64_t at = t + i * 1000;
    const auto counts = write(db, {{series("a"), at, i * 1.5}, {series("b"), at, -i * 1.5}},
                              i + 1 < n ? Durability::kVisible : Durability::kDurable);
    REQUIRE(counts.accepted == 2);
    out["a{instance=\"a\"}"].emplace_back(at, i * 1.5);
    out["b{instance=\"a\"}"].emplace_back(at, -i * 1.5);
  }
  return out;
}

double metric(const TestDb& db, const std::string& line) {
  const std::string text = db.registry.render_text();
  const size_t at = text.find("\n" + line + " ");
  INFO(line);
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + line.size() + 2));
}

/// A second life of what a killed process left.
struct Survivor {
  explicit Survivor(TestDb& db) {
    copy_folder(db->path(), dir.file("copy"));
    options = db.options;
  }
  TempDir dir;
  DbOptions options;
};

}  // namespace

TEST_CASE("Db gives back after a kill what it had acknowledged", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  const Content written = fill(*db, kNow, 300);
  Survivor survivor(db);
  TestDb again(survivor.dir.file("copy"), survivor.options);
  CHECK(query(*again) == written);
  CHECK(again->corruption_count() == 0);
  CHECK(metric(again, "prometheus_tsdb_clean_start") == 0);
  CHECK(write(*again, {{series("a"), kNow, 7}}).out_of_order == 1);
  CHECK(write(*again, {{series("a"), kNow + 299'000, 299 * 1.5}}).repeated == 1);
  CHECK(write(*again, {{series("a"), kNow + 299'001, 1}}).accepted == 1);
}

TEST_CASE("Db gives back what it had after a stop", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  const Content written = fill(*db, kNow, 5);
  write(*db, {{series("c"), kNow, 1}}, Durability::kVisible);
  db.reopen();
  Content expected = written;
  expected["c{instance=\"a\"}"] = {{kNow, 1}};
  CHECK(query(*db) == expected);
  CHECK(metric(db, "prometheus_tsdb_clean_start") == 1);
}

TEST_CASE("Db flushes its open window, goes on in it and flushes it again", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  Content expected;
  for (int round = 0; round < 3; ++round) {
    for (auto& entry : fill(*db, kNow + round * 20'000, 20)) {
      Samples& s = expected[entry.first];
      s.insert(s.end(), entry.second.begin(), entry.second.end());
    }
    REQUIRE(db->flush().is_ok());
    CHECK(query(*db) == expected);
    CHECK(write(*db, {{series("a"), kNow, 1}}).out_of_order == 1);
  }
  CHECK(metric(db, "prometheus_tsdb_blocks_loaded") == 3);
  CHECK(metric(db, "prometheus_tsdb_head_chunks") == 0);
  fill(*db, kNow + 60'000, 1);
  db.reopen();
  expected["a{instance=\"a\"}"].emplace_back(kNow + 60'000, 0);
  expected["b{instance=\"a\"}"].emplace_back(kNow + 60'000, 0);
  CHECK(query(*db) == expected);
  CHECK(write(*db, {{series("a"), kNow + 59'000, 1}}).out_of_order == 1);
}

TEST_CASE("Db remembers the newest sample of a series whose data is all flushed", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  fill(*db, kNow, 3);
  REQUIRE(db->flush().is_ok());
  db.reopen();
  CHECK(write(*db, {{series("a"), kNow + 1000, 9}}).out_of_order == 1);
  CHECK(write(*db, {{series("a"), kNow + 2000, 3}}).repeated == 1);
  CHECK(write(*db, {{series("a"), kNow + 2000, 4}}).duplicate == 1);
}

TEST_CASE("Db flushes windows once they are frozen, during a backfill", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path(), minute_windows());
  const Content written = fill(*db, 0, 600);
  // 600 s; the last frozen window ends 30 s or more before the newest sample.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (metric(db, "prometheus_tsdb_blocks_loaded") < 9) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(query(*db) == written);
  db.reopen();
  CHECK(query(*db) == written);
  CHECK(db->lowest_timestamp_ms() == 0);
}

TEST_CASE("Querier keeps reading what was flushed and dropped behind it", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path(), minute_windows());
  const Content first = fill(*db, kNow, 100);
  auto before = db->querier({});
  REQUIRE(db->flush().is_ok());
  auto between = db->querier({});
  fill(*db, kNow + 200'000, 100);
  REQUIRE(db->flush().is_ok());
  db->set_retention(1000, 0);
  db.clock.set_ms(kNow + kHour);
  write(*db, {{series("c"), kNow + 600'000, 1}});
  REQUIRE(db->flush().is_ok());
  CHECK(query(*db) == Content{{"c{instance=\"a\"}", {{kNow + 600'000, 1}}}});
  CHECK(query(**before) == first);
  CHECK(query(**between) == first);
}

TEST_CASE("Db joins head and partitions series by series", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path(), minute_windows());
  // Series 0..9 only in the partition, 10..19 in both, 20..29 only in the head.
  std::vector<Point> old_points, new_points;
  Content expected;
  for (int i = 0; i < 30; ++i) {
    const auto labels = series("m", std::to_string(i));
    if (i < 20) {
      old_points.push_back({labels, kNow, 1.0 * i});
      expected[labels.to_string()].emplace_back(kNow, 1.0 * i);
    }
    if (i >= 10) {
      new_points.push_back({labels, kNow + 1, 2.0 * i});
      expected[labels.to_string()].emplace_back(kNow + 1, 2.0 * i);
    }
  }
  write(*db, old_points);
  REQUIRE(db->flush().is_ok());
  write(*db, new_points);
  CHECK(query(*db) == expected);
  CHECK(query(*db, {equals("instance", "15")}).size() == 1);
  CHECK(query(*db, {matcher(MatchType::kNotRegex, "instance", "1.*")}).size() == 19);
  // (after, until] picks one side.
  CHECK(query(*db, {}, {kNow, kNow + 1}).size() == 20);
  CHECK(query(*db, {}, {kNow - 1, kNow}).size() == 20);
  CHECK(query(*db, {}, {kNow + 1, kNow + 2}).empty());

  auto querier = db->querier({});
  storage::SelectHints hints;
  auto engine_order = (*querier)->select(hints, {});
  model::LabelHash last{};
  size_t n = 0;
  while ((*engine_order)->next()) {
    const model::LabelHash hash = (*engine_order)->labels().hash();
    CHECK(last < hash);
    last = hash;
    ++n;
  }
  CHECK(n == 30);
  hints.sorted = true;
  auto label_order = (*querier)->select(hints, {});
  model::Labels before;
  while ((*label_order)->next()) {
    CHECK(before < (*label_order)->labels());
    before = (*label_order)->labels();
  }
  hints.limit = 7;
  auto limited = (*querier)->select(hints, {});
  for (n = 0; (*limited)->next();) ++n;
  CHECK(n == 7);
}

TEST_CASE("SeriesSet splits into blocks in order", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  std::vector<Point> points;
  for (int i = 0; i < 10'000; ++i)
    points.push_back({series("m", std::to_string(i)), kNow, 1.0 * i});
  write(*db, points);
  auto querier = db->querier({});
  auto set = (*querier)->select({}, {});
  std::vector<std::unique_ptr<storage::SeriesSet>> blocks = (*set)->split();
  REQUIRE(blocks.size() == 3);
  size_t total = 0;
  model::LabelHash last{};
  bool ordered = true;
  for (const auto& block : blocks) {
    size_t n = 0;
    for (; block->next(); ++n) {
      ordered = ordered && last < block->labels().hash();
      last = block->labels().hash();
    }
    CHECK(n <= storage::kSeriesPerBlock);
    total += n;
  }
  CHECK(total == 10'000);
  CHECK(ordered);
}

TEST_CASE("Querier lists names and values of series with samples in range", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path(), minute_windows());
  write(*db, {{model::Labels::from({{"__name__", "old"}, {"x", "1"}}), kNow - kHour, 1}});
  REQUIRE(db->flush().is_ok());
  write(*db, {{model::Labels::from({{"__name__", "new"}, {"y", "2"}}), kNow, 1}});
  auto querier = db->querier({});
  using Strings = std::vector<std::string>;
  storage::SelectHints all, recent;
  recent.range = {kNow - kMinute, kNow};
  CHECK(*(*querier)->label_names(all, {}) == Strings{"__name__", "x", "y"});
  CHECK(*(*querier)->label_names(recent, {}) == Strings{"__name__", "y"});
  CHECK(*(*querier)->label_names(all, {equals("__name__", "old")}) == Strings{"__name__", "x"});
  CHECK(*(*querier)->label_values(all, "__name__", {}) == Strings{"new", "old"});
  CHECK(*(*querier)->label_values(recent, "__name__", {}) == Strings{"new"});
  CHECK(*(*querier)->label_values(all, "__name__", {equals("x", "1")}) == Strings{"old"});
  CHECK((*querier)->label_values(all, "none", {})->empty());
}

TEST_CASE("Querier stops when told and keeps to its budget", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  fill(*db, kNow, 100);
  std::stop_source stop;
  storage::QueryBudget budget({10'000, 1'000'000});
  storage::QuerierOptions options;
  options.budget = &budget;
  options.stop = stop.get_token();
  {
    auto querier = db->querier(options);
    auto set = (*querier)->select({}, {});
    REQUIRE(set.is_ok());
    storage::ColumnBuffer b;
    REQUIRE((*set)->next());
    REQUIRE((*set)->read(TimeRange::all(), b).is_ok());
    CHECK(budget.bytes() > 1600);
    stop.request_stop();
    CHECK((*set)->read(TimeRange::all(), b).code() == Errc::kCanceled);
  }
  CHECK(budget.bytes() == 0);
  storage::QueryBudget tight({1000, 1'000'000});
  options.budget = &tight;
  options.stop = {};
  auto querier = db->querier(options);
  auto set = (*querier)->select({}, {});
  REQUIRE(set.is_ok());
  REQUIRE((*set)->next());
  storage::ColumnBuffer b;
  CHECK((*set)->read(TimeRange::all(), b).code() == Errc::kLimit);
}

TEST_CASE("Db drops partitions that are past retention by time", "[tsdb]") {
  TempDir dir;
  DbOptions options = minute_windows();
  options.retention_ms = 10 * kMinute;
  TestDb db(dir.path(), options);
  const int64_t window = kNow - kNow % kMinute;
  write(*db, {{series("a"), window - 15 * kMinute, 1}});
  write(*db, {{series("a"), window - 5 * kMinute, 2}});
  write(*db, {{series("a"), window, 3}});
  REQUIRE(db->flush().is_ok());
  CHECK(query(*db) == Content{{"a{instance=\"a\"}", {{window - 5 * kMinute, 2}, {window, 3}}}});
  CHECK(db->lowest_timestamp_ms() == window - 5 * kMinute);
  db->set_retention(kMinute, 0);
  REQUIRE(db->flush().is_ok());
  CHECK(query(*db) == Content{{"a{instance=\"a\"}", {{window, 3}}}});
  db.reopen();
  CHECK(query(*db) == Content{{"a{instance=\"a\"}", {{window, 3}}}});
}

TEST_CASE("Db drops the oldest partitions that are past retention by size", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path(), minute_windows());
  const Content written = fill(*db, kNow - kNow % kMinute, 180);
  REQUIRE(db->flush().is_ok());
  const auto wal = static_cast<uint64_t>(metric(db, "prometheus_tsdb_wal_storage_size_bytes"));
  const auto blocks = static_cast<uint64_t>(metric(db, "prometheus_tsdb_storage_blocks_bytes"));
  db->set_retention(0, wal + blocks - 1);
  REQUIRE(db->flush().is_ok());
  Samples expected = written.at("a{instance=\"a\"}");
  expected.erase(expected.begin(), expected.begin() + 60);
  CHECK(query(*db).at("a{instance=\"a\"}") == expected);
  CHECK(metric(db, "prometheus_tsdb_size_retentions_total") == 1);
}

TEST_CASE("Db deletes WAL segments that partitions made superfluous", "[tsdb]") {
  TempDir dir;
  DbOptions options = minute_windows();
  options.wal_segment_bytes = 4096;
  TestDb db(dir.path(), options);
  const auto segments = [&db] {
    const auto names = silverback::base::FileSystem::real().list(db->path() + "/wal");
    REQUIRE(names.is_ok());
    return names->size();
  };
  const Content written = fill(*db, kNow, 600);
  CHECK(segments() > 5);
  REQUIRE(db->flush().is_ok());
  CHECK(segments() <= 2);
  db.reopen();
  CHECK(query(*db) == written);
}

TEST_CASE("Db counts what status/tsdb shows", "[tsdb]") {
  TempDir dir;
  TestDb db(dir.path());
  CHECK(db->cardinality(10).min_time_ms == std::numeric_limits<int64_t>::max());
  CHECK(db->cardinality(10).max_time_ms == std::numeric_limits<int64_t>::min());
  CHECK(db->lowest_timestamp_ms() == std::numeric_limits<int64_t>::max());
  write(
      *db,
      {{series("m", "x"), kNow, 1}, {series("m", "yy"), kNow + 1, 1}, {series("n", "x"), kNow, 1}});
  const auto stats = db->cardinality(10);
  using Top = silverback::tsdb::CardinalityStats::Top;
  CHECK(stats.series == 3);
  CHECK(stats.chunks == 3);
  CHECK(stats.label_pairs == 4);
  CHECK(stats.min_time_ms == kNow);
  CHECK(stats.max_time_ms == kNow + 1);
  CHECK(stats.series_by_metric_name == Top{{"m", 2}, {"n", 1}});
  CHECK(stats.label_values_by_name == Top{{"__name__", 2}, {"instance", 2}});
  CHECK(stats.memory_by_label_name == Top{{"instance", 4}, {"__name__", 3}});
  CHECK(db->cardinality(1).series_by_label_pair == Top{{"__name__=m", 2}});
}
