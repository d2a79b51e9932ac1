#include <algorithm>

#include <fmt/format.h>

#include "promql/ast.h"
#include "promql/ast_json.h"
#include "promql/parser.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Errc;
using base::Result;
using base::Status;

namespace {

constexpr int64_t kMaxPoints = 11'000;
constexpr int64_t kQuickTryMs = 200;

Result<promql::QueryOptions> query_options(const Call& call) {
  promql::QueryOptions options;
  options.stop = call.http.stop;
  options.origin = query_origin(call.http);
  ASSIGN_OR_RETURN(options.timeout_ms, timeout_param(call.params));
  options.quick_try = call.quick_try;
  if (call.quick_try) {
    options.timeout_ms = std::min(options.timeout_ms.value_or(kQuickTryMs), kQuickTryMs);
  }
  const std::string_view lookback = call.params.get("lookback_delta");
  if (!lookback.empty()) {
    const Result<int64_t> ms = parse_duration(lookback);
    if (!ms) return ms.status().with_context("error parsing lookback delta duration");
    if (*ms > 0) options.lookback_ms = *ms;
  }
  return options;
}

/// True when something was cut off.
bool truncate(promql::Value& value, size_t limit) {
  if (limit == 0) return false;
  if (auto* vector = std::get_if<promql::Vector>(&value);
      vector != nullptr && vector->size() > limit) {
    vector->resize(limit);
    return true;
  }
  if (auto* matrix = std::get_if<promql::Matrix>(&value);
      matrix != nullptr && matrix->size() > limit) {
    matrix->resize(limit);
    return true;
  }
  return false;
}

Answer render(Result<promql::QueryResult> outcome, const Call& call, size_t limit) {
  if (!outcome) {
    // Parse and type errors are the query parameter's fault.
    if (outcome.status().code() == Errc::kBadData) return invalid_param("query", outcome.status());
    return outcome.status();
  }
  promql::QueryResult& result = *outcome;
  std::vector<std::string> warnings = result.annotations.warnings();
  if (truncate(result.value, limit)) warnings.emplace_back("results truncated due to limit");
  const std::string_view stats = call.params.get("stats");
  if (!stats.empty() && stats != "true" && stats != "all") {
    warnings.push_back(
        fmt::format("value {} for parameter \"stats\" is deprecated and will be rejected in the "
                    "next major release, use \"true\" or \"all\"",
                    model::go_quote(stats)));
  }
  std::string more_fields;
  if (!stats.empty()) {
    more_fields = R"(,"stats":)";
    base::JsonWriter w(more_fields);
    write_stats(w, result.stats);
  }
  Answer answer(
      value_pieces(std::move(result.value), std::move(more_fields), std::move(result.memory)));
  answer.warnings = std::move(warnings);
  answer.infos = result.annotations.infos();
  return answer;
}

}  // namespace

Answer query(Context& ctx, const Call& call) {
  const Result<size_t> limit = limit_param(call.params);
  if (!limit) return limit.status();
  const Result<model::TimestampMs> t = time_param(call.params, "time", ctx.clock->now_ms());
  if (!t) return t.status();
  const Result<promql::QueryOptions> options = query_options(call);
  if (!options) return options.status();
  return render(
      ctx.engine->instant(*ctx.queryable, std::string(call.params.get("query")), *t, *options),
      call, *limit);
}

Answer query_range(Context& ctx, const Call& call) {
  const Result<size_t> limit = limit_param(call.params);
  if (!limit) return limit.status();
  const Result<model::TimestampMs> start = parse_time(call.params.get("start"));
  if (!start) return invalid_param("start", start.status());
  const Result<model::TimestampMs> end = parse_time(call.params.get("end"));
  if (!end) return invalid_param("end", end.status());
  if (*end < *start) return invalid_param("end", "end timestamp must not be before start time");
  const Result<int64_t> step = parse_duration(call.params.get("step"));
  if (!step) return invalid_param("step", step.status());
  if (*step <= 0) {
    return invalid_param(
        "step",
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if ((*end - *start) / *step > kMaxPoints) {
    return Status(
        Errc::kBadData,
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
        "resolution (?step=XX)");
  }
  const Result<promql::QueryOptions> options = query_options(call);
  if (!options) return options.status();
  return render(ctx.engine->range(*ctx.queryable, std::string(call.params.get("query")), *start,
                                  *end, *step, *options),
                call, *limit);
}

namespace {

Result<promql::ExprPtr> query_expr(const Context& ctx, const Call& call) {
  Result<promql::ExprPtr> expr =
      promql::parse_expr(call.params.get("query"), ctx.engine->options().parser);
  if (!expr) return invalid_param("query", expr.status());
  return expr;
}

}  // namespace

Answer format_query(Context& ctx, const Call& call) {
  const Result<promql::ExprPtr> expr = query_expr(ctx, call);
  if (!expr) return expr.status();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.string(promql::pretty_print_expr(**expr));
  return Answer(std::move(json));
}

Answer parse_query(Context& ctx, const Call& call) {
  const Result<promql::ExprPtr> expr = query_expr(ctx, call);
  if (!expr) return expr.status();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  promql::write_ast_json(w, **expr);
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
