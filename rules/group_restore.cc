// Reading the `for` state of alerts back after a restart.
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "model/matcher.h"
#include "model/stale.h"
#include "rules/group.h"

namespace silverback::rules {

using base::Result;
using base::Status;

/// The last sample of each ALERTS_FOR_STATE series, by the alert's labels.
struct Group::Restored {
  struct Sample {
    model::TimestampMs t = 0;
    double active_at_s = 0;
  };
  std::map<std::string, Sample> by_labels;  // Labels::bytes() without the metric name
};

Status Group::read_state_series(AlertingRule& rule, storage::Querier& querier,
                                model::TimeRange range, Restored& out) const {
  model::Matchers matchers;
  for (const auto& [name, value] : rule.state_series_labels()) {
    ASSIGN_OR_RETURN(auto matcher, model::Matcher::make(model::MatchType::kEqual, name, value));
    matchers.push_back(std::move(matcher));
  }
  storage::SelectHints hints;
  hints.range = range;
  ASSIGN_OR_RETURN(const auto set, querier.select(hints, matchers));
  storage::ColumnBuffer buffer;
  while (set->next()) {
    RETURN_IF_ERROR(set->read(range, buffer));
    if (buffer.t.empty() || model::is_stale(buffer.v.back())) continue;  // not active when it ended
    out.by_labels[set->labels().without_metric_name().bytes()] = {buffer.t.back(), buffer.v.back()};
  }
  return set->status();
}

void Group::restore_rule(AlertingRule& rule, storage::Querier& querier, model::TimeRange range,
                         model::TimestampMs ts) {
  Restored found;
  const Status status = read_state_series(rule, querier, range, found);
  if (!status.is_ok()) {
    // There is no second try: the alert will wait for its whole `for` once more.
    services_.logger->error("Failed to restore 'for' state",
                            {{"alertname", rule.name()}, {"err", status.message()}});
    return;
  }
  const int64_t grace_ms = services_.for_grace_period_ms;
  rule.restore([&](const Alert& alert) -> std::optional<int64_t> {
    const auto it = found.by_labels.find(alert.labels.bytes());
    if (it == found.by_labels.end() || !std::isfinite(it->second.active_at_s)) return std::nullopt;
    const int64_t down_at = it->second.t / 1000 * 1000;  // whole seconds, as active_at
    const int64_t active_at = static_cast<int64_t>(it->second.active_at_s) * 1000;
    const int64_t remaining = rule.for_ms() - (down_at - active_at);
    if (remaining <= 0) return active_at;  // was firing
    if (remaining < grace_ms) return ts + grace_ms - rule.for_ms();
    return active_at + (ts - down_at);  // the outage does not count
  });
}

void Group::restore(model::TimestampMs ts) {
  const auto started = services_.clock->monotonic();
  const model::TimeRange range{ts - services_.for_outage_tolerance_ms - 1, ts};
  storage::QuerierOptions options;
  options.range = range;
  const Result<std::unique_ptr<storage::Querier>> querier =
      services_.queryable->querier(std::move(options));
  if (!querier.is_ok()) {
    services_.logger->error("Failed to get Querier", {{"err", querier.status().message()}});
  }
  for (Entry& entry : entries_) {
    AlertingRule* rule = entry.alerting;
    if (rule == nullptr) continue;
    // A shorter `for` than the grace period is simply waited for again.
    if (querier.is_ok() && rule->for_ms() >= services_.for_grace_period_ms) {
      restore_rule(*rule, **querier, range, ts);
    }
    rule->set_restored();
  }
  wants_restore_ = false;
  metrics_.last_restore_duration.set(
      std::chrono::duration<double>(services_.clock->monotonic() - started).count());
}

}  // namespace silverback::rules
