#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "model/labels.h"
#include "promql/ast.h"
#include "promql/engine.h"
#include "rules/alerting_rule.h"
#include "rules/group_metrics.h"
#include "rules/notifier.h"
#include "rules/rule.h"
#include "rules/rule_dependencies.h"
#include "rules/rule_file.h"
#include "rules/rule_writer.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace silverback::rules {

/// What groups evaluate with; all borrowed, shared by all groups of a manager.
struct GroupServices {
  promql::Engine* engine = nullptr;
  storage::Queryable* queryable = nullptr;
  storage::Appendable* appendable = nullptr;
  Notifier* notifier = nullptr;  // may be null: alerts are not sent
  base::Clock* clock = nullptr;
  base::Logger* logger = nullptr;
  RuleMetrics* metrics = nullptr;
  std::string external_url;
  int64_t for_outage_tolerance_ms = 0, for_grace_period_ms = 0, resend_delay_ms = 0;
  bool concurrent = false;  // batches hold what may run at the same time
};

/// Rules that are evaluated together on the group's grid of times. Knows no timer and no pool:
/// GroupLoop drives it.
/// Threads: iterations, restore and the state moves by one thread at a time, evaluate_rule as told
/// there; the rest from any.
class Group {
 public:
  struct Options {
    RuleGroupConfig config;  // interval set
    model::Labels external_labels;
    int64_t default_query_offset_ms = 0;
    bool restore = false;  // alert state is to be read back after the second evaluation
  };
  Group(const GroupServices& services, Options options);
  ~Group();

  static std::string key(const RuleGroupConfig& config) { return config.file + ";" + config.name; }
  const std::string& key() const { return key_; }
  const RuleGroupConfig& config() const { return options_.config; }
  const model::Labels& external_labels() const { return options_.external_labels; }
  int64_t interval_ms() const { return options_.config.interval_ms; }
  bool has_alerting_rules() const;

  /// The last grid point at or before `now_ms`: multiples of the interval shifted by a hash of file
  /// and name, so that groups spread and a restart keeps the grid.
  int64_t grid_point(int64_t now_ms) const;

  /// An iteration under way; made by begin().
  struct Iteration {
    model::TimestampMs ts = 0;
    std::stop_token stop;
    int64_t started_ms = 0;
    std::chrono::nanoseconds started{0};
    std::atomic<size_t> samples{0};
  };
  /// One iteration at `ts`: begin, then the rules of each batch in turn, then end. `stop` asks for
  /// an early end.
  std::unique_ptr<Iteration> begin(model::TimestampMs ts, std::stop_token stop = {});
  const RuleBatches& batches() const { return batches_; }
  /// Threads: several at a time within one batch.
  void evaluate_rule(Iteration& iteration, size_t index);
  void end(Iteration& iteration);
  /// A whole iteration on this thread.
  void evaluate(model::TimestampMs ts, std::stop_token stop = {});
  void count_missed(int64_t iterations);
  /// True until restore() has run for a group that wants it.
  bool wants_restore() const { return wants_restore_; }
  /// Reads the `for` state back from ALERTS_FOR_STATE.
  void restore(model::TimestampMs ts);

  /// Takes alert state and produced series over from the former edition, rule by rule; what no rule
  /// takes goes stale at the next evaluation. The former group evaluates no more.
  void copy_state(Group& from);
  /// Stale markers for everything the group produced; it evaluates no more.
  void write_all_stale(model::TimestampMs ts);

  void set_default_query_offset(int64_t ms) { default_query_offset_ms_ = ms; }
  int64_t query_offset_ms() const;
  GroupStatus status() const EXCLUDES(mutex_);
  std::vector<AlertStatus> active_alerts() const;

 private:
  struct Entry {
    promql::ExprPtr expr;  // null when it does not parse
    std::unique_ptr<Rule> rule;
    AlertingRule* alerting = nullptr;  // `rule`, if it is one
    std::unique_ptr<RuleWriter> writer;
  };
  struct Restored;

  Entry make_entry(const RuleConfig& config) const;
  RuleBatches make_batches() const;
  base::Result<promql::Vector> query(const std::string& expr, model::TimestampMs t,
                                     const std::stop_token& stop) const;
  base::Status store(Entry& entry, size_t index, const RuleOutput& output, model::TimestampMs t);
  void flush_stale(model::TimestampMs ts);
  void warn(const std::string& message, const Rule& rule, size_t index, const std::string& error);

  base::Status read_state_series(AlertingRule& rule, storage::Querier& querier,
                                 model::TimeRange range, Restored& out) const;
  void restore_rule(AlertingRule& rule, storage::Querier& querier, model::TimeRange range,
                    model::TimestampMs ts);

  const GroupServices& services_;
  const Options options_;
  const std::string key_;
  GroupMetrics metrics_;
  std::vector<Entry> entries_;
  RuleBatches batches_;
  std::vector<model::Labels> stale_;  // series of rules that are gone
  model::TimestampMs newest_evaluation_ = model::kMinTime;
  std::atomic<int64_t> default_query_offset_ms_;
  std::atomic<bool> wants_restore_;

  mutable base::Mutex mutex_;
  double evaluation_s_ GUARDED_BY(mutex_) = 0;
  int64_t last_evaluation_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::rules
