#include <algorithm>
#include <limits>

#include "promql/ast.h"
#include "promql/parser.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

/// Collects the matchers of every selector below `expr`, whose depth the parser bounds.
void find_selectors(const promql::Expr& expr, std::vector<model::Matchers>& out) {
  using promql::ExprKind;
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString: break;
    case ExprKind::kVectorSelector:
      out.push_back(static_cast<const promql::VectorSelector&>(expr).matchers);
      break;
    case ExprKind::kMatrixSelector:
      out.push_back(static_cast<const promql::MatrixSelector&>(expr).selector->matchers);
      break;
    case ExprKind::kSubquery:
      find_selectors(*static_cast<const promql::Subquery&>(expr).expr, out);
      break;
    case ExprKind::kUnary:
      find_selectors(*static_cast<const promql::UnaryExpr&>(expr).operand, out);
      break;
    case ExprKind::kBinary: {
      const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
      find_selectors(*binary.lhs, out);
      find_selectors(*binary.rhs, out);
      break;
    }
    case ExprKind::kAggregate: {
      const auto& aggregate = static_cast<const promql::AggregateExpr&>(expr);
      if (aggregate.param) find_selectors(*aggregate.param, out);
      find_selectors(*aggregate.expr, out);
      break;
    }
    case ExprKind::kCall:
      for (const promql::ExprPtr& arg : static_cast<const promql::Call&>(expr).args) {
        find_selectors(*arg, out);
      }
      break;
    case ExprKind::kParen:
      find_selectors(*static_cast<const promql::ParenExpr&>(expr).expr, out);
      break;
  }
}

void write_exemplars(base::JsonWriter& w, const std::vector<storage::SeriesExemplars>& found) {
  w.begin_array();
  for (const storage::SeriesExemplars& series : found) {
    w.begin_object();
    w.key("seriesLabels");
    write_labels(w, series.series);
    w.key("exemplars");
    w.begin_array();
    for (const model::Exemplar& e : series.exemplars) {
      w.begin_object();
      w.key("labels");
      write_labels(w, e.labels);
      w.key("value");
      w.sample_value(e.value);
      w.key("timestamp");
      w.timestamp_ms(e.t);
      w.end_object();
    }
    w.end_array();
    w.end_object();
  }
  w.end_array();
}

}  // namespace

Answer query_exemplars(Context& ctx, const Call& call) {
  const Result<model::TimestampMs> start = time_param(call.params, "start", model::kMinTime);
  if (!start) return start.status();
  const Result<model::TimestampMs> end = time_param(call.params, "end", model::kMaxTime);
  if (!end) return end.status();
  if (*end < *start) {
    return Status(base::Errc::kBadData, "end timestamp must not be before start timestamp");
  }
  const Result<promql::ExprPtr> expr =
      promql::parse_expr(call.params.get("query"), ctx.engine->options().parser);
  if (!expr) return expr.status();
  std::vector<model::Matchers> selectors;
  find_selectors(**expr, selectors);
  if (selectors.empty()) return Answer::no_content();

  storage::QueryBudget budget(
      {ctx.engine->options().query_bytes, std::numeric_limits<int64_t>::max()});
  storage::QuerierOptions options;
  options.range = {std::max(*start, model::kMinTime + 1) - 1, *end};  // both inclusive here
  options.budget = &budget;
  options.stop = call.http.stop;
  const model::TimeRange range = options.range;
  const Result<std::unique_ptr<storage::Querier>> querier =
      ctx.queryable->querier(std::move(options));
  if (!querier) return querier.status();
  const Result<std::vector<storage::SeriesExemplars>> found =
      (*querier)->exemplars(range, selectors);
  if (!found) return found.status();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  write_exemplars(w, *found);
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
