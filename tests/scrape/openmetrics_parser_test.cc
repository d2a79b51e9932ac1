#include "scrape/openmetrics_parser.h"

#include <xxhash.h>

#include <bit>
#include <string>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/scrape/parsed_entries.h"

namespace silverback::scrape {
namespace {

std::string read_page(const std::string& text, bool created_as_start = false) {
  OpenMetricsParser parser(text, created_as_start);
  return read_all(parser);
}

}  // namespace

TEST_CASE("OpenMetricsParser reads what Prometheus reads", "[scrape]") {
  const ParsedRow row = GENERATE(values<ParsedRow>({
      {"# EOF", ""},
      {"# EOF\n", ""},
      {"a 1\n# EOF", "a 1\n"},
      {"# HELP go_gc_duration_seconds A summary of the GC invocation durations.\n# TYPE "
       "go_gc_duration_seconds summary\n# UNIT go_gc_duration_seconds "
       "seconds\ngo_gc_duration_seconds{quantile=\"0\"} "
       "4.9351e-05\ngo_gc_duration_seconds{quantile=\"0.5\",a=\"b\"} "
       "8.3835e-05\ngo_gc_duration_seconds_count 99\n# EOF\n",
       "HELP go_gc_duration_seconds [A summary of the GC invocation durations.]\nTYPE "
       "go_gc_duration_seconds 5\nUNIT go_gc_duration_seconds "
       "[seconds]\ngo_gc_duration_seconds{quantile=\"0.0\"} "
       "4.9351e-05\ngo_gc_duration_seconds{a=\"b\", quantile=\"0.5\"} "
       "8.3835e-05\ngo_gc_duration_seconds_count 99\n"},
      {"# HELP nohelp1 \n# HELP help2 escape \\ \\n \\\\ \\\" \\x chars\n# UNIT nounit \n# EOF\n",
       "HELP nohelp1 []\nHELP help2 [escape \\ \n \\ \" \\x chars]\nUNIT nounit []\n"},
      {"some:aggregate:rate5m{a_b=\"c\"} 1\n# EOF\n", "some:aggregate:rate5m{a_b=\"c\"} 1\n"},
      {"go_goroutines 33 123.123\n# EOF\n", "go_goroutines 33 @123123\n"},
      {"a 1 -1.5\na 1 1e3\na 1 1e300\n# EOF\n",
       "a 1 @-1500\na 1 @1000000\na 1 @-9223372036854775808\n"},
      {"# TYPE hh histogram\nhh_bucket{le=\"1\"} 1\nhh_bucket{le=\"+Inf\"} 1\n# EOF\n",
       "TYPE hh 3\nhh_bucket{le=\"1.0\"} 1\nhh_bucket{le=\"+Inf\"} 1\n"},
      {"# TYPE gh gaugehistogram\ngh_bucket{le=\"1\"} 1\n# EOF\n",
       "TYPE gh 4\ngh_bucket{le=\"1\"} 1\n"},
      {"# TYPE i info\ni{foo=\"bar\"} 1\n# TYPE ss stateset\nss{ss=\"foo\"} 1\n# TYPE un "
       "unknown\nun 1\n# TYPE g gauge\n# EOF\n",
       "TYPE i 6\ni{foo=\"bar\"} 1\nTYPE ss 7\nss{ss=\"foo\"} 1\nTYPE un 0\nun 1\nTYPE g 2\n"},
      {"hhh_bucket{le=\"+Inf\"} 1 # {id=\"histogram-bucket-test\"} 4\n# EOF\n",
       "hhh_bucket{le=\"+Inf\"} 1 # {id=\"histogram-bucket-test\"} 4\n"},
      {"ggh_count 1 # {id=\"x\",xx=\"yy\"} 4 123.123\n# EOF\n",
       "ggh_count 1 # {id=\"x\", xx=\"yy\"} 4 @123123\n"},
      {"foo_total 17.0 1520879607.789 # {id=\"counter-test\"} 5\nfoo_created 1520872607.123\n# "
       "EOF\n",
       "foo_total 17 @1520879607789 # {id=\"counter-test\"} 5\nfoo_created 1.520872607123e+09\n"},
      {"a 1 # {} 4\n# EOF\n", "a 1 # {} 4\n"},
      {"a 1 # {\"id.thing\"=\"x\",other=\"hello\"} 4\n# EOF\n",
       "a 1 # {\"id.thing\"=\"x\", other=\"hello\"} 4\n"},
      {"{\"http.status\",q=\"0.9\",a=\"b\"} 8\n{q=\"0.9\",\"http.status\",a=\"b\"} 8\n# EOF\n",
       "{\"http.status\", a=\"b\", q=\"0.9\"} 8\n{\"http.status\", a=\"b\", q=\"0.9\"} 8\n"},
      {"# TYPE \"go.gc_seconds\" summary\n# UNIT \"go.gc_seconds\" "
       "seconds\n{\"go.gc_seconds\",quantile=\"1\"} 2\n# EOF\n",
       "TYPE go.gc_seconds 5\nUNIT go.gc_seconds [seconds]\n{\"go.gc_seconds\", quantile=\"1.0\"} "
       "2\n"},
      {"a{b=\"q\\\"b\\\\n\\nz\\t\"} nan\na{} -Inf\na{b=\"c\",} 1\n# EOF\n",
       "a{b=\"q\\\"b\\\\n\\nz\\\\t\"} NaN\na -Inf\na{b=\"c\"} 1\n"},
      {"a{x=\"1\",x=\"2\"} 1\n# EOF\n",
       "bad labels: label name \"x\" is not unique: invalid sample 1\n"},
      {with_nul("# HELP m foo~bar\nm{a=\"abc~\"} 1\n# EOF\n"),
       with_nul("HELP m [foo~bar]\nm{a=\"abc\\x00\"} 1\n")},
  }));
  INFO(row.text);
  CHECK(read_page(row.text) == row.expected);
}

TEST_CASE("OpenMetricsParser tells position and expectation of what it refuses", "[scrape]") {
  const ParsedRow row = GENERATE(values<ParsedRow>({
      {"", "line 1, column 1: data does not end with # EOF"},
      {"\n",
       "line 1, column 1: expected a valid start token, got \"\\n\" (\"INVALID\") while parsing: "
       "\"\\n\""},
      {"metric",
       "line 1, column 1: expected value after metric, got \"metric\" (\"EOF\") while parsing: "
       "\"metric\""},
      {"metric 1", "line 1, column 7: data does not end with # EOF"},
      {"metric 1\n", "line 2, column 1: data does not end with # EOF"},
      {"metric_total 1 # {aa=\"bb\"} 4", "line 1, column 27: data does not end with # EOF"},
      {"a\n#EOF\n",
       "line 1, column 2: expected value after metric, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a\\n\""},
      {"\n\n#EOF\n",
       "line 1, column 1: expected a valid start token, got \"\\n\" (\"INVALID\") while parsing: "
       "\"\\n\""},
      {" a 1\n#EOF\n",
       "line 1, column 1: expected a valid start token, got \" \" (\"INVALID\") while parsing: \" "
       "\""},
      {"9\n#EOF\n",
       "line 1, column 1: expected a valid start token, got \"9\" (\"INVALID\") while parsing: "
       "\"9\""},
      {"# TYPE u untyped\n#EOF\n", "line 1, column 9: invalid metric type \"untyped\""},
      {"# TYPE c counter \n#EOF\n", "line 1, column 9: invalid metric type \"counter \""},
      {"# TYPE c counter\r\n#EOF\n", "line 1, column 9: invalid metric type \"counter\\r\""},
      {"#  TYPE c counter\n#EOF\n",
       "line 1, column 1: expected a valid start token, got \"#  \" (\"INVALID\") while parsing: "
       "\"#  \""},
      {"# TYPE \n#EOF\n",
       "line 1, column 8: expected metric name after TYPE, got \"\\n\" (\"INVALID\") while "
       "parsing: \"# TYPE \\n\""},
      {"# TYPE m\n#EOF\n", "line 1, column 9: expected text in TYPE"},
      {"# UNIT metric suffix\n#EOF\n",
       "line 1, column 14: unit \"suffix\" not a suffix of metric \"metric\""},
      {"# UNIT metricsuffix suffix\n#EOF\n",
       "line 1, column 20: unit \"suffix\" not a suffix of metric \"metricsuffix\""},
      {"# UNIT m suffix\n#EOF\n", "line 1, column 9: unit \"suffix\" not a suffix of metric \"m\""},
      {"# UNIT \n#EOF\n",
       "line 1, column 8: expected metric name after UNIT, got \"\\n\" (\"INVALID\") while "
       "parsing: \"# UNIT \\n\""},
      {"# UNIT m\n#EOF\n", "line 1, column 9: expected text in UNIT"},
      {"# HELP \n#EOF\n",
       "line 1, column 8: expected metric name after HELP, got \"\\n\" (\"INVALID\") while "
       "parsing: \"# HELP \\n\""},
      {"# HELP m\n#EOF\n", "line 1, column 9: expected text in HELP"},
      {"# HELP m \xff\n# EOF\n",
       "line 1, column 9: help text \"\\xff\" is not a valid utf8 string"},
      {"a\t1\n#EOF\n",
       "line 1, column 2: expected value after metric, got \"\\t\" (\"INVALID\") while parsing: "
       "\"a\\t\""},
      {"a  1\n# EOF\n",
       "line 1, column 2: expected value after metric, got \"  \" (\"INVALID\") while parsing: \"a "
       " \""},
      {"a 1\t2\n#EOF\n",
       "line 1, column 2: strconv.ParseFloat: parsing \"1\\t2\": invalid syntax while parsing: \"a "
       "1\\t2\""},
      {"a 1\r\n# EOF\n",
       "line 1, column 2: strconv.ParseFloat: parsing \"1\\r\": invalid syntax while parsing: \"a "
       "1\\r\""},
      {"a 1 2 \n#EOF\n",
       "line 1, column 6: expected next entry after timestamp, got \" \\n\" (\"INVALID\") while "
       "parsing: \"a 1 2 \\n\""},
      {"a 1 2 #\n#EOF\n",
       "line 1, column 6: expected next entry after timestamp, got \" #\\n\" (\"TIMESTAMP\") while "
       "parsing: \"a 1 2 #\\n\""},
      {"a 1 1z\n#EOF\n",
       "line 1, column 4: strconv.ParseFloat: parsing \"1z\": invalid syntax while parsing: \"a 1 "
       "1z\""},
      {"a 1 \n# EOF\n",
       "line 1, column 4: expected a valid start token, got \" \\n\" (\"INVALID\") while parsing: "
       "\"a 1 \\n\""},
      {" # EOF\n",
       "line 1, column 1: expected a valid start token, got \" \" (\"INVALID\") while parsing: \" "
       "\""},
      {"# a comment\n# EOF\n",
       "line 1, column 1: expected a valid start token, got \"# a\" (\"INVALID\") while parsing: "
       "\"# a\""},
      {"# EOF\na 1", "line 2, column 1: unexpected data after # EOF"},
      {"# EOF\n\n", "line 2, column 1: unexpected data after # EOF"},
      {"# EOFa 1", "line 1, column 6: unexpected data after # EOF"},
      {"#\tTYPE c counter\n",
       "line 1, column 1: expected a valid start token, got \"#\\t\" (\"INVALID\") while parsing: "
       "\"#\\t\""},
      {"# TYPE c  counter\n", "line 1, column 9: invalid metric type \" counter\""},
      {"a 1 1 1\n# EOF\n",
       "line 1, column 6: expected next entry after timestamp, got \" 1\\n\" (\"TIMESTAMP\") while "
       "parsing: \"a 1 1 1\\n\""},
      {"a{b='c'} 1\n# EOF\n",
       "line 1, column 5: expected label value, got \"'\" (\"INVALID\") while parsing: \"a{b='\""},
      {"a{,b=\"c\"} 1\n# EOF\n",
       "line 1, column 3: expected label name, got \",b\" (\"COMMA\") while parsing: \"a{,b\""},
      {"a{b=\"c\"d=\"e\"} 1\n# EOF\n",
       "line 1, column 8: expected comma or brace close, got \"d=\" (\"LNAME\") while parsing: "
       "\"a{b=\\\"c\\\"d=\""},
      {"a{b=\"c\",,d=\"e\"} 1\n# EOF\n",
       "line 1, column 9: expected label name, got \",d\" (\"COMMA\") while parsing: "
       "\"a{b=\\\"c\\\",,d\""},
      {"a{b=\"c\", d=\"e\"} 1\n# EOF\n",
       "line 1, column 9: expected label name, got \" \" (\"INVALID\") while parsing: "
       "\"a{b=\\\"c\\\", \""},
      {"a{b=\n# EOF\n",
       "line 1, column 5: expected label value, got \"\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\n\""},
      {"a{b=\"x\ny\"} 1\n# EOF\n",
       "line 1, column 5: expected label value, got \"\\\"x\\n\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"x\\n\""},
      {"a{\xff=\"foo\"} 1\n# EOF\n",
       "line 1, column 3: expected label name, got \"\\xff\" (\"INVALID\") while parsing: "
       "\"a{\\xff\""},
      {"a{b=\"\xff\"} 1\n# EOF\n",
       "line 1, column 5: invalid UTF-8 label value: \"\\\"\\xff\\\"\""},
      {"{\"a\",\"b = \"c\"}\n# EOF\n",
       "line 1, column 12: expected equal, got \"c\\\"\" (\"LNAME\") while parsing: "
       "\"{\\\"a\\\",\\\"b = \\\"c\\\"\""},
      {"{\"a\",b\\nc=\"d\"} 1\n# EOF\n",
       "line 1, column 7: expected equal, got \"\\\\\" (\"INVALID\") while parsing: "
       "\"{\\\"a\\\",b\\\\\""},
      {"a true\n",
       "line 1, column 2: strconv.ParseFloat: parsing \"true\": invalid syntax while parsing: \"a "
       "true\""},
      {"something_weird{problem=\"\n# EOF\n",
       "line 1, column 25: expected label value, got \"\\\"\\n\" (\"INVALID\") while parsing: "
       "\"something_weird{problem=\\\"\\n\""},
      {"empty_label_name{=\"\"} 0\n# EOF\n",
       "line 1, column 18: expected label name, got \"=\\\"\" (\"EQUAL\") while parsing: "
       "\"empty_label_name{=\\\"\""},
      {"{A}0\n# EOF\n",
       "line 1, column 3: expected equal, got \"}0\" (\"BCLOSE\") while parsing: \"{A}0\""},
      {"foo 1_2\n\n# EOF\n",
       "line 1, column 4: unsupported character in float while parsing: \"foo 1_2\""},
      {"foo 0x1p-3\n\n# EOF\n",
       "line 1, column 4: unsupported character in float while parsing: \"foo 0x1p-3\""},
      {"foo 0 1_2\n\n# EOF\n",
       "line 1, column 6: unsupported character in float while parsing: \"foo 0 1_2\""},
      {"a_total 1 # {aa=bb}\n# EOF\n",
       "line 1, column 17: expected label value, got \"b\" (\"INVALID\") while parsing: \"a_total "
       "1 # {aa=b\""},
      {"a_total 1 # {aa=\"bb\"}\n# EOF\n",
       "line 1, column 22: expected value after exemplar labels, got \"\\n\" (\"INVALID\") while "
       "parsing: \"a_total 1 # {aa=\\\"bb\\\"}\\n\""},
      {"a_total 1 # {aa=\"bb\"}",
       "line 1, column 21: expected value after exemplar labels, got \"}\" (\"EOF\") while "
       "parsing: \"a_total 1 # {aa=\\\"bb\\\"}\""},
      {"a_total 1 # {bb}",
       "line 1, column 16: expected equal, got \"}\" (\"BCLOSE\") while parsing: \"a_total 1 # "
       "{bb}\""},
      {"a_total 1 # {bb, a=\"dd\"}",
       "line 1, column 16: expected equal, got \", \" (\"COMMA\") while parsing: \"a_total 1 # "
       "{bb, \""},
      {"a_total 1 # {aa=\"bb\",,cc=\"dd\"} 1",
       "line 1, column 22: expected label name, got \",c\" (\"COMMA\") while parsing: \"a_total 1 "
       "# {aa=\\\"bb\\\",,c\""},
      {"a_total 1 # {\"aa\",} 1",
       "line 1, column 18: expected label name, got \",}\" (\"COMMA\") while parsing: \"a_total 1 "
       "# {\\\"aa\\\",}\""},
      {"a_total 1 # {aa=\"bb\"} 1_2",
       "line 1, column 22: unsupported character in float while parsing: \"a_total 1 # "
       "{aa=\\\"bb\\\"} 1_2\""},
      {"a_total 1 # {aa=\"bb\"} true",
       "line 1, column 22: strconv.ParseFloat: parsing \"true\": invalid syntax while parsing: "
       "\"a_total 1 # {aa=\\\"bb\\\"} true\""},
      {"a_total 1 # {aa=\"bb\",cc=}",
       "line 1, column 25: expected label value, got \"}\" (\"INVALID\") while parsing: \"a_total "
       "1 # {aa=\\\"bb\\\",cc=}\""},
      {"a_total 1 # {aa=\"bb\"} 1 2 3\n",
       "line 1, column 26: expected next entry after exemplar timestamp, got \" 3\\n\" "
       "(\"TIMESTAMP\") while parsing: \"a_total 1 # {aa=\\\"bb\\\"} 1 2 3\\n\""},
      {"a_total 1 # {aa=\"bb\"} 1 2",
       "line 1, column 24: expected next entry after exemplar timestamp, got \" 2\" (\"EOF\") "
       "while parsing: \"a_total 1 # {aa=\\\"bb\\\"} 1 2\""},
      {"{b=\"c\",} 1", "line 1, column 9: metric name not set while parsing: \"{b=\\\"c\\\",} 1\""},
      {"a 1 NaN", "line 1, column 4: invalid timestamp NaN"},
      {"a 1 -Inf", "line 1, column 4: invalid timestamp -Inf"},
      {"a 1 Inf", "line 1, column 4: invalid timestamp +Inf"},
      {"a_bucket{le=\"+Inf\"} 1 # {aa=\"bb\"} 4 NaN",
       "line 1, column 36: invalid exemplar timestamp NaN"},
      {"a_bucket{le=\"+Inf\"} 1 # {aa=\"bb\"} 4 -Inf",
       "line 1, column 36: invalid exemplar timestamp -Inf"},
      {"\xef\xbb\xbf"
       "a 1\n",
       "line 1, column 1: expected a valid start token, got \"\\xef\" (\"INVALID\") while parsing: "
       "\"\\xef\""},
      {with_nul("a{b=~\"ssss\"} 1\n# EOF\n"),
       "line 1, column 5: expected label value, got \"\\x00\" (\"INVALID\") while parsing: "
       "\"a{b=\\x00\""},
      {with_nul("a{b=\"~"),
       "line 1, column 5: expected label value, got \"\\\"\\x00\" (\"INVALID\") while parsing: "
       "\"a{b=\\\"\\x00\""},
      {with_nul("a{b~=\"hiih\"}\t1"),
       "line 1, column 4: expected equal, got \"\\x00\" (\"INVALID\") while parsing: \"a{b\\x00\""},
      {with_nul("a~{b=\"ddd\"} 1"),
       "line 1, column 2: expected value after metric, got \"\\x00\" (\"INVALID\") while parsing: "
       "\"a\\x00\""},
      {with_nul("~\n# EOF\n"),
       "line 1, column 1: expected a valid start token, got \"\\x00\" (\"INVALID\") while parsing: "
       "\"\\x00\""},
      {"#",
       "line 1, column 1: expected a valid start token, got \"#\" (\"INVALID\") while parsing: "
       "\"#\""},
      {"# H",
       "line 1, column 1: expected a valid start token, got \"# H\" (\"INVALID\") while parsing: "
       "\"# H\""},
      {with_nul("a_total 1 # {b=\"~ss\"} 1\n"),
       "line 1, column 16: expected label value, got \"\\\"\\x00\" (\"INVALID\") while parsing: "
       "\"a_total 1 # {b=\\\"\\x00\""},
  }));
  INFO(row.text);
  const std::string read = read_page(row.text);
  const size_t error = read.find("error: ");
  REQUIRE(error != std::string::npos);
  CHECK(read.substr(error + 7) == row.expected + "\n");
}

TEST_CASE("OpenMetricsParser gives created lines to the series they tell of", "[scrape]") {
  const ParsedRow row = GENERATE(values<ParsedRow>({
      {"# TYPE foo counter\nfoo_total 17.0\nfoo_created 1520872607.123\nfoo_total{a=\"b\"} "
       "17.0\nfoo_created{a=\"b\"} 1520872608.123\nfoo_total{le=\"1\"} 10.0\n# EOF\n",
       "TYPE foo 1\nfoo_total 17 since 1520872607123\nfoo_total{a=\"b\"} 17 since "
       "1520872608123\nfoo_total{le=\"1\"} 10\n"},
      {"# TYPE bar summary\nbar_count 17.0\nbar_sum 3.5\nbar{quantile=\"0.95\"} 12\nbar_created "
       "1520872608.124\n# TYPE fizz_created gauge\nfizz_created 17.0\n# EOF\n",
       "TYPE bar 5\nbar_count 17 since 1520872608124\nbar_sum 3.5 since "
       "1520872608124\nbar{quantile=\"0.95\"} 12 since 1520872608124\nTYPE fizz_created "
       "2\nfizz_created 17\n"},
      {"# TYPE baz histogram\nbaz_created 1520872609.125\nbaz_bucket{le=\"0.0\"} "
       "0\nbaz_bucket{le=\"+Inf\"} 17\nbaz_count 17\n# HELP a b\n# EOF\n",
       "TYPE baz 3\nbaz_bucket{le=\"0.0\"} 0 since 1520872609125\nbaz_bucket{le=\"+Inf\"} 17 since "
       "1520872609125\nbaz_count 17 since 1520872609125\nHELP a [b]\n"},
      {"foo_total 17.0\nfoo_created 1520872607.123\n# EOF\n",
       "foo_total 17\nfoo_created 1.520872607123e+09\n"},
      {"# TYPE foo counter\n# HELP foo x\nfoo_total 17.0 # {id=\"c\"} 5\nfoo_created 5\n# EOF\n",
       "TYPE foo 1\nHELP foo [x]\nfoo_total 17 since 5000 # {id=\"c\"} 5\n"},
  }));
  INFO(row.text);
  CHECK(read_page(row.text, true) == row.expected);
}

TEST_CASE("OpenMetricsParser gives every NaN one form and stays at its first error", "[scrape]") {
  OpenMetricsParser parser("a nan\nb x\nc 1\n# EOF\n");
  REQUIRE(parser.next() == OpenMetricsParser::Entry::kSeries);
  CHECK(std::bit_cast<uint64_t>(parser.value()) == model::kNormalNanBits);
  CHECK(parser.next() == OpenMetricsParser::Entry::kError);
  CHECK(parser.next() == OpenMetricsParser::Entry::kError);
}

TEST_CASE("OpenMetricsParser takes a predicted line only where it is that line", "[scrape]") {
  const auto predict = [](std::string_view s) {
    return SeriesPrediction{XXH3_64bits(s.data(), s.size()), s.size()};
  };
  SECTION("the same series, with timestamp and exemplar") {
    OpenMetricsParser parser("a{b=\"c\"} 7 9 # {x=\"y\"} 1\nd 2\n# EOF\n");
    REQUIRE(parser.take_predicted(predict("a{b=\"c\"}")));
    CHECK(parser.status().is_ok());
    CHECK(parser.value() == 7);
    CHECK(parser.timestamp() == 9000);
    CHECK(parser.has_exemplars());
    CHECK_FALSE(parser.take_predicted(predict("d2")));
    REQUIRE(parser.take_predicted(predict("d")));
    CHECK_FALSE(parser.has_exemplars());
    CHECK(parser.next() == OpenMetricsParser::Entry::kEnd);
  }
  SECTION("a longer name, and no line at all") {
    OpenMetricsParser parser("ab 1");
    CHECK_FALSE(parser.take_predicted(predict("a")));
    CHECK_FALSE(parser.take_predicted(predict("ab 12345")));
  }
  SECTION("a bad value is an error all the same") {
    OpenMetricsParser parser("a x\n# EOF\n");
    CHECK(parser.take_predicted(predict("a")));
    CHECK_FALSE(parser.status().is_ok());
  }
}

}  // namespace silverback::scrape
