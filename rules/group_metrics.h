#pragma once

#include <string>

#include "base/metrics.h"

namespace silverback::rules {

/// Metrics that all groups share. Threads: any thread.
struct RuleMetrics {
  explicit RuleMetrics(base::metrics::Registry& registry);

  base::metrics::Registry& registry;
  base::metrics::Summary& evaluation_duration;
  base::metrics::Histogram& evaluation_duration_histogram;
  base::metrics::Summary& iteration_duration;
  base::metrics::Histogram& iteration_duration_histogram;
  base::metrics::Counter& template_expansions;
  base::metrics::Counter& template_failures;
};

/// The children of one group, labelled rule_group="<file>;<group>". Threads: any thread.
struct GroupMetrics {
  GroupMetrics(base::metrics::Registry& registry, const std::string& key);
  /// Drops the children of `key`: no GroupMetrics of it may be used any more.
  static void remove(base::metrics::Registry& registry, const std::string& key);

  base::metrics::Counter& evaluations;
  base::metrics::Counter& failures;
  base::metrics::Counter& iterations;
  base::metrics::Counter& iterations_missed;
  base::metrics::Gauge& interval;
  base::metrics::Gauge& last_evaluation;
  base::metrics::Gauge& last_duration;
  base::metrics::Gauge& last_rule_duration_sum;
  base::metrics::Gauge& last_restore_duration;
  base::metrics::Gauge& last_samples;
  base::metrics::Gauge& rules;
};

}  // namespace silverback::rules
