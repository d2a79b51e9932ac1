#include "promql/matching.h"

#include <algorithm>

namespace silverback::promql {

GroupLabels::GroupLabels(bool without, const std::vector<std::string>& names)
    : without_(without), names_(names.begin(), names.end()) {
  std::sort(names_.begin(), names_.end());
}

model::Labels GroupLabels::operator()(const model::Labels& labels) const {
  model::LabelsBuilder builder;
  for (const model::Label& label : labels) {
    if (without_ && label.name == model::kMetricName) continue;
    const bool named = std::binary_search(names_.begin(), names_.end(), label.name);
    if (named != without_) builder.set(label.name, label.value);
  }
  return builder.build();
}

std::vector<uint32_t> MatchGroups::add(const std::vector<StepSeries>& series) {
  std::vector<uint32_t> group_of;
  group_of.reserve(series.size());
  for (const StepSeries& s : series) {
    const auto [at, added] =
        groups_.try_emplace(labels_of_(s.labels).bytes(), static_cast<uint32_t>(groups_.size()));
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

}  // namespace silverback::promql
