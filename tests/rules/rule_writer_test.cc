#include "rules/rule_writer.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/memory_storage.h"
#include "tests/support/recording_appendable.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
using silverback::testing::MemoryStorage;
using silverback::testing::RecordingAppendable;

promql::Sample sample(const std::string& name, double v) {
  promql::Sample s;
  s.labels = model::Labels::from({{"__name__", name}});
  s.v = v;
  return s;
}

}  // namespace

TEST_CASE("RuleWriter writes one batch and reuses its refs", "[rules]") {
  RecordingAppendable storage;
  {
    rules::RuleWriter writer(storage);
    CHECK(storage.open_targets() == 1);
    REQUIRE(writer.write({sample("a", 1), sample("b", 2)}, 1000, false).is_ok());
    REQUIRE(writer.write({sample("a", 3), sample("b", 4)}, 2000, true).is_ok());
  }
  CHECK(storage.open_targets() == 0);
  CHECK(storage.resolves() == 2);
  const auto batches = storage.batches();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].value("a") == 1);
  CHECK(batches[1].value("b") == 4);
  CHECK(batches[1].samples[0].t == 2000);
  CHECK(batches[1].samples[0].target != 0);
}

TEST_CASE("RuleWriter ends gone series in the same batch", "[rules]") {
  RecordingAppendable storage;
  rules::RuleWriter writer(storage);
  REQUIRE(writer.write({sample("a", 1), sample("b", 2)}, 1000, false).is_ok());
  REQUIRE(writer.write({sample("b", 2)}, 2000, false).is_ok());
  REQUIRE(writer.write({}, 3000, false).is_ok());
  REQUIRE(writer.write({}, 4000, false).is_ok());
  const auto batches = storage.batches();
  REQUIRE(batches.size() == 3);
  CHECK(batches[1].stale("a"));
  CHECK_FALSE(batches[1].stale("b"));
  CHECK(batches[2].stale("b"));
  CHECK_FALSE(batches[2].has("a"));
}

TEST_CASE("RuleWriter resolves collected series anew", "[rules]") {
  RecordingAppendable storage;
  rules::RuleWriter writer(storage);
  REQUIRE(writer.write({sample("a", 1), sample("b", 2)}, 1000, false).is_ok());
  storage.collect("a");
  REQUIRE(writer.write({sample("a", 3), sample("b", 4)}, 2000, false).is_ok());
  CHECK(storage.batches()[1].value("a") == 3);
  CHECK(storage.batches()[1].value("b") == 4);
}

TEST_CASE("RuleWriter remembers nothing of a batch that failed", "[rules]") {
  RecordingAppendable storage;
  rules::RuleWriter writer(storage);
  REQUIRE(writer.write({sample("a", 1)}, 1000, false).is_ok());
  storage.fail_commits(base::Status(base::Errc::kUnavailable, "full"));
  CHECK(writer.write({sample("b", 1)}, 2000, false).status().message() == "full");
  storage.fail_commits({});
  REQUIRE(writer.write({sample("b", 1)}, 3000, false).is_ok());
  CHECK(storage.batches().back().stale("a"));
}

TEST_CASE("RuleWriter tells refused results but not refused markers", "[rules]") {
  MemoryStorage storage;  // its refusals name the series, as storage's contract says
  const auto stored = [&](const std::string& name) {
    return storage.samples(model::Labels::from({{"__name__", name}}));
  };
  rules::RuleWriter writer(storage), other(storage);
  REQUIRE(writer.write({sample("a", 1)}, 1000, false).is_ok());
  SECTION("a result that is out of order") {
    const auto outcome = writer.write({sample("a", 1)}, 500, false);
    REQUIRE(outcome.is_ok());
    CHECK(outcome->out_of_order == 1);
    CHECK(outcome->first_refusal.message() == "out of order sample for a at 500");
  }
  SECTION("a result beside a marker") {
    storage.add(model::Labels::from({{"__name__", "b"}}), 3000, 1);
    const auto outcome = writer.write({sample("b", 2)}, 2000, false);
    REQUIRE(outcome.is_ok());
    CHECK(outcome->first_refusal.code() == base::Errc::kOutOfOrder);
  }
  SECTION("a marker for a series that another rule writes now") {
    REQUIRE(other.write({sample("a", 5)}, 2000, false).is_ok());
    const auto outcome = writer.write({sample("b", 1)}, 2000, false);
    REQUIRE(outcome.is_ok());
    CHECK(outcome->first_refusal.is_ok());
    CHECK(stored("b").size() == 1);
    CHECK(stored("a").back().v == 5);
  }
}

TEST_CASE("Stale markers are written for series whose rule is gone", "[rules]") {
  RecordingAppendable storage;
  rules::RuleWriter writer(storage);
  REQUIRE(writer.write({sample("a", 1), sample("b", 1)}, 1000, false).is_ok());
  REQUIRE(rules::write_stale_markers(storage, writer.release(), 2000).is_ok());
  CHECK(storage.batches().back().stale("a"));
  CHECK(storage.batches().back().stale("b"));
  REQUIRE(writer.write({}, 3000, false).is_ok());
  CHECK(storage.batch_count() == 2);
  CHECK(rules::write_stale_markers(storage, {}, 3000).is_ok());
}
