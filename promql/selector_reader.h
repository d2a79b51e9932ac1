#pragma once

#include <memory>
#include <span>
#include <vector>

#include "promql/evaluator.h"
#include "promql/function_impl.h"

namespace silverback::promql {

/// The samples of one series, without stale markers; histograms are shared with results.
/// Reused from series to series.
struct SampleColumns {
  std::vector<model::TimestampMs> t;
  std::vector<double> v;
  std::vector<model::TimestampMs> start;  // empty, or as long as t
  std::vector<model::TimestampMs> histogram_t;
  std::vector<HistogramRef> histograms;
  std::vector<model::TimestampMs> histogram_start;  // empty, or as long as histogram_t

  void clear();
  bool empty() const { return t.empty() && histogram_t.empty(); }
  int64_t bytes() const;
};

/// Reads the series of a selector one after another.
class SeriesReader {
 public:
  /// Selects what has samples in `range`.
  static base::Result<std::unique_ptr<SeriesReader>> open(Evaluator& ev,
                                                          const VectorSelector& selector,
                                                          model::TimeRange range);
  static base::Result<std::unique_ptr<SeriesReader>> open(Evaluator& ev,
                                                          const model::Matchers& matchers,
                                                          model::TimeRange range);
  /// False at the end.
  base::Result<bool> next();
  const model::Labels& labels() { return set_->labels(); }
  /// As SeriesSet says it.
  size_t size_hint() const { return set_->size_hint(); }
  /// The current series' samples as storage has them, stale markers too. Valid until next().
  base::Result<const storage::ColumnBuffer*> raw();
  /// The same with stale markers taken out and histograms made shareable.
  base::Status columns(SampleColumns& into);

 private:
  SeriesReader(Evaluator& ev, model::TimeRange range) : ev_(ev), range_(range) {}
  Evaluator& ev_;
  const model::TimeRange range_;
  bool stats_only_ = false;
  std::unique_ptr<storage::SeriesSet> set_;
  storage::ColumnBuffer buffer_;
  BudgetCharge buffer_charge_;
  int64_t charged_bytes_ = 0;
};

/// The windows (T - range, T] of one series, found by two pointers as T grows.
class WindowCursor {
 public:
  explicit WindowCursor(const SampleColumns& columns) : columns_(columns) {}
  /// `after` and `until` must not shrink from call to call.
  RangeWindow window(model::TimestampMs after, model::TimestampMs until);

 private:
  const SampleColumns& columns_;
  size_t lo_ = 0, hi_ = 0, histogram_lo_ = 0, histogram_hi_ = 0;
};

/// What read_sample_times() gives for each sample of an instant vector.
enum class SampleTime : uint8_t {
  kOwn,    // its timestamp
  kStart,  // its start timestamp, 0 when unknown
  kInfo,   // its timestamp; histograms are refused
};
/// The instant vector of `matchers`, looked at as `plan` says, with times in seconds as values
/// (stale and missing samples left out).
base::Result<StepValue> read_sample_times(Evaluator& ev, const model::Matchers& matchers,
                                          const SelectorPlan& plan, const StepGrid& grid,
                                          SampleTime wanted);

/// `foo[5m]` as the answer of an instant query.
base::Result<Matrix> read_matrix(Evaluator& ev, const MatrixSelector& expr, model::TimestampMs t);

/// The present samples of a value on `grid`, a series each.
Matrix to_matrix(const StepValue& value, const StepGrid& grid);
/// The present samples of one series as columns (for subqueries); counter reset hints that speak
/// about neighbours become unknown.
void to_columns(const StepSeries& series, const StepGrid& grid, SampleColumns& into);

/// Storage's errors as an evaluation shows them.
base::Status expanding_error(const base::Status& status);

}  // namespace silverback::promql
