#include <algorithm>
#include <optional>

#include "promql/binary_op.h"
#include "promql/matching.h"

namespace silverback::promql {

namespace {

using Card = VectorMatching::Card;
constexpr int32_t kNobody = -1;

/// Matches two vectors group by group. "Many" is the side whose samples may share a group (the
/// left one unless group_right swaps them), "one" the other.
class VectorMatch {
 public:
  VectorMatch(Evaluator& ev, const BinaryExpr& expr, StepValue lhs, StepValue rhs,
              const StepGrid& grid)
      : ev_(ev),
        expr_(expr),
        matching_(*expr.matching),
        match_group_(matching_),
        swapped_(matching_.card == Card::kOneToMany),
        grid_(grid),
        many_(swapped_ ? std::move(rhs) : std::move(lhs)),
        one_(swapped_ ? std::move(lhs) : std::move(rhs)),
        out_(ev.new_vector()),
        charge_(ev.options().budget) {}

  base::Result<StepValue> run() {
    MatchGroups groups(matching_);
    many_group_ = groups.add(many_.series);
    one_group_ = groups.add(one_.series);
    groups_ = groups.size();
    const size_t steps = grid_.count();
    RETURN_IF_ERROR(
        charge_.add_bytes(static_cast<int64_t>(groups_ * steps * (sizeof(int32_t) + 1) + steps)));
    one_at_.assign(groups_ * steps, kNobody);
    matched_.emplace(groups_, steps);
    find_active_steps();
    find_one_side();
    for (size_t i = 0; i < many_.series.size() && !failed_early(); ++i) {
      RETURN_IF_ERROR(ev_.check());
      RETURN_IF_ERROR(match_series(i));
    }
    if (matching_.fill_left) {
      for (size_t i = 0; i < one_.series.size() && !failed_early(); ++i) {
        RETURN_IF_ERROR(fill_many_side(i));
      }
    }
    if (failure_) return execution_error(failure_->text);
    note_elements(ev_, expr_, notes_);
    remove_empty(out_.series);
    RETURN_IF_ERROR(ev_.unite_equal_labels(out_, grid_));
    RETURN_IF_ERROR(ev_.charge_samples(out_));
    return std::move(out_);
  }

 private:
  /// The error of the earliest step is the one to show.
  struct Failure {
    size_t step = 0;
    std::string text;
  };
  /// An output series, and which group last wrote to it at each step.
  struct Output {
    size_t index = 0;
    std::vector<uint32_t> writer;  // group + 1; 0 = nobody
  };

  bool failed_early() const { return failure_ && failure_->step == 0; }

  void fail(size_t step, std::string text) {
    if (!failure_ || step < failure_->step) failure_ = Failure{step, std::move(text)};
  }

  /// Steps at which something can come out at all; at others nothing is checked.
  void find_active_steps() {
    const size_t steps = grid_.count();
    const auto present = [steps](const StepValue& side) {
      std::vector<bool> any(steps, false);
      for (const StepSeries& s : side.series) {
        for (size_t i = 0; i < steps; ++i) any[i] = any[i] || s.has(i);
      }
      return any;
    };
    const std::vector<bool> many = present(many_);
    const std::vector<bool> one = present(one_);
    const bool fill = matching_.fill_left || matching_.fill_right;
    active_.resize(steps);
    for (size_t i = 0; i < steps; ++i) {
      active_[i] = fill ? many[i] || one[i] : many[i] && one[i];
    }
  }

  void find_one_side() {
    const size_t steps = grid_.count();
    for (size_t s = 0; s < one_.series.size(); ++s) {
      int32_t* const at = one_at_.data() + one_group_[s] * steps;
      for (size_t i = 0; i < steps; ++i) {
        if (!active_[i] || !one_.series[s].has(i)) continue;
        if (at[i] != kNobody && (!failure_ || i < failure_->step)) {
          fail(i, duplicate_text(s, static_cast<size_t>(at[i])));
        }
        at[i] = static_cast<int32_t>(s);
      }
    }
  }

