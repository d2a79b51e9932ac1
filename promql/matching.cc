#include "promql/matching.h"

#include <algorithm>

namespace silverback::promql {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

model::Labels match_labels(const model::Labels& labels, const VectorMatching& matching) {
  return matching.on ? group_labels(labels, false, matching.labels)
                     : group_labels(labels, true, matching.labels);
}

std::vector<uint32_t> MatchGroups::add(const std::vector<StepSeries>& series) {
  std::vector<uint32_t> group_of;
  group_of.reserve(series.size());
  for (const StepSeries& s : series) {
    const auto [at, added] = groups_.try_emplace(match_labels(s.labels, matching_).bytes(),
                                                 static_cast<uint32_t>(groups_.size()));
    static_cast<void>(added);
    group_of.push_back(at->second);
  }
  return group_of;
}

std::string label_set_text(const model::Labels& labels) {
  std::string text = "{";
  for (const model::Label& label : labels) {
    if (text.size() > 1) text += ", ";
    const bool plain = model::is_legacy_label_name(label.name);
    text += plain ? std::string(label.name) : model::go_quote(label.name);
    text += "=" + model::go_quote(label.value);
  }
  return text + "}";
}

model::Labels group_labels(const model::Labels& labels, bool without,
                           const std::vector<std::string>& grouping) {
  model::LabelsBuilder builder;
  if (!without) {
    for (const std::string& name : grouping) builder.set(name, labels.get(name));
    return builder.build();
  }
  for (const model::Label& label : labels) {
    if (label.name != model::kMetricName && !contains(grouping, label.name)) {
      builder.set(label.name, label.value);
    }
  }
  return builder.build();
}

}  // namespace silverback::promql
