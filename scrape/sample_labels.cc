#include "scrape/sample_labels.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace silverback::scrape {
namespace {

constexpr size_t kShown = 50;  // characters of a name or value in messages

std::string shown(std::string_view s) {
  return std::string(s.substr(0, kShown));
}

base::Status check_limits(const LabelLimits& limits, const model::Labels& labels) {
  const std::string metric = shown(labels.metric_name());
  if (limits.count != 0 && labels.size() > limits.count) {
    return {base::Errc::kLimit, "label_limit exceeded (metric: " + metric +
                                    ", number of labels: " + std::to_string(labels.size()) +
                                    ", limit: " + std::to_string(limits.count) + ")"};
  }
  if (limits.name_length == 0 && limits.value_length == 0) return {};
  for (const model::Label& label : labels) {
    if (limits.name_length != 0 && label.name.size() > limits.name_length) {
      return {base::Errc::kLimit, "label_name_length_limit exceeded (metric: " + metric +
                                      ", label name: " + shown(label.name) +
                                      ", length: " + std::to_string(label.name.size()) +
                                      ", limit: " + std::to_string(limits.name_length) + ")"};
    }
    if (limits.value_length != 0 && label.value.size() > limits.value_length) {
      return {base::Errc::kLimit, "label_value_length_limit exceeded (metric: " + metric +
                                      ", label name: " + shown(label.name) +
                                      ", value: " + model::go_quote(label.value.substr(0, kShown)) +
                                      ", length: " + std::to_string(label.value.size()) +
                                      ", limit: " + std::to_string(limits.value_length) + ")"};
    }
  }
  return {};
}

void merge_honoring(const model::Labels& target, const std::vector<std::string>& empty,
                    model::LabelsBuilder& labels) {
  for (const model::Label& label : target) {
    const bool sent_empty = std::find(empty.begin(), empty.end(), label.name) != empty.end();
    if (!sent_empty && labels.get(label.name).empty()) labels.set(label.name, label.value);
  }
}

void merge_exporting(const model::Labels& target, model::LabelsBuilder& labels) {
  std::vector<std::pair<std::string, std::string>> conflicts;
  for (const model::Label& label : target) {
    const std::string_view sent = labels.get(label.name);
    if (!sent.empty()) conflicts.emplace_back(label.name, sent);
    labels.set(label.name, label.value);
  }
  // Shorter names first, so that `exported_x` of the target moves after `x` took its place.
  std::stable_sort(conflicts.begin(), conflicts.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  for (const auto& [sent_name, value] : conflicts) {
    std::string name = sent_name;
    do {
      name.insert(0, "exported_");
    } while (!labels.get(name).empty());
    labels.set(name, value);
  }
}

}  // namespace

bool merge_sample_labels(const SampleLabelRules& rules, const model::Labels& target,
                         const std::vector<std::string>& empty, model::LabelsBuilder& labels) {
  if (rules.honor_labels) {
    merge_honoring(target, empty, labels);
  } else {
    merge_exporting(target, labels);
  }
  if (rules.metric_relabel == nullptr || rules.metric_relabel->empty()) return true;
  return model::relabel(*rules.metric_relabel, labels) && !labels.pairs().empty();
}

base::Status check_sample_labels(const SampleLabelRules& rules, const model::Labels& labels) {
  const std::string_view metric = labels.metric_name();
  if (metric.empty()) {
    return {base::Errc::kBadData, "missing metric name (__name__ label)"};
  }
  bool valid =
      rules.legacy_names ? model::is_legacy_metric_name(metric) : model::is_valid_name(metric);
  for (const model::Label& label : labels) {
    valid = valid && (rules.legacy_names ? model::is_legacy_label_name(label.name)
                                         : model::is_valid_name(label.name));
  }
  if (!valid) {
    return {base::Errc::kBadData, "invalid metric name or label names: " + labels.to_string()};
  }
  return rules.limits.any() ? check_limits(rules.limits, labels) : base::Status();
}

}  // namespace silverback::scrape
