#include "rules/rule.h"

namespace silverback::rules {

std::string Rule::identity() const {
  std::string out = name_;
  for (const auto& [name, value] : labels_) out += '\0' + name + '\0' + value;
  return out;
}

void Rule::set_health(const base::Status& status) {
  const base::MutexLock lock(mutex_);
  health_ = status.is_ok() ? RuleHealth::kOk : RuleHealth::kErr;
  last_error_ = status.message();
}

void Rule::set_evaluated(int64_t at_ms, double seconds) {
  const base::MutexLock lock(mutex_);
  last_evaluation_ms_ = at_ms;
  evaluation_s_ = seconds;
}

double Rule::evaluation_seconds() const {
  const base::MutexLock lock(mutex_);
  return evaluation_s_;
}

RuleStatus Rule::common_status() const {
  RuleStatus status;
  status.name = name_;
  status.query = query_;
  status.labels = labels_;
  const base::MutexLock lock(mutex_);
  status.health = health_;
  status.last_error = last_error_;
  status.evaluation_s = evaluation_s_;
  status.last_evaluation_ms = last_evaluation_ms_;
  return status;
}

}  // namespace silverback::rules
