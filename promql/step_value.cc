#include "promql/step_value.h"

#include <algorithm>

namespace silverback::promql {

namespace {

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";

bool is_metadata_label(std::string_view name) {
  return name == model::kMetricName || name == kTypeLabel || name == kUnitLabel;
}

}  // namespace

int64_t histogram_samples(const model::Histogram& h) {
  // The layout in memory that the limit was defined on: fixed parts, 8 B a span, 8 B a bucket.
  constexpr size_t kFixedBytes = 168;
  const size_t numbers = h.positive_buckets.size() + h.negative_buckets.size() +
                         h.positive_spans.size() + h.negative_spans.size() + h.custom_values.size();
  return static_cast<int64_t>((kFixedBytes + 8 * numbers + 8) / 16);
}

bool StepSeries::any() const {
  return first() != steps();
}

size_t StepSeries::first() const {
  const auto at =
      std::find_if(kinds.begin(), kinds.end(), [](SampleKind k) { return k != SampleKind::kNone; });
  return static_cast<size_t>(at - kinds.begin());
}

void StepSeries::set(size_t i, HistogramRef h) {
  if (histograms.empty()) histograms.resize(steps());
  kinds[i] = SampleKind::kHistogram;
  histograms[i] = std::move(h);
}

void StepSeries::set(size_t i, StepSample s) {
  switch (s.kind) {
    case SampleKind::kNone: clear(i); break;
    case SampleKind::kFloat: set(i, s.v); break;
    case SampleKind::kHistogram: set(i, std::move(s.h)); break;
  }
}

void StepSeries::copy_step(size_t i, const StepSeries& from, size_t from_i) {
  if (from.is_histogram(from_i)) {
    set(i, from.histograms[from_i]);
  } else {
    kinds[i] = from.kinds[from_i];
    values[i] = from.values[from_i];
  }
}

void StepSeries::clear(size_t i) {
  kinds[i] = SampleKind::kNone;
  if (!histograms.empty()) histograms[i].reset();
}

StepSample StepSeries::get(size_t i) const {
  return {kinds[i], values[i], is_histogram(i) ? histograms[i] : nullptr};
}

void StepSeries::resize(size_t steps) {
  kinds.resize(steps, SampleKind::kNone);
  values.resize(steps);
  if (!histograms.empty()) histograms.resize(steps);
}

int64_t StepSeries::sample_count() const {
  int64_t n = 0;
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == SampleKind::kFloat) ++n;
    if (kinds[i] == SampleKind::kHistogram) n += histogram_samples(*histograms[i]);
  }
  return n;
}

base::Status BudgetCharge::add_bytes(int64_t bytes) {
  if (!budget_) return {};
  RETURN_IF_ERROR(budget_->charge(bytes));
  bytes_ += bytes;
  return {};
}

void BudgetCharge::give_back(int64_t bytes) {
  if (!budget_) return;
  budget_->release(bytes);
  bytes_ -= bytes;
}

base::Status BudgetCharge::add_samples(int64_t samples) {
  if (!budget_) return {};
  RETURN_IF_ERROR(budget_->charge_samples(samples));
  samples_ += samples;
  return {};
}

void BudgetCharge::release() {
  if (!budget_) return;
  if (bytes_ != 0) budget_->release(bytes_);
  if (samples_ != 0) budget_->release_samples(samples_);
  bytes_ = samples_ = 0;
}

model::Labels drop_metadata_labels(const model::Labels& labels) {
  if (!labels.has(kTypeLabel) && !labels.has(kUnitLabel)) return labels.without_metric_name();
  model::LabelsBuilder builder(labels);
  builder.del(model::kMetricName).del(kTypeLabel).del(kUnitLabel);
  return builder.build();
}

void drop_metadata_labels(StepSeries& series) {
  for (const model::Label& label : series.labels) {
    if (is_metadata_label(label.name)) {
      series.labels = drop_metadata_labels(series.labels);
      return;
    }
  }
}

void remove_empty(std::vector<StepSeries>& series) {
  series.erase(
      std::remove_if(series.begin(), series.end(), [](const StepSeries& s) { return !s.any(); }),
      series.end());
}

}  // namespace silverback::promql
