#include "tsdb/exemplar_store.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/tsdb/tsdb_fixture.h"

namespace {

namespace model = silverback::model;
namespace storage = silverback::storage;
namespace tsdb = silverback::tsdb;
using namespace silverback::tsdb::testing;
using Verdict = tsdb::ExemplarStore::Verdict;

model::Exemplar exemplar(int64_t t, double value, const std::string& trace = "x") {
  model::Exemplar e;
  e.t = t;
  e.value = value;
  if (!trace.empty()) e.labels = model::Labels::from({{"trace_id", trace}});
  return e;
}

constexpr storage::SeriesRef kRef{1, 1};

std::string text(const std::vector<storage::SeriesExemplars>& found) {
  std::string out;
  for (const storage::SeriesExemplars& series : found) {
    out += series.series.to_string() + ":";
    for (const model::Exemplar& e : series.exemplars) {
      out += " " + std::string(e.labels.get("trace_id")) + "@" + std::to_string(e.t);
    }
    out += "; ";
  }
  return out;
}

const std::vector<model::Matchers> kAll = {{}};

std::string all(const tsdb::ExemplarStore& store) {
  return text(store.select(model::TimeRange::all(), kAll));
}

class Numbers final : public silverback::base::metrics::Sink {
 public:
  void counter(std::string_view name, std::string_view,
               const silverback::base::metrics::LabelPairs&, double v) override {
    values[std::string(name)] = v;
  }
  void gauge(std::string_view name, std::string_view, const silverback::base::metrics::LabelPairs&,
             double v) override {
    values[std::string(name)] = v;
  }
  double operator[](const std::string& name) const {
    return values.at("prometheus_tsdb_exemplar_" + name);
  }
  std::map<std::string, double> values;
};

}  // namespace

TEST_CASE("ExemplarStore takes a series' exemplars in order", "[tsdb]") {
  struct Row {
    model::Exemplar e;
    Verdict verdict;
  };
  const model::Labels same = model::Labels::from({{"trace_id", "b"}});
  const model::Labels other = model::Labels::from({{"trace_id", "c"}});
  const bool b_first = same.hash() < other.hash();
  const std::vector<Row> rows = {
      {exemplar(1000, 5), Verdict::kStored},
      {exemplar(1000, 5), Verdict::kRepeated},
      {exemplar(999, 9), Verdict::kOutOfOrder},
      {exemplar(1000, 4), Verdict::kOutOfOrder},
      {exemplar(1000, 6, b_first ? "b" : "c"), Verdict::kStored},
      {exemplar(1000, 6, b_first ? "c" : "b"), Verdict::kStored},
      {exemplar(1000, 6, b_first ? "b" : "c"), Verdict::kOutOfOrder},
      {exemplar(2000, 1, ""), Verdict::kStored},
      {exemplar(3000, 1, std::string(121, 'y')), Verdict::kTooLong},
      {exemplar(3000, 1, std::string(120, 'y')), Verdict::kStored},
  };
  tsdb::ExemplarStore store(100);
  for (const Row& row : rows) {
    INFO(row.e.t << " " << row.e.value << " " << row.e.labels.to_string());
    CHECK(store.add(kRef, series("s"), row.e) == row.verdict);
  }
  // Characters count, not bytes.
  std::string umlauts;
  for (int i = 0; i < 120; ++i) umlauts += "\xc3\xbc";
  CHECK(store.add(kRef, series("s"), exemplar(4000, 1, umlauts)) == Verdict::kStored);
  CHECK(store.add(kRef, series("t"), exemplar(1, 1)) == Verdict::kStored);
}

TEST_CASE("ExemplarStore forgets the oldest of all series", "[tsdb]") {
  tsdb::ExemplarStore store(3);
  store.add(kRef, series("a"), exemplar(1, 1, "a1"));
  store.add(kRef, series("b"), exemplar(2, 1, "b2"));
  store.add(kRef, series("a"), exemplar(3, 1, "a3"));
  CHECK(all(store) == "a{instance=\"a\"}: a1@1 a3@3; b{instance=\"a\"}: b2@2; ");
  store.add(kRef, series("b"), exemplar(4, 1, "b4"));
  CHECK(all(store) == "a{instance=\"a\"}: a3@3; b{instance=\"a\"}: b2@2 b4@4; ");
  store.add(kRef, series("c"), exemplar(5, 1, "c5"));
  store.add(kRef, series("c"), exemplar(6, 1, "c6"));
  CHECK(all(store) == "b{instance=\"a\"}: b4@4; c{instance=\"a\"}: c5@5 c6@6; ");
  // A series that takes the place of its own last one goes on.
  store.add(kRef, series("b"), exemplar(7, 1, "b7"));
  CHECK(all(store) == "b{instance=\"a\"}: b7@7; c{instance=\"a\"}: c5@5 c6@6; ");
  Numbers n;
  store.collect(n);
  CHECK(n["exemplars_appended_total"] == 7);
  CHECK(n["exemplars_in_storage"] == 3);
  CHECK(n["series_with_exemplars_in_storage"] == 2);
  CHECK(n["last_exemplars_timestamp_seconds"] == 0.005);
  CHECK(n["max_exemplars"] == 3);
  CHECK(n["out_of_order_exemplars_total"] == 0);
}

