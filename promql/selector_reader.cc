#include "promql/selector_reader.h"

#include <algorithm>

#include "model/histogram_ops.h"
#include "model/stale.h"
#include "promql/interpolate.h"
#include "promql/matching.h"

namespace silverback::promql {

namespace {

bool is_stale_histogram(const model::Histogram& h) {
  return model::is_stale(h.sum);
}

/// Leaves count and sum of histograms. What their buckets say about resets goes into the hint
/// first, as far as the former sample was read too.
void keep_stats(storage::ColumnBuffer& b) {
  size_t before = b.histograms.size();  // the former sample; none yet
  std::vector<model::CounterResetHint> hints;
  hints.reserve(b.histograms.size());
  for (size_t i = 0; i < b.histograms.size(); ++i) {
    const model::Histogram& h = b.histograms[i];
    hints.push_back(h.hint);
    if (is_stale_histogram(h)) continue;
    if (h.hint == model::CounterResetHint::kUnknown && before < i) {
      hints.back() = model::detect_reset(h, b.histograms[before])
                         ? model::CounterResetHint::kReset
                         : model::CounterResetHint::kNotReset;
    }
    before = i;
  }
  for (size_t i = 0; i < b.histograms.size(); ++i) {
    model::Histogram stats;
    stats.hint = hints[i];
    stats.schema = b.histograms[i].schema;
    stats.count = b.histograms[i].count;
    stats.sum = b.histograms[i].sum;
    b.histograms[i] = std::move(stats);
  }
}

/// Takes stale markers out of (t, v, start).
void compact_floats(SampleColumns& c) {
  size_t kept = 0;
  for (size_t i = 0; i < c.t.size(); ++i) {
    if (model::is_stale(c.v[i])) continue;
    c.t[kept] = c.t[i];
    c.v[kept] = c.v[i];
    if (!c.start.empty()) c.start[kept] = c.start[i];
    ++kept;
  }
  c.t.resize(kept);
  c.v.resize(kept);
  if (!c.start.empty()) c.start.resize(kept);
}

/// The newest sample at or before an instant, as that instant grows.
class InstantCursor {
 public:
  explicit InstantCursor(const storage::ColumnBuffer& b) : b_(b) {}

  struct Hit {
    SampleKind kind = SampleKind::kNone;
    size_t index = 0;
    model::TimestampMs t = 0;
  };
  /// kNone when the newest sample is not in (until - lookback, until] or is a stale marker.
  Hit find(model::TimestampMs until, int64_t lookback_ms) {
    while (float_end_ < b_.t.size() && b_.t[float_end_] <= until) ++float_end_;
    while (histogram_end_ < b_.histogram_t.size() && b_.histogram_t[histogram_end_] <= until) {
      ++histogram_end_;
    }
    Hit hit;
    if (float_end_ > 0) hit = {SampleKind::kFloat, float_end_ - 1, b_.t[float_end_ - 1]};
    if (histogram_end_ > 0 && (float_end_ == 0 || b_.histogram_t[histogram_end_ - 1] > hit.t)) {
      hit = {SampleKind::kHistogram, histogram_end_ - 1, b_.histogram_t[histogram_end_ - 1]};
    }
    if (hit.kind == SampleKind::kNone || hit.t <= until - lookback_ms) return {};
    const bool stale = hit.kind == SampleKind::kFloat
                           ? model::is_stale(b_.v[hit.index])
                           : is_stale_histogram(b_.histograms[hit.index]);
    return stale ? Hit{} : hit;
  }

 private:
  const storage::ColumnBuffer& b_;
  size_t float_end_ = 0;
  size_t histogram_end_ = 0;
};

/// Histograms of one series, copied out of the buffer once each.
class SharedHistograms {
 public:
  explicit SharedHistograms(const storage::ColumnBuffer& b) : b_(b) {}
  HistogramRef get(size_t i) {
    if (shared_.empty()) shared_.resize(b_.histograms.size());
    if (!shared_[i]) shared_[i] = std::make_shared<const model::Histogram>(b_.histograms[i]);
    return shared_[i];
  }

