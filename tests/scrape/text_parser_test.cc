#include "scrape/text_parser.h"

#include <xxhash.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/go_float.h"
#include "model/stale.h"

namespace silverback::scrape {
namespace {

// Each entry as one line: `name{labels} value @ts`, `TYPE name type`, `HELP name text`, `error:
// ...`.
std::string read_all(std::string_view text) {
  TextParser parser(text);
  std::string out;
  for (;;) {
    switch (parser.next()) {
      case TextParser::Entry::kEnd: return out;
      case TextParser::Entry::kError: return out + "error: " + parser.status().message() + "\n";
      case TextParser::Entry::kType:
        out += "TYPE " + parser.metadata_name() + " " +
               std::to_string(static_cast<int>(parser.type())) + "\n";
        break;
      case TextParser::Entry::kUnit:
      case TextParser::Entry::kHistogram: return out + "an entry the format does not have";
      case TextParser::Entry::kHelp:
        out += "HELP " + parser.metadata_name() + " [" + parser.help() + "]\n";
        break;
      case TextParser::Entry::kSeries: {
        model::LabelsBuilder labels;
        std::vector<std::string> empty;
        const base::Status status = parser.labels(labels, empty);
        out += status.is_ok() ? labels.build().to_string() : "bad labels: " + status.message();
        out += " " + base::go_g(parser.value());
        if (parser.has_timestamp()) out += " @" + std::to_string(parser.timestamp());
        for (const std::string& name : empty) out += " empty:" + name;
        out += "\n";
      }
    }
  }
}

struct Row {
  const char* text;
  const char* expected;
};

}  // namespace

TEST_CASE("TextParser reads what Prometheus reads", "[scrape]") {
  const Row row = GENERATE(values<Row>({
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
      {"a{x=\"1\",x=\"2\"} 1\n", "bad labels: label name \"x\" is not unique 1\n"},
      {"a{__name__=\"b\"} 1\n", "bad labels: label name \"__name__\" is not unique 1\n"},
  }));
  INFO(row.text);
  CHECK(read_all(row.text) == row.expected);
}

TEST_CASE("TextParser tells line and expectation of what it refuses", "[scrape]") {
  const Row row = GENERATE(values<Row>({
      {"a", "line 1: expected value after metric, got end of text while parsing: \"a\""},
      {"a\n", "line 1: expected value after metric, got \"\\n\" while parsing: \"a\\n\""},
      {"\n\n9a 1", "line 3: expected a valid start token, got \"9\" while parsing: \"9\""},
      {"a{b=\"c\"",
       "line 1: expected label name, got end of text while parsing: \"a{b=\\\"c\\\"\""},
      {"a{b=\"c\n",
       "line 1: expected closing quote, got end of text while parsing: \"a{b=\\\"c\\n\""},
      {"a{b} 1", "line 1: expected equal, got \"}\" while parsing: \"a{b}\""},
      {"a{b=c} 1", "line 1: expected label value, got \"c\" while parsing: \"a{b=c\""},
      {"a{,} 1", "line 1: expected label name, got \",\" while parsing: \"a{,\""},
      {"a{b=\"c\",,} 1",
       "line 1: expected label name, got \",\" while parsing: \"a{b=\\\"c\\\",,\""},
      {"{b=\"c\"} 1", "line 1: metric name not set while parsing: \"{b=\\\"c\\\"} 1\""},
      {"{} 1", "line 1: metric name not set while parsing: \"{} 1\""},
      {"a{\"b\"} 1", "line 1: metric name already set while parsing: \"a{\\\"b\\\"}\""},
      {"a 1_0",
       "line 1: strconv.ParseFloat: parsing \"1_0\": invalid syntax while parsing: \"a 1_0\""},
      {"a 0x1p3",
       "line 1: strconv.ParseFloat: parsing \"0x1p3\": invalid syntax while parsing: \"a 0x1p3\""},
      {"a 1 -5", "line 1: expected timestamp or new record, got \"-\" while parsing: \"a 1 -\""},
      {"a 1 1.5",
       "line 1: expected next entry after timestamp, got \".\" while parsing: \"a 1 1.\""},
      {"a 1 5 x",
       "line 1: expected next entry after timestamp, got \"x\" while parsing: \"a 1 5 x\""},
      {"a 1 99999999999999999999",
       "line 1: strconv.ParseInt: timestamp value out of range while parsing: \"a 1 "
       "9999999999999999999\""},
      {"# TYPE a cuonter\n",
       "line 1: invalid metric type \"cuonter\" while parsing: \"# TYPE a cuonter\\n\""},
      {"# TYPE a\n", "line 1: invalid metric type \"\" while parsing: \"# TYPE a\\n\""},
      {"# TYPE a counter \n",
       "line 1: invalid metric type \"counter \" while parsing: \"# TYPE a counter \\n\""},
      {"# HELP 1 x\n",
       "line 1: expected metric name after HELP, got \"1\" while parsing: \"# HELP 1\""},
      {"a{b=\"\xff\"} 1",
       "line 1: invalid UTF-8 label value: \"\\xff\" while parsing: \"a{b=\\\"\\xff\\\"}\""},
  }));
  INFO(row.text);
  CHECK(read_all(row.text) == std::string("error: ") + row.expected + "\n");
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
