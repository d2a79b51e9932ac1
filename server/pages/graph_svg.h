#pragma once

#include <cstdint>

#include "promql/value.h"
#include "server/pages/html_writer.h"

namespace silverback::server::pages {

/// What a graph spans; times in ms, ends included.
struct GraphFrame {
  int64_t start_ms = 0, end_ms = 0, step_ms = 0;
  bool stacked = false;
  bool from_zero = false;
};

/// Lines (or stacked areas) with axes, grid and legend, as SVG without a script. Series beyond what
/// a page can carry, and histograms, are left out; the page says so.
void write_graph(HtmlWriter& w, const promql::Matrix& matrix, const GraphFrame& frame);

/// "1.5k", "20M", "0.25": a number of an axis.
std::string axis_number(double value, double step);

}  // namespace silverback::server::pages