 private:
  const storage::ColumnBuffer& b_;
  std::vector<HistogramRef> shared_;
};

/// (first data time - back, last data time + ahead] over the grid.
model::TimeRange selector_range(const SelectorPlan& p, const StepGrid& grid, int64_t back_ms,
                                int64_t ahead_ms) {
  return {p.data_time(grid.start) - back_ms, p.data_time(grid.at(grid.count() - 1)) + ahead_ms};
}

void fill_instant(const storage::ColumnBuffer& buffer, const SelectorPlan& p, const StepGrid& grid,
                  int64_t lookback_ms, StepSeries& out) {
  InstantCursor cursor(buffer);
  SharedHistograms shared(buffer);
  for (size_t i = 0; i < out.steps(); ++i) {
    const auto hit = cursor.find(p.data_time(grid.at(i)), lookback_ms);
    if (hit.kind == SampleKind::kFloat) {
      out.set(i, buffer.v[hit.index]);
    } else if (hit.kind == SampleKind::kHistogram) {
      out.set(i, shared.get(hit.index));
    }
  }
}

base::Status fill_sample_times(const storage::ColumnBuffer& buffer, const SelectorPlan& p,
                               const StepGrid& grid, int64_t lookback_ms, SampleTime wanted,
                               StepSeries& out) {
  InstantCursor cursor(buffer);
  for (size_t i = 0; i < out.steps(); ++i) {
    const auto hit = cursor.find(p.data_time(grid.at(i)), lookback_ms);
    if (hit.kind == SampleKind::kNone) continue;
    model::TimestampMs t = hit.t;
    if (wanted == SampleTime::kInfo && hit.kind == SampleKind::kHistogram) {
      return execution_error("this should be an info metric, with float samples: " +
                             label_set_text(out.labels));
    }
    if (wanted == SampleTime::kStart) {
      const auto& starts = hit.kind == SampleKind::kFloat ? buffer.start : buffer.histogram_start;
      t = starts.empty() ? 0 : starts[hit.index];
    }
    out.set(i, static_cast<double>(t) / 1000);
  }
  return {};
}

/// Every series of a selector over the grid. `charge` holds them; the sink may give it back.
base::Status read_instants(Evaluator& ev, SeriesReader& reader, const SelectorPlan& p,
                           const StepGrid& grid, BudgetCharge& charge, const SeriesSink& sink) {
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.next());
    if (!more) return {};
    ASSIGN_OR_RETURN(const storage::ColumnBuffer* const buffer, reader.raw());
    if (buffer->empty()) continue;
    RETURN_IF_ERROR(ev.charge_series(charge, reader.labels(), grid.count()));
    StepSeries series(reader.labels(), grid.count());
    fill_instant(*buffer, p, grid, ev.options().lookback_ms, series);
    if (!series.any()) continue;
    const int64_t samples = series.sample_count();
    ev.add_total_samples(samples);
    RETURN_IF_ERROR(charge.add_samples(samples));
    RETURN_IF_ERROR(sink(std::move(series)));
  }
}

/// Adds the series unless it is empty; counts what it holds.
base::Status add_series(Evaluator& ev, StepValue& value, StepSeries series) {
  if (!series.any()) return {};
  const int64_t samples = series.sample_count();
  ev.add_total_samples(samples);
  RETURN_IF_ERROR(value.charge.add_samples(samples));
  value.series.push_back(std::move(series));
  return {};
}

base::Result<StepValue> eval_smoothed(Evaluator& ev, const VectorSelector& expr,
                                      const StepGrid& grid) {
  const SelectorPlan& p = ev.plan().selector(expr);
  const int64_t lookback = ev.options().lookback_ms;
  ASSIGN_OR_RETURN(const std::unique_ptr<SeriesReader> reader,
                   SeriesReader::open(ev, expr, selector_range(p, grid, lookback, lookback)));
  RETURN_IF_ERROR(ev.expect_series(reader->size_hint(), grid.count()));
  StepValue value = ev.new_vector();
  SampleColumns columns;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->next());
    if (!more) break;
    RETURN_IF_ERROR(reader->columns(columns));
    if (columns.empty()) continue;
    RETURN_IF_ERROR(ev.charge_series(value, reader->labels(), grid.count()));
    StepSeries series(reader->labels(), grid.count());
    WindowCursor cursor(columns);
    InterpolationNotes notes;
    for (size_t i = 0; i < grid.count(); ++i) {
      const model::TimestampMs t = p.data_time(grid.at(i));
      const RangeWindow window = cursor.window(t - lookback, t + lookback);
      series.set(i, smooth_instant(window, t, notes));
    }
    note_interpolation(ev.notes(), notes, reader->labels().metric_name(), expr.pos.start);
    RETURN_IF_ERROR(add_series(ev, value, std::move(series)));
  }
  return value;
}

}  // namespace

