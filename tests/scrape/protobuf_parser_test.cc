#include "scrape/protobuf_parser.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/go_float.h"
#include "tests/support/metric_family.h"

namespace {

namespace model = silverback::model;
namespace scrape = silverback::scrape;
using scrape::HistogramForms;
using scrape::ProtobufParser;
using silverback::testing::metric_family;
using silverback::testing::metric_page;
using silverback::testing::with_length;
using Lines = std::vector<std::string>;

constexpr HistogramForms kClassic{false, false, false};
constexpr HistogramForms kNative{true, false, false};
constexpr HistogramForms kBoth{true, true, false};
constexpr HistogramForms kCustom{false, false, true};

std::string describe(ProtobufParser& parser, ProtobufParser::Entry entry) {
  using Entry = ProtobufParser::Entry;
  std::string name(parser.metadata_name());
  if (entry == Entry::kHelp) return "help " + name + " " + std::string(parser.help());
  if (entry == Entry::kUnit) return "unit " + name + " " + std::string(parser.unit());
  if (entry == Entry::kType) {
    return "type " + name + " " + std::string(model::metric_type_name(parser.type()));
  }
  model::LabelsBuilder builder;
  std::vector<std::string> empty;
  const auto status = parser.labels(builder, empty);
  if (!status.is_ok()) return "labels: " + status.message();
  std::string out = builder.build().to_string();
  for (const std::string& label : empty) out += " no " + label;
  if (entry == Entry::kHistogram) {
    const model::Histogram& h = parser.histogram();
    out += h.integer ? " int " : " float ";
    out += h.to_string();
    if (h.hint == model::CounterResetHint::kGauge) out += " gauge";
    if (h.uses_custom_buckets()) out += " custom";
  } else {
    out += " " + silverback::base::go_g(parser.value());
  }
  if (parser.has_timestamp()) out += " @" + std::to_string(parser.timestamp());
  if (parser.start_timestamp() != 0) out += " from " + std::to_string(parser.start_timestamp());
  std::vector<model::Exemplar> exemplars;
  parser.exemplars(exemplars);
  CHECK(parser.has_exemplars() == !exemplars.empty());
  for (const model::Exemplar& e : exemplars) {
    out += " # " + e.labels.to_string() + " " + silverback::base::go_g(e.value);
    if (e.t != 0) out += " @" + std::to_string(e.t);
  }
  return out;
}

/// Every entry but help and type; the error last.
Lines read(const std::string& page, HistogramForms forms, bool metadata = false) {
  using Entry = ProtobufParser::Entry;
  ProtobufParser parser(page, forms);
  Lines out;
  for (;;) {
    const Entry entry = parser.next();
    if (entry == Entry::kEnd) return out;
    if (entry == Entry::kError) {
      out.push_back("error: " + parser.status().message());
      CHECK(parser.next() == Entry::kError);
      return out;
    }
    const bool sample = entry == Entry::kSeries || entry == Entry::kHistogram;
    if (sample || metadata) out.push_back(describe(parser, entry));
  }
}

Lines read_one(std::string_view family, HistogramForms forms) {
  return read(metric_page({family}), forms);
}

constexpr std::string_view kNativeHistogram = R"(
name: "h" help: "A histogram." type: HISTOGRAM
metric {
  label { name: "job" value: "x" }
  histogram {
    sample_count: 175 sample_sum: 0.0008280461746287094 schema: 3
    zero_threshold: 2.938735877055719e-39 zero_count: 2
    bucket { cumulative_count: 2 upper_bound: -0.0004 }
    bucket { cumulative_count: 4 upper_bound: -0.0003
             exemplar { label { name: "id" value: "a" } value: -0.00039 timestamp { seconds: 1625851155 nanos: 146848499 } } }
    bucket { cumulative_count: 16 upper_bound: -0.0002 exemplar { label { name: "id" value: "b" } value: -0.00029 } }
    negative_span { offset: -162 length: 1 } negative_span { offset: 23 length: 4 }
    negative_delta: 1 negative_delta: 3 negative_delta: -2 negative_delta: -1 negative_delta: 1
    positive_span { offset: -161 length: 1 } positive_span { offset: 8 length: 3 }
    positive_delta: 1 positive_delta: 2 positive_delta: -1 positive_delta: -1
    start_timestamp { seconds: 10 nanos: 5000000 }
  }
  timestamp_ms: 1234568
})";

}  // namespace

