#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "model/stale.h"
#include "promql/parser.h"
#include "server/api/exposition.h"
#include "server/api/routes.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

struct Latest {
  model::TimestampMs t = 0;
  double value = 0;
  std::shared_ptr<const model::Histogram> histogram;
};
using Found = std::map<model::Labels, Latest>;

/// The newest sample; nothing when it says that the series has ended.
std::optional<Latest> newest(const storage::ColumnBuffer& samples) {
  const bool has_float = !samples.t.empty();
  const bool has_histogram = !samples.histogram_t.empty();
  if (!has_float && !has_histogram) return std::nullopt;
  Latest latest;
  if (has_histogram && (!has_float || samples.histogram_t.back() > samples.t.back())) {
    const model::Histogram& h = samples.histograms.back();
    if (model::is_stale(h.sum)) return std::nullopt;
    latest.t = samples.histogram_t.back();
    latest.histogram = std::make_shared<const model::Histogram>(h);
    return latest;
  }
  if (model::is_stale(samples.v.back())) return std::nullopt;
  latest.t = samples.t.back();
  latest.value = samples.v.back();
  return latest;
}

/// What all the selectors name, each series once.
Result<Found> collect(Context& ctx, const HttpRequest& request,
                      const std::vector<model::Matchers>& any_of) {
  const int64_t now = ctx.clock->now_ms();
  storage::QueryBudget budget(
      {ctx.engine->options().query_bytes, std::numeric_limits<int64_t>::max()},
      &ctx.engine->total_budget());
  storage::SelectHints hints;
  hints.range = {now - ctx.engine->options().lookback_ms, now};
  storage::QuerierOptions options;
  options.range = hints.range;
  options.budget = &budget;
  options.stop = request.stop;
  ASSIGN_OR_RETURN(const std::unique_ptr<storage::Querier> querier,
                   ctx.queryable->querier(std::move(options)));
  Found found;
  storage::ColumnBuffer samples;
  for (const model::Matchers& matchers : any_of) {
    ASSIGN_OR_RETURN(const std::unique_ptr<storage::SeriesSet> set,
                     querier->select(hints, matchers));
    while (set->next()) {
      const model::Labels& labels = set->labels();
      if (labels.metric_name().empty() || found.count(labels) != 0) continue;
      RETURN_IF_ERROR(set->read(hints.range, samples));
      std::optional<Latest> latest = newest(samples);
      if (!latest) continue;
      RETURN_IF_ERROR(budget.charge(static_cast<int64_t>(labels.bytes().size() + 120)));
      found.emplace(labels, std::move(*latest));
    }
    RETURN_IF_ERROR(set->status());
  }
  return found;
}

/// The series' labels, then those of ours that it does not have. An absent instance is written as
/// empty, so that the reader does not put in its own.
std::vector<std::pair<std::string, std::string>> exposed_labels(const model::Labels& labels,
                                                                const model::Labels& external) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const model::Label& label : labels) {
    if (label.name != model::kMetricName) out.emplace_back(label.name, label.value);
  }
  std::map<std::string, std::string> added = {{"instance", ""}};
  for (const model::Label& label : external) added[std::string(label.name)] = label.value;
  for (auto& entry : added) {
    if (!labels.has(entry.first)) out.emplace_back(entry.first, std::move(entry.second));
  }
  return out;
}

std::string render(const Found& found, const model::Labels& external,
                   const ExpositionChoice& choice) {
  std::vector<const Found::value_type*> order;
  order.reserve(found.size());
  for (const auto& entry : found) order.push_back(&entry);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->first.metric_name() < b->first.metric_name();
  });
  std::string out;
  ExposedFamily family;
  for (const auto* entry : order) {
    const Latest& latest = entry->second;
    const bool histogram = latest.histogram != nullptr;
    if (histogram && !latest.histogram->uses_custom_buckets() &&
        choice.format != Exposition::kProtobuf)
      continue;
    const bool gauge = histogram && latest.histogram->hint == model::CounterResetHint::kGauge;
    const std::string_view name = entry->first.metric_name();
    if (family.name != name || family.histograms != histogram || family.gauge_histograms != gauge) {
      if (!family.metrics.empty()) append_family(out, family, choice);
      family = ExposedFamily{std::string(name), histogram, gauge, {}};
    }
    family.metrics.push_back(ExposedMetric{exposed_labels(entry->first, external), latest.t,
                                           latest.value, latest.histogram});
  }
  if (!family.metrics.empty()) append_family(out, family, choice);
  append_exposition_end(out, choice);
  return out;
}

}  // namespace

void federate(Context& ctx, const HttpRequest& request, HttpReply reply) {
  const Result<Params> params = Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  std::vector<model::Matchers> any_of;
  for (const std::string& text : params->all("match[]")) {
    Result<model::Matchers> matchers = promql::parse_metric_selector(text);
    if (!matchers) {
      reply(text_response(400, matchers.status().message()));
      return;
    }
    any_of.push_back(std::move(*matchers));
  }
  const Result<Found> found = collect(ctx, request, any_of);
  if (!found) {
    ctx.registry
        ->counter("prometheus_web_federation_errors_total",
                  "Total number of errors that occurred while sending federation responses.")
        .inc();
    reply(text_response(500, found.status().message()));
    return;
  }
  const ExpositionChoice choice = choose_exposition(request.headers.get("Accept"));
  HttpResponse response;
  response.headers.set("Content-Type", choice.content_type());
  response.body = render(*found, ctx.config()->external_labels, choice);
  reply(std::move(response));
}

}  // namespace silverback::server::api
