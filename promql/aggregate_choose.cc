#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <absl/container/flat_hash_map.h>

#include "base/go_float.h"
#include "promql/aggregate.h"
#include "promql/matching.h"

namespace silverback::promql {

namespace {

struct Candidate {
  double v = 0;
  uint32_t series = 0;
};

/// The k best of a group at one step: a binary heap with the worst on top. Which of several equal
/// elements survive follows from how the heap is mended, so that is fixed here: a new element
/// replaces the top only if it is better, then sinks to the smaller child (the left one if equal).
class BestHeap {
 public:
  explicit BestHeap(bool top) : top_(top) {}

  void clear() { heap_.clear(); }
  bool empty() const { return heap_.empty(); }

  void offer(Candidate c, size_t k) {
    if (heap_.size() < k) {
      heap_.push_back(c);
      rise(heap_.size() - 1);
      return;
    }
    const double worst = heap_[0].v;
    const bool better = top_ ? worst < c.v : worst > c.v;
    if (!better && !(std::isnan(worst) && !std::isnan(c.v))) return;
    heap_[0] = c;
    if (k > 1) sink(0);
  }

  /// Best first; equal ones in the order the heap holds them.
  const std::vector<Candidate>& sorted() {
    if (heap_.size() <= kInsertionSort) {
      for (size_t i = 1; i < heap_.size(); ++i) {
        for (size_t j = i; j > 0 && worse(heap_[j - 1], heap_[j]); --j) {
          std::swap(heap_[j], heap_[j - 1]);
        }
      }
    } else {
      std::stable_sort(heap_.begin(), heap_.end(), [this](const Candidate& a, const Candidate& b) {
        if (std::isnan(a.v) || std::isnan(b.v)) return !std::isnan(a.v) && std::isnan(b.v);
        return worse(b, a);
      });
    }
    return heap_;
  }

 private:
  static constexpr size_t kInsertionSort = 12;

  /// NaN is the worst, also against another NaN.
  bool worse(const Candidate& a, const Candidate& b) const {
    if (std::isnan(a.v)) return true;
    return top_ ? a.v < b.v : a.v > b.v;
  }
  void rise(size_t i) {
    while (i > 0) {
      const size_t parent = (i - 1) / 2;
      if (!worse(heap_[i], heap_[parent])) return;
      std::swap(heap_[i], heap_[parent]);
      i = parent;
    }
  }
  void sink(size_t i) {
    while (true) {
      size_t child = 2 * i + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && worse(heap_[child + 1], heap_[child])) ++child;
      if (!worse(heap_[child], heap_[i])) return;
      std::swap(heap_[i], heap_[child]);
      i = child;
    }
  }

  const bool top_;
  std::vector<Candidate> heap_;
};

/// The share of the hash range below a label set's hash: every engine of this family gives the
/// same.
double sample_offset(const model::Labels& labels) {
  std::string bytes;
  const auto append = [&bytes](std::string_view s) {
    const size_t n = s.size();
    if (n < 255) {
      bytes.push_back(static_cast<char>(n));
    } else {
      bytes.push_back('\xff');
      for (int shift = 0; shift <= 16; shift += 8) {
        bytes.push_back(static_cast<char>((n >> shift) & 0xff));
      }
    }
    bytes += s;
  };
  for (const model::Label& label : labels) {
    append(label.name);
    append(label.value);
  }
  const uint64_t hash = XXH64(bytes.data(), bytes.size(), 0);
  return static_cast<double>(hash) / 18446744073709551616.0;
}

bool in_ratio(double ratio, double offset) {
  return ratio >= 0 ? offset < ratio : offset >= 1.0 + ratio;
}

class Choice {
 public:
  Choice(Evaluator& ev, const AggregateExpr& expr, StepValue input, const AggregateParam& param,
         const StepGrid& grid)
      : ev_(ev),
        expr_(expr),
        op_(expr.op),
        param_(param),
        grid_(grid),
        groups_(group_series(expr, input.series)),
        input_(std::move(input)),
        out_(ev.new_vector()) {}

