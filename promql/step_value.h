#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "promql/value.h"
#include "storage/query_budget.h"

namespace silverback::promql {

/// The evaluation times start, start + step, ... <= end. `step` > 0.
struct StepGrid {
  model::TimestampMs start = 0;
  model::TimestampMs end = 0;
  int64_t step = 1;

  size_t count() const { return end < start ? 0 : static_cast<size_t>((end - start) / step) + 1; }
  model::TimestampMs at(size_t i) const { return start + static_cast<int64_t>(i) * step; }
  /// As an instant query: element order matters, nothing is merged over steps.
  bool instant() const { return start == end; }
  StepGrid first_only() const { return {start, start, step}; }
};

enum class SampleKind : uint8_t { kNone = 0, kFloat = 1, kHistogram = 2 };
using HistogramRef = std::shared_ptr<const model::Histogram>;

/// What one step of one series holds.
struct StepSample {
  SampleKind kind = SampleKind::kNone;
  double v = 0;
  HistogramRef h;

  static StepSample of(double value) { return {SampleKind::kFloat, value, nullptr}; }
  static StepSample of(HistogramRef histogram) {
    return {SampleKind::kHistogram, 0, std::move(histogram)};
  }
};

/// The samples that --query.max-samples counts for a histogram: its size in units of 16 B.
int64_t histogram_samples(const model::Histogram& h);

/// One series over all steps of a grid. Threads: value type.
struct StepSeries {
  model::Labels labels;
  /// Delayed name removal: the name goes at the very end.
  bool drop_name = false;
  std::vector<SampleKind> kinds;         // one a step
  std::vector<double> values;            // one a step
  std::vector<HistogramRef> histograms;  // empty while there is none, else one a step

  StepSeries() = default;
  StepSeries(model::Labels l, size_t steps) : labels(std::move(l)) { resize(steps); }

  size_t steps() const { return kinds.size(); }
  bool has(size_t i) const { return kinds[i] != SampleKind::kNone; }
  bool is_float(size_t i) const { return kinds[i] == SampleKind::kFloat; }
  bool is_histogram(size_t i) const { return kinds[i] == SampleKind::kHistogram; }
  bool any() const;
  /// First step with a sample; steps() when there is none.
  size_t first() const;

  void set(size_t i, double v) {
    kinds[i] = SampleKind::kFloat;
    values[i] = v;
  }
  void set(size_t i, HistogramRef h);
  void set(size_t i, StepSample s);
  void copy_step(size_t i, const StepSeries& from, size_t from_i);
  void clear(size_t i);
  StepSample get(size_t i) const;
  void resize(size_t steps);
  /// Present samples in the units of --query.max-samples.
  int64_t sample_count() const;
};

/// Bytes and samples held against a budget until this dies. Threads: one at a time.
class BudgetCharge {
 public:
  BudgetCharge() = default;
  explicit BudgetCharge(storage::QueryBudget* budget) : budget_(budget) {}
  BudgetCharge(BudgetCharge&& o) noexcept { swap(o); }
  BudgetCharge& operator=(BudgetCharge&& o) noexcept {
    swap(o);
    return *this;
  }
  ~BudgetCharge() { release(); }

  base::Status add_bytes(int64_t bytes);
  base::Status add_samples(int64_t samples);
  /// Of the bytes added.
  void give_back(int64_t bytes);
  /// All bytes and samples; further ones can be added.
  void release();

 private:
  void swap(BudgetCharge& o) {
    std::swap(budget_, o.budget_);
    std::swap(bytes_, o.bytes_);
    std::swap(samples_, o.samples_);
  }
  storage::QueryBudget* budget_ = nullptr;
  int64_t bytes_ = 0;
  int64_t samples_ = 0;
};

/// What a node gives on a grid: a scalar a step, series (in element order), or text.
struct StepValue {
  ValueType type = ValueType::kVector;
  std::vector<double> scalars;
  std::vector<StepSeries> series;
  std::string text;
  BudgetCharge charge;
};

/// Without __name__, __type__ and __unit__: what an operation that changes the meaning leaves.
model::Labels drop_metadata_labels(const model::Labels& labels);
/// The same, only if there is something to drop.
void drop_metadata_labels(StepSeries& series);

/// Leaves out series without any sample.
void remove_empty(std::vector<StepSeries>& series);

}  // namespace silverback::promql
