#include "scrape/text_parser.h"

#include <xxhash.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/scrape/parsed_entries.h"

namespace silverback::scrape {
namespace {

std::string read_text(const std::string& text) {
  TextParser parser(text);
  return read_all(parser);
}

}  // namespace

TEST_CASE("TextParser reads what Prometheus reads", "[scrape]") {
  const ParsedRow row = GENERATE(values<ParsedRow>({
      {"", ""},
      {"\n \n\t\n", ""},
      {"a 1", "a 1\n"},
      {"a 1\n", "a 1\n"},
      {"a\t1\t5\n", "a 1 @5\n"},
      {"  a 1\n", "a 1\n"},
      {"a{} 1\n", "a 1\n"},
      {"a {x=\"y\"} 1\n", "a{x=\"y\"} 1\n"},
      {"a{x=\"y\"}1\n", "a{x=\"y\"} 1\n"},
      {"a{ x = \"y\" , z=\"w\" , } 1 2 \n", "a{x=\"y\", z=\"w\"} 1 @2\n"},
      {"a{x=\"y\"z=\"w\"} 1\n", "a{x=\"y\", z=\"w\"} 1\n"},
      {"a:b_c{x=\"\"} 1\n", "a:b_c 1 empty:x\n"},
      {"a{x=\"q\\\"b\\\\n\\nz\\t\"} 1\n", "a{x=\"q\\\"b\\\\n\\nz\\\\t\"} 1\n"},
      {"a{x=\"line\nbreak\"} 1\n", "a{x=\"line\\nbreak\"} 1\n"},
      {"{\"my.metric\",x=\"y\"} 1\n", "{\"my.metric\", x=\"y\"} 1\n"},
      {"{x=\"y\",\"my.metric\"} 1\n", "{\"my.metric\", x=\"y\"} 1\n"},
      {"{\"my.metric\"} 1\n", "{\"my.metric\"} 1\n"},
      {"a{\"my.label\"=\"y\"} 1\n", "a{\"my.label\"=\"y\"} 1\n"},
      {"a NaN\na +Inf\na -Inf\na 1e3\na -.5\n", "a NaN\na +Inf\na -Inf\na 1000\na -0.5\n"},
      {"# comment\n#\n#x\n# HELPx\n# HELP\na 1\n", "a 1\n"},
      {"# HELP a some \\\\ text\\nhere\n", "HELP a [some \\ text\nhere]\n"},
      {"# HELP a\n", "HELP a []\n"},
      {"# HELP a  two\n", "HELP a [ two]\n"},
      {"#\tHELP\ta\tx\n", "HELP a [x]\n"},
      {"# HELP \"my.m\" x\n", "HELP my.m [x]\n"},
      {"# TYPE a counter\n# TYPE b gauge\n# TYPE c histogram\n# TYPE d summary\n# TYPE e untyped",
       "TYPE a 1\nTYPE b 2\nTYPE c 3\nTYPE d 5\nTYPE e 0\n"},
      {"# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"5e+06\"} 1\na_bucket{le=\"+Inf\"} "
       "1\n",
       "TYPE a 3\na_bucket{le=\"1.0\"} 1\na_bucket{le=\"5e+06\"} 1\na_bucket{le=\"+Inf\"} 1\n"},
      {"# TYPE a summary\na{quantile=\"1\"} 1\na{le=\"1\"} 1\n",
       "TYPE a 5\na{quantile=\"1.0\"} 1\na{le=\"1\"} 1\n"},
      {"# TYPE a gauge\na{le=\"1\",quantile=\"1\"} 1\n",
       "TYPE a 2\na{le=\"1\", quantile=\"1\"} 1\n"},
      {"a{x=\"1\",x=\"2\"} 1\n", "bad labels: label name \"x\" is not unique: invalid sample 1\n"},
      {"a{__name__=\"b\"} 1\n",
       "bad labels: label name \"__name__\" is not unique: invalid sample 1\n"},
      {"{\"my.metric\",} 1\n", "{\"my.metric\"} 1\n"},
      {"{\"a\",\"b \\\"c\\\"\"=\"d\"} 1\n", "a{\"b \\\"c\\\"\"=\"d\"} 1\n"},
      {"a 1e-400\na infinity\na -INF\n", "a 0\na +Inf\na -Inf\n"},
      {"# HELP a  \n", "HELP a []\n"},
      {"# Hrandom comment starting with prefix of HELP\n#\na 1", "a 1\n"},
      {"# TYPE a gauge\n# TYPE a counter\na 1", "TYPE a 2\nTYPE a 1\na 1\n"},
      {"# TYPE a histogram\nb{le=\"10\"} 1", "TYPE a 3\nb{le=\"10.0\"} 1\n"},
      {"a 1 9223372036854775807\n", "a 1 @9223372036854775807\n"},
      {with_nul("a{b=\"~ss\"} 1\n"), "a{b=\"\\x00ss\"} 1\n"},
      {with_nul("# HELP a foo~bar\na 1\n"), with_nul("HELP a [foo~bar]\na 1\n")},
      {with_nul("a 1\n~b 2\n"), "a 1\n"},
      {with_nul("a 1\n#x~\nb 2\n"), "a 1\n"},
      {with_nul("a 1\n# x~\nb 2\n"), "a 1\nb 2\n"},
  }));
  INFO(row.text);
  CHECK(read_text(row.text) == row.expected);
}

TEST_CASE("TextParser tells position and expectation of what it refuses", "[scrape]") {
  const ParsedRow row = GENERATE(values<ParsedRow>({
      {"a",
       "line 1, column 2: expected value after metric, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a\\n\""},
      {"a\n",
       "line 1, column 2: expected value after metric, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a\\n\""},
      {"\n\n9a 1",
       "line 3, column 1: expected a valid start token, got \"9\" (\"INVALID\") while parsing: "
       "\"9\""},
      {"a{b=\"c\"",
       "line 1, column 8: expected label name, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"c\\\"\\n\""},
      {"a{b=\"c\n",
       "line 1, column 5: expected label value, got \"\\\"c\\n\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"c\\n\\n\""},
      {"a{b} 1",
       "line 1, column 4: expected equal, got \"} \" (\"BCLOSE\") while parsing: \"a{b} \""},
      {"a{b=c} 1",
       "line 1, column 5: expected label value, got \"c\" (\"INVALID\") while parsing: \"a{b=c\""},
      {"a{b='c'} 1\n",
       "line 1, column 5: expected label value, got \"'\" (\"INVALID\") while parsing: \"a{b='\""},
      {"a{b=\n",
       "line 1, column 5: expected label value, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\n\""},
      {"a{\xff=\"foo\"} 1\n",
       "line 1, column 3: expected label name, got \"\\xff\" (\"INVALID\") while parsing: "
       "\"a{\\xff\""},
      {"a{b=\"\xff\"} 1\n", "line 1, column 5: invalid UTF-8 label value: \"\\\"\\xff\\\"\""},
      {"{\"a\", \"b = \"c\"}",
       "line 1, column 13: expected equal, got \"c\\\"\" (\"LNAME\") while parsing: \"{\\\"a\\\", "
       "\\\"b = \\\"c\\\"\""},
      {"{\"a\",b\\nc=\"d\"} 1",
       "line 1, column 7: expected equal, got \"\\\\\" (\"INVALID\") while parsing: "
       "\"{\\\"a\\\",b\\\\\""},
      {"a true\n",
       "line 1, column 3: strconv.ParseFloat: parsing \"true\": invalid syntax while parsing: \"a "
       "true\""},
      {"something_weird{problem=\"",
       "line 1, column 25: expected label value, got \"\\\"\\n\" (\"INVALID\") while parsing: "
       "\"something_weird{problem=\\\"\\n\""},
      {"empty_label_name{=\"\"} 0",
       "line 1, column 18: expected label name, got \"=\\\"\" (\"EQUAL\") while parsing: "
       "\"empty_label_name{=\\\"\""},
      {"{A}0", "line 1, column 3: expected equal, got \"}0\" (\"BCLOSE\") while parsing: \"{A}0\""},
      {"foo 1_2\n", "line 1, column 5: unsupported character in float while parsing: \"foo 1_2\""},
      {"foo 0x1p-3\n",
       "line 1, column 5: unsupported character in float while parsing: \"foo 0x1p-3\""},
      {"foo 0x1P-3\n",
       "line 1, column 5: unsupported character in float while parsing: \"foo 0x1P-3\""},
      {"foo 0x10\n",
       "line 1, column 5: strconv.ParseFloat: parsing \"0x10\": invalid syntax while parsing: "
       "\"foo 0x10\""},
      {"foo 1e999\n",
       "line 1, column 5: strconv.ParseFloat: parsing \"1e999\": value out of range while parsing: "
       "\"foo 1e999\""},
      {"foo +1e999\n",
       "line 1, column 5: strconv.ParseFloat: parsing \"+1e999\": value out of range while "
       "parsing: \"foo +1e999\""},
      {"foo 0 1_2\n",
       "line 1, column 8: expected next entry after timestamp, got \"_\" (\"INVALID\") while "
       "parsing: \"foo 0 1_\""},
      {"{a=\"ok\"} 1", "line 1, column 8: metric name not set while parsing: \"{a=\\\"ok\\\"} 1\""},
      {"{} 1", "line 1, column 2: metric name not set while parsing: \"{} 1\""},
      {"# TYPE #\n#EOF\n",
       "line 1, column 8: expected metric name after TYPE, got \"#\" (\"INVALID\") while parsing: "
       "\"# TYPE #\""},
      {"# HELP #\n#EOF\n",
       "line 1, column 8: expected metric name after HELP, got \"#\" (\"INVALID\") while parsing: "
       "\"# HELP #\""},
      {"a{,} 1",
       "line 1, column 3: expected label name, got \",}\" (\"COMMA\") while parsing: \"a{,}\""},
      {"a{b=\"c\",,} 1",
       "line 1, column 9: expected label name, got \",}\" (\"COMMA\") while parsing: "
       "\"a{b=\\\"c\\\",,}\""},
      {"a{\"b\"} 1", "line 1, column 6: metric name already set while parsing: \"a{\\\"b\\\"}\""},
      {"{\"a\",\"b\"} 1",
       "line 1, column 9: metric name already set while parsing: \"{\\\"a\\\",\\\"b\\\"}\""},
      {"{\"a\" b=\"c\"} 1",
       "line 1, column 6: expected equal, got \"b=\" (\"LNAME\") while parsing: \"{\\\"a\\\" b=\""},
      {"a{b=\"c\"}{d=\"e\"} 1",
       "line 1, column 9: expected value after metric, got \"{d\" (\"BOPEN\") while parsing: "
       "\"a{b=\\\"c\\\"}{d\""},
      {"a{b=\"\\\n\"} 1",
       "line 1, column 5: expected label value, got \"\\\"\\\\\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"\\\\\\n\""},
      {"a{b:c=\"d\"} 1",
       "line 1, column 4: expected equal, got \":\" (\"INVALID\") while parsing: \"a{b:\""},
      {"a 1 -5",
       "line 1, column 5: expected timestamp or new record, got \"-\" (\"INVALID\") while parsing: "
       "\"a 1 -\""},
      {"a 1 1.5",
       "line 1, column 6: expected next entry after timestamp, got \".\" (\"INVALID\") while "
       "parsing: \"a 1 1.\""},
      {"a 1 5 x",
       "line 1, column 7: expected next entry after timestamp, got \"x\" (\"INVALID\") while "
       "parsing: \"a 1 5 x\""},
      {"a 1 5 6\n",
       "line 1, column 7: expected next entry after timestamp, got \"6\\n\" (\"TIMESTAMP\") while "
       "parsing: \"a 1 5 6\\n\""},
      {"a 1 5 # {} 1",
       "line 1, column 7: expected next entry after timestamp, got \"#\" (\"INVALID\") while "
       "parsing: \"a 1 5 #\""},
      {"a 1 99999999999999999999",
       "line 1, column 5: strconv.ParseInt: parsing \"99999999999999999999\": value out of range "
       "while parsing: \"a 1 99999999999999999999\""},
      {"# TYPE a cuonter\n", "line 1, column 9: invalid metric type \"cuonter\""},
      {"# TYPE a\n", "line 1, column 9: invalid metric type \"\""},
      {"# TYPE a counter \n", "line 1, column 9: invalid metric type \"counter \""},
      {"# TYPE a counter\r\n", "line 1, column 9: invalid metric type \"counter\\r\""},
      {"# TYPE a  counter\n", "line 1, column 9: invalid metric type \" counter\""},
      {"# TYPE a unknown\n", "line 1, column 9: invalid metric type \"unknown\""},
      {"# HELP a \xff\n", "line 1, column 9: help text \"\\xff\" is not a valid utf8 string"},
      {"a 1\r\n",
       "line 1, column 3: strconv.ParseFloat: parsing \"1\\r\": invalid syntax while parsing: \"a "
       "1\\r\""},
      {"\xef\xbb\xbf"
       "a 1\n",
       "line 1, column 1: expected a valid start token, got \"\\xef\" (\"INVALID\") while parsing: "
       "\"\\xef\""},
      {with_nul("a{b=~\"ssss\"} 1\n"),
       "line 1, column 5: expected label value, got \"\\x00\" (\"INVALID\") while parsing: "
       "\"a{b=\\x00\""},
      {with_nul("a{b=\"~"),
       "line 1, column 5: expected label value, got \"\\\"\\x00\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"\\x00\\n\""},
      {with_nul("a{b~=\"hiih\"}\t1"),
       "line 1, column 4: expected equal, got \"\\x00\" (\"INVALID\") while parsing: \"a{b\\x00\""},
      {with_nul("a~{b=\"ddd\"} 1"),
       "line 1, column 2: expected value after metric, got \"\\x00\" (\"INVALID\") while parsing: "
       "\"a\\x00\""},
      {with_nul("a 0 1~"),
       "line 1, column 6: expected next entry after timestamp, got \"\\x00\" (\"INVALID\") while "
       "parsing: \"a 0 1\\x00\""},
      {with_nul("a{\"b~\"=\"c\"} 1"),
       "line 1, column 3: expected label name, got \"\\\"b\\x00\" (\"INVALID\") while parsing: "
       "\"a{\\\"b\\x00\""},
  }));
  INFO(row.text);
  CHECK(read_text(row.text) == "error: " + row.expected + "\n");
}

TEST_CASE("TextParser shows the end of a long line only", "[scrape]") {
  const std::string page = "a{b=\"" + std::string(100'000, 'x') + "\"} y\n";
  TextParser parser(page);
  while (parser.next() != TextParser::Entry::kError) continue;
  CHECK(parser.status().message().size() < 1000);
}

TEST_CASE("TextParser gives every NaN one form", "[scrape]") {
  TextParser parser("a nan\n");
  REQUIRE(parser.next() == TextParser::Entry::kSeries);
  CHECK(std::bit_cast<uint64_t>(parser.value()) == model::kNormalNanBits);
}

TEST_CASE("TextParser stays at its first error", "[scrape]") {
  TextParser parser("a x\nb 1\n");
  CHECK(parser.next() == TextParser::Entry::kError);
  CHECK(parser.next() == TextParser::Entry::kError);
}

TEST_CASE("TextParser takes a predicted line only where it is that line", "[scrape]") {
  const auto predict = [](std::string_view s) {
    return SeriesPrediction{XXH3_64bits(s.data(), s.size()), s.size()};
  };
  SECTION("the same series") {
    TextParser parser("# c\na{b=\"c\"} 7 9\nd 2\n");
    REQUIRE(parser.find_entry());
    REQUIRE(parser.take_predicted(predict("a{b=\"c\"}")));
    CHECK(parser.status().is_ok());
    CHECK(parser.series_text() == "a{b=\"c\"}");
    CHECK(parser.value() == 7);
    CHECK(parser.timestamp() == 9);
    CHECK(parser.next() == TextParser::Entry::kSeries);
    CHECK(parser.series_text() == "d");
  }
  SECTION("a longer name") {
    TextParser parser("ab 1\n");
    REQUIRE(parser.find_entry());
    CHECK_FALSE(parser.take_predicted(predict("a")));
    CHECK(parser.next() == TextParser::Entry::kSeries);
    CHECK(parser.series_text() == "ab");
  }
  SECTION("labels behind a blank") {
    TextParser parser("a {b=\"c\"} 1\n");
    REQUIRE(parser.find_entry());
    CHECK_FALSE(parser.take_predicted(predict("a")));
    CHECK(parser.next() == TextParser::Entry::kSeries);
    CHECK(parser.series_text() == "a {b=\"c\"}");
  }
  SECTION("longer than what is left") {
    TextParser parser("a 1");
    REQUIRE(parser.find_entry());
    CHECK_FALSE(parser.take_predicted(predict("a 1234567")));
  }
  SECTION("a bad value is an error all the same") {
    TextParser parser("a x\n");
    REQUIRE(parser.find_entry());
    CHECK(parser.take_predicted(predict("a")));
    CHECK_FALSE(parser.status().is_ok());
  }
}

}  // namespace silverback::scrape
