#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/histogram.h"
#include "model/timestamp.h"
#include "storage/querier.h"

namespace silverback::tsdb::chunkenc {

/// What one kHistogram sample is coded against. `histogram` is nullptr for the first sample.
struct HistogramContext {
  model::TimestampMs t = 0;
  model::TimestampMs start = 0;
  const model::Histogram* histogram = nullptr;
};

/// Appends one sample to the payload of a kHistogram chunk.
void encode_histogram(const HistogramContext& previous, model::TimestampMs start,
                      model::TimestampMs t, const model::Histogram& h, std::string& out);

/// Appends the `count` samples of a payload that lie in `range`. On kCorruption `into` holds a
/// part.
base::Status decode_histograms(std::string_view payload, uint32_t count, model::TimeRange range,
                               storage::ColumnBuffer& into);

}  // namespace silverback::tsdb::chunkenc
