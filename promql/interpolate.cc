#include "promql/interpolate.h"

#include <algorithm>

#include "model/histogram_ops.h"
#include "promql/histogram_step.h"

namespace silverback::promql {

namespace {

double interpolate(double y1, model::TimestampMs t1, double y2, model::TimestampMs t2,
                   model::TimestampMs t, bool counter) {
  if (counter && y2 < y1) y1 = 0;  // after a reset it began at 0
  return y1 + (y2 - y1) * static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
}

size_t first_at_or_after(std::span<const model::TimestampMs> t, model::TimestampMs bound) {
  return static_cast<size_t>(std::lower_bound(t.begin(), t.end(), bound) - t.begin());
}

StepSample smooth_float(const RangeWindow& w, model::TimestampMs t) {
  const size_t i = first_at_or_after(w.t, t);
  if (i < w.t.size() && w.t[i] == t) return StepSample::of(w.v[i]);
  if (i == 0) return {};
  if (i == w.t.size()) return StepSample::of(w.v[i - 1]);
  return StepSample::of(interpolate(w.v[i - 1], w.t[i - 1], w.v[i], w.t[i], t, false));
}

StepSample smooth_histogram(const RangeWindow& w, model::TimestampMs t, InterpolationNotes& notes) {
  const size_t i = first_at_or_after(w.histogram_t, t);
  if (i < w.histogram_t.size() && w.histogram_t[i] == t) return StepSample::of(w.histograms[i]);
  if (i == 0) return {};
  const HistogramRef& before = w.histograms[i - 1];
  if (i == w.histogram_t.size()) {
    // Carried on; its hint spoke about its own predecessor.
    auto copy = std::make_shared<model::Histogram>(*before);
    copy->hint = model::CounterResetHint::kUnknown;
    return StepSample::of(HistogramRef(std::move(copy)));
  }
  const HistogramRef& after = w.histograms[i];
  const bool counter = before->hint != model::CounterResetHint::kGauge ||
                       after->hint != model::CounterResetHint::kGauge;
  HistogramRef h = interpolate_histograms(before, w.histogram_t[i - 1], after, w.histogram_t[i], t,
                                          counter, notes);
  return h ? StepSample::of(std::move(h)) : StepSample{};
}

}  // namespace

BoundIndexes find_bounds(std::span<const model::TimestampMs> t, model::TimestampMs range_start,
                         model::TimestampMs range_end, bool smoothed) {
  // The last sample is never searched: it is what remains.
  const auto inner = t.first(t.size() - 1);
  BoundIndexes at;
  const auto behind = std::upper_bound(inner.begin(), inner.end(), range_start);
  at.first = behind == inner.begin() ? 0 : static_cast<size_t>(behind - inner.begin()) - 1;
  at.last = smoothed ? first_at_or_after(inner, range_end) : t.size() - 1;
  return at;
}

double left_value(const RangeWindow& w, size_t first, model::TimestampMs range_start, bool smoothed,
                  bool counter) {
  if (smoothed && w.t[first] < range_start && first + 1 < w.t.size()) {
    return interpolate(w.v[first], w.t[first], w.v[first + 1], w.t[first + 1], range_start,
                       counter);
  }
  return w.v[first];
}

double right_value(const RangeWindow& w, size_t last, model::TimestampMs range_end, bool smoothed,
                   bool counter) {
  if (smoothed && last > 0 && w.t[last] > range_end) {
    return interpolate(w.v[last - 1], w.t[last - 1], w.v[last], w.t[last], range_end, counter);
  }
  return w.v[last];
}

HistogramRef interpolate_histograms(const HistogramRef& h1, model::TimestampMs t1,
                                    const HistogramRef& h2, model::TimestampMs t2,
                                    model::TimestampMs t, bool counter, InterpolationNotes& notes) {
  if (t == t1) return h1;
  if (t == t2) return h2;
  if (h1->uses_custom_buckets() != h2->uses_custom_buckets()) {
    notes.mixed_schemas = true;
    return nullptr;
  }
  const double fraction = static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
  if (counter && model::detect_reset(*h2, *h1)) return scale_histogram(*h2, fraction);
  model::Histogram h = *h2;
  const model::HistogramSum difference = model::subtract_histogram(h, *h1);
  notes.reconciled_sub |= difference.reconciled;
  model::scale(h, fraction);
  const model::HistogramSum sum = model::add_histogram(h, *h1);
  notes.reconciled_add |= sum.reconciled;
  if (!difference.compatible || !sum.compatible) {
    notes.mixed_schemas = true;
    return nullptr;
  }
  return std::make_shared<const model::Histogram>(std::move(h));
}

StepSample smooth_instant(const RangeWindow& w, model::TimestampMs t, InterpolationNotes& notes) {
  if (w.empty()) return {};
  if (w.mixed()) {
    notes.mixed = true;
    return {};
  }
  return w.t.empty() ? smooth_histogram(w, t, notes) : smooth_float(w, t);
}

void note_interpolation(Notes& notes, const InterpolationNotes& what, std::string_view metric_name,
                        uint32_t pos) {
  const std::string quoted = model::go_quote(metric_name);
  if (what.mixed) {
    notes.warn("encountered a mix of histograms and floats for metric name " + quoted, pos);
  }
  if (what.mixed_schemas) {
    notes.warn(
        "vector contains a mix of histograms with exponential and custom buckets schemas for "
        "metric name " +
            quoted,
        pos);
  }
  const std::string reconciled = "mismatched custom buckets were reconciled during ";
  if (what.reconciled_add) notes.info(reconciled + "addition", pos);
  if (what.reconciled_sub) notes.info(reconciled + "subtraction", pos);
}

void extend_to_bounds(SampleColumns& columns, model::TimestampMs after, model::TimestampMs until,
                      bool smoothed) {
  if (columns.t.empty()) return;
  RangeWindow w;
  w.t = columns.t;
  w.v = columns.v;
  const BoundIndexes at = find_bounds(w.t, after, until, smoothed);
  std::vector<model::TimestampMs> t;
  std::vector<double> v;
  if (w.t[at.last] > after) {
    t.push_back(after);
    v.push_back(left_value(w, at.first, after, smoothed, false));
    for (size_t i = at.first; i <= at.last; ++i) {
      const bool left_bound = i == at.first && w.t[i] <= after;
      const bool right_bound = i == at.last && w.t[i] >= until;
      if (left_bound || right_bound) continue;
      t.push_back(w.t[i]);
      v.push_back(w.v[i]);
    }
    t.push_back(until);
    v.push_back(right_value(w, at.last, until, smoothed, false));
  }
  columns.t = std::move(t);
  columns.v = std::move(v);
  columns.start.clear();
}

}  // namespace silverback::promql