void SampleColumns::clear() {
  t.clear();
  v.clear();
  start.clear();
  histogram_t.clear();
  histograms.clear();
  histogram_start.clear();
}

int64_t SampleColumns::bytes() const {
  return static_cast<int64_t>((t.size() + v.size() + start.size() + histogram_t.size()) * 8);
}

base::Status expanding_error(const base::Status& status) {
  switch (status.code()) {
    case base::Errc::kCanceled:
      return base::Status(status.code(), "query was canceled in expression evaluation");
    case base::Errc::kTimeout:
      return base::Status(status.code(), "query timed out in expression evaluation");
    case base::Errc::kExecution:  // max-samples
    case base::Errc::kLimit:      // names limit and flag itself
      return status;
    default: return status.with_context("expanding series");
  }
}

base::Result<std::unique_ptr<SeriesReader>> SeriesReader::open(Evaluator& ev,
                                                               const VectorSelector& selector,
                                                               model::TimeRange range) {
  const bool stats_only = ev.plan().selector(selector).stats_only;
  // A sample right on the excluded bound still tells whether its successor was a reset.
  if (stats_only) --range.after;
  ASSIGN_OR_RETURN(std::unique_ptr<SeriesReader> reader, open(ev, selector.matchers, range));
  reader->stats_only_ = stats_only;
  return reader;
}

base::Result<std::unique_ptr<SeriesReader>> SeriesReader::open(Evaluator& ev,
                                                               const model::Matchers& matchers,
                                                               model::TimeRange range) {
  std::unique_ptr<SeriesReader> reader(new SeriesReader(ev, range));
  reader->buffer_charge_ = BudgetCharge(ev.options().budget);
  storage::SelectHints hints;
  hints.range = range;
  auto set = ev.options().querier->select(hints, matchers);
  if (!set.is_ok()) return expanding_error(set.status());
  reader->set_ = std::move(set).value();
  return reader;
}

base::Result<bool> SeriesReader::next() {
  RETURN_IF_ERROR(ev_.check());
  if (set_->next()) return true;
  if (const base::Status status = set_->status(); !status.is_ok()) return expanding_error(status);
  return false;
}

base::Result<const storage::ColumnBuffer*> SeriesReader::raw() {
  if (const base::Status status = set_->read(range_, buffer_); !status.is_ok()) {
    return expanding_error(status);
  }
  ev_.add_samples_read(buffer_.t.size() + buffer_.histogram_t.size());
  // The buffer keeps its memory: the largest series so far is what it holds.
  const auto bytes = static_cast<int64_t>(buffer_.bytes());
  if (bytes > charged_bytes_) {
    RETURN_IF_ERROR(buffer_charge_.add_bytes(bytes - charged_bytes_));
    charged_bytes_ = bytes;
  }
  if (stats_only_) keep_stats(buffer_);
  return &buffer_;
}

base::Status SeriesReader::columns(SampleColumns& into) {
  RETURN_IF_ERROR(raw().status());
  into.clear();
  into.t.swap(buffer_.t);
  into.v.swap(buffer_.v);
  into.start.swap(buffer_.start);
  compact_floats(into);
  const bool starts = !buffer_.histogram_start.empty();
  for (size_t i = 0; i < buffer_.histograms.size(); ++i) {
    if (is_stale_histogram(buffer_.histograms[i])) continue;
    into.histogram_t.push_back(buffer_.histogram_t[i]);
    into.histograms.push_back(
        std::make_shared<const model::Histogram>(std::move(buffer_.histograms[i])));
    if (starts) into.histogram_start.push_back(buffer_.histogram_start[i]);
  }
  return {};
}

