#include <algorithm>
#include <iterator>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "model/matcher.h"
#include "promql/parser.h"
#include "server/api/api.h"
#include "server/api/name_escaping.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

constexpr const char* kTruncated = "results truncated due to limit";

/// What series, labels and label values have in common.
struct Selection {
  storage::QueryBudget budget;
  std::vector<model::Matchers> any_of;
  storage::SelectHints hints;
  size_t limit = 0;
  std::unique_ptr<storage::Querier> querier;  // borrows the budget: declared after it

  explicit Selection(promql::Engine& engine)
      : budget({engine.options().query_bytes, std::numeric_limits<int64_t>::max()},
               &engine.total_budget()) {}
};

/// `name_match`: errors in match[] name the parameter, as those of /series do.
Result<std::unique_ptr<Selection>> select(Context& ctx, const Call& call, bool name_match) {
  auto selection = std::make_unique<Selection>(*ctx.engine);
  ASSIGN_OR_RETURN(selection->limit, limit_param(call.params));
  ASSIGN_OR_RETURN(const model::TimestampMs start,
                   time_param(call.params, "start", model::kMinTime));
  ASSIGN_OR_RETURN(const model::TimestampMs end, time_param(call.params, "end", model::kMaxTime));
  const auto refuse = [&](const Status& cause) {
    return name_match ? invalid_param("match[]", cause) : cause;
  };
  for (const std::string& text : call.params.all("match[]")) {
    Result<model::Matchers> matchers = promql::parse_metric_selector(text);
    if (!matchers) return refuse(matchers.status());
    if (std::all_of(matchers->begin(), matchers->end(),
                    [](const model::Matcher& m) { return m.matches(""); })) {
      return refuse(
          Status(base::Errc::kBadData, "match[] must contain at least one non-empty matcher"));
    }
    selection->any_of.push_back(std::move(*matchers));
  }
  selection->hints.range = {std::max(start, model::kMinTime + 1) - 1,
                            end};  // both ends inclusive here
  selection->hints.sorted = true;
  selection->hints.labels_only = true;
  storage::QuerierOptions options;
  options.range = selection->hints.range;
  options.budget = &selection->budget;
  options.stop = call.http.stop;
  ASSIGN_OR_RETURN(selection->querier, ctx.queryable->querier(std::move(options)));
  return selection;
}

/// Reads one sorted set into `into`; at most one series more than the limit is kept.
Status collect(Selection& selection, const model::Matchers& matchers,
               std::set<model::Labels>& into) {
  storage::SelectHints hints = selection.hints;
  if (selection.limit > 0) hints.limit = selection.limit + 1;
  ASSIGN_OR_RETURN(const std::unique_ptr<storage::SeriesSet> set,
                   selection.querier->select(hints, matchers));
  size_t taken = 0;
  while (set->next()) {
    if (hints.limit > 0 && taken++ >= hints.limit) break;
    const auto [at, fresh] = into.insert(set->labels());
    if (!fresh) continue;
    RETURN_IF_ERROR(selection.budget.charge(static_cast<int64_t>(at->bytes().size() + 80)));
  }
  return set->status();
}

/// The union of what `fetch` gives for each matcher set (or once for none), as a JSON list.
template <typename Fetch>
Answer string_list(Selection& selection, Fetch fetch) {
  std::vector<model::Matchers> sets = selection.any_of;
  if (sets.empty()) sets.emplace_back();
  std::vector<std::string> names;
  for (const model::Matchers& matchers : sets) {
    Result<std::vector<std::string>> some = fetch(matchers);
    if (!some) return some.status();
    names.insert(names.end(), std::make_move_iterator(some->begin()),
                 std::make_move_iterator(some->end()));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const bool cut = selection.limit > 0 && names.size() > selection.limit;
  if (cut) names.resize(selection.limit);
  Answer answer(string_pieces(std::move(names)));
  answer.warnings = selection.querier->warnings();
  if (cut) answer.warnings.emplace_back(kTruncated);
  return answer;
}

}  // namespace

Answer series(Context& ctx, const Call& call) {
  if (call.params.all("match[]").empty())
    return Status(base::Errc::kBadData, "no match[] parameter provided");
  const Result<std::unique_ptr<Selection>> selection = select(ctx, call, true);
  if (!selection) return selection.status();
  std::set<model::Labels> found;
  for (const model::Matchers& matchers : (*selection)->any_of) {
    if (const Status status = collect(**selection, matchers, found); !status.is_ok()) return status;
  }
  const size_t limit = (*selection)->limit;
  const bool cut = limit > 0 && found.size() > limit;
  std::vector<model::Labels> sets;
  sets.reserve(cut ? limit : found.size());
  while (!found.empty() && !(cut && sets.size() == limit)) {
    sets.push_back(std::move(found.extract(found.begin()).value()));
  }
  Answer answer(label_set_pieces(std::move(sets)));
  answer.warnings = (*selection)->querier->warnings();
  if (cut) answer.warnings.emplace_back(kTruncated);
  return answer;
}

Answer label_names(Context& ctx, const Call& call) {
  const Result<std::unique_ptr<Selection>> selection = select(ctx, call, false);
  if (!selection) return selection.status();
  Selection& s = **selection;
  return string_list(s,
                     [&](const model::Matchers& m) { return s.querier->label_names(s.hints, m); });
}

Answer label_values(Context& ctx, const Call& call) {
  const std::string name = unescape_label_name(call.path_param);
  if (!model::is_valid_name(name)) {
    return Status(base::Errc::kBadData,
                  fmt::format("invalid label name: {}", model::go_quote(name)));
  }
  const Result<std::unique_ptr<Selection>> selection = select(ctx, call, false);
  if (!selection) return selection.status();
  Selection& s = **selection;
  return string_list(
      s, [&](const model::Matchers& m) { return s.querier->label_values(s.hints, name, m); });
}

}  // namespace silverback::server::api
