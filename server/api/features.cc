#include <algorithm>
#include <map>

#include "promql/ast.h"
#include "promql/function_def.h"
#include "rules/template/function_table.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

namespace {

using Category = std::map<std::string, bool, std::less<>>;
using Features = std::map<std::string, Category, std::less<>>;

bool flag(const Context& ctx, const char* name) {
  const auto at = ctx.flags.find(name);
  return at != ctx.flags.end() && at->second == "true";
}

/// Whether --enable-feature names it.
bool enabled(const Context& ctx, std::string_view feature) {
  const auto at = ctx.flags.find("enable-feature");
  if (at == ctx.flags.end()) return false;
  std::string_view rest = at->second;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view name = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    if (name == feature) return true;
  }
  return false;
}

Category promql_features(const promql::EngineOptions& options) {
  Category out;
  for (const char* name :
       {"at_modifier", "bool", "by", "duration_expr", "group_left", "group_right", "ignoring",
        "negative_offset", "offset", "on", "per_query_lookback_delta", "subqueries", "without"}) {
    out[name] = true;
  }
  out["anchored"] = out["smoothed"] = options.parser.extended_range_selectors;
  out["fill"] = out["fill_left"] = out["fill_right"] = options.parser.binop_fill_modifiers;
  out["delayed_name_removal"] = options.delayed_name_removal;
  out["per_step_stats"] = false;
  out["type_and_unit_labels"] = options.type_and_unit_labels;
  return out;
}

Category operators(const promql::ParserOptions& options) {
  using promql::AggregateOp;
  using promql::BinaryOp;
  Category out;
  for (const char* op : {"=~", "!~", "@"}) out[op] = true;
  for (auto op = BinaryOp::kAdd; op <= BinaryOp::kOr;
       op = static_cast<BinaryOp>(static_cast<int>(op) + 1)) {
    out[std::string(promql::binary_op_text(op))] = true;
  }
  for (auto op = AggregateOp::kSum; op <= AggregateOp::kLimitRatio;
       op = static_cast<AggregateOp>(static_cast<int>(op) + 1)) {
    const bool experimental = op == AggregateOp::kLimitk || op == AggregateOp::kLimitRatio;
    out[std::string(promql::aggregate_op_text(op))] =
        !experimental || options.experimental_functions;
  }
  return out;
}

Category functions(const promql::ParserOptions& options) {
  Category out;
  for (const promql::FunctionDef& def : promql::function_table()) {
    out[std::string(def.name)] =
        def.impl != nullptr && (!def.experimental || options.experimental_functions);
  }
  return out;
}

Category templating() {
  namespace tt = rules::text_template;
  Category out;
  for (const auto group : {tt::query_functions(), tt::text_functions(), tt::humanize_functions()}) {
    for (const tt::FunctionDef& row : group) out[std::string(row.name)] = true;
  }
  return out;
}

Features features_of(const Context& ctx) {
  const promql::EngineOptions& engine = ctx.engine->options();
  Features out;
  out["api"] = {{"admin", ctx.admin_enabled},
                {"exclude_alerts", true},
                {"label_values_match", true},
                {"lifecycle", ctx.lifecycle_enabled},
                {"otlp_write_receiver", false},
                {"query_stats", true},
                {"query_warnings", true},
                {"remote_write_receiver", ctx.receiver != nullptr},
                {"search", false},
                {"time_range_labels", true},
                {"time_range_series", true}};
  out["otlp_receiver"] = {{"delta_conversion", false}, {"native_delta_ingestion", false}};
  out["prometheus"] = {{"agent_mode", false},
                       {"auto_reload_config", flag(ctx, "config.auto-reload")},
                       {"server_mode", true}};
  out["promql"] = promql_features(engine);
  out["promql_functions"] = functions(engine.parser);
  out["promql_operators"] = operators(engine.parser);
  out["rules"] = {{"concurrent_rule_eval", enabled(ctx, "concurrent-rule-eval")},
                  {"keep_firing_for", true},
                  {"query_offset", true}};
  out["scrape"] = {{"extra_scrape_metrics", true},
                   {"start_timestamp_zero_ingestion", false},
                   {"type_and_unit_labels", false}};
  out["service_discovery_providers"] = {
      {"dns", true}, {"file", true}, {"http", true}, {"static", true}};
  out["templating_functions"] = templating();
  out["tsdb"] = {
      {"delayed_compaction", false}, {"exemplar_storage", enabled(ctx, "exemplar-storage")},
      {"isolation", true},           {"native_histograms", true},
      {"st_storage", false},         {"use_uncached_io", false}};
  out["ui"] = {{"ui_v2", false}, {"ui_v3", false}};
  return out;
}

}  // namespace

Answer features(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  for (const auto& category : features_of(ctx)) {
    w.key(category.first);
    w.begin_object();
    for (const auto& feature : category.second) {
      w.key(feature.first);
      w.boolean(feature.second);
    }
    w.end_object();
  }
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
