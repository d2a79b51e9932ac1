#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "model/labels.h"
#include "promql/parser.h"
#include "rules/notifier.h"
#include "rules/rule.h"
#include "rules/template/alert_template.h"

namespace silverback::rules {

/// A resolved alert is kept, and told to Alertmanagers, for so long.
inline constexpr int64_t kResolvedRetentionMs = 15 * 60 * 1000;

/// One alert of a rule, active or resolved. Times in ms, 0 = never.
struct Alert {
  model::Labels labels;
  StringPairs annotations;
  AlertState state = AlertState::kPending;
  double value = 0;
  int64_t active_at = 0, fired_at = 0, resolved_at = 0, last_sent_at = 0, keep_firing_since = 0;
};

/// Turns the elements of an expression into alerts and walks each through pending, firing and
/// resolved (spec 6.2). Threads: as Rule.
class AlertingRule final : public Rule {
 public:
  struct Options {
    RuleConfig config;             // labels: group and rule merged
    std::string query;             // canonical text of the expression
    promql::ParserOptions parser;  // of queries in templates
    model::Labels external_labels;
    std::string external_url;
    bool restored = true;            // false: no series are written until restore() has run
    base::Logger* logger = nullptr;  // borrowed, as below
    base::metrics::Counter* template_expansions = nullptr;  // may be null
    base::metrics::Counter* template_failures = nullptr;    // may be null
  };
  explicit AlertingRule(Options options);

  base::Result<RuleOutput> eval(const Evaluation& evaluation) override;
  RuleStatus status() const override;

  /// Alerts that are due at `ts`: new, resolved, or not sent for the resend delay. Marks them sent.
  std::vector<OutgoingAlert> take_due(model::TimestampMs ts, int64_t resend_delay_ms,
                                      int64_t interval_ms) EXCLUDES(alerts_mutex_);

  int64_t for_ms() const { return options_.config.for_ms; }
  bool restored() const EXCLUDES(alerts_mutex_);
  void set_restored() EXCLUDES(alerts_mutex_);
  /// Labels that every ALERTS_FOR_STATE series of this rule carries; templated ones are left out.
  StringPairs state_series_labels() const;
  /// For each alert, pending or firing or resolved: `fn` gives its new active_at, or nullopt.
  void restore(const std::function<std::optional<int64_t>(const Alert&)>& fn)
      EXCLUDES(alerts_mutex_);

  /// Takes over the alerts of a former edition of this rule.
  void copy_alerts(const AlertingRule& from) EXCLUDES(alerts_mutex_);
  std::vector<Alert> alerts() const EXCLUDES(alerts_mutex_);

 private:
  using Alerts = std::map<model::Labels, Alert>;
  using Templates = std::vector<std::pair<std::string, text_template::AlertTemplate>>;

  base::Result<promql::Vector> template_query(const std::string& expr,
                                              const Evaluation& evaluation) const;
  Templates parse_templates(const StringPairs& texts) const;
  base::Result<Alerts> alerts_of(const promql::Vector& vector, const Evaluation& evaluation) const;
  std::string expand(const text_template::AlertTemplate& text, const text_template::Value& data,
                     const text_template::Environment& env) const;
  bool advance(Alert& alert, bool is_present, model::TimestampMs ts) const;
  void append_series(const Alert& alert, model::TimestampMs t, promql::Vector& out) const;

  const Options options_;
  const Templates label_templates_, annotation_templates_;
  const std::shared_ptr<const text_template::StringMap> external_labels_;

  mutable base::Mutex alerts_mutex_;
  Alerts active_ GUARDED_BY(alerts_mutex_);
  bool restored_ GUARDED_BY(alerts_mutex_) = false;
};

}  // namespace silverback::rules
