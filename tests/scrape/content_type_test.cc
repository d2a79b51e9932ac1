#include "scrape/content_type.h"

#include <string>

#include <catch2/catch.hpp>

namespace silverback::scrape {
namespace {

struct Row {
  const char* content_type;
  const char* fallback;
  const char* expected;
};

std::string select(const Row& row) {
  const base::Result<ExpositionFormat> format = select_format(row.content_type, row.fallback);
  if (!format.is_ok()) return format.status().message();
  switch (*format) {
    case ExpositionFormat::kText: return "text";
    case ExpositionFormat::kOpenMetrics: return "openmetrics";
    case ExpositionFormat::kProtobuf: return "protobuf";
  }
  return "?";
}

}  // namespace

TEST_CASE("Content-Type and fallback select the format", "[scrape]") {
  const Row row = GENERATE(values<Row>({
      {"text/plain", "", "text"},
      {"text/plain; version=0.0.4", "", "text"},
      {"Text/Plain ;version=1.0.0; escaping=allow-utf-8", "", "text"},
      {"text/plain;", "", "text"},
      {"text/plain; charset=\"utf-8\"", "", "text"},
      {"text/plain; a=1; a=1", "", "text"},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8", "", "openmetrics"},
      {"application/openmetrics-text", "PrometheusText0.0.4", "openmetrics"},
      {"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
       "encoding=delimited",
       "", "protobuf"},
      {"", "PrometheusText0.0.4", "text"},
      {"", "PrometheusText1.0.0", "text"},
      {"", "OpenMetricsText1.0.0", "openmetrics"},
      {"text/html", "OpenMetricsText0.0.1", "openmetrics"},
      {"text/html", "PrometheusProto", "protobuf"},
      {"invalid/invalid/invalid", "PrometheusText0.0.4", "text"},
      {"", "",
       "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
       "specified for target"},
      {"text/html; charset=utf-8", "",
       "received unsupported Content-Type \"text/html; charset=utf-8\" and no "
       "fallback_scrape_protocol specified for target"},
      {"invalid/invalid/invalid", "",
       "cannot parse Content-Type \"invalid/invalid/invalid\" and no fallback_scrape_protocol for "
       "target\nmime: unexpected content after media subtype"},
      {"text", "",
       "received unsupported Content-Type \"text\" and no fallback_scrape_protocol specified for "
       "target"},
      {"text plain", "",
       "cannot parse Content-Type \"text plain\" and no fallback_scrape_protocol for target\nmime: "
       "expected slash after first token"},
      {"text/", "",
       "cannot parse Content-Type \"text/\" and no fallback_scrape_protocol for target\nmime: "
       "expected token after slash"},
      {";", "",
       "cannot parse Content-Type \";\" and no fallback_scrape_protocol for target\nmime: no media "
       "type"},
      {"text/plain; charset", "",
       "cannot parse Content-Type \"text/plain; charset\" and no fallback_scrape_protocol for "
       "target\nmime: invalid media parameter"},
      {"text/plain; a=1; A=2", "",
       "cannot parse Content-Type \"text/plain; a=1; A=2\" and no fallback_scrape_protocol for "
       "target\nmime: duplicate parameter name"},
  }));
  INFO(row.content_type);
  CHECK(select(row) == row.expected);
}

}  // namespace silverback::scrape
