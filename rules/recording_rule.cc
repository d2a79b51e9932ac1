#include "rules/recording_rule.h"

#include <string_view>
#include <unordered_set>

namespace silverback::rules {

base::Result<RuleOutput> RecordingRule::eval(const Evaluation& evaluation) {
  RuleOutput out;
  ASSIGN_OR_RETURN(out.samples, evaluation.query(query(), evaluation.sample_time()));
  model::LabelsBuilder builder;
  std::unordered_set<std::string_view> seen;
  seen.reserve(out.samples.size());
  for (promql::Sample& sample : out.samples) {
    builder.reset(sample.labels);
    builder.set(model::kMetricName, name());
    for (const auto& [label, value] : labels()) builder.set(label, value);
    sample.labels = builder.build();
    sample.t = evaluation.sample_time();
    if (!seen.insert(sample.labels.bytes()).second) {
      return base::Status(
          base::Errc::kExecution,
          "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (evaluation.limit > 0 && out.samples.size() > evaluation.limit) {
    return base::Status(base::Errc::kExecution, "exceeded limit of " +
                                                    std::to_string(evaluation.limit) + " with " +
                                                    std::to_string(out.samples.size()) + " series");
  }
  return out;
}

}  // namespace silverback::rules