TEST_CASE("ProtobufParser reads metadata and simple metrics", "[scrape]") {
  const std::string page = metric_page(
      {R"(name: "go_info" help: "Build\ninfo." type: GAUGE unit: "apples"
          metric { label { name: "path" value: "x" } label { name: "a" value: "y" } gauge { value: 1 } }
          metric { gauge { value: -inf } timestamp_ms: -5 })",
       R"(name: "c_total" type: COUNTER
          metric { counter { value: 5 start_timestamp { seconds: 1 nanos: 999999999 }
            exemplar { label { name: "trace" value: "q" } value: 7 timestamp { seconds: 2 } } } }
          metric { label { name: "e" value: "" }
                   counter { value: 1e300 exemplar { value: 3 } start_timestamp { nanos: 1 } } })",
       R"(name: "u" type: UNTYPED metric { untyped { value: nan } gauge { value: 1 } })",
       R"(name: "nothing" type: GAUGE)", R"(name: "my.metric/\303\274" metric { })"});
  CHECK(read(page, kNative, true) ==
        Lines{"help go_info Build\ninfo.", "unit go_info apples", "type go_info gauge",
              R"(go_info{a="y", path="x"} 1)", "go_info -Inf @-5",  //
              "help c_total ", "type c_total counter",
              R"(c_total 5 from 1999 # {trace="q"} 7 @2000)", "c_total no e 1e+300 # {} 3",
              "help u ", "type u unknown", "u NaN",  //
              "help my.metric/\xc3\xbc ", "type my.metric/\xc3\xbc counter",
              "{\"my.metric/\xc3\xbc\"} 0"});
}

TEST_CASE("ProtobufParser expands summaries and classic histograms", "[scrape]") {
  struct Row {
    std::string_view family;
    Lines expected;
  };
  const std::vector<Row> rows = {
      {R"(name: "s" type: SUMMARY metric { label { name: "job" value: "x" } summary {
            sample_count: 42 sample_sum: 1.5 start_timestamp { seconds: 3 }
            quantile { quantile: 0.5 value: 2 } quantile { quantile: 1 value: nan } } timestamp_ms: 9 })",
       {R"(s_count{job="x"} 42 @9 from 3000)", R"(s_sum{job="x"} 1.5 @9 from 3000)",
        R"(s{job="x", quantile="0.5"} 2 @9 from 3000)",
        R"(s{job="x", quantile="1.0"} NaN @9 from 3000)"}},
      {R"(name: "s" type: SUMMARY metric { summary { sample_count: 1 } } metric { })",
       {"s_count 1", "s_sum 0", "s_count 0", "s_sum 0"}},
      {R"(name: "h" type: HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 4
            bucket { cumulative_count: 1 upper_bound: 1 exemplar { value: 0.5 label { name: "i" value: "1" } } }
            bucket { cumulative_count: 2 upper_bound: 5e6 exemplar { value: 9 timestamp { seconds: 4 } } } } })",
       {"h_count 3", "h_sum 4", R"(h_bucket{le="1.0"} 1 # {i="1"} 0.5)",
        R"(h_bucket{le="5e+06"} 2 # {} 9 @4000)", R"(h_bucket{le="+Inf"} 3)"}},
      {R"(name: "h" type: HISTOGRAM metric { histogram { sample_count: 3
            bucket { cumulative_count: 3 upper_bound: inf } bucket { cumulative_count: 9 upper_bound: 1 } } })",
       {"h_count 3", "h_sum 0", R"(h_bucket{le="+Inf"} 3)"}},
      {R"(name: "h" type: GAUGE_HISTOGRAM metric { histogram { sample_count: 9 sample_count_float: 3.5 sample_sum: -4
            bucket { cumulative_count: 7 cumulative_count_float: 1.5 upper_bound: 0.1 } } })",
       {"h_count 3.5", "h_sum -4", R"(h_bucket{le="0.1"} 1.5)", R"(h_bucket{le="+Inf"} 3.5)"}},
      {R"(name: "h" type: HISTOGRAM metric { })",
       {"h_count 0", "h_sum 0", R"(h_bucket{le="+Inf"} 0)"}},
  };
  for (const Row& row : rows) {
    INFO(row.family);
    CHECK(read_one(row.family, kNative) == row.expected);
  }
}

