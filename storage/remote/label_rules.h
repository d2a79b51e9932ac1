#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/labels.h"

namespace silverback::storage::remote {

/// What one series may carry over the wire (docs/differences.md).
inline constexpr size_t kMaxLabels = 256;
inline constexpr size_t kMaxLabelNameBytes = 2 << 10;
inline constexpr size_t kMaxLabelValueBytes = 64 << 10;

/// Turns labels as sent into bytes of a model::Labels: sorted, empty values left out. kBadData:
/// an empty, repeated or non-UTF-8 name, a non-UTF-8 value, or too many or too long ones. Sorts
/// `labels` if they are not.
base::Status encode_labels(std::vector<model::Label>& labels, std::string& bytes);

/// encode_labels() and the rule of series: a metric name. Says in `bytes` what is to be stored.
base::Status encode_series_labels(std::vector<model::Label>& labels, std::string& bytes);

/// kBadData: so many labels are more than kMaxLabels.
base::Status too_many_labels(size_t labels);

/// Labels as sent, for an error message: quoted and cut.
std::string describe_labels(const std::vector<model::Label>& labels);

}  // namespace silverback::storage::remote
