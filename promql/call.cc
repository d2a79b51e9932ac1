#include "promql/call.h"

#include <algorithm>

#include "base/go_float.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

namespace {

/// Where a range function's series come from: storage, or a subquery's result.
class RangeSource {
 public:
  static base::Result<RangeSource> open(Evaluator& ev, const Expr& range, const StepGrid& grid) {
    RangeSource source(ev, ev.plan().selector(range));
    if (range.kind == ExprKind::kSubquery) {
      // Its samples are counted again as the windows read them.
      const int64_t total = ev.total_samples();
      ASSIGN_OR_RETURN(source.inner_value_, ev.eval_subquery(static_cast<const Subquery&>(range),
                                                             grid, &source.inner_grid_));
      ev.set_total_samples(total);
      source.inner_ = true;
      return source;
    }
    source.selector_ = static_cast<const MatrixSelector&>(range).selector.get();
    if (grid.count() == 0) return source;
    const SelectorPlan& p = source.plan_;
    const int64_t lookback = ev.options().lookback_ms;
    if (source.selector_->anchored || source.selector_->smoothed) source.back_ms_ = lookback;
    if (source.selector_->smoothed) source.ahead_ms_ = lookback;
    const model::TimeRange range_read{p.data_time(grid.start) - p.range_ms - source.back_ms_,
                                      p.data_time(grid.at(grid.count() - 1)) + source.ahead_ms_};
    ASSIGN_OR_RETURN(source.reader_, SeriesReader::open(ev, *source.selector_, range_read));
    return source;
  }

  /// Moves to the next series and fills `columns`; false at the end.
  base::Result<bool> next(SampleColumns& columns) {
    if (inner_) {
      if (at_ == inner_value_.series.size()) return false;
      current_ = &inner_value_.series[at_++];
      to_columns(*current_, inner_grid_, columns);
      return true;
    }
    ASSIGN_OR_RETURN(const bool more, reader_->next());
    if (!more) return false;
    RETURN_IF_ERROR(reader_->columns(columns));
    return true;
  }
  const model::Labels& labels() { return inner_ ? current_->labels : reader_->labels(); }
  size_t size_hint() const {
    if (inner_) return inner_value_.series.size();
    return reader_ ? reader_->size_hint() : 0;
  }
  bool name_is_dropped() const { return inner_ && current_->drop_name; }

  const SelectorPlan& plan() const { return plan_; }
  const VectorSelector* selector() const { return selector_; }
  int64_t back_ms() const { return back_ms_; }
  int64_t ahead_ms() const { return ahead_ms_; }

 private:
  RangeSource(Evaluator& ev, const SelectorPlan& plan)
      : plan_(plan), inner_value_(ev.new_vector()) {}

  SelectorPlan plan_;
  const VectorSelector* selector_ = nullptr;  // nullptr: a subquery
  std::unique_ptr<SeriesReader> reader_;
  int64_t back_ms_ = 0, ahead_ms_ = 0;
  bool inner_ = false;
  StepValue inner_value_;
  StepGrid inner_grid_;
  size_t at_ = 0;
  const StepSeries* current_ = nullptr;
};

class RangeCallRun {
 public:
  RangeCallRun(Evaluator& ev, const Call& expr, const StepGrid& grid, RangeKernel kernel)
      : ev_(ev), expr_(expr), grid_(grid), kernel_(kernel) {}

  base::Result<StepValue> run() {
    ASSIGN_OR_RETURN(RangeSource source, open());
    RETURN_IF_ERROR(ev_.expect_series(source.size_hint(), grid_.count()));
    StepValue value = ev_.new_vector();
    RETURN_IF_ERROR(run_all(source, value.charge, [&value](StepSeries series) {
      value.series.push_back(std::move(series));
      return base::Status();
    }));
    if (!ev_.options().delayed_name_removal) RETURN_IF_ERROR(ev_.refuse_equal_labels(value));
    return value;
  }

