#include "promql/group_fold.h"

#include <cmath>
#include <limits>

#include "promql/aggregate.h"
#include "promql/go_math.h"

namespace silverback::promql {

GroupFold::GroupFold(Evaluator& ev, const AggregateExpr& expr, const StepGrid& grid,
                     model::Labels labels)
    : ev_(ev),
      expr_(expr),
      grid_(grid),
      steps_(grid.count()),
      labels_(std::move(labels)),
      charge_(ev.options().budget) {}

base::Status GroupFold::start() {
  const bool compensated = expr_.op == AggregateOp::kSum || is_mean();
  const bool varied = expr_.op == AggregateOp::kStddev || expr_.op == AggregateOp::kStdvar;
  const size_t columns = counts_only() ? 0 : (compensated || varied ? 2 : 1);
  RETURN_IF_ERROR(charge_.add_bytes(
      static_cast<int64_t>(sizeof(GroupFold) + labels_.bytes().size() +
                           steps_ * (sizeof(uint32_t) + columns * sizeof(double)))));
  count_.assign(steps_, 0);
  if (!counts_only()) value_.assign(steps_, 0);
  if (compensated) c_.assign(steps_, 0);
  if (varied) mean_.assign(steps_, 0);
  return {};
}

base::Status GroupFold::add(const StepSeries& series) {
  for (size_t i = 0; i < steps_; ++i) {
    if (series.is_float(i)) {
      RETURN_IF_ERROR(add_float(i, series.values[i]));
    } else if (series.is_histogram(i)) {
      RETURN_IF_ERROR(add_histogram(i, series));
    } else {
      continue;
    }
    drop_name_ = drop_name_ || series.drop_name;
  }
  return {};
}

base::Status GroupFold::add_float(size_t i, double v) {
  const double n = ++count_[i];
  switch (expr_.op) {
    case AggregateOp::kSum:
      // The first is taken as it is: -0 stays -0.
      if (n == 1) {
        value_[i] = v;
      } else {
        kahan_add(v, value_[i], c_[i]);
      }
      return {};
    case AggregateOp::kAvg: return add_to_mean(i, v, n);
    case AggregateOp::kMin:
      if (n == 1 || value_[i] > v || std::isnan(value_[i])) value_[i] = v;
      return {};
    case AggregateOp::kMax:
      if (n == 1 || value_[i] < v || std::isnan(value_[i])) value_[i] = v;
      return {};
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar: add_to_variance(i, v, n); return {};
    default: return {};  // count and group need no value
  }
}

base::Status GroupFold::add_to_mean(size_t i, double v, double n) {
  if (n == 1) {
    value_[i] = v;
    return {};
  }
  if (incremental_.empty() || !incremental_[i]) {
    double sum = value_[i];
    double c = c_[i];
    kahan_add(v, sum, c);
    if (!std::isinf(sum)) {
      value_[i] = sum;
      c_[i] = c;
      return {};
    }
    // The sum would overflow: from here on the mean itself is carried.
    if (incremental_.empty()) {
      RETURN_IF_ERROR(charge_.add_bytes(static_cast<int64_t>(steps_ * sizeof(double))));
      incremental_.assign(steps_, false);
      mean_.assign(steps_, 0);
    }
    incremental_[i] = true;
    mean_[i] = value_[i] / (n - 1);
    c_[i] /= n - 1;
  }
  const double q = (n - 1) / n;
  double mean = q * mean_[i];
  double c = q * c_[i];
  kahan_add(v / n, mean, c);
  mean_[i] = mean;
  c_[i] = c;
  return {};
}

void GroupFold::add_to_variance(size_t i, double v, double n) {
  if (n == 1) {
    value_[i] = std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN();
    mean_[i] = v;
    return;
  }
  const double delta = v - mean_[i];
  mean_[i] += delta / n;
  value_[i] += delta * (v - mean_[i]);
}

base::Status GroupFold::add_histogram(size_t i, const StepSeries& from) {
  if (counts_only()) {
    ++count_[i];
    return {};
  }
  if (expr_.op != AggregateOp::kSum && !is_mean()) {
    note_ignored_histogram(ev_, expr_, position());
    return {};
  }
  if (histograms_.empty()) {
    RETURN_IF_ERROR(charge_.add_bytes(
        static_cast<int64_t>(steps_ * (sizeof(uint32_t) + sizeof(HistogramFold)))));
    histogram_count_.assign(steps_, 0);
    histograms_.resize(steps_);
  }
  ++histogram_count_[i];
  HistogramFold& fold = histograms_[i];
  // Next to floats the step gives nothing anyway.
  if (count_[i] > 0 && !fold.any()) return {};
  const bool fitting =
      is_mean() ? fold.add_mean(*from.histograms[i]) : fold.add(*from.histograms[i]);
  if (!fitting) {
    ev_.notes().warn(
        "vector contains a mix of histograms with exponential and custom buckets schemas for "
        "metric name " +
            model::go_quote(from.labels.metric_name()),
        position());
  }
  return {};
}

StepSeries GroupFold::finish() {
  StepSeries out(std::move(labels_), steps_);
  out.drop_name = drop_name_;
  for (size_t i = 0; i < steps_; ++i) finish_step(i, out);
  return out;
}

void GroupFold::finish_step(size_t i, StepSeries& out) {
  const bool histograms = !histograms_.empty() && histogram_count_[i] > 0;
  if (count_[i] == 0 && !histograms) return;
  const double n = count_[i];
  switch (expr_.op) {
    case AggregateOp::kCount: out.set(i, n); return;
    case AggregateOp::kGroup: out.set(i, 1.0); return;
    case AggregateOp::kStdvar: out.set(i, value_[i] / n); return;
    case AggregateOp::kStddev: out.set(i, std::sqrt(value_[i] / n)); return;
    case AggregateOp::kSum:
    case AggregateOp::kAvg: break;
    default: out.set(i, value_[i]); return;
  }
  if (!histograms) return finish_sum(i, out);
  if (count_[i] > 0) {
    ev_.notes().warn("encountered a mix of histograms and floats for aggregation", position());
    return;
  }
  finish_histogram(i, out);
}

void GroupFold::finish_sum(size_t i, StepSeries& out) {
  const double n = count_[i];
  if (!is_mean()) {
    out.set(i, value_[i] + c_[i]);
  } else if (!incremental_.empty() && incremental_[i]) {
    out.set(i, mean_[i] + c_[i]);
  } else {
    out.set(i, value_[i] / n + c_[i] / n);
  }
}

void GroupFold::finish_histogram(size_t i, StepSeries& out) {
  const HistogramFold& fold = histograms_[i];
  if (fold.incompatible()) return;
  if (fold.reconciled()) {
    ev_.notes().info("mismatched custom buckets were reconciled during aggregation", position());
  }
  HistogramRef h = is_mean() ? fold.mean() : fold.sum();
  if (fold.reset_collision()) {
    ev_.notes().warn("conflicting counter resets during histogram aggregation", position());
  }
  out.set(i, std::move(h));
}

uint32_t GroupFold::position() const {
  return unwrap_parens(*expr_.expr).pos.start;
}

}  // namespace silverback::promql