RangeWindow WindowCursor::window(model::TimestampMs after, model::TimestampMs until) {
  const auto move = [](const std::vector<model::TimestampMs>& t, size_t& at,
                       model::TimestampMs bound) {
    while (at < t.size() && t[at] <= bound) ++at;
  };
  move(columns_.t, lo_, after);
  move(columns_.t, hi_, until);
  move(columns_.histogram_t, histogram_lo_, after);
  move(columns_.histogram_t, histogram_hi_, until);
  const size_t n = hi_ - lo_;
  const size_t hn = histogram_hi_ - histogram_lo_;
  RangeWindow w;
  w.t = std::span(columns_.t).subspan(lo_, n);
  w.v = std::span(columns_.v).subspan(lo_, n);
  if (!columns_.start.empty()) w.start = std::span(columns_.start).subspan(lo_, n);
  w.histogram_t = std::span(columns_.histogram_t).subspan(histogram_lo_, hn);
  w.histograms = std::span(columns_.histograms).subspan(histogram_lo_, hn);
  if (!columns_.histogram_start.empty()) {
    w.histogram_start = std::span(columns_.histogram_start).subspan(histogram_lo_, hn);
  }
  return w;
}

base::Result<StepValue> eval_vector_selector(Evaluator& ev, const VectorSelector& expr,
                                             const StepGrid& grid) {
  if (expr.smoothed) return eval_smoothed(ev, expr, grid);
  const SelectorPlan& p = ev.plan().selector(expr);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<SeriesReader> reader,
      SeriesReader::open(ev, expr, selector_range(p, grid, ev.options().lookback_ms, 0)));
  RETURN_IF_ERROR(ev.expect_series(reader->size_hint(), grid.count()));
  StepValue value = ev.new_vector();
  RETURN_IF_ERROR(read_instants(ev, *reader, p, grid, value.charge, [&value](StepSeries series) {
    value.series.push_back(std::move(series));
    return base::Status();
  }));
  return value;
}

base::Result<bool> stream_vector_selector(Evaluator& ev, const VectorSelector& expr,
                                          const StepGrid& grid, const SeriesSink& sink) {
  if (expr.smoothed) return false;
  const SelectorPlan& p = ev.plan().selector(expr);
  ASSIGN_OR_RETURN(
      const std::unique_ptr<SeriesReader> reader,
      SeriesReader::open(ev, expr, selector_range(p, grid, ev.options().lookback_ms, 0)));
  if (!ev.may_stream(reader->size_hint(), grid.count())) return false;
  BudgetCharge charge(ev.options().budget);
  RETURN_IF_ERROR(read_instants(ev, *reader, p, grid, charge, [&](StepSeries series) {
    base::Status status = sink(std::move(series));
    charge.release();
    return status;
  }));
  return true;
}

base::Result<StepValue> read_sample_times(Evaluator& ev, const model::Matchers& matchers,
                                          const SelectorPlan& plan, const StepGrid& grid,
                                          SampleTime wanted) {
  const int64_t lookback = ev.options().lookback_ms;
  ASSIGN_OR_RETURN(const std::unique_ptr<SeriesReader> reader,
                   SeriesReader::open(ev, matchers, selector_range(plan, grid, lookback, 0)));
  RETURN_IF_ERROR(ev.expect_series(reader->size_hint(), grid.count()));
  StepValue value = ev.new_vector();
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->next());
    if (!more) return value;
    ASSIGN_OR_RETURN(const storage::ColumnBuffer* const buffer, reader->raw());
    if (buffer->empty()) continue;
    RETURN_IF_ERROR(ev.charge_series(value, reader->labels(), grid.count()));
    StepSeries series(reader->labels(), grid.count());
    RETURN_IF_ERROR(fill_sample_times(*buffer, plan, grid, lookback, wanted, series));
    RETURN_IF_ERROR(add_series(ev, value, std::move(series)));
  }
}

void to_columns(const StepSeries& series, const StepGrid& grid, SampleColumns& into) {
  into.clear();
  for (size_t i = 0; i < series.steps(); ++i) {
    if (series.is_float(i)) {
      into.t.push_back(grid.at(i));
      into.v.push_back(series.values[i]);
    } else if (series.is_histogram(i)) {
      HistogramRef h = series.histograms[i];
      if (h->hint == model::CounterResetHint::kReset ||
          h->hint == model::CounterResetHint::kNotReset) {
        model::Histogram copy = *h;
        copy.hint = model::CounterResetHint::kUnknown;
        h = std::make_shared<const model::Histogram>(std::move(copy));
      }
      into.histogram_t.push_back(grid.at(i));
      into.histograms.push_back(std::move(h));
    }
  }
}

}  // namespace silverback::promql
