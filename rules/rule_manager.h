#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "model/labels.h"
#include "promql/engine.h"
#include "rules/notifier.h"
#include "rules/rule_file.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace silverback::rules {

enum class AlertState : uint8_t { kInactive, kPending, kFiring };
enum class RuleHealth : uint8_t { kUnknown, kOk, kErr };

struct AlertStatus {
  model::Labels labels;
  std::vector<std::pair<std::string, std::string>> annotations;
  AlertState state = AlertState::kPending;
  int64_t active_at_ms = 0;
  std::optional<int64_t> keep_firing_since_ms;
  double value = 0;
};
struct RuleStatus {
  bool alerting = false;
  std::string name, query;  // query: canonical print of the expression
  std::vector<std::pair<std::string, std::string>> labels, annotations;
  int64_t for_ms = 0, keep_firing_for_ms = 0;
  bool state_known = false;  // evaluated at least once
  AlertState state = AlertState::kInactive;
  std::vector<AlertStatus> alerts;  // active ones
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_s = 0;
  int64_t last_evaluation_ms = 0;  // 0 = never
};
struct GroupStatus {
  std::string name, file;
  int64_t interval_ms = 0;
  uint64_t limit = 0;
  std::vector<RuleStatus> rules;
  double evaluation_s = 0;
  int64_t last_evaluation_ms = 0;
};

/// Owns every rule group: timers, evaluation, alert state, restore. Threads: any thread.
class RuleManager {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;           // all borrowed
    base::WorkerPool* rules_pool = nullptr;  // evaluation
    promql::Engine* engine = nullptr;
    storage::Queryable* queryable = nullptr;
    storage::Appendable* appendable = nullptr;
    Notifier* notifier = nullptr;
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;
    std::string external_url;                    // with path prefix, no trailing slash
    int64_t for_outage_tolerance_ms = 3600'000;  // --rules.alert.for-outage-tolerance
    int64_t for_grace_period_ms = 600'000;       // --rules.alert.for-grace-period
    int64_t resend_delay_ms = 60'000;            // --rules.alert.resend-delay
    bool concurrent_evals = false;               // concurrent-rule-eval
    int64_t max_concurrent_evals = 4;            // --rules.max-concurrent-evals
  };
  explicit RuleManager(Options options);
  ~RuleManager();  // stop()

  /// Takes a new set of groups (already parsed and checked). Unchanged groups keep their state;
  /// alert state of changed ones is carried over by rule name and labels; series of removed rules
  /// go stale.
  void apply(const std::vector<RuleGroupConfig>& groups, int64_t default_interval_ms,
             int64_t default_query_offset_ms, const model::Labels& external_labels);
  /// Evaluations begin (storage is ready). start, stop and apply block: not on an I/O thread.
  void start();
  void stop();

  std::vector<GroupStatus> groups() const;  // by file, then group name
  std::vector<AlertStatus> active_alerts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::rules
