#include "model/regex.h"

#include <catch2/catch.hpp>

#include "model/regex_shape.h"

namespace silverback::model {
namespace {

Regex regex(std::string_view pattern) {
  auto compiled = Regex::compile(pattern);
  INFO(pattern);
  REQUIRE(compiled.is_ok());
  return *compiled;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("Regex matches the whole string and dot matches newline", "[model]") {
  struct Row {
    std::string pattern;
    Strings yes, no;
  };
  const std::vector<Row> rows = {
      {"a", {"a"}, {"", "ab", "ba"}},
      {"a|b|", {"a", "b", ""}, {"ab", "c"}},
      {"(a|b)", {"a", "b"}, {"", "ab"}},
      {"(?:a|b)c", {"ac", "bc"}, {"a", "c"}},
      {"(?i)abc", {"abc", "ABC", "aBc"}, {"ab"}},
      {"(?i:a)b", {"ab", "Ab"}, {"aB"}},
      {"a\\.b", {"a.b"}, {"axb"}},
      {"a.b", {"a.b", "axb", "a\nb"}, {"ab"}},
      {".*", {"", "a", "x\ny"}, {}},
      {".+", {"a", "\n"}, {""}},
      {".+.+", {"ab", "\xc3\xa9x"}, {"", "a", "\xc3\xa9"}},
      {"a.*", {"a", "ab", "a\n"}, {"", "ba"}},
      {"a.+", {"ab"}, {"a", "ba"}},
      {".*a", {"a", "ba"}, {"", "ab"}},
      {".+a", {"ba", "aa"}, {"a", "ab"}},
      {".*a.*", {"a", "bab"}, {"", "b"}},
      {".+a.+", {"bab", "aaa"}, {"a", "ab", "ba", "aa"}},
      {"a.*b", {"ab", "axxb"}, {"a", "b", "abx"}},
      {"ab*", {"a", "ab", "abb"}, {"", "b"}},
      {"ab?c", {"ac", "abc"}, {"ab"}},
      {"a{2}", {"aa"}, {"a", "a{2}"}},
      {"a|ab", {"a", "ab"}, {"b", "abc"}},
      {"^a$", {"a"}, {"^a$"}},
      {"a$|b", {"a", "b"}, {"a\n"}},
      {"[ab]c", {"ac", "bc"}, {"c"}},
      {"x\\d+", {"x1", "x22"}, {"x", "1"}},
      {"\\Qa|b\\E", {"a|b"}, {"a", "b"}},
      {"(?<n>a)b", {"ab"}, {"b"}},
      {"[(?<]x", {"(x", "<x"}, {"x"}},
      {"\xc3\xa9?x", {"x", "\xc3\xa9x"}, {"\xc3x"}},
      {"", {""}, {"a"}},
  };
  for (const Row& row : rows) {
    const Regex re = regex(row.pattern);
    for (const std::string& s : row.yes) {
      INFO(row.pattern << " on " << s);
      CHECK(re.matches(s));
      CHECK(re.captures(s).has_value());
    }
    for (const std::string& s : row.no) {
      INFO(row.pattern << " on " << s);
      CHECK_FALSE(re.matches(s));
      CHECK_FALSE(re.captures(s).has_value());
    }
  }
}

TEST_CASE("Regex finds literals only where they are exact", "[model]") {
  struct Row {
    std::string pattern;
    std::optional<Strings> literals;
  };
  const std::vector<Row> rows = {
      {"abc", Strings{"abc"}},
      {"a|b|", Strings{"", "a", "b"}},
      {"(a|b)", Strings{"a", "b"}},
      {"x(a|b)y(c|)", Strings{"xay", "xayc", "xby", "xbyc"}},
      {"((a)|(?:b))", Strings{"a", "b"}},
      {"a\\.b|c\\-d", Strings{"a.b", "c-d"}},
      {"a|a", Strings{"a"}},
      {"", Strings{""}},
      {"(?i)a", std::nullopt},
      {"(?i:a)", std::nullopt},
      {"(?P<x>a)", std::nullopt},
      {"a.b", std::nullopt},
      {"(a|b)?", std::nullopt},
      {"ab*", std::nullopt},
      {"a{1}", std::nullopt},
      {"^a", std::nullopt},
      {"[a]", std::nullopt},
      {"\\d", std::nullopt},
      {"\\Qa\\E", std::nullopt},
  };
  for (const Row& row : rows) {
    INFO(row.pattern);
    CHECK(regex(row.pattern).literals() == row.literals);
  }
}

TEST_CASE("Regex bounds the literals of a product", "[model]") {
  std::string pattern;
  for (int i = 0; i < 20; ++i) pattern += "(a|b)";
  const Regex re = regex(pattern);
  CHECK_FALSE(re.literals().has_value());
  CHECK(re.matches("aaaaabbbbbaaaaabbbbb"));
}

TEST_CASE("Regex knows the prefix of all its matches", "[model]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"abc.*", "abc"},       {"abc", "abc"},     {"ab*", "a"},        {"abc(d|e).*", "abc"},
      {"abc|abd.", ""},       {"a\\.b.", "a.b"},  {"(?i)abc", ""},     {"a[|]b|c.", ""},
      {"a[|]b", "a"},         {"\xc3\xa9?x", ""}, {"a\xc3\xa9*", "a"}, {"abc(?i)d|e", ""},
      {"a[[:alpha:]|]b", "a"}};
  for (const auto& row : rows) {
    INFO(row.first);
    CHECK(regex(row.first).prefix() == row.second);
  }
}

TEST_CASE("Regex tells what matches everything", "[model]") {
  for (const char* pattern : {".*", "(.*)", "(?:.*)", ".*.*"})
    CHECK(regex(pattern).matches_everything());
  for (const char* pattern : {".+", "a.*", "", ".*?a"})
    CHECK_FALSE(regex(pattern).matches_everything());
  CHECK(Regex::any().pattern() == "(.*)");
}

TEST_CASE("Regex errors are worded as Go's", "[model]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"a(", "missing closing ): `a(`"},
      {"a)", "unexpected ): `a)`"},
      {"[a", "missing closing ]: `[a`"},
      {"*a", "missing argument to repetition operator: `*`"},
      {"a**", "invalid nested repetition operator: `**`"},
      {"a{1001}", "invalid repeat count: `{1001}`"},
      {"\\8", "invalid escape sequence: `\\8`"},
      {"a\\C", "invalid escape sequence: `\\C`"},
      {"[z-a]", "invalid character class range: `z-a`"},
      {"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
      {"(?<n", "invalid named capture: `(?<n`"},
      {"(?<a b>x)", "invalid named capture: `(?<a b>`"},
      {"a\\", "trailing backslash at end of expression: ``"},
      {"\xff", "invalid UTF-8: `\xff`"},
  };
  for (const auto& row : rows) {
    const auto got = Regex::compile(row.first);
    INFO(row.first);
    REQUIRE_FALSE(got.is_ok());
    CHECK(got.status().code() == base::Errc::kBadData);
    CHECK(got.status().message() == "error parsing regexp: " + row.second);
  }
}

TEST_CASE("Regex expands replacements as Go does", "[model]") {
  const Regex re = regex("(?P<first>[a-z]+):(\\d*)(x)?");
  const auto captures = re.captures("ab:12");
  REQUIRE(captures.has_value());
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"$1", "ab"},
      {"${1}y", "aby"},
      {"$1y", ""},
      {"$first-$2", "ab-12"},
      {"$$1", "$1"},
      {"$", "$"},
      {"a$-b", "a$-b"},
      {"${1", "${1"},
      {"${}", "${}"},
      {"$3", ""},
      {"$9", ""},
      {"$01", ""},
      {"$0", "ab:12"},
      {"$nope", ""},
      {"$1_", ""},
      {"$1\xc3\xa9", ""},
      {"$1\xe2\x82\xac", "ab\xe2\x82\xac"},
      {"plain", "plain"},
      {"$1$2", "ab12"}};
  for (const auto& row : rows) {
    INFO(row.first);
    CHECK(re.expand(row.first, *captures) == row.second);
  }
}

}  // namespace silverback::model