  base::Result<StepValue> run() {
    const bool ratio = op_ == AggregateOp::kLimitRatio;
    if (ratio ? param_.max == 0 && param_.min == 0 : param_.max < 1) return std::move(out_);
    RETURN_IF_ERROR(ratio ? check_ratio() : check_count());
    out_index_.assign(input_.series.size(), kNone);
    for (size_t g = 0; g < groups_.labels.size(); ++g) {
      for (size_t i = 0; i < grid_.count(); ++i) {
        if (i % 64 == 0) RETURN_IF_ERROR(ev_.check());
        RETURN_IF_ERROR(choose(groups_.members[g], i));
      }
    }
    if (ignored_) note_ignored_histogram(ev_, expr_, expr_.pos.start);
    RETURN_IF_ERROR(ev_.charge_samples(out_));
    return std::move(out_);
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  base::Status check_count() const {
    constexpr double kLimit = 9223372036854775808.0;
    if (param_.any_nan) return execution_error("Parameter value is NaN");
    if (param_.min <= -kLimit) {
      return execution_error("Scalar value " + base::go_g(param_.min) + " underflows int64");
    }
    if (param_.max >= kLimit) {
      return execution_error("Scalar value " + base::go_g(param_.max) + " overflows int64");
    }
    return {};
  }

  base::Status check_ratio() {
    if (param_.any_nan) return execution_error("Ratio value is NaN");
    const uint32_t pos = unwrap_parens(*expr_.param).pos.start;
    const auto warn = [&](double got, double capped) {
      ev_.notes().warn("ratio value should be between -1 and 1, got " + base::go_g(got) +
                           ", capping to " + base::go_g(capped),
                       pos);
    };
    if (param_.max > 1) warn(param_.max, 1);
    if (param_.min < -1) warn(param_.min, -1);
    for (const StepSeries& s : input_.series) offsets_.push_back(sample_offset(s.labels));
    return {};
  }

  base::Status choose(const std::vector<uint32_t>& members, size_t step) {
    switch (op_) {
      case AggregateOp::kLimitRatio: return choose_ratio(members, step);
      case AggregateOp::kLimitk: return choose_first(members, step);
      default: return choose_best(members, step);
    }
  }

  size_t count_at(size_t step) const {
    const double k = std::trunc(param_.values[step]);
    if (k < 1) return 0;
    return static_cast<size_t>(std::min(k, static_cast<double>(input_.series.size())));
  }

  base::Status choose_first(const std::vector<uint32_t>& members, size_t step) {
    size_t left = count_at(step);
    for (const uint32_t member : members) {
      if (left == 0) break;
      if (!input_.series[member].has(step)) continue;
      RETURN_IF_ERROR(take(member, step));
      --left;
    }
    return {};
  }

  base::Status choose_ratio(const std::vector<uint32_t>& members, size_t step) {
    const double ratio = std::clamp(param_.values[step], -1.0, 1.0);
    if (ratio == 0) return {};
    for (const uint32_t member : members) {
      if (!input_.series[member].has(step) || !in_ratio(ratio, offsets_[member])) continue;
      RETURN_IF_ERROR(take(member, step));
    }
    return {};
  }

  base::Status choose_best(const std::vector<uint32_t>& members, size_t step) {
    const size_t k = count_at(step);
    if (k == 0) return {};
    BestHeap heap(op_ == AggregateOp::kTopk);
    for (const uint32_t member : members) {
      const StepSeries& s = input_.series[member];
      if (s.is_histogram(step)) ignored_ = true;
      if (s.is_float(step)) heap.offer({s.values[step], member}, k);
    }
    for (const Candidate& c : heap.sorted()) RETURN_IF_ERROR(take(c.series, step));
    return {};
  }

  base::Status take(uint32_t member, size_t step) {
    const StepSeries& from = input_.series[member];
    if (out_index_[member] == kNone) {
      RETURN_IF_ERROR(ev_.charge_series(out_, from.labels, grid_.count()));
      out_index_[member] = static_cast<uint32_t>(out_.series.size());
      out_.series.emplace_back(from.labels, grid_.count());
      out_.series.back().drop_name = from.drop_name;
    }
    out_.series[out_index_[member]].copy_step(step, from, step);
    return {};
  }

  Evaluator& ev_;
  const AggregateExpr& expr_;
  const AggregateOp op_;
  const AggregateParam& param_;
  const StepGrid& grid_;
  const Grouping groups_;
  const StepValue input_;
  StepValue out_;
  std::vector<uint32_t> out_index_;  // of each input series
  std::vector<double> offsets_;      // limit_ratio: of each input series
  bool ignored_ = false;
};

/// count_values: one output series for each value that a group shows at some step.
class ValueCount {
 public:
  ValueCount(Evaluator& ev, const AggregateExpr& expr, const std::string& label,
             const StepGrid& grid)
      : ev_(ev), expr_(expr), label_(label), grid_(grid), out_(ev.new_vector()) {}

