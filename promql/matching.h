#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "model/labels.h"
#include "promql/ast.h"
#include "promql/step_value.h"

namespace silverback::promql {

/// Which labels make the group of a series: those named, or all but the name and those named.
/// Borrows the names. Threads: any.
class GroupLabels {
 public:
  GroupLabels(bool without, const std::vector<std::string>& names);
  /// The labels that two series must share to be matched.
  explicit GroupLabels(const VectorMatching& matching)
      : GroupLabels(!matching.on, matching.labels) {}
  model::Labels operator()(const model::Labels& labels) const;

 private:
  bool without_;
  std::vector<std::string_view> names_;  // sorted: thousands of names cost a search, not a walk
};

/// Numbers the match groups of both sides; computed once a series, not a step.
class MatchGroups {
 public:
  explicit MatchGroups(const VectorMatching& matching) : labels_of_(matching) {}
  /// Group of each series.
  std::vector<uint32_t> add(const std::vector<StepSeries>& series);
  size_t size() const { return groups_.size(); }

 private:
  const GroupLabels labels_of_;
  absl::flat_hash_map<std::string, uint32_t> groups_;
};

/// A bit a step and group.
class GroupSteps {
 public:
  GroupSteps(size_t groups, size_t steps) : steps_(steps), bits_(groups * steps, false) {}
  bool get(uint32_t group, size_t step) const { return bits_[group * steps_ + step]; }
  void set(uint32_t group, size_t step) { bits_[group * steps_ + step] = true; }
  static int64_t bytes(size_t groups, size_t steps) {
    return static_cast<int64_t>(groups * steps / 8);
  }

 private:
  size_t steps_;
  std::vector<bool> bits_;
};

/// `{__name__="up", job="x"}`: in error texts the name is a label like the others.
std::string label_set_text(const model::Labels& labels);

}  // namespace silverback::promql
