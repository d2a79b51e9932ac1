#include "tsdb/postings.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/tsdb/tsdb_fixture.h"

namespace {

using silverback::model::Labels;
using silverback::model::Matchers;
using silverback::model::MatchType;
using silverback::tsdb::Postings;
using silverback::tsdb::testing::matcher;

struct Row {
  std::string what;
  Matchers matchers;
};

}  // namespace

TEST_CASE("Postings select what matching label by label selects", "[tsdb]") {
  std::vector<Labels> all;
  Postings postings;
  for (int i = 0; i < 1000; ++i) {
    std::vector<std::pair<std::string, std::string>> pairs = {
        {"__name__", i % 2 == 0 ? "even" : "odd"}, {"n", std::to_string(i)}};
    if (i % 3 == 0) pairs.emplace_back("third", "t" + std::to_string(i % 9));
    all.push_back(Labels::from(pairs));
    postings.add(static_cast<uint32_t>(i), all.back());
  }
  const auto labels_of = [&all](uint32_t slot) -> const Labels& { return all[slot]; };
  const auto eq = MatchType::kEqual, ne = MatchType::kNotEqual;
  const auto re = MatchType::kRegex, nre = MatchType::kNotRegex;
  const std::vector<Row> rows = {
      {"all", {}},
      {"equal", {matcher(eq, "__name__", "even")}},
      {"equal, unknown value", {matcher(eq, "__name__", "none")}},
      {"equal, unknown name", {matcher(eq, "none", "x")}},
      {"equal empty", {matcher(eq, "third", "")}},
      {"equal empty, unknown name", {matcher(eq, "none", "")}},
      {"not equal", {matcher(ne, "third", "t3")}},
      {"not equal empty", {matcher(ne, "third", "")}},
      {"two equals", {matcher(eq, "__name__", "odd"), matcher(eq, "third", "t3")}},
      {"few and many", {matcher(eq, "n", "6"), matcher(eq, "__name__", "even")}},
      {"contradiction", {matcher(eq, "n", "6"), matcher(eq, "__name__", "odd")}},
      {"literals", {matcher(re, "n", "1|2|2|999|none")}},
      {"literals with empty", {matcher(re, "third", "t3|")}},
      {"regex", {matcher(re, "n", "1.*5")}},
      {"regex taking empty", {matcher(re, "third", ".*")}},
      {"regex not taking empty", {matcher(re, "third", ".+")}},
      {"not regex", {matcher(eq, "__name__", "odd"), matcher(nre, "n", ".*[13579]")}},
      {"not regex, unlabelled stay", {matcher(nre, "third", "t0|t6")}},
      {"not regex empty", {matcher(nre, "third", "")}},
      {"not regex all", {matcher(nre, "third", ".*")}},
      {"only negatives", {matcher(ne, "n", "5"), matcher(nre, "n", "1.*")}},
      {"everything",
       {matcher(eq, "__name__", "even"), matcher(re, "third", "t.*"), matcher(ne, "n", "6"),
        matcher(nre, "n", "99.*")}},
  };
  for (const Row& row : rows) {
    Postings::Slots expected;
    for (uint32_t i = 0; i < all.size(); ++i) {
      if (silverback::model::matches_all(row.matchers, all[i])) expected.push_back(i);
    }
    CAPTURE(row.what);
    CHECK(postings.select(row.matchers, labels_of) == expected);
  }
}

TEST_CASE("Postings stay sorted when slots come back out of order", "[tsdb]") {
  Postings postings;
  for (const uint32_t slot : {5, 1, 3}) postings.add(slot, Labels::from({{"a", "b"}}));
  CHECK(postings.slots("a", "b") == Postings::Slots{1, 3, 5});
  CHECK(postings.all() == Postings::Slots{1, 3, 5});
}

TEST_CASE("Postings ask the newest series first and stop at the first that will do", "[tsdb]") {
  Postings postings;
  for (uint32_t slot = 0; slot < 100; ++slot) {
    postings.add(slot, Labels::from({{"a", slot < 40 ? "old" : "new"}}));
  }
  std::vector<uint32_t> asked;
  const auto wanted = [&asked](uint32_t until) {
    asked.clear();
    return [&asked, until](uint32_t slot) {
      asked.push_back(slot);
      return slot <= until;
    };
  };
  CHECK(postings.any("a", "new", wanted(98)));
  CHECK(asked == std::vector<uint32_t>{99, 98});
  CHECK_FALSE(postings.any("a", "new", wanted(39)));
  CHECK(asked.size() == 60);
  CHECK(asked.back() == 40);
  CHECK(postings.any("a", wanted(0)));
  CHECK_FALSE(postings.any("a", "none", wanted(99)));
  CHECK_FALSE(postings.any("b", wanted(99)));
}
