#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/metrics.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "storage/appender.h"
#include "storage/querier.h"
#include "tests/support/temp_dir.h"
#include "tsdb/db.h"

namespace silverback::tsdb::testing {

using tests::TempDir;

inline void copy_folder(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

inline constexpr int64_t kNow = 1'700'000'000'000;  // not on a window's bound

using Samples = std::vector<std::pair<int64_t, double>>;
using Content = std::map<std::string, Samples>;  // by Labels::to_string()

inline model::Labels series(const std::string& name, const std::string& instance = "a") {
  return model::Labels::from({{"__name__", name}, {"instance", instance}});
}

inline model::Matcher matcher(model::MatchType type, const std::string& name,
                              const std::string& value) {
  auto made = model::Matcher::make(type, name, value);
  REQUIRE(made.is_ok());
  return *made;
}
inline model::Matcher equals(const std::string& name, const std::string& value) {
  return matcher(model::MatchType::kEqual, name, value);
}

inline Content drain(storage::SeriesSet& set, model::TimeRange range) {
  Content out;
  storage::ColumnBuffer buffer;
  while (set.next()) {
    REQUIRE(set.read(range, buffer).is_ok());
    if (buffer.empty()) continue;
    Samples& samples = out[set.labels().to_string()];
    REQUIRE(samples.empty());
    for (size_t i = 0; i < buffer.t.size(); ++i) samples.emplace_back(buffer.t[i], buffer.v[i]);
  }
  REQUIRE(set.status().is_ok());
  return out;
}

inline Content query(storage::Querier& querier, const model::Matchers& matchers = {},
                     model::TimeRange range = model::TimeRange::all()) {
  storage::SelectHints hints;
  hints.range = range;
  auto set = querier.select(hints, matchers);
  REQUIRE(set.is_ok());
  return drain(**set, range);
}

inline Content query(Db& db, const model::Matchers& matchers = {},
                     model::TimeRange range = model::TimeRange::all()) {
  storage::QuerierOptions options;
  options.range = range;
  auto querier = db.querier(options);
  REQUIRE(querier.is_ok());
  return query(**querier, matchers, range);
}

struct Point {
  model::Labels labels;
  int64_t t = 0;
  double v = 0;
};

/// One batch; waits until it is on disk.
inline storage::CommitCounts write(Db& db, const std::vector<Point>& points,
                                   storage::Durability wanted = storage::Durability::kDurable) {
  auto appender = db.appender();
  for (const Point& p : points) {
    auto ref = appender->resolve(p.labels);
    REQUIRE(ref.is_ok());
    REQUIRE(appender->append(*ref, 0, p.t, p.v).is_ok());
  }
  auto counts = storage::commit_and_wait(*appender, wanted);
  REQUIRE(counts.is_ok());
  return *counts;
}

/// A Db with its clock, at kNow, and its registry.
struct TestDb {
  explicit TestDb(const std::string& path, DbOptions with = DbOptions()) {
    options = std::move(with);
    options.path = path;
    options.clock = &clock;
    options.registry = &registry;
    reopen();
  }
  void reopen() {
    db.reset();
    auto opened = Db::open(options);
    INFO(opened.status().to_string());
    REQUIRE(opened.is_ok());
    db = std::move(opened).value();
    db->start();
  }
  Db& operator*() { return *db; }
  Db* operator->() { return db.get(); }

  base::ManualClock clock{kNow};
  base::metrics::Registry registry;
  DbOptions options;
  std::unique_ptr<Db> db;
};

}  // namespace silverback::tsdb::testing
