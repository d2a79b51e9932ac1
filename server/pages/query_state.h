#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/api/params.h"

namespace silverback::server::pages {

/// One panel of the query page as the URL describes it: g<N>.expr and so on, by the names of
/// Prometheus 3, with those of 2.x understood too.
struct Panel {
  enum class Tab : uint8_t { kTable, kGraph };

  std::string expr;
  Tab tab = Tab::kTable;
  std::optional<int64_t> moment_ms;  // evaluation time of the table; now when absent
  std::optional<int64_t> end_ms;     // of the graph; now when absent
  int64_t range_ms = 3600'000;
  std::string density = "medium";  // low, medium, high: of the automatic resolution
  int64_t step_ms = 0;             // a resolution of one's own; 0 = automatic
  bool stacked = false;
  bool from_zero = false;
  std::vector<std::string> problems;  // values that made no sense

  /// Of the graph: what was asked for, or what the density gives.
  int64_t resolution_ms() const;
};

/// The panels in order of their numbers; at least one, at most kMaxPanels.
std::vector<Panel> read_panels(const api::Params& params);
inline constexpr size_t kMaxPanels = 20;

/// The name of a panel's field: "g0.expr".
std::string field_name(size_t panel, std::string_view field);
/// The fields of a panel that differ from the defaults, in the order they are written.
std::vector<std::pair<std::string, std::string>> panel_fields(const Panel& panel, size_t number);
/// "query?g0.expr=...&...".
std::string panels_link(const std::vector<Panel>& panels);

/// "2024-05-01 12:00:00", RFC 3339 or a Unix time; ms. nullopt: no time.
std::optional<int64_t> read_time(std::string_view text);

}  // namespace silverback::server::pages
