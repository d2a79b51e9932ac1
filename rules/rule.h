#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "promql/value.h"
#include "rules/rule_file.h"
#include "rules/rule_manager.h"

namespace silverback::rules {

/// Answers an instant query; scalars come as one sample without labels.
using QueryFunction =
    std::function<base::Result<promql::Vector>(const std::string& expr, model::TimestampMs t)>;

/// One evaluation of a rule.
struct Evaluation {
  model::TimestampMs ts = 0;    // of the grid
  int64_t query_offset_ms = 0;  // queries look at ts - offset, and results are stored there
  uint64_t limit = 0;           // series or alerts; 0 = none
  QueryFunction query;

  model::TimestampMs sample_time() const { return ts - query_offset_ms; }
};

/// What a rule wants stored.
struct RuleOutput {
  promql::Vector samples;
  /// State that must outlive a crash has changed: the batch is to be on disk.
  bool state_changed = false;
};

/// A recording or alerting rule. Threads: eval by one thread at a time; status from any.
class Rule {
 public:
  /// `labels`: group and rule merged. `query`: canonical text of the expression.
  Rule(std::string name, std::string query, StringPairs labels)
      : name_(std::move(name)), query_(std::move(query)), labels_(std::move(labels)) {}
  virtual ~Rule() = default;
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  virtual base::Result<RuleOutput> eval(const Evaluation& evaluation) = 0;
  virtual RuleStatus status() const = 0;

  const std::string& name() const { return name_; }
  const std::string& query() const { return query_; }
  const StringPairs& labels() const { return labels_; }
  /// By which state is carried over a reload.
  std::string identity() const;

  /// Error `status` = kErr with its message.
  void set_health(const base::Status& status) EXCLUDES(mutex_);
  void set_evaluated(int64_t at_ms, double seconds) EXCLUDES(mutex_);
  double evaluation_seconds() const EXCLUDES(mutex_);

 protected:
  /// The part of the status that both kinds share.
  RuleStatus common_status() const EXCLUDES(mutex_);

 private:
  const std::string name_;
  const std::string query_;
  const StringPairs labels_;

  mutable base::Mutex mutex_;
  RuleHealth health_ GUARDED_BY(mutex_) = RuleHealth::kUnknown;
  std::string last_error_ GUARDED_BY(mutex_);
  double evaluation_s_ GUARDED_BY(mutex_) = 0;
  int64_t last_evaluation_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::rules