TEST_CASE("ProtobufParser reads native histograms", "[scrape]") {
  const Lines native = read_one(kNativeHistogram, kNative);
  REQUIRE(native.size() == 1);
  CHECK(native[0].find(R"(h{job="x"} int {count:175, sum:0.0008280461746287094, )") == 0);
  CHECK(native[0].find(" @1234568 from 10005 # {id=\"a\"} -0.00039 @1625851155146") !=
        std::string::npos);
  CHECK(native[0].find("id=\"b\"") == std::string::npos);  // without a timestamp
  const Lines both = read_one(kNativeHistogram, kBoth);
  REQUIRE(both.size() == 7);
  CHECK(both[0] == native[0]);
  CHECK(both[1] == R"(h_count{job="x"} 175 @1234568 from 10005)");
  CHECK(both[5] == R"(h_bucket{job="x", le="-0.0002"} 16 @1234568 from 10005 # {id="b"} -0.00029)");
  CHECK(both[6] == R"(h_bucket{job="x", le="+Inf"} 175 @1234568 from 10005)");
  const Lines classic = read_one(kNativeHistogram, kClassic);
  CHECK(Lines(both.begin() + 1, both.end()) == classic);
}

TEST_CASE("ProtobufParser tells kinds of native histograms apart", "[scrape]") {
  struct Row {
    std::string histogram, type, expected;
  };
  const std::vector<Row> rows = {
      {"positive_span { }", "HISTOGRAM", "h int {count:0, sum:0}"},  // no-op span
      {"negative_span { }", "HISTOGRAM", "h int {count:0, sum:0}"},
      {"zero_threshold: 0.1", "HISTOGRAM", "h int {count:0, sum:0}"},
      {"zero_count: 1 sample_count: 1", "HISTOGRAM", "h int {count:1, sum:0, [-0,0]:1}"},
      {"zero_count: 1 sample_count: 1", "GAUGE_HISTOGRAM",
       "h int {count:1, sum:0, [-0,0]:1} gauge"},
      {"zero_threshold: 1 zero_count_float: 1.5 sample_count_float: 1.5", "HISTOGRAM",
       "h float {count:1.5, sum:0, [-1,1]:1.5}"},
      {"sample_count_float: 3 schema: 0 positive_span { offset: 1 length: 3 } positive_count: 1 "
       "positive_count: 0 positive_count: 2 zero_threshold: 1",
       "HISTOGRAM", "h float {count:3, sum:0, (1,2]:1, (4,8]:2}"},
      {"sample_count: 3 positive_span { offset: 0 length: 2 } positive_delta: 1 positive_delta: 1",
       "HISTOGRAM", "h int {count:3, sum:0, (0.5,1]:1, (1,2]:2}"},
      {"positive_span { offset: 0 length: 2 } positive_delta: 1", "HISTOGRAM",
       "error: histogram \"h\": positive side: spans require 2 buckets, have 1"},
      {"negative_span { length: 1 }", "HISTOGRAM",
       "error: histogram \"h\": negative side: spans require 1 buckets, have 0"},
      {"sample_count_float: 1 positive_span { length: 1 } positive_delta: 1", "HISTOGRAM",
       "error: histogram \"h\": positive side: spans require 1 buckets, have 0"},
      {"negative_span { offset: -2147483648 length: 0 } negative_span { offset: -1 length: 1 } "
       "negative_delta: 1",
       "HISTOGRAM",
       "error: histogram \"h\": negative side: spans leave the range of bucket indexes"},
      {"positive_span { offset: 2147483647 length: 1 } positive_delta: 1", "HISTOGRAM",
       "error: histogram \"h\": positive side: spans leave the range of bucket indexes"},
      {"positive_span { length: 4294967295 }", "HISTOGRAM",
       "error: histogram \"h\": positive side: spans leave the range of bucket indexes"},
  };
  for (const Row& row : rows) {
    INFO(row.histogram);
    CHECK(read_one(
              "name: \"h\" type: " + row.type + " metric { histogram { " + row.histogram + " } }",
              kNative) == Lines{row.expected});
  }
}

TEST_CASE("ProtobufParser takes the exemplars of native histograms with their times", "[scrape]") {
  CHECK(read_one(R"(name: "h" type: HISTOGRAM metric { histogram { positive_span { }
      bucket { upper_bound: 1 exemplar { value: 1 timestamp { seconds: 1 } } }
      exemplars { value: 2 } exemplars { value: 3 timestamp { seconds: 3 } }
      exemplars { value: 4 timestamp { } } exemplars { value: 5 } } })",
                 kNative) == Lines{"h int {count:0, sum:0} # {} 3 @3000 # {} 4"});
}