  base::Result<bool> stream(const SeriesSink& sink) {
    if (!can_stream()) return false;
    ASSIGN_OR_RETURN(RangeSource source, open());
    if (!ev_.may_stream(source.size_hint(), grid_.count())) return false;
    BudgetCharge charge(ev_.options().budget);
    RETURN_IF_ERROR(run_all(source, charge, [&](StepSeries series) {
      base::Status status = sink(std::move(series));
      charge.release();
      return status;
    }));
    return true;
  }

 private:
  base::Result<RangeSource> open() {
    RETURN_IF_ERROR(find_arguments());
    const Expr& range = unwrap_parens(*expr_.args[range_index_]);
    RETURN_IF_ERROR(check_modifiers(range));
    ASSIGN_OR_RETURN(RangeSource source, RangeSource::open(ev_, range, grid_));
    RETURN_IF_ERROR(eval_scalars());
    return source;
  }

  /// Only where no two series can become equal by losing their names.
  bool can_stream() {
    if (!find_arguments().is_ok()) return false;
    const Expr& range = unwrap_parens(*expr_.args[range_index_]);
    if (range.kind != ExprKind::kMatrixSelector) return false;
    if (ev_.options().delayed_name_removal || expr_.function->impl->keeps_name) return true;
    const model::Matchers& matchers = static_cast<const MatrixSelector&>(range).selector->matchers;
    return std::any_of(matchers.begin(), matchers.end(), [](const model::Matcher& m) {
      return m.name() == model::kMetricName && m.type() == model::MatchType::kEqual &&
             !m.value().empty();
    });
  }

  base::Status run_all(RangeSource& source, BudgetCharge& charge, const SeriesSink& sink) {
    SampleColumns columns;
    while (true) {
      RETURN_IF_ERROR(ev_.check());
      ASSIGN_OR_RETURN(const bool more, source.next(columns));
      if (!more) return {};
      if (!columns.empty()) RETURN_IF_ERROR(run_series(source, columns, charge, sink));
    }
  }

  base::Status find_arguments() {
    for (size_t i = 0; i < expr_.args.size(); ++i) {
      if (unwrap_parens(*expr_.args[i]).type() == ValueType::kMatrix) {
        range_index_ = i;
        return {};
      }
    }
    return base::Status(base::Errc::kInternal, "a range function without a range vector");
  }

  base::Status check_modifiers(const Expr& range) const {
    if (range.kind != ExprKind::kMatrixSelector) return {};
    const VectorSelector& selector = *static_cast<const MatrixSelector&>(range).selector;
    const FunctionImpl& impl = *expr_.function->impl;
    const std::string not_with = " - not with " + std::string(expr_.function->name);
    if (selector.anchored && !impl.anchored) {
      return execution_error(
          "anchored modifier can only be used with: changes, delta, increase, rate, resets" +
          not_with);
    }
    if (selector.smoothed && !impl.smoothed) {
      return execution_error("smoothed modifier can only be used with: delta, increase, rate" +
                             not_with);
    }
    return {};
  }

  base::Status eval_scalars() {
    for (size_t i = 0; i < expr_.args.size(); ++i) {
      if (i == range_index_) continue;
      ASSIGN_OR_RETURN(StepValue scalar, ev_.eval(*expr_.args[i], grid_));
      scalars_.push_back(std::move(scalar));
    }
    args_.resize(scalars_.size());
    return {};
  }