TEST_CASE("ExemplarStore selects by time and by any of the matcher sets", "[tsdb]") {
  tsdb::ExemplarStore store(10);
  for (int64_t t = 1; t <= 3; ++t) {
    store.add(kRef, series("b"), exemplar(t, 1, "b"));
    store.add(kRef, series("a"), exemplar(t, 1, "a"));
  }
  const auto select = [&](int64_t after, int64_t until, const std::vector<model::Matchers>& any) {
    return text(store.select({after, until}, any));
  };
  CHECK(select(1, 2, kAll) == "a{instance=\"a\"}: a@2; b{instance=\"a\"}: b@2; ");
  CHECK(select(3, 9, kAll).empty());
  CHECK(select(-9, 0, kAll).empty());
  CHECK(select(0, 9, {}).empty());
  CHECK(select(0, 1, {{equals("__name__", "b")}}) == "b{instance=\"a\"}: b@1; ");
  CHECK(select(0, 1, {{equals("__name__", "b")}, {equals("instance", "a")}}) ==
        "a{instance=\"a\"}: a@1; b{instance=\"a\"}: b@1; ");
}

TEST_CASE("ExemplarStore keeps the newest when it is resized", "[tsdb]") {
  for (const int64_t count : {3, 4, 6}) {
    INFO(count);
    tsdb::ExemplarStore store(4);
    for (int64_t t = 1; t <= count; ++t) {
      store.add(kRef, series(t % 2 == 0 ? "a" : "b"), exemplar(t, 1, std::to_string(t)));
    }
    const auto held = [&store] {
      std::vector<int64_t> out;
      uint64_t from = 0;
      for (;;) {
        const uint64_t until = store.visit(
            from, 2, [&](storage::SeriesRef, const model::Exemplar& e) { out.push_back(e.t); });
        if (until == from) return out;
        from = until;
      }
    };
    std::vector<int64_t> expected = held();
    store.resize(9);
    CHECK(held() == expected);
    store.add(kRef, series("a"), exemplar(10, 1));
    expected.push_back(10);
    CHECK(held() == expected);
    store.resize(2);
    expected.erase(expected.begin(), expected.end() - 2);
    CHECK(held() == expected);
    store.add(kRef, series("a"), exemplar(11, 1));
    CHECK(held() == std::vector<int64_t>{10, 11});
    store.resize(0);
    CHECK(held().empty());
    CHECK(store.add(kRef, series("a"), exemplar(12, 1)) == Verdict::kDisabled);
    store.resize(1);
    CHECK(store.add(kRef, series("a"), exemplar(12, 1)) == Verdict::kStored);
  }
}

namespace {

storage::CommitCounts write_exemplars(tsdb::Db& db, const std::string& name,
                                      const std::vector<model::Exemplar>& exemplars) {
  auto appender = db.appender();
  const auto ref = appender->resolve(series(name));
  REQUIRE(ref.is_ok());
  for (const model::Exemplar& e : exemplars) REQUIRE(appender->append_exemplar(*ref, e).is_ok());
  const auto counts = storage::commit_and_wait(*appender, storage::Durability::kDurable);
  REQUIRE(counts.is_ok());
  return *counts;
}

std::string read_exemplars(tsdb::Db& db) {
  auto querier = db.querier({});
  REQUIRE(querier.is_ok());
  const auto found = (*querier)->exemplars(model::TimeRange::all(), kAll);
  REQUIRE(found.is_ok());
  return text(*found);
}

}  // namespace

TEST_CASE("Exemplars come back from the WAL, checkpointed ones too", "[tsdb]") {
  const TempDir dir;
  tsdb::DbOptions options;
  options.max_exemplars = 10;
  TestDb test(dir.path(), options);
  const storage::CommitCounts first = write_exemplars(
      *test.db, "a", {exemplar(kNow, 1, "1"), exemplar(kNow, 1, "1"), exemplar(kNow - 5, 1, "0")});
  CHECK(first.exemplars_accepted == 1);
  CHECK(first.exemplars_out_of_order == 0);  // one of them was in order
  const storage::CommitCounts late = write_exemplars(*test.db, "a", {exemplar(kNow - 5, 1, "0")});
  CHECK(late.exemplars_accepted == 0);
  CHECK(late.exemplars_out_of_order == 1);
  write(*test.db, {{series("a"), kNow, 1}, {series("b"), kNow, 1}});
  write_exemplars(*test.db, "b", {exemplar(kNow, 2, "2"), exemplar(kNow + 1, 2, "3")});
  const std::string expected = "a{instance=\"a\"}: 1@" + std::to_string(kNow) +
                               "; b{instance=\"a\"}: 2@" + std::to_string(kNow) + " 3@" +
                               std::to_string(kNow + 1) + "; ";
  CHECK(read_exemplars(*test.db) == expected);
  test.reopen();
  CHECK(read_exemplars(*test.db) == expected);
  // The flush lets go of the segments that held them.
  REQUIRE(test.db->flush().is_ok());
  CHECK(read_exemplars(*test.db) == expected);
  test.reopen();
  CHECK(read_exemplars(*test.db) == expected);
  CHECK(query(*test.db).size() == 2);
  test.db->set_max_exemplars(1);
  CHECK(read_exemplars(*test.db) == "b{instance=\"a\"}: 3@" + std::to_string(kNow + 1) + "; ");
}

TEST_CASE("Exemplars are taken and forgotten where they are off", "[tsdb]") {
  const TempDir dir;
  TestDb test(dir.path());
  CHECK(write_exemplars(*test.db, "a", {exemplar(kNow, 1)}).exemplars_accepted == 0);
  CHECK(read_exemplars(*test.db).empty());
}
