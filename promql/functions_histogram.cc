#include <cmath>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "base/go_float.h"
#include "promql/call.h"
#include "promql/function_impl.h"
#include "promql/native_quantile.h"
#include "promql/quantile.h"

namespace silverback::promql {

namespace {

/// The float series of classic histograms grouped by all labels but le, and the series that have
/// native histograms; matched once, read step by step.
class HistogramInput {
 public:
  struct BucketSeries {
    uint32_t series = 0;
    double upper = 0;
  };
  struct Classic {
    model::Labels labels;  // without le
    bool drop_name = false;
    std::vector<BucketSeries> buckets;
  };

  HistogramInput(Evaluator& ev, StepValue input, uint32_t pos)
      : ev_(ev), pos_(pos), input_(std::move(input)) {
    absl::flat_hash_map<std::string, uint32_t> index;
    for (uint32_t i = 0; i < input_.series.size(); ++i) add_series(i, index);
    for (uint32_t i = 0; i < input_.series.size(); ++i) {
      if (input_.series[i].histograms.empty()) continue;
      native_.push_back(i);
      const auto at = index.find(input_.series[i].labels.bytes());
      twin_.push_back(at == index.end() ? kNone : at->second);
    }
  }

  const std::vector<Classic>& classic() const { return classic_; }
  const std::vector<uint32_t>& native() const { return native_; }
  const StepSeries& series(uint32_t i) const { return input_.series[i]; }

  /// The buckets of a classic histogram at a step; empty when there are none or a native twin has
  /// a histogram there.
  void buckets_at(size_t c, size_t step, std::vector<ClassicBucket>& out) const {
    out.clear();
    for (const BucketSeries& b : classic_[c].buckets) {
      const StepSeries& s = input_.series[b.series];
      if (s.is_float(step)) out.push_back({b.upper, s.values[step]});
    }
    if (out.empty()) return;
    for (size_t n = 0; n < native_.size(); ++n) {
      if (twin_[n] == c && input_.series[native_[n]].is_histogram(step)) out.clear();
    }
  }

  /// The n-th native histogram at a step; nullptr when there is none, or a classic twin is there
  /// too (which is told of).
  const model::Histogram* native_at(size_t n, size_t step) const {
    const StepSeries& s = input_.series[native_[n]];
    if (!s.is_histogram(step)) return nullptr;
    if (twin_[n] != kNone) {
      for (const BucketSeries& b : classic_[twin_[n]].buckets) {
        if (!input_.series[b.series].is_float(step)) continue;
        ev_.notes().warn(
            "vector contains a mix of classic and native histograms" + shown_name(s.labels), pos_);
        return nullptr;
      }
    }
    return s.histograms[step].get();
  }

