#pragma once

#include <vector>

#include "base/status.h"
#include "tests/promql/script.h"

namespace silverback::testing {

/// load_with_nhcb: adds, for classic histograms among the samples (name_bucket, _count, _sum), the
/// native histogram with custom bounds under the bare name.
base::Status add_custom_histograms(std::vector<LoadSample>& samples);

}  // namespace silverback::testing
