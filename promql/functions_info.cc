#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <absl/container/flat_hash_map.h>

#include "promql/call.h"
#include "promql/function_impl.h"
#include "promql/matching.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

namespace {

constexpr std::string_view kDefaultInfoMetric = "target_info";
constexpr std::string_view kAnyInfoMetric = ".+_info";
/// What ties an info series to others.
constexpr std::string_view kIdentifyingLabels[] = {"instance", "job"};

std::string quote_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// info(v, selector): adds labels of info series to the series of v, step by step.
class InfoJoin {
 public:
  InfoJoin(Evaluator& ev, const Call& expr, const StepGrid& grid)
      : ev_(ev), expr_(expr), grid_(grid), out_(ev.new_vector()), info_(ev.new_vector()) {}

  base::Result<StepValue> run() {
    ASSIGN_OR_RETURN(StepValue base, ev_.eval(unwrap_parens(*expr_.args[0]), grid_));
    RETURN_IF_ERROR(read_selector());
    std::vector<bool> is_info;
    for (const StepSeries& s : base.series) {
      const std::string_view name = s.labels.metric_name();
      is_info.push_back(std::all_of(name_matchers_.begin(), name_matchers_.end(),
                                    [&](const model::Matcher& m) { return m.matches(name); }));
    }
    RETURN_IF_ERROR(fetch(base, is_info));
    RETURN_IF_ERROR(refuse_conflicts(base));
    for (size_t s = 0; s < base.series.size(); ++s) {
      RETURN_IF_ERROR(ev_.check());
      // Info series themselves are not enriched.
      RETURN_IF_ERROR(is_info[s] ? pass(base.series[s]) : join(base.series[s]));
    }
    remove_empty(out_.series);
    RETURN_IF_ERROR(grid_.instant() ? ev_.refuse_equal_labels(out_)
                                    : ev_.unite_equal_labels(out_, grid_));
    RETURN_IF_ERROR(ev_.charge_samples(out_));
    return std::move(out_);
  }

 private:
  /// Splits the second argument into what names info metrics and what their labels must be.
  base::Status read_selector() {
    if (expr_.args.size() > 1) {
      const Expr& selector = unwrap_parens(*expr_.args[1]);
      for (const model::Matcher& m : static_cast<const VectorSelector&>(selector).matchers) {
        (m.name() == model::kMetricName ? name_matchers_ : data_matchers_).push_back(m);
      }
    }
    const bool positive =
        std::any_of(name_matchers_.begin(), name_matchers_.end(), [](const model::Matcher& m) {
          return m.type() == model::MatchType::kEqual || m.type() == model::MatchType::kRegex;
        });
    if (positive) return {};
    const bool none = name_matchers_.empty();
    ASSIGN_OR_RETURN(
        model::Matcher name,
        model::Matcher::make(none ? model::MatchType::kEqual : model::MatchType::kRegex,
                             std::string(model::kMetricName),
                             std::string(none ? kDefaultInfoMetric : kAnyInfoMetric)));
    name_matchers_.insert(name_matchers_.begin(), std::move(name));
    return {};
  }

  /// Reads the info series that may belong to `base`; values are their samples' times.
  base::Status fetch(const StepValue& base, const std::vector<bool>& is_info) {
    model::Matchers matchers;
    for (const std::string_view label : kIdentifyingLabels) {
      std::set<std::string_view> values;
      for (size_t s = 0; s < base.series.size(); ++s) {
        const std::string_view value = base.series[s].labels.get(label);
        if (!is_info[s] && !value.empty()) values.insert(value);
      }
      if (values.empty()) continue;
      std::string pattern;
      for (const std::string_view value : values) {
        pattern += (pattern.empty() ? "" : "|") + quote_regex(value);
      }
      ASSIGN_OR_RETURN(model::Matcher m,
                       model::Matcher::make(model::MatchType::kRegex, std::string(label), pattern));
      matchers.push_back(std::move(m));
    }
    if (matchers.empty()) return {};
    matchers.insert(matchers.end(), data_matchers_.begin(), data_matchers_.end());
    matchers.insert(matchers.end(), name_matchers_.begin(), name_matchers_.end());
    ASSIGN_OR_RETURN(info_, read_sample_times(ev_, matchers, ev_.plan().selector(expr_), grid_,
                                              SampleTime::kInfo));
    for (size_t i = 0; i < info_.series.size(); ++i) {
      const model::Labels& labels = info_.series[i].labels;
      by_identity_[identity(labels, labels.metric_name())].push_back(i);
      info_names_.insert(std::string(labels.metric_name()));
    }
    return {};
  }

  static std::string identity(const model::Labels& labels, std::string_view info_name) {
    std::string key(info_name);
    for (const std::string_view label : kIdentifyingLabels) {
      key += '\xff';
      key += labels.get(label);
    }
    return key;
  }

