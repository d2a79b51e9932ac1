#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/duration.h"
#include "server/pages/graph_svg.h"
#include "server/pages/layout.h"
#include "server/pages/pages.h"
#include "server/pages/query_state.h"
#include "server/pages/result_table.h"

namespace silverback::server::pages {

namespace {

using Panels = std::vector<Panel>;
using base::Result;

constexpr int64_t kMaxSteps = 11'000;
constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::array<int64_t, 17> kRanges = {
    kMinute,   5 * kMinute, 15 * kMinute, 30 * kMinute, kHour,     2 * kHour,
    6 * kHour, 12 * kHour,  kDay,         2 * kDay,     7 * kDay,  14 * kDay,
    28 * kDay, 56 * kDay,   112 * kDay,   182 * kDay,   365 * kDay};

void write_field(HtmlWriter& w, std::string_view label, const std::string& name,
                 const std::string& value, std::string_view placeholder, std::string_view kind) {
  const auto field = w.in("label");
  w.text(label);
  w.empty("input", {{"class", std::string(kind)},
                    {"name", name},
                    {"value", value},
                    {"placeholder", std::string(placeholder)}});
}

void write_hidden(HtmlWriter& w, const std::string& name, const std::string& value) {
  w.empty("input", {{"type", "hidden"}, {"name", name}, {"value", value}});
}

/// A link to the same page with one panel changed.
void write_change(HtmlWriter& w, Panels panels, size_t number, const Panel& changed,
                  std::string_view text, std::string_view title) {
  panels[number] = changed;
  w.leaf("a",
         {{"class", "button"},
          {"href", panels_link(panels)},
          {"title", std::string(title)},
          {"aria-label", std::string(title)}},
         text);
}

void write_expression(HtmlWriter& w, const Panel& panel, size_t number) {
  const auto row = w.in("div", {{"class", "bar"}});
  const std::string name = field_name(number, "expr");
  const auto lines = 1 + std::count(panel.expr.begin(), panel.expr.end(), '\n');
  if (lines > 1) {  // a one-line field would lose the line ends
    w.leaf("textarea",
           {{"class", "expr"},
            {"name", name},
            {"rows", std::to_string(std::min<int64_t>(lines + 1, 20))},
            {"spellcheck", "false"},
            {"aria-label", "Expression"}},
           "\n" + panel.expr);
  } else {
    w.empty("input", {{"class", "expr"},
                      {"name", name},
                      {"value", panel.expr},
                      {"placeholder", "Expression, for example: sum by (job) (up)"},
                      {"spellcheck", "false"},
                      {"autocomplete", "off"},
                      {"aria-label", "Expression"},
                      {number == 0 && panel.expr.empty() ? "autofocus" : "", "autofocus"}});
  }
  w.leaf("button", {{"class", "main"}, {"type", "submit"}}, "Execute");
}

void write_tabs(HtmlWriter& w, const Panels& panels, size_t number) {
  const auto tabs = w.in("div", {{"class", "tabs"}});
  for (const Panel::Tab tab : {Panel::Tab::kTable, Panel::Tab::kGraph}) {
    Panels others = panels;
    others[number].tab = tab;
    const bool here = panels[number].tab == tab;
    w.leaf("a", {{"href", panels_link(others)}, {here ? "aria-current" : "", "true"}},
           tab == Panel::Tab::kTable ? "Table" : "Graph");
  }
}

void write_table_controls(HtmlWriter& w, const Panels& panels, size_t number, int64_t now_ms) {
  const Panel& panel = panels[number];
  const auto row = w.in("div", {{"class", "bar"}});
  Panel changed = panel;
  changed.moment_ms = panel.moment_ms.value_or(now_ms) - kHour;
  write_change(w, panels, number, changed, "<", "One hour earlier");
  write_field(w, "Evaluation time (UTC)", field_name(number, "moment_input"),
              panel.moment_ms ? time_text(*panel.moment_ms) : "", "now", "time");
  changed.moment_ms = panel.moment_ms.value_or(now_ms) + kHour;
  write_change(w, panels, number, changed, ">", "One hour later");
}

void write_range_controls(HtmlWriter& w, const Panels& panels, size_t number, int64_t now_ms) {
  const Panel& panel = panels[number];
  const auto* wider = std::upper_bound(kRanges.begin(), kRanges.end(), panel.range_ms);
  const auto* narrower = std::lower_bound(kRanges.begin(), kRanges.end(), panel.range_ms);
  Panel changed = panel;
  {
    const auto group = w.in("span", {{"class", "group"}});
    changed.range_ms = narrower == kRanges.begin() ? kRanges.front() : *(narrower - 1);
    write_change(w, panels, number, changed, "-", "Narrower range");
    write_field(w, "Range", field_name(number, "range_input"),
                base::format_duration(panel.range_ms), "1h", "short");
    changed.range_ms = wider == kRanges.end() ? kRanges.back() : *wider;
    write_change(w, panels, number, changed, "+", "Wider range");
  }
  const auto group = w.in("span", {{"class", "group"}});
  changed = panel;
  changed.end_ms = panel.end_ms.value_or(now_ms) - panel.range_ms / 2;
  write_change(w, panels, number, changed, "<", "Half a range earlier");
  write_field(w, "End (UTC)", field_name(number, "end_input"),
              panel.end_ms ? time_text(*panel.end_ms) : "", "now", "time");
  changed.end_ms = panel.end_ms.value_or(now_ms) + panel.range_ms / 2;
  write_change(w, panels, number, changed, ">", "Half a range later");
}

void write_option(HtmlWriter& w, const std::string& value, std::string_view text, bool selected) {
  w.leaf("option", {{"value", value}, {selected ? "selected" : "", "selected"}}, text);
}

void write_graph_controls(HtmlWriter& w, const Panels& panels, size_t number, int64_t now_ms) {
  const Panel& panel = panels[number];
  const auto row = w.in("div", {{"class", "bar"}});
  write_range_controls(w, panels, number, now_ms);
  {
    const auto label = w.in("label");
    w.text("Resolution");
    const auto select = w.in("select", {{"name", field_name(number, "res_density")}});
    for (const char* density : {"low", "medium", "high"}) {
      write_option(w, density, density, panel.density == density);
    }
  }
  write_field(w, "or step", field_name(number, "res_step"),
              panel.step_ms > 0 ? base::format_duration(panel.step_ms) : "",
              base::format_duration(panel.resolution_ms()), "short");
  {
    const auto label = w.in("label");
    w.text("Show");
    const auto select = w.in("select", {{"name", field_name(number, "display_mode")}});
    write_option(w, "lines", "lines", !panel.stacked);
    write_option(w, "stacked", "stacked", panel.stacked);
  }
  const auto label = w.in("label");
  w.empty("input", {{"type", "checkbox"},
                    {"name", field_name(number, "y_axis_min")},
                    {"value", "0"},
                    {panel.from_zero ? "checked" : "", "checked"}});
  w.text("from zero");
}

/// What the form's visible fields do not carry: the other panels, and the other tab's settings.
void write_rest(HtmlWriter& w, const Panels& panels, size_t number) {
  for (size_t i = 0; i < panels.size(); ++i) {
    const bool graph = panels[i].tab == Panel::Tab::kGraph;
    for (const auto& [name, value] : panel_fields(panels[i], i)) {
      const std::string_view field = std::string_view(name).substr(name.find('.') + 1);
      const bool of_graph = field == "end_input" || field == "range_input" || field == "res_step" ||
                            field == "res_density" || field == "display_mode" ||
                            field == "y_axis_min";
      const bool visible = i == number && (field == "expr" || field == "res_type" ||
                                           (graph ? of_graph : field == "moment_input"));
      if (!visible) write_hidden(w, name, value);
    }
  }
}

/// "3:7: parse error" names a place in the expression: shows it.
void write_place(HtmlWriter& w, const std::string& expr, const std::string& message) {
  size_t line = 0, column = 0;
  int used = 0;
  if (std::sscanf(message.c_str(), "%zu:%zu:%n", &line, &column, &used) != 2 || used == 0) return;
  size_t begin = 0;
  for (; line > 1 && begin != std::string::npos; --line) {
    begin = expr.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (line != 1 || begin == std::string::npos || column == 0) return;
  const std::string text = expr.substr(begin, expr.find('\n', begin) - begin);
  if (column > text.size() + 1 || text.size() > 2000) return;
  w.leaf("pre", {{"class", "plain soft"}}, text + "\n" + std::string(column - 1, ' ') + "^");
}

void write_outcome(HtmlWriter& w, const Panel& panel, const Result<promql::QueryResult>& outcome) {
  if (!outcome) {
    const std::string& message = outcome.status().message();
    const auto box = w.in("div", {{"role", "alert"}});
    write_note(w, "bad", "Error executing query: " + message);
    write_place(w, panel.expr, message);
    return;
  }
  for (const std::string& warning : outcome->annotations.warnings()) write_note(w, "warn", warning);
  for (const std::string& info : outcome->annotations.infos()) write_note(w, "info", info);
}

void write_stats(HtmlWriter& w, const promql::QueryResult& result) {
  size_t series = 1;
  if (const auto* vector = std::get_if<promql::Vector>(&result.value)) series = vector->size();
  if (const auto* matrix = std::get_if<promql::Matrix>(&result.value)) series = matrix->size();
  const promql::QueryStats& s = result.stats;
  const double all = s.queue_seconds + s.prepare_seconds + s.eval_seconds + s.sort_seconds;
  w.leaf("p", {{"class", "soft small"}},
         fmt::format("{} series, {} samples read, {}", series, s.total_samples, seconds_text(all)));
}

void run_table(HtmlWriter& w, api::Context& ctx, const HttpRequest& request, const Panel& panel,
               int64_t now_ms) {
  promql::QueryOptions options;
  options.stop = request.stop;
  options.origin = api::query_origin(request);
  const Result<promql::QueryResult> outcome =
      ctx.engine->instant(*ctx.queryable, panel.expr, panel.moment_ms.value_or(now_ms), options);
  write_outcome(w, panel, outcome);
  if (!outcome) return;
  write_stats(w, *outcome);
  write_result_table(w, outcome->value);
}

void run_graph(HtmlWriter& w, api::Context& ctx, const HttpRequest& request, const Panel& panel,
               int64_t now_ms) {
  GraphFrame frame;
  frame.step_ms = panel.resolution_ms();
  frame.end_ms = panel.end_ms.value_or(now_ms);
  frame.start_ms = frame.end_ms - panel.range_ms;
  frame.stacked = panel.stacked;
  frame.from_zero = panel.from_zero;
  if (panel.range_ms / frame.step_ms > kMaxSteps) {
    write_note(w, "bad",
               "exceeded maximum resolution of 11,000 points per timeseries. Try a larger step or "
               "a narrower range.");
    return;
  }
  promql::QueryOptions options;
  options.stop = request.stop;
  options.origin = api::query_origin(request);
  const Result<promql::QueryResult> outcome = ctx.engine->range(
      *ctx.queryable, panel.expr, frame.start_ms, frame.end_ms, frame.step_ms, options);
  write_outcome(w, panel, outcome);
  if (!outcome) return;
  write_stats(w, *outcome);
  write_graph(w, std::get<promql::Matrix>(outcome->value), frame);
}

void write_panel(HtmlWriter& w, api::Context& ctx, const HttpRequest& request, const Panels& panels,
                 size_t number) {
  const Panel& panel = panels[number];
  const int64_t now_ms = ctx.clock->now_ms();
  const bool graph = panel.tab == Panel::Tab::kGraph;
  const auto card = w.in("section", {{"class", "card"}});
  {
    const auto form = w.in("form", {{"action", "query"}, {"method", "get"}});
    write_rest(w, panels, number);
    write_expression(w, panel, number);
    write_tabs(w, panels, number);
    if (graph) {
      write_graph_controls(w, panels, number, now_ms);
    } else {
      write_table_controls(w, panels, number, now_ms);
    }
  }
  for (const std::string& problem : panel.problems) write_note(w, "warn", problem);
  if (panel.expr.find_first_not_of(" \t\r\n") == std::string::npos) {
    w.leaf("p", {{"class", "soft"}}, "No expression entered yet.");
  } else if (graph) {
    run_graph(w, ctx, request, panel, now_ms);
  } else {
    run_table(w, ctx, request, panel, now_ms);
  }
  if (panels.size() < 2) return;
  Panels others = panels;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(number));
  w.link(panels_link(others), "Remove panel");
}

}  // namespace

void query(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const Result<api::Params> params = api::Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  Panels panels = read_panels(*params);
  reply(render_page(ctx, {"query", "Query"}, [&](HtmlWriter& w) {
    for (size_t i = 0; i < panels.size(); ++i) write_panel(w, ctx, request, panels, i);
    if (panels.size() >= kMaxPanels) return;
    Panels more = panels;
    more.emplace_back();
    w.leaf("a", {{"class", "button"}, {"href", panels_link(more)}}, "Add panel");
  }));
}

}  // namespace silverback::server::pages