  base::Status run_series(RangeSource& source, const SampleColumns& columns, BudgetCharge& charge,
                          const SeriesSink& sink) {
    RETURN_IF_ERROR(ev_.charge_series(charge, source.labels(), grid_.count()));
    StepSeries series(source.labels(), grid_.count());
    RangeCall call;
    call.range_seconds = static_cast<double>(source.plan().range_ms) / 1000;
    call.anchored = source.selector() && source.selector()->anchored;
    call.smoothed = source.selector() && source.selector()->smoothed;
    call.use_start_timestamps = ev_.options().use_start_timestamps;
    RETURN_IF_ERROR(run_steps(source, columns, call, series));
    note(call.notes, series);
    if (!series.any()) return {};
    if (expr_.function->impl->keeps_name) {
      if (source.name_is_dropped()) ev_.drop_name(series);
    } else {
      ev_.drop_name(series);
    }
    RETURN_IF_ERROR(charge.add_samples(series.sample_count()));
    return sink(std::move(series));
  }

  base::Status run_steps(RangeSource& source, const SampleColumns& columns, RangeCall& call,
                         StepSeries& out) {
    WindowCursor cursor(columns);
    int64_t samples = 0;
    int64_t largest = 0;
    for (size_t i = 0; i < grid_.count(); ++i) {
      call.step_time = grid_.at(i);
      call.range_end = source.plan().data_time(call.step_time);
      call.range_start = call.range_end - source.plan().range_ms;
      const RangeWindow window =
          cursor.window(call.range_start - source.back_ms(), call.range_end + source.ahead_ms());
      if (window.empty()) continue;
      const int64_t size = window_samples(window);
      samples += size;
      largest = std::max(largest, size);
      for (size_t a = 0; a < scalars_.size(); ++a) args_[a] = scalars_[a].scalars[i];
      call.args = args_;
      out.set(i, kernel_(window, call));
      if (!call.error.is_ok()) return call.error;
      if (i % 4096 == 4095) RETURN_IF_ERROR(ev_.check());
    }
    ev_.add_total_samples(samples);
    // While a series is worked on, its largest window counts against max-samples.
    BudgetCharge window_charge(ev_.options().budget);
    return window_charge.add_samples(largest);
  }

  static int64_t window_samples(const RangeWindow& w) {
    int64_t n = static_cast<int64_t>(w.t.size());
    for (const HistogramRef& h : w.histograms) n += histogram_samples(*h);
    return n;
  }

  void note(const RangeNotes& n, const StepSeries& series) {
    const std::string_view name = series.labels.metric_name();
    const uint32_t pos = argument_position(expr_, 0);
    const std::string quoted = model::go_quote(name);
    Notes& notes = ev_.notes();
    if (n.mixed) {
      notes.warn("encountered a mix of histograms and floats for metric name " + quoted, pos);
    }
    if (n.ignored_histograms) {
      notes.info(
          "ignored histograms in a range containing both floats and histograms for metric name " +
              quoted,
          pos);
    }
    if (n.not_counter) {
      notes.warn("this native histogram metric is not a counter: " + quoted, pos);
    }
    if (n.not_gauge) notes.warn("this native histogram metric is not a gauge: " + quoted, pos);
    if (n.mixed_schemas) {
      notes.warn(
          "vector contains a mix of histograms with exponential and custom buckets schemas for "
          "metric name " +
              quoted,
          pos);
    }
    if (n.reset_collision) {
      notes.warn("conflicting counter resets during histogram aggregation", pos);
    }
    const std::string reconciled = "mismatched custom buckets were reconciled during ";
    if (n.reconciled_add) notes.info(reconciled + "addition", pos);
    if (n.reconciled_sub) notes.info(reconciled + "subtraction", pos);
    if (n.reconciled_aggregation) notes.info(reconciled + "aggregation", pos);
    if (n.start_overlaps > 0) notes.start_time_overlap(name, pos, n.start_overlaps);
    for (const double q : n.bad_quantiles) {
      notes.warn("quantile value should be between 0 and 1, got " + base::go_g(q), pos);
    }
    note_counter_name(series, quoted, pos);
  }

