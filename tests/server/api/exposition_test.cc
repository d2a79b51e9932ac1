#include "server/api/exposition.h"

#include <catch2/catch.hpp>

#include "storage/remote/wire_reader.h"

namespace api = silverback::server::api;
namespace model = silverback::model;
using api::ExposedFamily;
using api::ExposedMetric;
using api::Exposition;
using api::NameEscaping;
using silverback::storage::remote::WireReader;

namespace {

std::string page(const ExposedFamily& family, Exposition format,
                 NameEscaping escaping = NameEscaping::kUnderscores) {
  const api::ExpositionChoice choice{format, escaping};
  std::string out;
  api::append_family(out, family, choice);
  api::append_exposition_end(out, choice);
  return out;
}

ExposedFamily floats(const std::string& name) {
  ExposedFamily family;
  family.name = name;
  family.metrics.push_back(ExposedMetric{
      {{"a", "x\n\"\\"}, {"l.b", "1"}, {"instance", ""}}, 1'435'781'451'781, 1e-7, {}});
  return family;
}

ExposedFamily custom_buckets() {
  auto h = std::make_shared<model::Histogram>();
  h->schema = model::kCustomBucketsSchema;
  h->count = 10;
  h->sum = 12.5;
  h->custom_values = {0.5, 1, 2};
  h->positive_spans = {{0, 1}, {1, 2}};
  h->positive_buckets = {2, 3, 5};
  ExposedFamily family;
  family.name = "h";
  family.histograms = true;
  family.metrics.push_back(ExposedMetric{{{"job", "j"}}, 5000, 0, std::move(h)});
  return family;
}

/// Field numbers of a message in order, bytes fields with their size.
std::string shape(std::string_view message) {
  std::string out;
  WireReader in(message);
  while (in.next()) {
    out += std::to_string(in.field());
    if (in.type() == silverback::storage::remote::WireType::kBytes) {
      out += ":" + std::to_string(in.as_bytes().size());
    }
    out += " ";
  }
  return in.failed() ? "broken" : out;
}

}  // namespace

TEST_CASE("Exposition is chosen by the Accept header", "[server]") {
  struct Row {
    std::string accept, content_type;
  };
  const std::string text = "text/plain; version=0.0.4; charset=utf-8; escaping=";
  const std::string open = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=";
  const std::string protobuf =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited; escaping=";
  for (const Row& row : std::vector<Row>{
           {"", text + "underscores"},
           {"*/*", text + "underscores"},
           {"text/plain;version=0.0.4;escaping=allow-utf-8", text + "allow-utf-8"},
           {"text/plain;q=0.2, application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5",
            open + "dots"},
           {"application/openmetrics-text;version=9", text + "underscores"},
           {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited;escaping=values;q=0.6,text/plain;q=0.5",
            protobuf + "values"},
           {"application/vnd.google.protobuf;proto=x;encoding=delimited", text + "underscores"},
           {"text/plain;escaping=nonsense", text + "underscores"}}) {
    INFO(row.accept);
    CHECK(api::choose_exposition(row.accept).content_type() == row.content_type);
  }
}

TEST_CASE("Exposition writes text", "[server]") {
  CHECK(page(floats("up"), Exposition::kText) ==
        "# TYPE up untyped\n"
        "up{a=\"x\\n\\\"\\\\\",l_b=\"1\",instance=\"\"} 1e-07 1435781451781\n");
  CHECK(page(floats("http.x"), Exposition::kText) ==
        "# TYPE http_x untyped\n"
        "http_x{a=\"x\\n\\\"\\\\\",l_b=\"1\",instance=\"\"} 1e-07 1435781451781\n");
  CHECK(page(floats("http.x"), Exposition::kText, NameEscaping::kNone) ==
        "# TYPE \"http.x\" untyped\n"
        "{\"http.x\",a=\"x\\n\\\"\\\\\",\"l.b\"=\"1\",instance=\"\"} 1e-07 1435781451781\n");
  CHECK(page(custom_buckets(), Exposition::kText) ==
        "# TYPE h histogram\n"
        "h_bucket{job=\"j\",le=\"0.5\"} 2 5000\n"
        "h_bucket{job=\"j\",le=\"1\"} 2 5000\n"
        "h_bucket{job=\"j\",le=\"2\"} 5 5000\n"
        "h_bucket{job=\"j\",le=\"+Inf\"} 10 5000\n"
        "h_sum{job=\"j\"} 12.5 5000\n"
        "h_count{job=\"j\"} 10 5000\n");
}

TEST_CASE("Exposition writes OpenMetrics", "[server]") {
  CHECK(page(floats("up"), Exposition::kOpenMetrics) ==
        "# TYPE up unknown\n"
        "up{a=\"x\\n\\\"\\\\\",l_b=\"1\",instance=\"\"} 1e-07 1435781451.781\n"
        "# EOF\n");
  CHECK(page(custom_buckets(), Exposition::kOpenMetrics)
            .find("h_bucket{job=\"j\",le=\"1.0\"} 2.0 5.000\n") != std::string::npos);
}

TEST_CASE("Exposition writes protobuf", "[server]") {
  const std::string up = page(floats("up"), Exposition::kProtobuf);
  CHECK(static_cast<size_t>(up[0]) == up.size() - 1);
  // Name, type, one metric of three labels, a value and a timestamp.
  CHECK(shape(up.substr(1)) == "1:2 3 4:53 ");
  auto h = std::make_shared<model::Histogram>();
  h->schema = 1;
  h->count = 3;
  h->zero_count = 1;
  h->positive_spans = {{-1, 2}};
  h->positive_buckets = {1, 1};
  ExposedFamily family;
  family.name = "n";
  family.histograms = true;
  family.metrics.push_back(ExposedMetric{{}, 1, 0, h});
  const std::string page_text = page(family, Exposition::kProtobuf);
  WireReader in(std::string_view(page_text).substr(1));
  std::string_view metric;
  while (in.next()) {
    if (in.field() == 4) metric = in.as_bytes();
  }
  WireReader fields(metric);
  std::string_view histogram;
  while (fields.next()) {
    if (fields.field() == 7) histogram = fields.as_bytes();
  }
  CHECK(shape(histogram) == "2 4 5 6 8 12:4 14 14 ");
}

TEST_CASE("Exposition escapes names by four schemes", "[server]") {
  struct Row {
    std::string name;
    NameEscaping escaping;
    std::string out;
  };
  for (const Row& row : std::vector<Row>{{"a.b_c", NameEscaping::kNone, "a.b_c"},
                                         {"a.b_c", NameEscaping::kUnderscores, "a_b_c"},
                                         {"a.b_c", NameEscaping::kDots, "a_dot_b__c"},
                                         {"a_c", NameEscaping::kDots, "a__c"},
                                         {"a_c", NameEscaping::kValues, "a_c"},
                                         {"a.b_c", NameEscaping::kValues, "U__a_2e_b__c"},
                                         {"1a", NameEscaping::kUnderscores, "_a"},
                                         {"\xc3\xa4", NameEscaping::kValues, "U___e4_"},
                                         {"\xc3\xa4", NameEscaping::kDots, "__"}}) {
    INFO(row.name);
    CHECK(api::escape_name(row.name, row.escaping) == row.out);
    if (row.escaping == NameEscaping::kValues) {
      CHECK(api::unescape_label_name(row.out) == row.name);
    }
  }
}
