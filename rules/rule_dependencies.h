#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "promql/ast.h"

namespace silverback::rules {

/// A rule of a group as far as its place among the others goes.
struct RuleInputs {
  std::string name;
  bool alerting = false;
  const promql::Expr* expr = nullptr;  // borrowed; null: unknown
};

/// Rules that may be evaluated at the same time, by index; the batches follow each other.
using RuleBatches = std::vector<std::vector<size_t>>;

/// One rule after the other.
RuleBatches sequential_batches(size_t rules);

/// First all rules that read no earlier rule's output, then, one by one, those that both read and
/// are read, then those that are read by none. A selector without a metric name could read
/// anything: then all rules stay sequential.
RuleBatches concurrent_batches(const std::vector<RuleInputs>& rules);

}  // namespace silverback::rules