  void note_counter_name(const StepSeries& series, const std::string& quoted, uint32_t pos) {
    const std::string_view function = expr_.function->name;
    const std::string_view name = series.labels.metric_name();
    if ((function != "rate" && function != "increase") || name.empty()) return;
    if (std::find(series.kinds.begin(), series.kinds.end(), SampleKind::kFloat) ==
        series.kinds.end()) {
      return;
    }
    if (ev_.options().type_and_unit_labels) {
      const std::string_view type = series.labels.get("__type__");
      if (type == "counter" || type == "histogram") return;
      ev_.notes().info(
          "metric might not be a counter, __type__ label is not set to \"counter\" or "
          "\"histogram\", got " +
              model::go_quote(type) + ": " + quoted,
          pos);
      return;
    }
    for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
      if (name.ends_with(suffix)) return;
    }
    ev_.notes().info(
        "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " + quoted,
        pos);
  }

  Evaluator& ev_;
  const Call& expr_;
  const StepGrid& grid_;
  const RangeKernel kernel_;
  size_t range_index_ = 0;
  std::vector<StepValue> scalars_;
  std::vector<double> args_;  // of the current step
};

/// abs(), sin() and their like: float samples one by one.
base::Result<StepValue> eval_math_call(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  double (*const math)(double) = expr.function->impl->math;
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (s.is_float(i)) {
        s.values[i] = math(s.values[i]);
      } else {
        s.clear(i);
      }
    }
    ev.drop_name(s);
  }
  remove_empty(value.series);
  RETURN_IF_ERROR(ev.unite_equal_labels(value, grid));
  return value;
}

}  // namespace

base::Result<StepValue> eval_range_call(Evaluator& ev, const Call& expr, const StepGrid& grid,
                                        RangeKernel kernel) {
  return RangeCallRun(ev, expr, grid, kernel).run();
}

base::Result<StepValue> eval_call(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  if (const std::optional<double> constant = ev.plan().constant(expr)) {
    return ev.new_scalar(std::vector<double>(grid.count(), *constant));
  }
  const FunctionImpl* const impl = expr.function->impl;
  if (!impl) return not_built("function " + std::string(expr.function->name) + "()");
  if (impl->math) return eval_math_call(ev, expr, grid);
  if (impl->range) return eval_range_call(ev, expr, grid, impl->range);
  return impl->call(ev, expr, grid);
}

base::Result<bool> stream_call(Evaluator& ev, const Call& expr, const StepGrid& grid,
                               const SeriesSink& sink) {
  const FunctionImpl* const impl = expr.function->impl;
  if (!impl || impl->math || !impl->range) return false;
  return RangeCallRun(ev, expr, grid, impl->range).stream(sink);
}

uint32_t argument_position(const Call& expr, size_t i) {
  const Expr& argument = unwrap_parens(*expr.args[i]);
  return argument.kind == ExprKind::kSubquery ? 0 : argument.pos.start;
}

const std::string& string_argument(const Call& expr, size_t i) {
  return static_cast<const StringLiteral&>(unwrap_parens(*expr.args[i])).value;
}

model::Labels absent_labels(const Expr& argument) {
  const Expr& e = unwrap_parens(argument);
  const VectorSelector* selector = nullptr;
  if (e.kind == ExprKind::kVectorSelector) selector = static_cast<const VectorSelector*>(&e);
  if (e.kind == ExprKind::kMatrixSelector) {
    selector = static_cast<const MatrixSelector&>(e).selector.get();
  }
  model::LabelsBuilder builder;
  if (!selector) return builder.build();
  const model::Matchers& matchers = selector->matchers;
  for (const model::Matcher& m : matchers) {
    if (m.name() == model::kMetricName || m.type() != model::MatchType::kEqual) continue;
    const auto same_label = [&](const model::Matcher& o) { return o.name() == m.name(); };
    if (std::count_if(matchers.begin(), matchers.end(), same_label) == 1) {
      builder.set(m.name(), m.value());
    }
  }
  return builder.build();
}

}  // namespace silverback::promql
