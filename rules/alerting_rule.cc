#include "rules/alerting_rule.h"

#include <algorithm>
#include <utility>

#include "base/url.h"
#include "promql/ast.h"

namespace silverback::rules {

namespace {

namespace tt = text_template;

constexpr std::string_view kAlertName = "alertname";
constexpr std::string_view kAlertState = "alertstate";

std::shared_ptr<const tt::StringMap> string_map(const model::Labels& labels) {
  auto map = std::make_shared<tt::StringMap>();
  for (const model::Label& label : labels) {
    map->emplace(std::string(label.name), std::string(label.value));
  }
  return map;
}

/// The order of its result is what the expression is about.
bool orders_its_result(const promql::Expr& expr) {
  const promql::Expr& inner = promql::unwrap_parens(expr);
  if (inner.kind == promql::ExprKind::kCall) {
    return static_cast<const promql::Call&>(inner).function->name.starts_with("sort");
  }
  if (inner.kind != promql::ExprKind::kAggregate) return false;
  const auto op = static_cast<const promql::AggregateExpr&>(inner).op;
  return op == promql::AggregateOp::kTopk || op == promql::AggregateOp::kBottomk;
}

/// Seconds, rounded down.
double unix_seconds(int64_t ms) {
  return static_cast<double>(ms >= 0 ? ms / 1000 : -((999 - ms) / 1000));
}

}  // namespace

AlertingRule::AlertingRule(Options options)
    : Rule(options.config.alert, options.query, options.config.labels),
      options_(std::move(options)),
      label_templates_(parse_templates(options_.config.labels)),
      annotation_templates_(parse_templates(options_.config.annotations)),
      external_labels_(string_map(options_.external_labels)),
      restored_(options_.restored) {}

AlertingRule::Templates AlertingRule::parse_templates(const StringPairs& texts) const {
  Templates out;
  for (const auto& [name, text] : texts) {
    auto parsed = tt::AlertTemplate::parse(options_.config.alert, text);
    // Rule files are checked when read; a text that fails here all the same is shown as it is.
    out.emplace_back(name, parsed.is_ok() ? *std::move(parsed) : tt::AlertTemplate::literal(text));
  }
  return out;
}

std::string AlertingRule::expand(const tt::AlertTemplate& text, const tt::Value& data,
                                 const tt::Environment& env) const {
  if (text.is_literal()) return text.literal_text();
  if (options_.template_expansions != nullptr) options_.template_expansions->inc();
  base::Result<std::string> expanded = text.expand(data, env);
  if (expanded.is_ok()) return *std::move(expanded);
  if (options_.template_failures != nullptr) options_.template_failures->inc();
  if (options_.logger != nullptr) {
    options_.logger->warn("Expanding alert template failed",
                          {{"alert", name()}, {"err", expanded.status().message()}});
  }
  return tt::expansion_error_text(expanded.status());
}

/// Engine order says nothing to readers, and `first` would pick any element: results come by
/// labels.
base::Result<promql::Vector> AlertingRule::template_query(const std::string& expr,
                                                          const Evaluation& evaluation) const {
  ASSIGN_OR_RETURN(promql::Vector vector, evaluation.query(expr, evaluation.ts));
  const auto parsed = promql::parse_expr(expr, options_.parser);
  if (!parsed.is_ok() || orders_its_result(**parsed)) return vector;
  std::sort(vector.begin(), vector.end(),
            [](const promql::Sample& a, const promql::Sample& b) { return a.labels < b.labels; });
  return vector;
}

base::Result<AlertingRule::Alerts> AlertingRule::alerts_of(const promql::Vector& vector,
                                                           const Evaluation& evaluation) const {
  tt::Environment env;
  env.now_ms = evaluation.ts;
  env.external_url = options_.external_url;
  env.query = [&](const std::string& expr) { return template_query(expr, evaluation); };
  Alerts alerts;
  model::LabelsBuilder builder;
  for (const promql::Sample& sample : vector) {
    const tt::Value value = sample.h ? tt::Value(sample.h) : tt::Value(sample.v);
    const tt::Value data =
        tt::alert_data(string_map(sample.labels), external_labels_, options_.external_url, value);
    Alert alert;
    builder.reset(sample.labels);
    builder.del(model::kMetricName);
    for (const auto& [label, text] : label_templates_) {
      builder.set(label, expand(text, data, env));
    }
    builder.set(kAlertName, name());
    alert.labels = builder.build();
    for (const auto& [annotation, text] : annotation_templates_) {
      alert.annotations.emplace_back(annotation, expand(text, data, env));
    }
    alert.active_at = evaluation.ts;
    alert.value = sample.h ? 0 : sample.v;
    const model::Labels key = alert.labels;
    if (!alerts.emplace(key, std::move(alert)).second) {
      return base::Status(
          base::Errc::kExecution,
          "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  return alerts;
}

base::Result<RuleOutput> AlertingRule::eval(const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(const promql::Vector vector,
                   evaluation.query(query(), evaluation.sample_time()));
  ASSIGN_OR_RETURN(Alerts present, alerts_of(vector, evaluation));

  const base::MutexLock lock(alerts_mutex_);
  RuleOutput out;
  for (auto& [key, alert] : present) {
    const auto it = active_.find(key);
    if (it != active_.end() && it->second.state != AlertState::kInactive) {
      it->second.value = alert.value;
      it->second.annotations = alert.annotations;
      continue;
    }
    active_[key] = alert;
    out.state_changed = true;
  }

  uint64_t count = 0;
  for (auto it = active_.begin(); it != active_.end();) {
    Alert& alert = it->second;
    const AlertState before = alert.state;
    const bool is_present = present.contains(it->first);
    const bool is_pending = alert.state == AlertState::kPending;
    const bool forgotten =
        alert.resolved_at != 0 && evaluation.ts - alert.resolved_at > kResolvedRetentionMs;
    if (!is_present && (is_pending || forgotten)) {
      out.state_changed = out.state_changed || is_pending;
      it = active_.erase(it);
      continue;
    }
    if (advance(alert, is_present, evaluation.ts)) {
      ++count;
      if (restored_) append_series(alert, evaluation.sample_time(), out.samples);
    }
    out.state_changed = out.state_changed || alert.state != before;
    ++it;
  }
  if (evaluation.limit > 0 && count > evaluation.limit) {
    active_.clear();
    return base::Status(base::Errc::kExecution, "exceeded limit of " +
                                                    std::to_string(evaluation.limit) + " with " +
                                                    std::to_string(count) + " alerts");
  }
  return out;
}

/// False when the alert is (or has become) inactive.
bool AlertingRule::advance(Alert& alert, bool is_present, model::TimestampMs ts) const {
  if (is_present) {
    alert.keep_firing_since = 0;
  } else {
    bool keep_firing = false;
    if (alert.state == AlertState::kFiring && options_.config.keep_firing_for_ms > 0) {
      if (alert.keep_firing_since == 0) alert.keep_firing_since = ts;
      keep_firing = ts - alert.keep_firing_since < options_.config.keep_firing_for_ms;
    }
    if (!keep_firing) {
      if (alert.state != AlertState::kInactive) {
        alert.state = AlertState::kInactive;
        alert.resolved_at = ts;
      }
      return false;
    }
  }
  const bool held = ts - alert.active_at >= for_ms();
  if (alert.state == AlertState::kPending && held) {
    alert.state = AlertState::kFiring;
    alert.fired_at = ts;
  } else if (alert.state == AlertState::kFiring && !held) {
    // `for` was raised.
    alert.state = AlertState::kPending;
    alert.fired_at = alert.last_sent_at = alert.keep_firing_since = 0;
  }
  return true;
}

void AlertingRule::append_series(const Alert& alert, model::TimestampMs t,
                                 promql::Vector& out) const {
  promql::Sample sample;
  sample.t = t;
  model::LabelsBuilder builder(alert.labels);
  builder.set(model::kMetricName, "ALERTS_FOR_STATE");
  sample.labels = builder.build();
  sample.v = unix_seconds(alert.active_at);
  out.push_back(sample);
  builder.set(model::kMetricName, "ALERTS");
  builder.set(kAlertState, alert.state == AlertState::kFiring ? "firing" : "pending");
  sample.labels = builder.build();
  sample.v = 1;
  out.push_back(std::move(sample));
}

std::vector<OutgoingAlert> AlertingRule::take_due(model::TimestampMs ts, int64_t resend_delay_ms,
                                                  int64_t interval_ms) {
  const std::string url =
      options_.external_url + "/graph?g0.expr=" + base::query_escape(query()) + "&g0.tab=1";
  std::vector<OutgoingAlert> due;
  const base::MutexLock lock(alerts_mutex_);
  for (auto& entry : active_) {
    Alert& alert = entry.second;
    if (alert.state == AlertState::kPending) continue;
    const bool newly_resolved = alert.resolved_at > alert.last_sent_at;
    const bool waited = alert.last_sent_at == 0 || alert.last_sent_at + resend_delay_ms < ts;
    if (!newly_resolved && !waited) continue;
    alert.last_sent_at = ts;
    OutgoingAlert out;
    out.labels = alert.labels;
    out.annotations = alert.annotations;
    out.starts_at_ms = alert.fired_at;
    // Time for two failures of evaluation or sending.
    out.ends_at_ms = alert.resolved_at != 0 ? alert.resolved_at
                                            : ts + 4 * std::max(interval_ms, resend_delay_ms);
    out.generator_url = url;
    due.push_back(std::move(out));
  }
  return due;
}

bool AlertingRule::restored() const {
  const base::MutexLock lock(alerts_mutex_);
  return restored_;
}

void AlertingRule::set_restored() {
  const base::MutexLock lock(alerts_mutex_);
  restored_ = true;
}

StringPairs AlertingRule::state_series_labels() const {
  StringPairs out = {{std::string(model::kMetricName), "ALERTS_FOR_STATE"},
                     {std::string(kAlertName), name()}};
  for (const auto& [label, value] : labels()) {
    const bool templated = value.find("{{") != std::string::npos;
    if (!templated && !value.empty() && label != kAlertName) out.emplace_back(label, value);
  }
  return out;
}

void AlertingRule::restore(const std::function<std::optional<int64_t>(const Alert&)>& fn) {
  const base::MutexLock lock(alerts_mutex_);
  for (auto& entry : active_) {
    if (const std::optional<int64_t> active_at = fn(entry.second)) {
      entry.second.active_at = *active_at;
    }
  }
}

void AlertingRule::copy_alerts(const AlertingRule& from) {
  Alerts alerts;
  {
    const base::MutexLock lock(from.alerts_mutex_);
    alerts = from.active_;
  }
  const base::MutexLock lock(alerts_mutex_);
  active_ = std::move(alerts);
}

std::vector<Alert> AlertingRule::alerts() const {
  const base::MutexLock lock(alerts_mutex_);
  std::vector<Alert> out;
  for (const auto& entry : active_) out.push_back(entry.second);
  return out;
}

RuleStatus AlertingRule::status() const {
  RuleStatus status = common_status();
  status.alerting = true;
  status.annotations = options_.config.annotations;
  status.for_ms = options_.config.for_ms;
  status.keep_firing_for_ms = options_.config.keep_firing_for_ms;
  status.state_known = status.last_evaluation_ms != 0;
  for (const Alert& alert : alerts()) {
    if (alert.state == AlertState::kInactive) continue;
    status.state = std::max(status.state, alert.state);
    AlertStatus active;
    active.labels = alert.labels;
    active.annotations = alert.annotations;
    active.state = alert.state;
    active.active_at_ms = alert.active_at;
    if (alert.keep_firing_since != 0) active.keep_firing_since_ms = alert.keep_firing_since;
    active.value = alert.value;
    status.alerts.push_back(std::move(active));
  }
  return status;
}

}  // namespace silverback::rules
