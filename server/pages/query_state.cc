#include "server/pages/query_state.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/url.h"
#include "server/pages/layout.h"

namespace silverback::server::pages {

namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

std::string_view field(const Fields& fields, std::string_view name) {
  const auto it = fields.find(name);
  return it == fields.end() ? std::string_view() : std::string_view(it->second);
}

/// "g12.expr" -> 12, "expr".
std::optional<std::pair<size_t, std::string>> split_name(std::string_view name) {
  const size_t dot = name.find('.');
  if (name.size() < 3 || name[0] != 'g' || dot == std::string_view::npos) return std::nullopt;
  size_t number = 0;
  const char* end = name.data() + dot;
  const auto parsed = std::from_chars(name.data() + 1, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return std::make_pair(number, std::string(name.substr(dot + 1)));
}

void read_time_field(const Fields& fields, std::string_view name, std::string_view what,
                     std::optional<int64_t>& out, std::vector<std::string>& problems) {
  const std::string_view text = field(fields, name);
  if (text.empty()) return;
  out = read_time(text);
  if (!out) problems.push_back(fmt::format("{}: \"{}\" is no time", what, text));
}

void read_length(const Fields& fields, std::string_view name, std::string_view what, int64_t& out,
                 std::vector<std::string>& problems) {
  const std::string_view text = field(fields, name);
  if (text.empty()) return;
  const base::Result<int64_t> ms = api::parse_duration(text);
  if (ms && *ms > 0) {
    out = *ms;
  } else {
    problems.push_back(fmt::format("{}: \"{}\" is no duration", what, text));
  }
}

/// Releases before 3 numbered the tabs.
Panel::Tab read_tab(std::string_view text) {
  return text == "graph" || text == "0" ? Panel::Tab::kGraph : Panel::Tab::kTable;
}

Panel read_panel(const Fields& fields) {
  Panel panel;
  panel.expr = std::string(field(fields, "expr"));
  panel.tab = read_tab(field(fields, "tab"));
  read_time_field(fields, "moment_input", "Evaluation time", panel.moment_ms, panel.problems);
  read_time_field(fields, "end_input", "End time", panel.end_ms, panel.problems);
  read_length(fields, "range_input", "Range", panel.range_ms, panel.problems);
  const std::string_view density = field(fields, "res_density");
  if (density == "low" || density == "high") panel.density = std::string(density);
  // Prometheus 3 keeps res_step of a resolution type that is not chosen; 2.x has step_input.
  const std::string_view type = field(fields, "res_type");
  if (type.empty() || type == "fixed" || type == "custom") {
    read_length(fields, "res_step", "Resolution", panel.step_ms, panel.problems);
    read_length(fields, "step_input", "Resolution", panel.step_ms, panel.problems);
  }
  panel.stacked = field(fields, "display_mode") == "stacked" || field(fields, "stacked") == "1";
  panel.from_zero = field(fields, "y_axis_min") == "0";
  return panel;
}

}  // namespace

std::optional<int64_t> read_time(std::string_view text) {
  std::string copy(text);
  if (const base::Result<model::TimestampMs> t = api::parse_time(copy)) return *t;
  if (copy.size() < 16 || copy[10] != ' ') return std::nullopt;
  copy[10] = 'T';
  if (copy.size() == 16) copy += ":00";
  const base::Result<int64_t> ms = base::parse_rfc3339_ms(copy + "Z");
  if (!ms) return std::nullopt;
  return *ms;
}

int64_t Panel::resolution_ms() const {
  if (step_ms > 0) return step_ms;
  const int64_t points = density == "low" ? 100 : density == "high" ? 750 : 250;
  return std::max<int64_t>(1000, range_ms / points / 1000 * 1000);
}

std::vector<Panel> read_panels(const api::Params& params) {
  std::map<size_t, Fields> by_number;
  for (const auto& [name, value] : params.values()) {
    const auto parts = split_name(name);
    if (!parts) continue;
    if (by_number.count(parts->first) == 0 && by_number.size() >= kMaxPanels) continue;
    by_number[parts->first].emplace(parts->second, value);
  }
  std::vector<Panel> panels;
  for (const auto& entry : by_number) panels.push_back(read_panel(entry.second));
  if (panels.empty()) panels.emplace_back();
  return panels;
}

std::string field_name(size_t panel, std::string_view field) {
  return fmt::format("g{}.{}", panel, field);
}

std::vector<std::pair<std::string, std::string>> panel_fields(const Panel& panel, size_t number) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](std::string_view field, std::string value) {
    out.emplace_back(field_name(number, field), std::move(value));
  };
  add("expr", panel.expr);
  add("tab", panel.tab == Panel::Tab::kGraph ? "graph" : "table");
  if (panel.moment_ms) add("moment_input", time_text(*panel.moment_ms));
  if (panel.end_ms) add("end_input", time_text(*panel.end_ms));
  add("range_input", base::format_duration(panel.range_ms));
  if (panel.step_ms > 0) {
    add("res_type", "custom");
    add("res_step", base::format_duration(panel.step_ms));
  } else if (panel.density != "medium") {
    add("res_type", "auto");
    add("res_density", panel.density);
  }
  if (panel.stacked) add("display_mode", "stacked");
  if (panel.from_zero) add("y_axis_min", "0");
  return out;
}

std::string panels_link(const std::vector<Panel>& panels) {
  std::string link = "query";
  char separator = '?';
  for (size_t i = 0; i < panels.size(); ++i) {
    for (const auto& [name, value] : panel_fields(panels[i], i)) {
      link += separator;
      link += name;
      link += '=';
      link += base::query_escape(value);
      separator = '&';
    }
  }
  return link;
}

}  // namespace silverback::server::pages
