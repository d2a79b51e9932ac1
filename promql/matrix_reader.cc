#include "promql/interpolate.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

base::Result<Matrix> read_matrix(Evaluator& ev, const MatrixSelector& expr, model::TimestampMs t) {
  const SelectorPlan& p = ev.plan().selector(expr);
  const VectorSelector& selector = *expr.selector;
  const model::TimestampMs until = p.data_time(t);
  const model::TimestampMs after = until - p.range_ms;
  const int64_t lookback = ev.options().lookback_ms;
  const bool wide = selector.anchored || selector.smoothed;
  const model::TimeRange range{after - (wide ? lookback : 0),
                               until + (selector.smoothed ? lookback : 0)};
  ASSIGN_OR_RETURN(const std::unique_ptr<SeriesReader> reader,
                   SeriesReader::open(ev, selector, range));
  Matrix matrix;
  SampleColumns c;
  BudgetCharge charge(ev.options().budget);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader->next());
    if (!more) return matrix;
    RETURN_IF_ERROR(reader->columns(c));
    if (wide) {
      if (!c.histograms.empty()) {
        return execution_error(std::string(selector.anchored ? "anchored" : "smoothed") +
                               " modifier is not supported with histograms");
      }
      extend_to_bounds(c, after, until, selector.smoothed);
    }
    if (c.empty()) continue;
    Series series;
    series.labels = reader->labels();
    for (size_t i = 0; i < c.t.size(); ++i) series.floats.push_back({c.t[i], c.v[i]});
    int64_t samples = static_cast<int64_t>(c.t.size());
    for (size_t i = 0; i < c.histogram_t.size(); ++i) {
      series.histograms.push_back({c.histogram_t[i], c.histograms[i]});
      samples += histogram_samples(*c.histograms[i]);
    }
    ev.add_total_samples(samples);
    RETURN_IF_ERROR(charge.add_bytes(c.bytes()));
    RETURN_IF_ERROR(charge.add_samples(samples));
    matrix.push_back(std::move(series));
  }
}

Matrix to_matrix(const StepValue& value, const StepGrid& grid) {
  Matrix matrix;
  matrix.reserve(value.series.size());
  for (const StepSeries& s : value.series) {
    Series out;
    out.labels = s.labels;
    for (size_t i = 0; i < s.steps(); ++i) {
      if (s.is_float(i)) out.floats.push_back({grid.at(i), s.values[i]});
      if (s.is_histogram(i)) out.histograms.push_back({grid.at(i), s.histograms[i]});
    }
    if (!out.floats.empty() || !out.histograms.empty()) matrix.push_back(std::move(out));
  }
  return matrix;
}

}  // namespace silverback::promql
