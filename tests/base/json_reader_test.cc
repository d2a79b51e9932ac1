#include "base/json_reader.h"

#include <catch2/catch.hpp>

namespace silverback::base {

TEST_CASE("parse_json reads every kind of value", "[base]") {
  const auto value = parse_json(
      R"( {"a": [1, -2.5e+3, true, false, null], "b": {"c": "x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}, "b": 7} )");
  REQUIRE(value.is_ok());
  const JsonValue* a = value->find("a");
  REQUIRE(a != nullptr);
  REQUIRE(a->items.size() == 5);
  CHECK(a->items[1].text == "-2.5e+3");
  CHECK(a->items[2].boolean);
  CHECK(a->items[4].is(JsonValue::Kind::kNull));
  CHECK(value->find("b")->text == "7");
  CHECK(value->members[1].second.find("c")->text == "x\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(value->find("nope") == nullptr);
}

TEST_CASE("parse_json replaces what is no Unicode", "[base]") {
  CHECK(parse_json(R"("\ud800")")->text == "\xef\xbf\xbd");
  CHECK(parse_json(R"("\ud800\u0041")")->text ==
        "\xef\xbf\xbd"
        "A");
  CHECK(parse_json("\"\xff\"")->text == "\xef\xbf\xbd");
}

TEST_CASE("parse_json refuses what is no JSON", "[base]") {
  const auto text = GENERATE(as<std::string>{}, "", "[", "[1,]", "{", "{\"a\"}", "{\"a\":1,}", "01",
                             "1.", "-", "+1", "tru", "nul", "'a'", "\"a", "\"\n\"", "\"\\x\"",
                             "\"\\u12\"", "1 2", "{a:1}", "[1 2]", "NaN", "\"\\");
  INFO(text);
  CHECK_FALSE(parse_json(text).is_ok());
}

TEST_CASE("parse_json bounds its depth", "[base]") {
  CHECK(parse_json(std::string(100, '[') + std::string(100, ']')).is_ok());
  CHECK_FALSE(parse_json(std::string(100'000, '[')).is_ok());
}

}  // namespace silverback::base
