#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/tsdb/tsdb_fixture.h"

namespace {

using silverback::model::TimeRange;
using silverback::storage::Durability;
using silverback::tsdb::DbOptions;
using silverback::tsdb::testing::Content;
using silverback::tsdb::testing::copy_folder;
using silverback::tsdb::testing::equals;
using silverback::tsdb::testing::kNow;
using silverback::tsdb::testing::query;
using silverback::tsdb::testing::series;
using silverback::tsdb::testing::TempDir;
using silverback::tsdb::testing::TestDb;

constexpr int64_t kWindow = 10'000;
constexpr int64_t kSlack = kWindow / 2;
constexpr int64_t kStart = kNow - 1'000'000;

/// What the database should hold, by the written rules alone.
class Model {
 public:
  /// True if a sample is to be taken; the caller adds it with take().
  bool takes(const std::string& name, int64_t t) const {
    const int64_t frozen_before = newest_ == 0 ? 0 : (newest_ - kSlack) / kWindow * kWindow;
    if (t < frozen_before) return false;
    const auto at = content_.find(name);
    return at == content_.end() || t > at->second.back().first;
  }
  void take(const std::string& name, int64_t t, double v) { content_[name].emplace_back(t, v); }
  /// Freezing looks at what was there before a batch.
  void end_batch() {
    for (const auto& entry : content_) newest_ = std::max(newest_, entry.second.back().first);
  }
  Content in(TimeRange range, const std::string& only = "") const {
    Content out;
    for (const auto& [name, samples] : content_) {
      if (!only.empty() && name != only) continue;
      for (const auto& sample : samples) {
        if (range.contains(sample.first)) out[name].push_back(sample);
      }
    }
    return out;
  }

 private:
  Content content_;
  int64_t newest_ = 0;
};

class Run {
 public:
  explicit Run(uint32_t seed) : random_(seed) {
    DbOptions options;
    options.window_ms = kWindow;
    options.wal_segment_bytes = 2000;
    db_ = std::make_unique<TestDb>(dirs_[0].file("data"), options);
  }

  void step() {
    const uint32_t what = pick(100);
    if (what < 70) {
      append();
    } else if (what < 76) {
      REQUIRE((*db_)->flush().is_ok());
    } else if (what < 79) {
      db_->reopen();
    } else if (what < 82) {
      kill();
    } else {
      check();
    }
  }
  void check() {
    const int64_t after = kStart + static_cast<int64_t>(pick(200'000));
    const TimeRange range{after, after + static_cast<int64_t>(pick(60'000))};
    CHECK(query(**db_, {}, range) == model_.in(range));
    const std::string instance = std::to_string(pick(8));
    CHECK(query(**db_, {equals("instance", instance)}) ==
          model_.in(TimeRange::all(), series("m", instance).to_string()));
  }
  void check_all() { CHECK(query(**db_) == model_.in(TimeRange::all())); }

 private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  void append() {
    auto appender = (*db_)->appender();
    const uint32_t n = 1 + pick(30);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < n; ++i) {
      const auto labels = series("m", std::to_string(pick(8)));
      const std::string name = labels.to_string();
      const int64_t t = now_ - static_cast<int64_t>(pick(4'000)) + i;
      const double v = pick(1000);
      const auto ref = appender->resolve(labels);
      REQUIRE(ref.is_ok());
      REQUIRE(appender->append(*ref, 0, t, v).is_ok());
      if (!model_.takes(name, t)) continue;
      model_.take(name, t, v);
      ++taken;
    }
    model_.end_batch();
    const auto counts = silverback::storage::commit_and_wait(*appender, Durability::kDurable);
    REQUIRE(counts.is_ok());
    CHECK(counts->accepted == taken);
    now_ += pick(1500);
  }

  /// The process dies; the next one finds its files.
  void kill() {
    ++life_;
    const std::string next = dirs_[life_ % 2].file("data" + std::to_string(life_));
    copy_folder((*db_)->path(), next);
    const DbOptions options = db_->options;
    db_ = std::make_unique<TestDb>(next, options);
    CHECK((*db_)->corruption_count() == 0);
  }

  std::mt19937 random_;
  TempDir dirs_[2];
  int life_ = 0;
  int64_t now_ = kStart;
  Model model_;
  std::unique_ptr<TestDb> db_;
};

}  // namespace

TEST_CASE("Db holds what a plain map would hold, over flushes, restarts and kills", "[tsdb]") {
  const uint32_t seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
  CAPTURE(seed);
  Run run(seed);
  for (int i = 0; i < 250; ++i) run.step();
  run.check_all();
}
