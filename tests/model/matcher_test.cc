#include "model/matcher.h"

#include <catch2/catch.hpp>

namespace silverback::model {
namespace {

Matcher matcher(MatchType type, std::string name, std::string value) {
  auto made = Matcher::make(type, std::move(name), std::move(value));
  REQUIRE(made.is_ok());
  return *made;
}

}  // namespace

TEST_CASE("Matcher treats an absent label as empty", "[model]") {
  const Labels labels = Labels::from({{"__name__", "up"}, {"job", "api"}});
  CHECK(matches_all({matcher(MatchType::kEqual, "nope", "")}, labels));
  CHECK(matches_all({matcher(MatchType::kNotEqual, "nope", "x")}, labels));
  CHECK(matches_all({matcher(MatchType::kRegex, "nope", ".*")}, labels));
  CHECK(matches_all({matcher(MatchType::kNotRegex, "nope", ".+")}, labels));
  CHECK_FALSE(matches_all({matcher(MatchType::kEqual, "job", "")}, labels));
  CHECK(matches_all(
      {matcher(MatchType::kRegex, "job", "a.*|b"), matcher(MatchType::kEqual, "__name__", "up")},
      labels));
  CHECK_FALSE(matches_all({matcher(MatchType::kRegex, "job", "ap")}, labels));
}

TEST_CASE("Matcher prints as Prometheus does", "[model]") {
  CHECK(matcher(MatchType::kEqual, "a", "b\n").to_string() == "a=\"b\\n\"");
  CHECK(matcher(MatchType::kNotEqual, "a", "").to_string() == "a!=\"\"");
  CHECK(matcher(MatchType::kRegex, "my.label", "x|y").to_string() == "\"my.label\"=~\"x|y\"");
  CHECK(matcher(MatchType::kNotRegex, "a", "x").to_string() == "a!~\"x\"");
}

TEST_CASE("Matcher refuses a broken regex", "[model]") {
  const auto made = Matcher::make(MatchType::kRegex, "a", "(");
  REQUIRE_FALSE(made.is_ok());
  CHECK(made.status().message() == "error parsing regexp: missing closing ): `(`");
}

}  // namespace silverback::model
