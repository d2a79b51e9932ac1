#pragma once

#include <cstdint>

#include "base/status.h"
#include "model/histogram.h"

namespace silverback::scrape {

/// Which forms of a histogram a target's pages are read as.
struct HistogramForms {
  bool native = false;          // scrape_native_histograms; else native parts are not looked at
  bool always_classic = false;  // classic series beside a native or converted histogram, too
  bool convert = false;         // convert_classic_histograms_to_nhcb
  bool operator==(const HistogramForms&) const = default;
};

/// How fine a native histogram may be.
struct HistogramLimits {
  uint64_t buckets = 0;      // native_histogram_bucket_limit; 0 = none
  double bucket_factor = 0;  // native_histogram_min_bucket_factor; at most 1: none
};

/// Makes `h` coarser where the limits want it. kLimit when no schema is coarse enough.
base::Status fit_histogram(const HistogramLimits& limits, model::Histogram& h);

}  // namespace silverback::scrape