  /// " for metric name ..." where the name is still there to be shown.
  std::string shown_name(const model::Labels& labels) const {
    return for_metric_name(metric_name(labels));
  }
  std::string_view metric_name(const model::Labels& labels) const {
    return ev_.options().delayed_name_removal ? labels.metric_name() : std::string_view();
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  void add_series(uint32_t i, absl::flat_hash_map<std::string, uint32_t>& index) {
    const StepSeries& s = input_.series[i];
    bool floats = false;
    for (size_t step = 0; step < s.steps() && !floats; ++step) floats = s.is_float(step);
    if (!floats) return;
    const std::string_view le = s.labels.get(model::kBucketLabel);
    const std::optional<double> upper = base::parse_go_float(le);
    if (!upper) {
      ev_.notes().warn("bucket label \"le\" is missing or has a malformed value of " +
                           model::go_quote(le) + shown_name(s.labels),
                       pos_);
      return;
    }
    model::Labels labels = s.labels.without(model::kBucketLabel);
    const auto [at, added] =
        index.try_emplace(labels.bytes(), static_cast<uint32_t>(classic_.size()));
    if (added) {
      Classic classic;
      classic.labels = std::move(labels);
      classic_.push_back(std::move(classic));
    }
    classic_[at->second].buckets.push_back({i, *upper});
  }

  Evaluator& ev_;
  const uint32_t pos_;
  const StepValue input_;
  std::vector<Classic> classic_;
  std::vector<uint32_t> native_;  // series with native histograms
  std::vector<uint32_t> twin_;    // of each: the classic histogram with equal labels
};

/// Runs `native(histogram, step, labels)` and `classic(buckets, step, labels)` over everything and
/// appends one series a histogram to `out`; `relabel` gives its labels.
template <typename Native, typename Classic, typename Relabel>
base::Status map_histograms(Evaluator& ev, const HistogramInput& input, const StepGrid& grid,
                            StepValue& out, Native native, Classic classic, Relabel relabel) {
  const auto finish = [&](StepSeries series) {
    if (!series.any()) return;
    ev.drop_name(series);
    series.labels = relabel(series.labels);
    out.series.push_back(std::move(series));
  };
  for (size_t n = 0; n < input.native().size(); ++n) {
    RETURN_IF_ERROR(ev.check());
    const model::Labels& labels = input.series(input.native()[n]).labels;
    RETURN_IF_ERROR(ev.charge_series(out, labels, grid.count()));
    StepSeries series(labels, grid.count());
    for (size_t i = 0; i < grid.count(); ++i) {
      const model::Histogram* const h = input.native_at(n, i);
      if (h) series.set(i, native(*h, i, labels));
    }
    finish(std::move(series));
  }
  std::vector<ClassicBucket> buckets;
  for (size_t c = 0; c < input.classic().size(); ++c) {
    RETURN_IF_ERROR(ev.check());
    const model::Labels& labels = input.classic()[c].labels;
    RETURN_IF_ERROR(ev.charge_series(out, labels, grid.count()));
    StepSeries series(labels, grid.count());
    for (size_t i = 0; i < grid.count(); ++i) {
      input.buckets_at(c, i, buckets);
      if (!buckets.empty()) series.set(i, classic(buckets, i, labels));
    }
    finish(std::move(series));
  }
  return {};
}

void note_bad_quantiles(Evaluator& ev, const std::vector<double>& values, uint32_t pos) {
  for (const double q : values) {
    if (q >= 0 && q <= 1) continue;
    ev.notes().warn("quantile value should be between 0 and 1, got " + base::go_g(q), pos);
  }
}

/// One quantile of everything in `input`, appended to `out`.
template <typename Relabel>
base::Status append_quantile(Evaluator& ev, const HistogramInput& input,
                             const std::vector<double>& q, uint32_t pos, const StepGrid& grid,
                             StepValue& out, Relabel relabel) {
  const auto native = [&](const model::Histogram& h, size_t i, const model::Labels& labels) {
    NanObservations nan;
    const double v = native_quantile(q[i], h, &nan);
    const std::string seen = "input to histogram_quantile has NaN observations, result is ";
    if (nan.result_is_nan) ev.notes().info(seen + "NaN" + input.shown_name(labels), pos);
    if (nan.skewed) ev.notes().info(seen + "skewed higher" + input.shown_name(labels), pos);
    return v;
  };
  const auto classic = [&](std::vector<ClassicBucket>& buckets, size_t i,
                           const model::Labels& labels) {
    MonotonicFix fix;
    const double v = bucket_quantile(q[i], buckets, &fix);
    if (fix.forced) {
      ev.notes().forced_monotonic(input.metric_name(labels), pos,
                                  {grid.at(i), fix.min_bucket, fix.max_bucket, fix.max_diff});
    }
    return v;
  };
  return map_histograms(ev, input, grid, out, native, classic, relabel);
}

base::Result<StepValue> finish_vector(Evaluator& ev, StepValue out, const StepGrid& grid) {
  RETURN_IF_ERROR(ev.unite_equal_labels(out, grid));
  RETURN_IF_ERROR(ev.charge_samples(out));
  return out;
}

base::Result<StepValue> eval_histogram_quantile(Evaluator& ev, const Call& expr,
                                                const StepGrid& grid) {
  ASSIGN_OR_RETURN(const std::vector<double> q, ev.eval_scalar(*expr.args[0], grid));
  ASSIGN_OR_RETURN(StepValue vector, ev.eval(*expr.args[1], grid));
  note_bad_quantiles(ev, q, argument_position(expr, 0));
  const uint32_t pos = argument_position(expr, 1);
  const HistogramInput input(ev, std::move(vector), pos);
  StepValue out = ev.new_vector();
  RETURN_IF_ERROR(append_quantile(ev, input, q, pos, grid, out,
                                  [](const model::Labels& labels) { return labels; }));
  return finish_vector(ev, std::move(out), grid);
}

std::string quantile_label(double q) {
  std::string text;
  base::append_openmetrics_float(text, q);
  return text;
}

base::Result<StepValue> eval_histogram_quantiles(Evaluator& ev, const Call& expr,
                                                 const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue vector, ev.eval(*expr.args[0], grid));
  const std::string& label = string_argument(expr, 1);
  const uint32_t pos = argument_position(expr, 0);
  const HistogramInput input(ev, std::move(vector), pos);
  StepValue out = ev.new_vector();
  for (size_t a = 2; a < expr.args.size(); ++a) {
    ASSIGN_OR_RETURN(const std::vector<double> q, ev.eval_scalar(*expr.args[a], grid));
    note_bad_quantiles(ev, q, argument_position(expr, a));
    // The quantile may differ from step to step, and the label with it.
    std::vector<bool> done(grid.count(), false);
    for (size_t first = 0; first < grid.count(); ++first) {
      if (done[first]) continue;
      const std::string text = quantile_label(q[first]);
      std::vector<bool> same(grid.count(), false);
      for (size_t i = first; i < grid.count(); ++i) same[i] = quantile_label(q[i]) == text;
      const size_t before = out.series.size();
      RETURN_IF_ERROR(
          append_quantile(ev, input, q, pos, grid, out, [&](const model::Labels& labels) {
            model::LabelsBuilder builder(labels);
            return builder.set(label, text).build();
          }));
      for (size_t s = before; s < out.series.size(); ++s) {
        for (size_t i = 0; i < grid.count(); ++i) {
          if (!same[i]) out.series[s].clear(i);
        }
      }
      for (size_t i = first; i < grid.count(); ++i) done[i] = done[i] || same[i];
    }
  }
  remove_empty(out.series);
  return finish_vector(ev, std::move(out), grid);
}

base::Result<StepValue> eval_histogram_fraction(Evaluator& ev, const Call& expr,
                                                const StepGrid& grid) {
  ASSIGN_OR_RETURN(const std::vector<double> lower, ev.eval_scalar(*expr.args[0], grid));
  ASSIGN_OR_RETURN(const std::vector<double> upper, ev.eval_scalar(*expr.args[1], grid));
  ASSIGN_OR_RETURN(StepValue vector, ev.eval(*expr.args[2], grid));
  const uint32_t pos = argument_position(expr, 2);
  const HistogramInput input(ev, std::move(vector), pos);
  StepValue out = ev.new_vector();
  const auto native = [&](const model::Histogram& h, size_t i, const model::Labels& labels) {
    NanObservations nan;
    const double v = native_fraction(lower[i], upper[i], h, &nan);
    if (nan.excluded) {
      ev.notes().info(
          "input to histogram_fraction has NaN observations, which are excluded from all "
          "fractions" +
              input.shown_name(labels),
          pos);
    }
    return v;
  };
  const auto classic = [&](std::vector<ClassicBucket>& buckets, size_t i, const model::Labels&) {
    return bucket_fraction(lower[i], upper[i], buckets);
  };
  RETURN_IF_ERROR(map_histograms(ev, input, grid, out, native, classic,
                                 [](const model::Labels& labels) { return labels; }));
  return finish_vector(ev, std::move(out), grid);
}

using HistogramNumber = double (*)(const model::Histogram&);

/// One number of each native histogram; floats are left out.
template <HistogramNumber number>
base::Result<StepValue> eval_histogram_number(Evaluator& ev, const Call& expr,
                                              const StepGrid& grid) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (!s.is_histogram(i)) {
        s.clear(i);
        continue;
      }
      const double v = number(*s.histograms[i]);
      s.clear(i);
      s.set(i, v);
    }
    s.drop_name = true;
    // Type and unit stay: only the name goes.
    if (!ev.options().delayed_name_removal) s.labels = s.labels.without_metric_name();
  }
  remove_empty(value.series);
  RETURN_IF_ERROR(ev.unite_equal_labels(value, grid));
  return value;
}

double number_count(const model::Histogram& h) {
  return h.count;
}
double number_sum(const model::Histogram& h) {
  return h.sum;
}
double number_avg(const model::Histogram& h) {
  return h.sum / h.count;
}
double number_stdvar(const model::Histogram& h) {
  return native_variance(h);
}
double number_stddev(const model::Histogram& h) {
  return std::sqrt(native_variance(h));
}

}  // namespace

namespace impl {
const FunctionImpl histogram_avg = {.call = &eval_histogram_number<&number_avg>};
const FunctionImpl histogram_count = {.call = &eval_histogram_number<&number_count>};
const FunctionImpl histogram_fraction = {.call = &eval_histogram_fraction};
const FunctionImpl histogram_quantile = {.call = &eval_histogram_quantile};
const FunctionImpl histogram_quantiles = {.call = &eval_histogram_quantiles};
const FunctionImpl histogram_stddev = {.call = &eval_histogram_number<&number_stddev>};
const FunctionImpl histogram_stdvar = {.call = &eval_histogram_number<&number_stdvar>};
const FunctionImpl histogram_sum = {.call = &eval_histogram_number<&number_sum>};
}  // namespace impl

}  // namespace silverback::promql
