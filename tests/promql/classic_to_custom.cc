#include "tests/promql/classic_to_custom.h"

#include <cmath>
#include <limits>
#include <map>

#include "base/go_float.h"
#include "model/histogram_ops.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Result;
using base::Status;

struct Classic {
  std::map<double, double> cumulative;  // by upper bound
  std::optional<double> count;
  double sum = 0;
};

/// By series without suffix and `le`, then by time.
using Collected = std::map<model::Labels, std::map<model::TimestampMs, Classic>>;

std::optional<std::string_view> without_suffix(std::string_view name, std::string_view suffix) {
  if (name.size() < suffix.size() || name.substr(name.size() - suffix.size()) != suffix) {
    return std::nullopt;
  }
  return name.substr(0, name.size() - suffix.size());
}

void collect(const LoadSample& sample, Collected& collected) {
  if (sample.h) return;
  const std::string name(sample.labels.metric_name());
  const auto at = [&](std::string_view base) -> Classic& {
    model::LabelsBuilder builder(sample.labels);
    builder.set(model::kMetricName, base).del(model::kBucketLabel);
    return collected[builder.build()][sample.t];
  };
  if (const auto base = without_suffix(name, "_bucket")) {
    const auto bound = base::parse_go_float(sample.labels.get(model::kBucketLabel));
    if (bound && !std::isnan(*bound)) at(*base).cumulative.emplace(*bound, sample.v);
  } else if (const auto count_of = without_suffix(name, "_count")) {
    at(*count_of).count = sample.v;
  } else if (const auto sum_of = without_suffix(name, "_sum")) {
    at(*sum_of).sum = sample.v;
  }
}

Result<model::Histogram> convert(const Classic& classic) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::map<double, double> cumulative = classic.cumulative;
  const double highest = cumulative.empty() ? 0 : cumulative.rbegin()->second;
  const double count = classic.count.value_or(highest);
  cumulative.emplace(kInf, count);
  model::Histogram h;
  h.schema = model::kCustomBucketsSchema;
  h.count = count;
  h.sum = classic.sum;
  double before = 0;
  for (const auto& [bound, value] : cumulative) {
    if (value < before) return Status(Errc::kBadData, "buckets of a classic histogram decrease");
    if (bound != kInf) h.custom_values.push_back(bound);
    h.positive_buckets.push_back(value - before);
    before = value;
  }
  if (before != count)
    return Status(Errc::kBadData, "count of a classic histogram is not its +Inf bucket");
  h.positive_spans = {{0, static_cast<uint32_t>(h.positive_buckets.size())}};
  model::compact(h);
  RETURN_IF_ERROR(h.validate());
  return h;
}

}  // namespace

Status add_custom_histograms(std::vector<LoadSample>& samples) {
  Collected collected;
  for (const LoadSample& sample : samples) collect(sample, collected);
  for (const auto& [labels, by_time] : collected) {
    for (const auto& [t, classic] : by_time) {
      ASSIGN_OR_RETURN(model::Histogram h, convert(classic));
      samples.push_back({labels, t, 0, 0, std::make_shared<const model::Histogram>(std::move(h))});
    }
  }
  return Status::ok();
}

}  // namespace silverback::testing
