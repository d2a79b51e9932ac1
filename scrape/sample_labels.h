#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/relabel.h"

namespace silverback::scrape {

/// label_limit and its two companions; 0 = none.
struct LabelLimits {
  uint64_t count = 0, name_length = 0, value_length = 0;
  bool any() const { return count != 0 || name_length != 0 || value_length != 0; }
};

/// How the labels of a sample and of its target become those of the stored series (spec 5.3).
struct SampleLabelRules {
  bool honor_labels = false;
  bool legacy_names = false;  // metric_name_validation_scheme: legacy
  const std::vector<model::RelabelRule>* metric_relabel = nullptr;
  LabelLimits limits;
};

/// Merges target labels into `labels` (`empty`: names the target sent with an empty value), then
/// relabels. False: the sample is dropped.
bool merge_sample_labels(const SampleLabelRules& rules, const model::Labels& target,
                         const std::vector<std::string>& empty, model::LabelsBuilder& labels);

/// What fails a whole scrape: no metric name or an invalid name (kBadData), a label limit (kLimit).
base::Status check_sample_labels(const SampleLabelRules& rules, const model::Labels& labels);

}  // namespace silverback::scrape
