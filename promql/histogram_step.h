#pragma once

#include <optional>
#include <span>

#include "model/histogram_ops.h"
#include "promql/function_impl.h"

namespace silverback::promql {

/// A copy times `factor`, or divided by `by`.
HistogramRef scale_histogram(const model::Histogram& h, double factor);
HistogramRef divide_histogram(const model::Histogram& h, double by);
/// A copy without empty buckets.
HistogramRef compacted(const HistogramRef& h);

/// Sum or mean of histograms, one after another, with compensation; the mean turns incremental
/// before a sum would overflow.
class HistogramFold {
 public:
  bool any() const { return sum_.has_value(); }
  /// For the sum. False when this one does not fit the others: the fold is spoilt then.
  bool add(const model::Histogram& h);
  /// For the mean.
  bool add_mean(const model::Histogram& h);

  bool incompatible() const { return incompatible_; }
  bool reconciled() const { return reconciled_; }
  /// Both "reset" and "not reset" were among the hints.
  bool reset_collision() const { return reset_seen_ && not_reset_seen_; }

  HistogramRef sum() const;
  HistogramRef mean() const;

 private:
  bool start(const model::Histogram& h);
  bool fits(const model::HistogramSum& sum);

  std::optional<model::HistogramAccumulator> sum_;  // or the mean, once incremental
  double n_ = 0;
  bool incremental_ = false;
  bool incompatible_ = false, reconciled_ = false;
  bool reset_seen_ = false, not_reset_seen_ = false;
};

/// sum_over_time and avg_over_time of histograms.
StepSample sum_histograms(std::span<const HistogramRef> histograms, RangeNotes& notes);
StepSample average_histograms(std::span<const HistogramRef> histograms, RangeNotes& notes);

}  // namespace silverback::promql
