#pragma once

#include <string>
#include <vector>

#include "model/labels.h"

namespace silverback::model {

/// A group of targets as discovery gives it: one source replaces its former group; a group without
/// targets takes its source away.
struct TargetGroup {
  std::string source;
  std::vector<Labels> targets;  // at least __address__ each
  Labels labels;                // of all targets, unless theirs differ
};

}  // namespace silverback::model
