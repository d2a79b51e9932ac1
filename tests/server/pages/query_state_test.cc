#include "server/pages/query_state.h"

#include <catch2/catch.hpp>

#include "server/pages/graph_svg.h"
#include "server/pages/layout.h"

namespace server = silverback::server;
namespace pages = silverback::server::pages;
using pages::Panel;

namespace {

std::vector<Panel> panels_of(const std::string& query) {
  server::HttpRequest request;
  request.method = "GET";
  request.query = query;
  return pages::read_panels(*server::api::Params::parse(request));
}

}  // namespace

TEST_CASE("Query state reads the links of Prometheus 2 and 3", "[server]") {
  auto panels = panels_of(
      "g0.expr=up&g0.tab=0&g0.stacked=1&g0.range_input=2h&g0.end_input=2024-05-01%2012%3A00"
      "&g0.step_input=30&g1.expr=a%2Bb&g1.tab=1&g1.moment_input=2024-05-01+12%3A00%3A00");
  REQUIRE(panels.size() == 2);
  CHECK(panels[0].expr == "up");
  CHECK(panels[0].tab == Panel::Tab::kGraph);
  CHECK(panels[0].stacked);
  CHECK(panels[0].range_ms == 7200'000);
  CHECK(panels[0].end_ms == 1714564800000);
  CHECK(panels[0].resolution_ms() == 30'000);
  CHECK(panels[1].expr == "a+b");
  CHECK(panels[1].tab == Panel::Tab::kTable);
  CHECK(panels[1].moment_ms == 1714564800000);
  CHECK(panels[1].problems.empty());

  panels = panels_of(
      "g3.expr=x&g3.tab=graph&g3.res_type=auto&g3.res_density=high&g3.res_step=14"
      "&g3.display_mode=stacked&g3.y_axis_min=0&g3.range_input=1d&g0.tab=table&g0.expr=y");
  REQUIRE(panels.size() == 2);
  CHECK(panels[0].expr == "y");
  CHECK(panels[1].density == "high");
  CHECK(panels[1].step_ms == 0);
  CHECK(panels[1].resolution_ms() == 115'000);
  CHECK(panels[1].stacked);
  CHECK(panels[1].from_zero);
}

TEST_CASE("Query state survives what makes no sense", "[server]") {
  CHECK(panels_of("").size() == 1);
  CHECK(panels_of("gx.expr=1&g.expr=1&g99999999999999999999.expr=1&expr=1&g-1.expr=2").size() == 1);
  const auto panels =
      panels_of("g0.range_input=-1h&g0.end_input=soon&g0.moment_input=%00&g0.expr=1");
  REQUIRE(panels.size() == 1);
  CHECK(panels[0].problems.size() == 3);
  CHECK(panels[0].range_ms == 3600'000);
  std::string many = "g0.expr=1";
  for (int i = 1; i < 100; ++i) many += "&g" + std::to_string(i) + ".expr=1";
  CHECK(panels_of(many).size() == pages::kMaxPanels);
}

TEST_CASE("Query state is written as it was read", "[server]") {
  for (const std::string link :
       {"query?g0.expr=up&g0.tab=table&g0.range_input=1h",
        "query?g0.expr=a%2Bb&g0.tab=graph&g0.end_input=2024-05-01+12%3A00%3A00&g0.range_input=2h"
        "&g0.res_type=custom&g0.res_step=30s&g0.display_mode=stacked&g0.y_axis_min=0"
        "&g1.expr=&g1.tab=table&g1.moment_input=2024-05-01+12%3A00%3A00&g1.range_input=1h"
        "&g1.res_type=auto&g1.res_density=low"}) {
    CHECK(pages::panels_link(panels_of(link.substr(6))) == link);
  }
}

TEST_CASE("Axis numbers are short and differ from tick to tick", "[server]") {
  struct Row {
    double value, step;
    std::string text;
  };
  const Row rows[] = {{0, 1, "0"},
                      {1500, 500, "1.5k"},
                      {2e6, 1e6, "2M"},
                      {0.25, 0.05, "0.25"},
                      {-3, 1, "-3"},
                      {1e21, 1e20, "1e+21"},
                      {1000000001, 1, "1000000001"}};
  for (const Row& row : rows) CHECK(pages::axis_number(row.value, row.step) == row.text);
}

TEST_CASE("Page texts of times and lengths", "[server]") {
  CHECK(pages::time_text(1714564800000) == "2024-05-01 12:00:00");
  CHECK(pages::time_text(0).empty());
  CHECK(pages::ago_text(5000, 0) == "never");
  CHECK(pages::ago_text(5000, 3500) == "1.50s ago");
  CHECK(pages::seconds_text(0.0025) == "2.5ms");
  CHECK(pages::seconds_text(150) == "2m30s");
  CHECK(pages::contains("Prometheus", "THEUS"));
  CHECK_FALSE(pages::contains("Prometheus", "x"));
}
