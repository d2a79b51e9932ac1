#include "scrape/histogram_rules.h"

#include <algorithm>
#include <cmath>

#include "model/histogram_ops.h"

namespace silverback::scrape {
namespace {

constexpr int32_t kMinSchema = -4;
constexpr int32_t kMaxSchema = 8;
constexpr int32_t kMinReservedSchema = -9;
constexpr int32_t kMaxReservedSchema = 52;

// The finest schema whose buckets grow by `factor` at least.
int32_t finest_schema(double factor) {
  if (!(factor > 1)) return kMaxSchema;
  const double schema = std::floor(-std::log2(std::log2(factor)));
  if (schema >= kMaxSchema) return kMaxSchema;
  if (schema <= kMinSchema) return kMinSchema;
  return static_cast<int32_t>(schema);
}

void reduce(model::Histogram& h, int32_t schema) {
  const model::CounterResetHint hint = h.hint;
  h = model::copy_to_schema(h, schema);
  h.hint = hint;
}

bool exceeds(const model::Histogram& h, uint64_t limit) {
  return limit != 0 && h.positive_buckets.size() + h.negative_buckets.size() > limit;
}

}  // namespace

base::Status fit_histogram(const HistogramLimits& limits, model::Histogram& h) {
  const bool exponential = h.schema >= kMinReservedSchema && h.schema <= kMaxReservedSchema;
  // Finer schemas than the finest that is stored are told as such where no factor is set.
  const int32_t finest = finest_schema(limits.bucket_factor);
  if (exponential && finest < kMaxSchema && h.schema > finest) reduce(h, finest);
  while (exceeds(h, limits.buckets)) {
    if (h.schema <= kMinSchema || h.schema > kMaxSchema) {
      return {base::Errc::kLimit, "histogram bucket limit exceeded"};
    }
    reduce(h, h.schema - 1);
  }
  return {};
}

}  // namespace silverback::scrape
