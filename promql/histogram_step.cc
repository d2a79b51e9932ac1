#include "promql/histogram_step.h"

namespace silverback::promql {

namespace {

HistogramRef share(model::Histogram h) {
  return std::make_shared<const model::Histogram>(std::move(h));
}

StepSample finish(const HistogramFold& fold, RangeNotes& notes, bool mean) {
  notes.reset_collision |= fold.reset_collision();
  notes.reconciled_aggregation |= fold.reconciled();
  return StepSample::of(mean ? fold.mean() : fold.sum());
}

}  // namespace

HistogramRef scale_histogram(const model::Histogram& h, double factor) {
  model::Histogram copy = h;
  model::scale(copy, factor);
  return share(std::move(copy));
}

HistogramRef divide_histogram(const model::Histogram& h, double by) {
  model::Histogram copy = h;
  model::divide(copy, by);
  return share(std::move(copy));
}

HistogramRef compacted(const HistogramRef& h) {
  model::Histogram copy = *h;
  model::compact(copy);
  return share(std::move(copy));
}

bool HistogramFold::start(const model::Histogram& h) {
  reset_seen_ = reset_seen_ || h.hint == model::CounterResetHint::kReset;
  not_reset_seen_ = not_reset_seen_ || h.hint == model::CounterResetHint::kNotReset;
  ++n_;
  if (sum_) return false;
  sum_.emplace(h);
  return true;
}

bool HistogramFold::fits(const model::HistogramSum& sum) {
  reconciled_ = reconciled_ || sum.reconciled;
  incompatible_ = !sum.compatible;
  return sum.compatible;
}

bool HistogramFold::add(const model::Histogram& h) {
  if (incompatible_ || start(h)) return true;
  return fits(sum_->add(h));
}

bool HistogramFold::add_mean(const model::Histogram& h) {
  if (incompatible_ || start(h)) return true;
  if (!incremental_) {
    model::HistogramAccumulator next = *sum_;
    if (!fits(next.add(h))) return false;
    if (!next.overflows()) {
      sum_ = std::move(next);
      return true;
    }
    incremental_ = true;
    sum_->divide(n_ - 1);
  }
  sum_->scale((n_ - 1) / n_);
  model::Histogram share_of_h = h;
  model::divide(share_of_h, n_);
  return fits(sum_->add(share_of_h));
}

HistogramRef HistogramFold::sum() const {
  model::Histogram h = sum_->result();
  model::compact(h);
  return share(std::move(h));
}

HistogramRef HistogramFold::mean() const {
  model::HistogramAccumulator mean = *sum_;
  if (!incremental_) mean.divide(n_);
  model::Histogram h = mean.result();
  model::compact(h);
  return share(std::move(h));
}

StepSample sum_histograms(std::span<const HistogramRef> histograms, RangeNotes& notes) {
  HistogramFold fold;
  for (const HistogramRef& h : histograms) {
    if (fold.add(*h)) continue;
    notes.mixed_schemas = true;
    return {};
  }
  return finish(fold, notes, false);
}

StepSample average_histograms(std::span<const HistogramRef> histograms, RangeNotes& notes) {
  HistogramFold fold;
  for (const HistogramRef& h : histograms) {
    if (fold.add_mean(*h)) continue;
    notes.mixed_schemas = true;
    return {};
  }
  return finish(fold, notes, true);
}

}  // namespace silverback::promql