TEST_CASE("ProtobufParser makes custom buckets of classic histograms", "[scrape]") {
  const std::string_view family = R"(name: "h" type: HISTOGRAM
    metric { label { name: "m" value: "1" } histogram { sample_count: 6 sample_sum: 9
      bucket { cumulative_count: 1 upper_bound: 1 exemplar { value: 0.5 timestamp { seconds: 4 } } }
      bucket { cumulative_count: 4 upper_bound: 2 exemplar { value: 1.5 } } } timestamp_ms: 8 }
    metric { histogram { sample_count_float: 2.5 bucket { cumulative_count_float: 2.5 upper_bound: inf } } }
    metric { histogram { sample_count: 1 zero_count: 1 } })";
  const std::string first =
      R"(h{m="1"} int {count:6, sum:9, [-Inf,1]:1, (1,2]:3, (2,+Inf]:2} custom @8 # {} 0.5 @4000)";
  CHECK(read_one(family, kCustom) == Lines{first,
                                           "h float {count:2.5, sum:0, [-Inf,+Inf]:2.5} custom",
                                           "h int {count:1, sum:0, [-Inf,+Inf]:1} custom"});
  // A native histogram stays as it is.
  CHECK(read_one(family, {true, false, true}) ==
        Lines{first, "h float {count:2.5, sum:0, [-Inf,+Inf]:2.5} custom",
              "h int {count:1, sum:0, [-0,0]:1}"});
  const Lines both = read_one(family, {false, true, true});
  REQUIRE(both.size() == 6 + 4 + 4);
  CHECK(both[0] == R"(h_count{m="1"} 6 @8)");
  CHECK(both[3] == R"(h_bucket{le="2.0", m="1"} 4 @8 # {} 1.5)");
  CHECK(both[5] == first);
  CHECK(read_one(R"(name: "h" type: GAUGE_HISTOGRAM metric { histogram { } })", kCustom) ==
        Lines{"h int {count:0, sum:0} gauge custom"});
  const Lines broken = read_one(R"(name: "h" type: HISTOGRAM metric { histogram { sample_count: 1
      bucket { cumulative_count: 5 upper_bound: 1 } bucket { cumulative_count: 4 upper_bound: 2 } } })",
                                kCustom);
  CHECK(broken == Lines{"error: histogram \"h\": count is not cumulative: 4 < 5"});
}

TEST_CASE("ProtobufParser refuses what Prometheus refuses", "[scrape]") {
  const std::string good = with_length(metric_family(R"(name: "a" metric { })"));
  struct Row {
    std::string page, error;
  };
  const std::vector<Row> rows = {
      {metric_page({R"(metric { })"}), "invalid metric name"},
      {with_length(std::string("\x0a\x01\xff\x22\x00", 5)), "invalid metric name"},
      {with_length(std::string("\x0a\x01"
                               "a\x12\x01\xff\x22\x00",
                               8)),
       "invalid help for metric"},
      {with_length(std::string("\x0a\x01"
                               "a\x18\x06\x22\x00",
                               7)),
       "unknown metric type for metric"},
      {metric_page({R"(name: "a" metric { label { value: "x" } })"}), "invalid label name"},
      {with_length(std::string("\x0a\x01"
                               "a\x22\x08\x0a\x06\x0a\x01"
                               "b\x12\x01\xff",
                               13)),
       "invalid label value"},
      {good + "\x05", "malformed protobuf: a metric family of 5 bytes, 0 are left"},
      {good + "\xff\xff\xff\xff\xff\x01", "malformed protobuf: invalid length"},
      {good + "\x80", "malformed protobuf: invalid length"},
      {with_length("\x0a\x05"
                   "a"),
       "malformed protobuf: metric family"},
      {with_length("\x08\x01"), "malformed protobuf: metric family"},  // a name that is a number
      {with_length("\x0c"), "malformed protobuf: metric family"},      // the end of no group
      {with_length(std::string("\x0a\x01"
                               "a\x22\x02\x0a\x05",
                               7)),
       "malformed protobuf: metric"},
      {with_length(std::string("\x0a\x01"
                               "a\x22\x02\x12\x09",
                               7)),
       "malformed protobuf: metric"},
  };
  for (const Row& row : rows) {
    INFO(row.error);
    const Lines lines = read(row.page, kNative);
    REQUIRE_FALSE(lines.empty());
    INFO(lines.back());
    CHECK(lines.back().find("error: ") == 0);
    CHECK(lines.back().find(row.error) != std::string::npos);
  }
  CHECK(read_one(
            R"(name: "a" metric { label { name: "x" value: "1" } label { name: "x" value: "2" } })",
            kNative) == Lines{"labels: label name \"x\" is not unique"});
  CHECK(read_one(R"(name: "a" metric { label { name: "__name__" value: "1" } })", kNative) ==
        Lines{"labels: label name \"__name__\" is not unique"});
  CHECK(read("", kNative).empty());
}

