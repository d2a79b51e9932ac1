#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "promql/ast.h"
#include "tests/promql/parser_rows.h"

namespace silverback::promql {
namespace {

struct PrettyRow {
  const char* text;
  std::vector<const char*> lines;
};

// clang-format off
const std::vector<PrettyRow> kRows = {
    {"foo",
     {"foo"}},
    {"sum(foo) by (a)",
     {"sum by (a) (foo)"}},
    {R"(sum by (job, instance) (rate(a_rather_long_metric_name_total{job="some-job", instance=~"host-[0-9]+"}[5m])))",
     {"sum by (job, instance) (",
      R"(  rate(a_rather_long_metric_name_total{instance=~"host-[0-9]+",job="some-job"}[5m]))",
      ")"}},
    {R"(sum(rate(http_requests_total{job="api-server",status=~"5.."}[5m])) by (job,route) / ignoring(status) group_left sum(rate(http_requests_total{job="api-server"}[5m])) by (job,route))",
     {R"(  sum by (job, route) (rate(http_requests_total{job="api-server",status=~"5.."}[5m])))",
      "/ ignoring (status) group_left ()",
      R"(  sum by (job, route) (rate(http_requests_total{job="api-server"}[5m])))"}},
    {R"(label_replace(a_very_long_metric_name_number_one{label="value"}, "destination_label", "$1", "source_label", "(.*)-suffix"))",
     {"label_replace(",
      R"(  a_very_long_metric_name_number_one{label="value"},)",
      R"(  "destination_label",)",
      R"(  "$1",)",
      R"(  "source_label",)",
      R"(  "(.*)-suffix")",
      ")"}},
    {R"(histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket{job="api",handler="query"}[5m]))))",
     {"histogram_quantile(",
      "  0.99,",
      R"(  sum by (le, job) (rate(http_request_duration_seconds_bucket{handler="query",job="api"}[5m])))",
      ")"}},
    {"(a_very_long_metric_name_number_one + a_very_long_metric_name_number_two) * (a_very_long_metric_name_number_three)",
     {"  (a_very_long_metric_name_number_one + a_very_long_metric_name_number_two)",
      "*",
      "  (a_very_long_metric_name_number_three)"}},
    {R"(topk(10, sum by (a_long_label_name_one, a_long_label_name_two) (some_metric_with_a_long_name{label="value"}) > 100))",
     {"topk(",
      "  10,",
      R"(    sum by (a_long_label_name_one, a_long_label_name_two) (some_metric_with_a_long_name{label="value"}))",
      "  >",
      "    100",
      ")"}},
    {"-(a_very_long_metric_name_number_one + a_very_long_metric_name_number_two + a_very_long_metric_name_number_three)",
     {"-(",
      "    a_very_long_metric_name_number_one + a_very_long_metric_name_number_two",
      "  +",
      "    a_very_long_metric_name_number_three",
      ")"}},
    {R"(-a_very_long_metric_name_number_one{label="some value that is long", other="another value that is long as well"})",
     {R"(-a_very_long_metric_name_number_one{label="some value that is long",other="another value that is long as well"})"}},
    {R"(max_over_time(rate(a_very_long_metric_name_number_one{label="value"}[5m])[1h:1m] @ start() offset 5m) > bool 12345678)",
     {"  max_over_time(",
      R"(rate(a_very_long_metric_name_number_one{label="value"}[5m])[1h:1m] @ start() offset 5m)",
      "  )",
      "> bool",
      "  12345678"}},
    {R"(sum(rate(a_very_long_metric_name_number_one{label="value", another_label="another value"}[5m]))[1h:1m] offset 5m)",
     {R"(sum(rate(a_very_long_metric_name_number_one{another_label="another value",label="value"}[5m]))[1h:1m] offset 5m)"}},
    {R"((sum(rate(a_very_long_metric_name_number_one{label="value", another_label="another value"}[5m])))[1h:1m] offset 5m)",
     {R"((sum(rate(a_very_long_metric_name_number_one{another_label="another value",label="value"}[5m])))[1h:1m] offset 5m)"}},
    {R"(count_values without (a, b) ("the_name_of_the_label_to_be_set", a_very_long_metric_name_number_one{label="value"} == 1))",
     {"count_values without (a, b) (",
      R"(  "the_name_of_the_label_to_be_set",)",
      R"(  a_very_long_metric_name_number_one{label="value"} == 1)",
      ")"}},
    {"foo + on(a_long_label_name_one, a_long_label_name_two) group_left(a_long_label_name_three) fill(0) bar_with_a_long_name",
     {"  foo",
      "+ on (a_long_label_name_one, a_long_label_name_two) group_left (a_long_label_name_three) fill (0)",
      "  bar_with_a_long_name"}},
    {R"("a string literal that is longer than a hundred characters, which nobody should ever write but somebody will do it once")",
     {R"("a string literal that is longer than a hundred characters, which nobody should ever write but somebody will do it once")"}},
    {R"(a_metric_name_that_is_much_too_long_to_fit{with="matchers", that="make", it="even", longer="than", a="hundred"}[5m:1m])",
     {R"(a_metric_name_that_is_much_too_long_to_fit{a="hundred",it="even",longer="than",that="make",with="matchers"}[5m:1m])"}},
    {"absent(a_metric_name_that_is_long or another_metric_name_that_is_long or yet_another_metric_name_that_is_long_too)",
     {"absent(",
      "    a_metric_name_that_is_long or another_metric_name_that_is_long",
      "  or",
      "    yet_another_metric_name_that_is_long_too",
      ")"}},
    {R"(time() - max by (job) (push_time_seconds{job=~"nightly-.*"}) > 60 * 60 * 24 * 7 and on (job) up{job=~"nightly-.*"} == 1)",
     {R"(  time() - max by (job) (push_time_seconds{job=~"nightly-.*"}) > 60 * 60 * 24 * 7)",
      "and on (job)",
      R"(  up{job=~"nightly-.*"} == 1)"}},
    {R"(info(a_metric_name_that_is_long_and_has_matchers{job="some-job", instance="some-instance"}, {k8s_cluster_name="production"}))",
     {"info(",
      R"(  a_metric_name_that_is_long_and_has_matchers{instance="some-instance",job="some-job"},)",
      R"(  {k8s_cluster_name="production"})",
      ")"}},
};
// clang-format on

std::string joined(const std::vector<const char*>& lines) {
  std::string out;
  for (const char* line : lines) {
    if (!out.empty()) out += '\n';
    out += line;
  }
  return out;
}

TEST_CASE("Pretty printer breaks what is longer than 100 columns", "[promql]") {
  for (const PrettyRow& row : kRows) {
    INFO(row.text);
    const base::Result<ExprPtr> parsed = parse_expr(row.text, kAllFeatures);
    REQUIRE(parsed.is_ok());
    CHECK(pretty_print_expr(**parsed) == joined(row.lines));
  }
}

TEST_CASE("Pretty printer's text is the same expression", "[promql]") {
  for (const PrettyRow& row : kRows) {
    INFO(row.text);
    const base::Result<ExprPtr> parsed = parse_expr(row.text, kAllFeatures);
    REQUIRE(parsed.is_ok());
    const base::Result<ExprPtr> again = parse_expr(pretty_print_expr(**parsed), kAllFeatures);
    REQUIRE(again.is_ok());
    CHECK(print_expr(**again) == print_expr(**parsed));
  }
}

}  // namespace
}  // namespace silverback::promql
