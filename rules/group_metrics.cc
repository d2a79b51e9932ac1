#include "rules/group_metrics.h"

namespace silverback::rules {

namespace {

constexpr const char* kEvaluations = "prometheus_rule_evaluations_total";
constexpr const char* kFailures = "prometheus_rule_evaluation_failures_total";
constexpr const char* kIterations = "prometheus_rule_group_iterations_total";
constexpr const char* kMissed = "prometheus_rule_group_iterations_missed_total";
constexpr const char* kInterval = "prometheus_rule_group_interval_seconds";
constexpr const char* kLastEvaluation = "prometheus_rule_group_last_evaluation_timestamp_seconds";
constexpr const char* kLastDuration = "prometheus_rule_group_last_duration_seconds";
constexpr const char* kRuleDurationSum = "prometheus_rule_group_last_rule_duration_sum_seconds";
constexpr const char* kRestoreDuration = "prometheus_rule_group_last_restore_duration_seconds";
constexpr const char* kSamples = "prometheus_rule_group_last_evaluation_samples";
constexpr const char* kRules = "prometheus_rule_group_rules";

base::metrics::LabelPairs group_label(const std::string& key) {
  return {{"rule_group", key}};
}

}  // namespace

RuleMetrics::RuleMetrics(base::metrics::Registry& r)
    : registry(r),
      evaluation_duration(r.summary("prometheus_rule_evaluation_duration_seconds",
                                    "The duration for a rule to execute.", {0.5, 0.9, 0.99})),
      evaluation_duration_histogram(
          r.histogram("prometheus_rule_evaluation_duration_histogram_seconds",
                      "The duration for a rule to execute.", {.01, .1, 1, 10})),
      iteration_duration(r.summary("prometheus_rule_group_duration_seconds",
                                   "The duration of rule group evaluations.",
                                   {0.01, 0.05, 0.5, 0.9, 0.99})),
      iteration_duration_histogram(r.histogram("prometheus_rule_group_duration_histogram_seconds",
                                               "The duration of rule group evaluations.",
                                               {.01, .1, 1, 10})),
      template_expansions(r.counter("prometheus_template_text_expansions_total",
                                    "The total number of template text expansions.")),
      template_failures(r.counter("prometheus_template_text_expansion_failures_total",
                                  "The total number of template text expansion failures.")) {}

GroupMetrics::GroupMetrics(base::metrics::Registry& r, const std::string& key)
    : evaluations(
          r.counter(kEvaluations, "The total number of rule evaluations.", group_label(key))),
      failures(
          r.counter(kFailures, "The total number of rule evaluation failures.", group_label(key))),
      iterations(r.counter(
          kIterations,
          "The total number of scheduled rule group evaluations, whether executed or missed.",
          group_label(key))),
      iterations_missed(r.counter(
          kMissed,
          "The total number of rule group evaluations missed due to slow rule group evaluation.",
          group_label(key))),
      interval(r.gauge(kInterval, "The interval of a rule group.", group_label(key))),
      last_evaluation(r.gauge(kLastEvaluation,
                              "The timestamp of the last rule group evaluation in seconds.",
                              group_label(key))),
      last_duration(r.gauge(kLastDuration, "The duration of the last rule group evaluation.",
                            group_label(key))),
      last_rule_duration_sum(r.gauge(
          kRuleDurationSum,
          "The sum of time in seconds it took to evaluate each rule in the group regardless of "
          "concurrency. This should be higher than the group duration if rules are evaluated "
          "concurrently.",
          group_label(key))),
      last_restore_duration(r.gauge(
          kRestoreDuration,
          "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` "
          "series.",
          group_label(key))),
      last_samples(r.gauge(kSamples,
                           "The number of samples returned during the last rule group evaluation.",
                           group_label(key))),
      rules(r.gauge(kRules, "The number of rules.", group_label(key))) {}

void GroupMetrics::remove(base::metrics::Registry& registry, const std::string& key) {
  for (const char* name :
       {kEvaluations, kFailures, kIterations, kMissed, kInterval, kLastEvaluation, kLastDuration,
        kRuleDurationSum, kRestoreDuration, kSamples, kRules}) {
    registry.remove(name, group_label(key));
  }
}

}  // namespace silverback::rules