  /// Of several info series with one identity the newest sample counts; two of the same time cannot
  /// be told apart.
  base::Status refuse_conflicts(const StepValue& base) const {
    std::vector<bool> used(grid_.count(), false);
    for (const StepSeries& s : base.series) {
      for (size_t i = 0; i < used.size(); ++i) used[i] = used[i] || s.has(i);
    }
    for (const auto& [key, candidates] : by_identity_) {
      if (candidates.size() < 2) continue;
      for (size_t i = 0; i < grid_.count(); ++i) {
        if (!used[i]) continue;
        std::optional<size_t> newest;
        for (const size_t c : candidates) {
          const StepSeries& s = info_.series[c];
          if (!s.has(i)) continue;
          const double before = newest ? info_.series[*newest].values[i] : -HUGE_VAL;
          if (s.values[i] == before) return conflict(*newest, c, s.values[i]);
          if (s.values[i] > before) newest = c;
        }
      }
    }
    return {};
  }

  base::Status conflict(size_t existing, size_t other, double seconds) const {
    const std::string at = " @ " + std::to_string(std::llround(seconds * 1000));
    return execution_error("found duplicate series for info metric: existing " +
                           label_set_text(info_.series[existing].labels) + at + ", new " +
                           label_set_text(info_.series[other].labels) + at);
  }

  base::Status pass(const StepSeries& s) {
    RETURN_IF_ERROR(ev_.charge_series(out_, s.labels, grid_.count()));
    out_.series.push_back(s);
    return {};
  }

  base::Status join(const StepSeries& base) {
    std::vector<const std::vector<size_t>*> candidates;  // for each info metric
    for (const std::string& name : info_names_) {
      const auto at = by_identity_.find(identity(base.labels, name));
      if (at != by_identity_.end()) candidates.push_back(&at->second);
    }
    std::map<std::vector<size_t>, size_t> output_of;  // info series chosen -> output, or kDropped
    std::vector<size_t> chosen;
    for (size_t i = 0; i < base.steps(); ++i) {
      if (!base.has(i)) continue;
      choose(candidates, i, chosen);
      const auto [at, added] = output_of.try_emplace(chosen, kDropped);
      if (added) {
        ASSIGN_OR_RETURN(at->second, add_output(base, chosen));
      }
      if (at->second != kDropped) out_.series[at->second].copy_step(i, base, i);
    }
    return {};
  }

  /// The newest info series of each metric at a step.
  void choose(const std::vector<const std::vector<size_t>*>& candidates, size_t step,
              std::vector<size_t>& chosen) const {
    chosen.clear();
    for (const std::vector<size_t>* of_metric : candidates) {
      std::optional<size_t> newest;
      for (const size_t c : *of_metric) {
        const StepSeries& s = info_.series[c];
        if (!s.has(step)) continue;
        if (!newest || s.values[step] > info_.series[*newest].values[step]) newest = c;
      }
      if (newest) chosen.push_back(*newest);
    }
  }

  base::Result<size_t> add_output(const StepSeries& base, const std::vector<size_t>& chosen) {
    if (chosen.empty() && std::any_of(data_matchers_.begin(), data_matchers_.end(),
                                      [](const model::Matcher& m) { return !m.matches_empty(); })) {
      return kDropped;
    }
    model::LabelsBuilder added;
    for (const size_t c : chosen) RETURN_IF_ERROR(collect(base, info_.series[c].labels, added));
    model::LabelsBuilder builder(base.labels);
    for (const auto& [name, value] : added.pairs()) builder.set(name, value);
    model::Labels labels = builder.build();
    RETURN_IF_ERROR(ev_.charge_series(out_, labels, grid_.count()));
    out_.series.emplace_back(std::move(labels), grid_.count());
    out_.series.back().drop_name = base.drop_name;
    return out_.series.size() - 1;
  }

  /// The labels of one info series that the base series lacks.
  base::Status collect(const StepSeries& base, const model::Labels& info,
                       model::LabelsBuilder& added) const {
    for (const model::Label& label : info) {
      if (label.name == model::kMetricName) continue;
      const bool wanted =
          data_matchers_.empty() ||
          std::any_of(data_matchers_.begin(), data_matchers_.end(),
                      [&](const model::Matcher& m) { return m.name() == label.name; });
      if (!wanted) continue;
      const std::string_view before = added.get(label.name);
      if (!before.empty() && before != label.value) {
        return execution_error("conflicting label: " + std::string(label.name));
      }
      if (!base.labels.has(label.name)) added.set(label.name, label.value);
    }
    return {};
  }

  static constexpr size_t kDropped = ~size_t{0};

  Evaluator& ev_;
  const Call& expr_;
  const StepGrid& grid_;
  StepValue out_;
  StepValue info_;
  model::Matchers name_matchers_, data_matchers_;
  std::set<std::string> info_names_;
  absl::flat_hash_map<std::string, std::vector<size_t>> by_identity_;
};

base::Result<StepValue> eval_info(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return InfoJoin(ev, expr, grid).run();
}

}  // namespace

namespace impl {
const FunctionImpl info = {.call = &eval_info};
}  // namespace impl

}  // namespace silverback::promql