  std::string duplicate_text(size_t a, size_t b) const {
    const model::Labels group = match_group_(one_.series[a].labels);
    std::string first = label_set_text(one_.series[a].labels);
    std::string second = label_set_text(one_.series[b].labels);
    if (first > second) first.swap(second);
    return "found duplicate series for the match group " + label_set_text(group) + " on the " +
           (swapped_ ? "left" : "right") + " hand-side of the operation: [" + first + ", " +
           second +
           "];many-to-many matching not allowed: matching labels must be unique on one side";
  }

  base::Status match_series(size_t index) {
    const StepSeries& many = many_.series[index];
    const uint32_t group = many_group_[index];
    const int32_t* const at = one_at_.data() + group * grid_.count();
    int32_t partner = kNobody - 1;  // of the output in hand
    Output* output = nullptr;
    for (size_t i = 0; i < many.steps(); ++i) {
      if (!active_[i] || !many.has(i)) continue;
      if (at[i] == kNobody && !matching_.fill_right) continue;
      if (at[i] != partner) {
        partner = at[i];
        const model::Labels one = partner == kNobody
                                      ? match_group_(many.labels)
                                      : one_.series[static_cast<size_t>(partner)].labels;
        ASSIGN_OR_RETURN(output, output_for(many.labels, one));
      }
      const StepSample one = partner == kNobody ? StepSample::of(*matching_.fill_right)
                                                : one_.series[static_cast<size_t>(partner)].get(i);
      apply(*output, group, i, many.get(i), one);
    }
    return {};
  }

  base::Status fill_many_side(size_t index) {
    const StepSeries& one = one_.series[index];
    const uint32_t group = one_group_[index];
    Output* output = nullptr;
    for (size_t i = 0; i < one.steps(); ++i) {
      if (!active_[i] || !one.has(i) || matched_->get(group, i)) continue;
      if (!output) {
        ASSIGN_OR_RETURN(output, output_for(match_group_(one.labels), one.labels));
      }
      apply(*output, group, i, StepSample::of(*matching_.fill_left), one.get(i));
    }
    return {};
  }

  void apply(Output& output, uint32_t group, size_t step, const StepSample& many,
             const StepSample& one) {
    ElementResult result = swapped_ ? element_op(expr_.op, one, many, notes_)
                                    : element_op(expr_.op, many, one, notes_);
    if (result.failed) return;
    if (matching_.card == Card::kOneToOne) {
      if (matched_->get(group, step)) {
        fail(step,
             "multiple matches for labels: many-to-one matching must be explicit "
             "(group_left/group_right)");
        return;
      }
    } else if (output.writer[step] == group + 1) {
      fail(step, "multiple matches for labels: grouping labels must ensure unique matches");
      return;
    }
    matched_->set(group, step);
    output.writer[step] = group + 1;
    if (!result.keep && !expr_.return_bool) return;
    StepSeries& series = out_.series[output.index];
    if (series.has(step)) {
      fail(step, "vector cannot contain metrics with the same labelset");
      return;
    }
    if (expr_.return_bool) {
      series.set(step, result.keep ? 1.0 : 0.0);
    } else {
      series.set(step, std::move(result.sample));
    }
  }

  base::Result<Output*> output_for(const model::Labels& many, const model::Labels& one) {
    model::Labels labels = result_labels(many, one);
    const auto [at, added] = outputs_.try_emplace(labels.bytes(), nullptr);
    if (added) {
      RETURN_IF_ERROR(ev_.charge_series(out_, labels, grid_.count()));
      RETURN_IF_ERROR(charge_.add_bytes(static_cast<int64_t>(grid_.count() * sizeof(uint32_t))));
      at->second = std::make_unique<Output>();
      at->second->index = out_.series.size();
      at->second->writer.assign(grid_.count(), 0);
      out_.series.emplace_back(std::move(labels), grid_.count());
      out_.series.back().drop_name = expr_.return_bool;
    }
    return at->second.get();
  }