TEST_CASE("ProtobufParser tells series apart by their texts", "[scrape]") {
  const std::string page =
      metric_page({R"(name: "a"
    metric { label { name: "x" value: "1" } label { name: "y" value: "2" } }
    metric { label { name: "x" value: "1y2" } } metric { } )",
                   R"(name: "ax1" metric { })",
                   R"(name: "a" type: SUMMARY metric { summary { quantile { } } })"});
  ProtobufParser parser(page, kNative);
  std::vector<std::string> texts;
  for (auto entry = parser.next(); entry != ProtobufParser::Entry::kEnd; entry = parser.next()) {
    if (entry == ProtobufParser::Entry::kSeries) texts.emplace_back(parser.series_text());
  }
  REQUIRE(texts.size() == 7);
  std::sort(texts.begin(), texts.end());
  CHECK(std::unique(texts.begin(), texts.end()) == texts.end());
}

TEST_CASE("ProtobufParser skips any number of empty families and groups", "[scrape]") {
  const std::string metric =
      with_length(metric_family(R"(name: "a" metric { gauge { value: 1 } } type: GAUGE)"));
  const std::string empty = with_length(metric_family(R"(name: "e")"));
  std::string page(8 << 20, '\0');  // families of no bytes
  for (int i = 0; i < 100'000; ++i) page += empty;
  CHECK(read(page + metric, kNative) == Lines{"a 1"});
  // A field of a million groups inside each other.
  const std::string groups = std::string(1'000'000, '\x53') + std::string(1'000'000, '\x54');
  CHECK(read(with_length(metric_family(R"(name: "a" metric { })") + groups), kNative) ==
        Lines{"a 0"});
}

TEST_CASE("ProtobufParser finds the same messages cut short as libprotobuf does", "[scrape]") {
  const std::vector<std::string_view> families = {
      kNativeHistogram,
      R"(name: "s" type: SUMMARY help: "h" unit: "u" metric { summary { sample_count: 300
         sample_sum: 1 quantile { quantile: 0.5 value: 2 } start_timestamp { seconds: 300 } } timestamp_ms: 300 })",
      R"(name: "c" metric { label { name: "a" value: "b" } counter { value: 1 exemplar { value: 1
         label { name: "x" value: "y" } timestamp { nanos: 5 } } start_timestamp { nanos: 300 } } })",
      R"(name: "f" type: HISTOGRAM metric { histogram { sample_count_float: 1 zero_count_float: 1
         positive_span { offset: 300 length: 300 } positive_count: 1 positive_count: 2 schema: -3 } })"};
  for (const std::string_view family : families) {
    const std::string message = metric_family(family);
    for (size_t cut = 0; cut <= message.size(); ++cut) {
      INFO(family << " cut at " << cut);
      const std::string page = with_length(message.substr(0, cut));
      const Lines lines = read(page, kClassic);
      const bool broken = !lines.empty() && lines.back().find("error: ") == 0 &&
                          lines.back().find("malformed protobuf") != std::string::npos;
      CHECK(broken != silverback::testing::is_metric_page(page));
    }
  }
}

TEST_CASE("ProtobufParser bounds what a metric may hold", "[scrape]") {
  const auto metric = [](const std::string& histogram) {
    std::string out = "\x0a\x01h\x18\x04";  // name h, a histogram
    const std::string inner = "\x3a" + with_length(histogram);
    return with_length(out + "\x22" + with_length(inner));
  };
  const auto repeated = [](std::string_view bytes, size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += bytes;
    return out;
  };
  const std::string bucket("\x1a\x00", 2), span("\x62\x00", 2);
  CHECK(read(metric(repeated(bucket, 65'536)), kNative).size() == 65'539);
  CHECK(read(metric(repeated(bucket, 65'537)), kNative) ==
        Lines{"error: metric \"h\": more than 65536 labels, quantiles, buckets or exemplars"});
  CHECK(read(metric(repeated(span, 65'536)), kNative) == Lines{"h int {count:0, sum:0}"});
  CHECK(read(metric(repeated(span, 65'537)), kNative) ==
        Lines{"error: histogram \"h\": more than 65536 spans or buckets"});
  // A family of very many metrics is not listed in memory.
  const std::string page = with_length("\x0a\x01g" + repeated(std::string("\x22\x00", 2), 300'000));
  CHECK(read(page, kNative).size() == 300'000);
}
