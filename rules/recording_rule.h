#pragma once

#include "rules/rule.h"

namespace silverback::rules {

/// Stores the result of an expression as series of its own. Threads: as Rule.
class RecordingRule final : public Rule {
 public:
  using Rule::Rule;

  /// Name replaced, labels set (an empty value removes). kExecution for results that fall together
  /// or pass the limit.
  base::Result<RuleOutput> eval(const Evaluation& evaluation) override;
  RuleStatus status() const override { return common_status(); }
};

}  // namespace silverback::rules