  base::Result<StepValue> run(const StepValue& input) {
    const GroupLabels group_of(expr_.without, expr_.grouping);
    for (const StepSeries& s : input.series) {
      RETURN_IF_ERROR(ev_.check());
      const model::Labels base = group_of(s.labels);
      std::string last_text;
      StepSeries* last = nullptr;
      for (size_t i = 0; i < s.steps(); ++i) {
        if (!s.has(i)) continue;
        std::string text = s.is_float(i) ? base::go_f(s.values[i]) : s.histograms[i]->to_string();
        if (!last || text != last_text) {
          ASSIGN_OR_RETURN(const size_t index, series_for(base, text));
          last = &out_.series[index];
          last_text = std::move(text);
        }
        last->set(i, last->has(i) ? last->values[i] + 1 : 1.0);
      }
    }
    RETURN_IF_ERROR(ev_.charge_samples(out_));
    return std::move(out_);
  }

 private:
  base::Result<size_t> series_for(const model::Labels& base, std::string_view text) {
    model::LabelsBuilder builder(base);
    // `without` takes the label away again when it names it.
    const bool removed = expr_.without && (label_ == model::kMetricName ||
                                           std::find(expr_.grouping.begin(), expr_.grouping.end(),
                                                     label_) != expr_.grouping.end());
    if (!removed) builder.set(label_, text);
    model::Labels labels = builder.build();
    const auto [at, added] = index_.try_emplace(labels.bytes(), out_.series.size());
    if (added) {
      RETURN_IF_ERROR(ev_.charge_series(out_, labels, grid_.count()));
      out_.series.emplace_back(std::move(labels), grid_.count());
    }
    return at->second;
  }

  Evaluator& ev_;
  const AggregateExpr& expr_;
  const std::string& label_;
  const StepGrid& grid_;
  StepValue out_;
  absl::flat_hash_map<std::string, size_t> index_;
};

}  // namespace

base::Result<StepValue> aggregate_choose(Evaluator& ev, const AggregateExpr& expr, StepValue input,
                                         const AggregateParam& param, const StepGrid& grid) {
  return Choice(ev, expr, std::move(input), param, grid).run();
}

base::Result<StepValue> aggregate_count_values(Evaluator& ev, const AggregateExpr& expr,
                                               StepValue input, const StepGrid& grid) {
  const std::string& label = static_cast<const StringLiteral&>(unwrap_parens(*expr.param)).value;
  if (!model::is_valid_name(label)) {
    return execution_error("invalid label name " + model::go_quote(label));
  }
  return ValueCount(ev, expr, label, grid).run(input);
}

}  // namespace silverback::promql
