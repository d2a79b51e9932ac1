#include "promql/histogram_rate.h"

#include <algorithm>

#include "promql/interpolate.h"

namespace silverback::promql {

namespace {

using model::CounterResetHint;
using model::Histogram;

HistogramRef share(Histogram h) {
  return std::make_shared<const Histogram>(std::move(h));
}

bool is_gauge(const Histogram& h) {
  return h.hint == CounterResetHint::kGauge;
}

/// Adds or subtracts inside a range function: hints are dealt with there, not here.
bool combine(Histogram& h, const Histogram& other, bool add, RangeNotes& notes) {
  const model::HistogramSum sum =
      add ? model::add_histogram(h, other) : model::subtract_histogram(h, other);
  if (!sum.compatible) {
    notes.mixed_schemas = true;
    return false;
  }
  (add ? notes.reconciled_add : notes.reconciled_sub) |= sum.reconciled;
  return true;
}

bool start_reset(const RangeWindow& w, const RangeCall& call, size_t i) {
  if (!call.use_start_timestamps || w.histogram_start.empty()) return false;
  return is_start_time_reset(w.histogram_start[i - 1], w.histogram_t[i - 1], w.histogram_start[i],
                             w.histogram_t[i]);
}

/// An empty histogram of another's layout.
Histogram empty_like(const Histogram& h) {
  Histogram empty;
  empty.schema = h.schema;
  empty.custom_values = h.custom_values;
  return empty;
}

/// The coarsest schema of a counter's window; false when exponential and custom buckets mix.
bool check_window(const RangeWindow& w, const Histogram& first, bool counter, int32_t* schema,
                  RangeNotes& notes) {
  const Histogram& last = *w.histograms.back();
  const bool custom = first.uses_custom_buckets();
  bool mixed = last.uses_custom_buckets() != custom;
  *schema = std::min(last.schema, first.schema);
  for (size_t i = 1; counter && i + 1 < w.histograms.size(); ++i) {
    const Histogram& h = *w.histograms[i];
    notes.not_counter |= is_gauge(h);
    *schema = std::min(*schema, h.schema);
    mixed = mixed || h.uses_custom_buckets() != custom;
  }
  notes.mixed_schemas |= mixed;
  return !mixed;
}

/// Adds what resets took away.
bool add_resets(const RangeWindow& w, const RangeCall& call, const Histogram& first,
                Histogram& change, RangeNotes& notes) {
  const Histogram* before = &first;
  bool overlap = false;
  for (size_t i = 1; i < w.histograms.size(); ++i) {
    const Histogram& h = *w.histograms[i];
    if (call.use_start_timestamps && !w.histogram_start.empty()) {
      overlap = overlap || start_time_overlaps(w.histogram_start[i - 1], w.histogram_t[i - 1],
                                               w.histogram_start[i]);
    }
    if (start_reset(w, call, i) || model::detect_reset(h, *before)) {
      if (!combine(change, *before, true, notes)) return false;
    }
    before = &h;
  }
  if (overlap) ++notes.start_overlaps;
  return true;
}

/// Exponential and custom buckets may not mix; gauges are told of.
bool check_bounded(std::span<const HistogramRef> h, bool counter, RangeNotes& notes) {
  for (const HistogramRef& p : h) {
    if (p->uses_custom_buckets() != h[0]->uses_custom_buckets()) {
      notes.mixed_schemas = true;
      return false;
    }
    if (counter && is_gauge(*p)) notes.not_counter = true;
  }
  return true;
}

void take_over(const InterpolationNotes& from, RangeNotes& notes) {
  notes.mixed_schemas |= from.mixed_schemas;
  notes.reconciled_add |= from.reconciled_add;
  notes.reconciled_sub |= from.reconciled_sub;
}

/// What resets between the bounds took away; the samples that stand for the bounds themselves are
/// left out. False when histograms do not fit each other.
bool bounded_correction(const RangeWindow& w, BoundIndexes at, const RangeCall& call,
                        const Histogram& left, const Histogram& right, Histogram& change,
                        RangeNotes& notes) {
  size_t first = at.first + 1;
  const Histogram* before = &left;
  if (call.smoothed && w.histogram_t[at.first] < call.range_start &&
      at.first + 1 < w.histograms.size() &&
      model::detect_reset(*w.histograms[at.first + 1], *w.histograms[at.first])) {
    // The interpolated left value lies behind that reset already.
    before = w.histograms[at.first + 1].get();
    ++first;
  }
  if (first > at.last) return true;
  for (size_t i = first; i < at.last; ++i) {
    const Histogram& h = *w.histograms[i];
    if (model::detect_reset(h, *before) && !combine(change, *before, true, notes)) return false;
    before = &h;
  }
  return !model::detect_reset(right, *before) || combine(change, *before, true, notes);
}

}  // namespace

HistogramRef histogram_change(const RangeWindow& w, RangeCall& call, bool counter) {
  RangeNotes& notes = call.notes;
  Histogram first = *w.histograms.front();
  const Histogram& last = *w.histograms.back();
  if (counter && (is_gauge(first) || is_gauge(last))) notes.not_counter = true;
  if (counter && (start_reset(w, call, 1) || model::detect_reset(*w.histograms[1], first))) {
    // Nothing before that reset counts, whatever its layout.
    first = empty_like(*w.histograms[1]);
  }
  int32_t schema = 0;
  if (!check_window(w, first, counter, &schema, notes)) return nullptr;
  Histogram change = model::copy_to_schema(last, schema);
  if (!combine(change, first, false, notes)) return nullptr;
  if (counter) {
    if (!add_resets(w, call, first, change, notes)) return nullptr;
  } else if (!is_gauge(*w.histograms.front()) || !is_gauge(last)) {
    notes.not_gauge = true;
  }
  change.hint = CounterResetHint::kGauge;
  change.integer = false;
  model::compact(change);
  return share(std::move(change));
}

bool add_first_histogram(const HistogramRef& first, HistogramRef& sum, RangeNotes& notes) {
  if (!sum) {
    sum = first;
    return true;
  }
  Histogram h = *sum;
  if (!combine(h, *first, true, notes)) return false;
  sum = share(std::move(h));
  return true;
}

StepSample bounded_histogram_change(const RangeWindow& w, RangeCall& call, bool counter,
                                    bool per_second) {
  const auto& t = w.histogram_t;
  const BoundIndexes at = find_bounds(t, call.range_start, call.range_end, call.smoothed);
  if (t[at.last] <= call.range_start) return {};
  if (call.smoothed && t[at.first] > call.range_end) return {};
  const size_t used = at.last >= at.first ? at.last - at.first + 1 : 1;
  if (!check_bounded(w.histograms.subspan(at.first, used), counter, call.notes)) return {};

  InterpolationNotes met;
  HistogramRef left = w.histograms[at.first];
  if (call.smoothed && t[at.first] < call.range_start && at.first + 1 < t.size()) {
    left = interpolate_histograms(left, t[at.first], w.histograms[at.first + 1], t[at.first + 1],
                                  call.range_start, counter, met);
  }
  HistogramRef right = w.histograms[at.last];
  if (call.smoothed && at.last > 0 && t[at.last] > call.range_end) {
    right = interpolate_histograms(w.histograms[at.last - 1], t[at.last - 1], right, t[at.last],
                                   call.range_end, counter, met);
  }
  take_over(met, call.notes);
  if (!left || !right) return {};
  if (!counter && (!is_gauge(*left) || !is_gauge(*right))) call.notes.not_gauge = true;

  Histogram change = *right;
  if (!combine(change, *left, false, call.notes)) return {};
  if (counter && !bounded_correction(w, at, call, *left, *right, change, call.notes)) return {};
  if (per_second) model::divide(change, call.range_seconds);
  change.hint = CounterResetHint::kGauge;
  change.integer = false;
  model::compact(change);
  return StepSample::of(share(std::move(change)));
}

StepSample instant_histogram_change(const Histogram& last, const Histogram& before,
                                    int64_t interval_ms, bool per_second, bool start_reset,
                                    RangeNotes& notes) {
  Histogram h = last;
  if (per_second && (is_gauge(last) || is_gauge(before))) notes.not_counter = true;
  if (!per_second && (!is_gauge(last) || !is_gauge(before))) notes.not_gauge = true;
  if (!per_second || !(start_reset || model::detect_reset(last, before))) {
    if (!combine(h, before, false, notes)) return {};
  }
  h.hint = CounterResetHint::kGauge;
  h.integer = false;
  model::compact(h);
  if (per_second) model::divide(h, static_cast<double>(interval_ms) / 1000);
  return StepSample::of(share(std::move(h)));
}

}  // namespace silverback::promql
