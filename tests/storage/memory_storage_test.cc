#include "tests/support/memory_storage.h"

#include <catch2/catch.hpp>

namespace silverback {
namespace {

using base::Errc;
using model::Labels;

std::unique_ptr<storage::Querier> open(testing::MemoryStorage& storage) {
  auto querier = storage.querier({});
  REQUIRE(querier.is_ok());
  return std::move(querier).value();
}

std::vector<Labels> all_series(storage::Querier& querier, bool sorted) {
  storage::SelectHints hints;
  hints.sorted = sorted;
  auto set = querier.select(hints, {});
  REQUIRE(set.is_ok());
  std::vector<Labels> all;
  while ((*set)->next()) all.push_back((*set)->labels());
  REQUIRE((*set)->status().is_ok());
  return all;
}

TEST_CASE("MemoryStorage gives series in engine order or label order", "[storage]") {
  testing::MemoryStorage storage;
  for (int i = 0; i < 50; ++i) storage.add(Labels::from({{"i", std::to_string(i)}}), 10, i);
  auto querier = open(storage);
  std::vector<Labels> by_hash = all_series(*querier, false);
  REQUIRE(by_hash.size() == 50);
  REQUIRE(std::is_sorted(by_hash.begin(), by_hash.end(),
                         [](const Labels& a, const Labels& b) { return a.hash() < b.hash(); }));
  std::vector<Labels> by_labels = all_series(*querier, true);
  REQUIRE(std::is_sorted(by_labels.begin(), by_labels.end()));
}

TEST_CASE("MemoryStorage querier does not see later samples", "[storage]") {
  testing::MemoryStorage storage;
  Labels labels = Labels::from({{"__name__", "up"}});
  storage.add(labels, 10, 1);
  auto querier = open(storage);
  storage.add(labels, 20, 2);
  auto set = querier->select({}, {});
  REQUIRE(set.is_ok());
  REQUIRE((*set)->next());
  storage::ColumnBuffer buffer;
  REQUIRE((*set)->read({0, 100}, buffer).is_ok());
  REQUIRE(buffer.t == std::vector<int64_t>{10});
  REQUIRE(storage.samples(labels).size() == 2);
}

TEST_CASE("MemoryStorage reads ranges open on the left and names the shared column", "[storage]") {
  testing::MemoryStorage storage;
  for (int t = 1; t <= 5; ++t) {
    storage.add(Labels::from({{"s", "a"}}), t * 10, t);
    storage.add(Labels::from({{"s", "b"}}), t * 10, -t);
  }
  auto querier = open(storage);
  auto set = querier->select({}, {});
  REQUIRE(set.is_ok());
  storage::ColumnBuffer first, second;
  REQUIRE((*set)->next());
  REQUIRE((*set)->read({10, 40}, first).is_ok());
  REQUIRE((*set)->next());
  REQUIRE((*set)->read({20, 40}, second).is_ok());
  REQUIRE(first.t == std::vector<int64_t>{20, 30, 40});
  REQUIRE(first.column.id == second.column.id);
  REQUIRE(first.column.first == 1);
  REQUIRE(second.column.first == 2);
}

TEST_CASE("MemoryStorage appender judges a batch as a whole", "[storage]") {
  testing::MemoryStorage storage;
  Labels labels = Labels::from({{"__name__", "up"}});
  auto appender = storage.appender();
  auto ref = appender->resolve(labels);
  REQUIRE(ref.is_ok());
  REQUIRE(appender->append(*ref, 0, 10, 1.0).is_ok());
  REQUIRE(appender->append(*ref, 0, 10, 1.0).is_ok());
  REQUIRE(appender->append(*ref, 0, 10, 2.0).is_ok());
  REQUIRE(appender->append(*ref, 0, 5, 2.0).is_ok());
  REQUIRE(storage.samples(labels).empty());
  storage::CommitCounts counts;
  appender->commit(storage::Durability::kVisible,
                   [&](const base::Status& status, const storage::CommitCounts& c) {
                     REQUIRE(status.is_ok());
                     counts = c;
                   });
  REQUIRE(counts.accepted == 1);
  REQUIRE(counts.repeated == 1);
  REQUIRE(counts.duplicate == 1);
  REQUIRE(counts.out_of_order == 1);
  REQUIRE(counts.first_error.code() == Errc::kDuplicate);
  storage.clear();
  REQUIRE(appender->append(*ref, 0, 20, 1.0).code() == Errc::kStaleRef);
}

}  // namespace
}  // namespace silverback