  model::Labels result_labels(const model::Labels& many, const model::Labels& one) const {
    model::Labels labels = many;
    if (changes_meaning(expr_.op) || (expr_.return_bool && !ev_.options().delayed_name_removal)) {
      labels = drop_metadata_labels(labels);
    }
    model::LabelsBuilder builder(labels);
    if (matching_.card == Card::kOneToOne) {
      if (matching_.on) return match_group_(labels);
      for (const std::string& name : matching_.labels) builder.del(name);
    }
    // An empty value takes the label away.
    for (const std::string& name : matching_.include) builder.set(name, one.get(name));
    return builder.build();
  }

  Evaluator& ev_;
  const BinaryExpr& expr_;
  const VectorMatching& matching_;
  const GroupLabels match_group_;
  const bool swapped_;
  const StepGrid& grid_;
  StepValue many_;
  StepValue one_;
  StepValue out_;
  BudgetCharge charge_;
  std::vector<uint32_t> many_group_, one_group_;
  size_t groups_ = 0;
  std::vector<bool> active_;
  std::vector<int32_t> one_at_;  // [group * steps + step]: series of the one side
  std::optional<GroupSteps> matched_;
  absl::flat_hash_map<std::string, std::unique_ptr<Output>> outputs_;
  ElementNotes notes_;
  std::optional<Failure> failure_;
};

/// Steps at which a side has anything in a group.
base::Result<GroupSteps> present_groups(const std::vector<StepSeries>& series,
                                        const std::vector<uint32_t>& group_of, size_t groups,
                                        size_t steps, BudgetCharge& charge) {
  RETURN_IF_ERROR(charge.add_bytes(GroupSteps::bytes(groups, steps)));
  GroupSteps present(groups, steps);
  for (size_t s = 0; s < series.size(); ++s) {
    for (size_t i = 0; i < steps; ++i) {
      if (series[s].has(i)) present.set(group_of[s], i);
    }
  }
  return present;
}

/// Clears the samples whose group is (not) present on the other side.
void filter(std::vector<StepSeries>& series, const std::vector<uint32_t>& group_of,
            const GroupSteps& other, bool keep_present) {
  for (size_t s = 0; s < series.size(); ++s) {
    for (size_t i = 0; i < series[s].steps(); ++i) {
      if (series[s].has(i) && other.get(group_of[s], i) != keep_present) series[s].clear(i);
    }
  }
  remove_empty(series);
}

}  // namespace

base::Result<StepValue> eval_vector_match(Evaluator& ev, const BinaryExpr& expr, StepValue lhs,
                                          StepValue rhs, const StepGrid& grid) {
  return VectorMatch(ev, expr, std::move(lhs), std::move(rhs), grid).run();
}

base::Result<StepValue> eval_set_op(Evaluator& ev, const BinaryExpr& expr, StepValue lhs,
                                    StepValue rhs, const StepGrid& grid) {
  MatchGroups groups(*expr.matching);
  const std::vector<uint32_t> left_group = groups.add(lhs.series);
  const std::vector<uint32_t> right_group = groups.add(rhs.series);
  BudgetCharge charge(ev.options().budget);
  const size_t steps = grid.count();
  if (expr.op == BinaryOp::kOr) {
    ASSIGN_OR_RETURN(const GroupSteps left,
                     present_groups(lhs.series, left_group, groups.size(), steps, charge));
    filter(rhs.series, right_group, left, false);
    for (StepSeries& s : rhs.series) {
      RETURN_IF_ERROR(ev.charge_series(lhs, s.labels, steps));
      lhs.series.push_back(std::move(s));
    }
    RETURN_IF_ERROR(ev.unite_equal_labels(lhs, grid));
    return lhs;
  }
  ASSIGN_OR_RETURN(const GroupSteps right,
                   present_groups(rhs.series, right_group, groups.size(), steps, charge));
  filter(lhs.series, left_group, right, expr.op == BinaryOp::kAnd);
  return lhs;
}

}  // namespace silverback::promql
