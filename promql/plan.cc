#include "promql/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "promql/go_math.h"

namespace silverback::promql {

namespace {

constexpr double kMaxDurationSeconds = 9223372036.854775807;  // int64 nanoseconds

base::Status duration_error(const DurationExpr& expr, std::string_view what) {
  return base::Status(base::Errc::kBadData, std::to_string(expr.pos.start) + ":" +
                                                std::to_string(expr.pos.end) + ": " +
                                                std::string(what));
}

struct DurationContext {
  double step_seconds = 0;
  double range_seconds = 0;
};

base::Result<double> duration_seconds(const DurationExpr& e, const DurationContext& ctx);

base::Result<double> binary_duration(const DurationExpr& e, double lhs, double rhs) {
  using Op = DurationExpr::Op;
  switch (e.op) {
    case Op::kMinOf: return go_min(lhs, rhs);
    case Op::kMaxOf: return go_max(lhs, rhs);
    case Op::kAdd: return lhs + rhs;
    case Op::kSub: return lhs - rhs;
    case Op::kMul: return lhs * rhs;
    case Op::kDiv:
      if (rhs == 0) return duration_error(e, "division by zero");
      return lhs / rhs;
    case Op::kMod:
      if (rhs == 0) return duration_error(e, "modulo by zero");
      return std::fmod(lhs, rhs);
    default: return std::pow(lhs, rhs);
  }
}

base::Result<double> duration_seconds(const DurationExpr& e, const DurationContext& ctx) {
  using Op = DurationExpr::Op;
  switch (e.op) {
    case Op::kLiteral: return e.seconds;
    case Op::kStep: return ctx.step_seconds;
    case Op::kRange: return ctx.range_seconds;
    default: break;
  }
  // A sign has one operand; which side carries it is the parser's choice.
  double lhs = 0;
  double rhs = 0;
  if (e.lhs) {
    ASSIGN_OR_RETURN(lhs, duration_seconds(*e.lhs, ctx));
  }
  if (e.rhs) {
    ASSIGN_OR_RETURN(rhs, duration_seconds(*e.rhs, ctx));
  }
  if (e.op == Op::kNegate) return e.lhs ? -lhs : -rhs;
  return binary_duration(e, lhs, rhs);
}

/// In ms, cut off.
base::Result<int64_t> duration_ms(const DurationExpr& e, const DurationContext& ctx,
                                  bool negative_allowed) {
  ASSIGN_OR_RETURN(const double seconds, duration_seconds(e, ctx));
  if (!std::isfinite(seconds)) return duration_error(e, "duration is NaN or infinite");
  if (seconds <= 0 && !negative_allowed) {
    return duration_error(e, "duration must be greater than 0");
  }
  if (std::abs(seconds) > kMaxDurationSeconds) {
    return duration_error(e, "duration is out of range");
  }
  return static_cast<int64_t>(seconds * 1000);
}

std::optional<double> query_constant(const Call& call, const Plan::Query& query) {
  const std::string_view name = call.function->name;
  const auto seconds = [](int64_t ms) { return static_cast<double>(ms) / 1000; };
  if (name == "start") return seconds(query.grid.start);
  if (name == "end") return seconds(query.grid.end);
  if (name == "range") return seconds(query.grid.end - query.grid.start);
  if (name != "step") return std::nullopt;
  return query.grid.instant() || !query.is_range ? 0.0 : seconds(query.grid.step);
}

}  // namespace

namespace {

/// The first vector selector of a tree, with the subqueries around it, innermost last.
const VectorSelector* first_selector(const Expr& expr, std::vector<const Subquery*>& around) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector: return static_cast<const VectorSelector*>(&expr);
    case ExprKind::kMatrixSelector: return static_cast<const MatrixSelector&>(expr).selector.get();
    case ExprKind::kSubquery: {
      const auto& e = static_cast<const Subquery&>(expr);
      around.push_back(&e);
      const VectorSelector* const found = first_selector(*e.expr, around);
      if (!found) around.pop_back();
      return found;
    }
    case ExprKind::kUnary:
      return first_selector(*static_cast<const UnaryExpr&>(expr).operand, around);
    case ExprKind::kParen: return first_selector(*static_cast<const ParenExpr&>(expr).expr, around);
    case ExprKind::kBinary: {
      const auto& e = static_cast<const BinaryExpr&>(expr);
      const VectorSelector* const found = first_selector(*e.lhs, around);
      return found ? found : first_selector(*e.rhs, around);
    }
    case ExprKind::kAggregate:
      return first_selector(*static_cast<const AggregateExpr&>(expr).expr, around);
    case ExprKind::kCall:
      for (const ExprPtr& arg : static_cast<const Call&>(expr).args) {
        if (const VectorSelector* const found = first_selector(*arg, around)) return found;
      }
      return nullptr;
    default: return nullptr;
  }
}

}  // namespace

class Plan::Builder {
 public:
  Builder(Plan& plan, const Query& query) : plan_(plan), query_(query) {
    if (query.is_range) {
      durations_.step_seconds = static_cast<double>(query.grid.step) / 1000;
      durations_.range_seconds = static_cast<double>(query.grid.end - query.grid.start) / 1000;
    }
  }

  /// Prepares the subtree; tells whether it gives the same at every step.
  base::Result<bool> visit(const Expr& expr) {
    ASSIGN_OR_RETURN(const bool invariant, visit_node(expr));
    // Range vectors carry their own timestamps, there is nothing to repeat.
    plan_.invariant_[&expr] = invariant && expr.type() != ValueType::kMatrix;
    return invariant;
  }

 private:
  /// Counts the wanting ancestors of what is visited while it lives.
  class Depth {
   public:
    Depth(int& depth, bool deeper) : depth_(depth), deeper_(deeper) { depth_ += deeper_ ? 1 : 0; }
    ~Depth() { depth_ -= deeper_ ? 1 : 0; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    int& depth_;
    const bool deeper_;
  };

  base::Result<bool> visit_node(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString: return true;
      case ExprKind::kVectorSelector:
        return visit_vector_selector(static_cast<const VectorSelector&>(expr));
      case ExprKind::kMatrixSelector:
        return visit_matrix_selector(static_cast<const MatrixSelector&>(expr));
      case ExprKind::kSubquery: return visit_subquery(static_cast<const Subquery&>(expr));
      case ExprKind::kUnary: return visit(*static_cast<const UnaryExpr&>(expr).operand);
      case ExprKind::kParen: return visit(*static_cast<const ParenExpr&>(expr).expr);
      case ExprKind::kBinary: return visit_binary(static_cast<const BinaryExpr&>(expr));
      case ExprKind::kAggregate: return visit_aggregate(static_cast<const AggregateExpr&>(expr));
      case ExprKind::kCall: return visit_call(static_cast<const Call&>(expr));
    }
    return false;
  }

  base::Result<bool> visit_vector_selector(const VectorSelector& e) {
    SelectorPlan& p = plan_.selectors_[&e];
    p.offset_ms = e.offset_ms;
    if (e.offset_expr) {
      ASSIGN_OR_RETURN(p.offset_ms, duration_ms(*e.offset_expr, durations_, true));
    }
    p.at = resolve_at(e.at);
    p.stats_only = stats_wanted_ > 0 && buckets_wanted_ == 0;
    return p.at.has_value();
  }

  base::Result<bool> visit_matrix_selector(const MatrixSelector& e) {
    ASSIGN_OR_RETURN(const bool invariant, visit(*e.selector));
    SelectorPlan p = plan_.selectors_.at(e.selector.get());
    p.range_ms = e.range_ms;
    if (e.range_expr) {
      ASSIGN_OR_RETURN(p.range_ms, duration_ms(*e.range_expr, durations_, false));
    }
    plan_.selectors_[&e] = p;
    return invariant;
  }

  base::Result<bool> visit_subquery(const Subquery& e) {
    SelectorPlan p;
    p.offset_ms = e.offset_ms;
    p.range_ms = e.range_ms;
    p.step_ms = e.step_ms;
    if (e.offset_expr) {
      ASSIGN_OR_RETURN(p.offset_ms, duration_ms(*e.offset_expr, durations_, true));
    }
    if (e.step_expr) {
      ASSIGN_OR_RETURN(p.step_ms, duration_ms(*e.step_expr, durations_, false));
    }
    if (e.range_expr) {
      ASSIGN_OR_RETURN(p.range_ms, duration_ms(*e.range_expr, durations_, false));
    }
    if (p.step_ms <= 0) p.step_ms = std::max<int64_t>(query_.default_subquery_step_ms, 1);
    p.at = resolve_at(e.at);
    plan_.selectors_[&e] = p;
    const Depth buckets(buckets_wanted_, true);
    RETURN_IF_ERROR(visit(*e.expr).status());
    return p.at.has_value();
  }

  base::Result<bool> visit_binary(const BinaryExpr& e) {
    const bool trims = e.op == BinaryOp::kTrimUpper || e.op == BinaryOp::kTrimLower;
    const Depth buckets(buckets_wanted_, trims);
    ASSIGN_OR_RETURN(const bool lhs, visit(*e.lhs));
    ASSIGN_OR_RETURN(const bool rhs, visit(*e.rhs));
    return lhs && rhs;
  }

  base::Result<bool> visit_aggregate(const AggregateExpr& e) {
    // The parameter does not count: with a fixed operand its first value serves every step.
    if (e.param) RETURN_IF_ERROR(visit(*e.param).status());
    return visit(*e.expr);
  }

  base::Result<bool> visit_call(const Call& e) {
    const std::string_view name = e.function->name;
    const Depth stats(stats_wanted_, name == "histogram_count" || name == "histogram_sum" ||
                                         name == "histogram_avg");
    const Depth buckets(buckets_wanted_, name == "histogram_quantile" ||
                                             name == "histogram_quantiles" ||
                                             name == "histogram_fraction");
    bool args_invariant = true;
    for (const ExprPtr& arg : e.args) {
      ASSIGN_OR_RETURN(const bool invariant, visit(*arg));
      args_invariant = args_invariant && invariant;
    }
    if (name == "info") plan_.selectors_[&e] = info_time(*e.args[0]);
    if (const std::optional<double> constant = query_constant(e, query_)) {
      plan_.constants_[&e] = *constant;
      return true;
    }
    if (!args_invariant) return false;
    if (!e.function->at_unsafe) return true;
    // timestamp() of a fixed selector is that sample's own time.
    return name == "timestamp" && unwrap_parens(*e.args[0]).kind == ExprKind::kVectorSelector;
  }

  /// When info series are looked at: as the first selector of the argument is, with the offsets of
  /// the subqueries around it until an @ says more.
  SelectorPlan info_time(const Expr& argument) const {
    SelectorPlan p;
    std::vector<const Subquery*> around;
    const VectorSelector* const selector = first_selector(argument, around);
    if (!selector) return p;
    p.offset_ms = plan_.selectors_.at(selector).offset_ms;
    p.at = plan_.selectors_.at(selector).at;
    for (auto s = around.rbegin(); s != around.rend() && !p.at; ++s) {
      p.offset_ms += plan_.selectors_.at(*s).offset_ms;
      p.at = plan_.selectors_.at(*s).at;
    }
    return p;
  }

  std::optional<model::TimestampMs> resolve_at(const AtModifier& at) const {
    switch (at.kind) {
      case AtModifier::Kind::kNone: return std::nullopt;
      case AtModifier::Kind::kTimestamp: return at.t;
      case AtModifier::Kind::kStart: return query_.grid.start;
      case AtModifier::Kind::kEnd: return query_.grid.end;
    }
    return std::nullopt;
  }

  Plan& plan_;
  const Query& query_;
  DurationContext durations_;
  int stats_wanted_ = 0;    // histogram_count and its like above
  int buckets_wanted_ = 0;  // what needs the buckets above
};

namespace {

/// Widens `range` by all that the subtree reads when it is evaluated from `first` to `last`.
class RangeFinder {
 public:
  RangeFinder(const Plan& plan, int64_t lookback_ms) : plan_(plan), lookback_ms_(lookback_ms) {}

  void visit(const Expr& expr, model::TimestampMs first, model::TimestampMs last) {
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString: return;
      case ExprKind::kVectorSelector:
        return add(plan_.selector(expr), static_cast<const VectorSelector&>(expr), first, last,
                   lookback_ms_);
      case ExprKind::kMatrixSelector: {
        const auto& e = static_cast<const MatrixSelector&>(expr);
        const SelectorPlan& p = plan_.selector(e);
        const bool wide = e.selector->anchored || e.selector->smoothed;
        return add(p, *e.selector, first, last, p.range_ms + (wide ? lookback_ms_ : 0));
      }
      case ExprKind::kSubquery: {
        const SelectorPlan& p = plan_.selector(expr);
        return visit(*static_cast<const Subquery&>(expr).expr, p.data_time(first) - p.range_ms,
                     p.data_time(last));
      }
      case ExprKind::kUnary:
        return visit(*static_cast<const UnaryExpr&>(expr).operand, first, last);
      case ExprKind::kParen: return visit(*static_cast<const ParenExpr&>(expr).expr, first, last);
      case ExprKind::kBinary:
        visit(*static_cast<const BinaryExpr&>(expr).lhs, first, last);
        return visit(*static_cast<const BinaryExpr&>(expr).rhs, first, last);
      case ExprKind::kAggregate: {
        const auto& e = static_cast<const AggregateExpr&>(expr);
        if (e.param) visit(*e.param, first, last);
        return visit(*e.expr, first, last);
      }
      case ExprKind::kCall: {
        const auto& e = static_cast<const Call&>(expr);
        for (const ExprPtr& arg : e.args) visit(*arg, first, last);
        if (e.function->name == "info") {
          const SelectorPlan& p = plan_.selector(e);
          widen(p.data_time(first) - lookback_ms_, p.data_time(last));
        }
        return;
      }
    }
  }

  model::TimeRange found() const {
    return after_ > until_ ? model::TimeRange{0, 0} : model::TimeRange{after_, until_};
  }

 private:
  void add(const SelectorPlan& p, const VectorSelector& e, model::TimestampMs first,
           model::TimestampMs last, int64_t back_ms) {
    // Hints of count-and-sum histograms come from the sample before, see SeriesReader.
    const int64_t before_ms = plan_.selector(e).stats_only ? 1 : 0;
    widen(p.data_time(first) - back_ms - before_ms,
          p.data_time(last) + (e.smoothed ? lookback_ms_ : 0));
  }

  void widen(model::TimestampMs after, model::TimestampMs until) {
    after_ = std::min(after_, after);
    until_ = std::max(until_, until);
  }

  const Plan& plan_;
  const int64_t lookback_ms_;
  model::TimestampMs after_ = std::numeric_limits<int64_t>::max();
  model::TimestampMs until_ = std::numeric_limits<int64_t>::min();
};

}  // namespace

base::Result<Plan> Plan::make(const Expr& root, const Query& query) {
  Plan plan;
  plan.root_ = &root;
  plan.grid_ = query.grid;
  RETURN_IF_ERROR(Builder(plan, query).visit(root).status());
  return plan;
}

bool Plan::step_invariant(const Expr& expr) const {
  const auto at = invariant_.find(&expr);
  return at != invariant_.end() && at->second;
}

std::optional<double> Plan::constant(const Expr& expr) const {
  const auto at = constants_.find(&expr);
  if (at == constants_.end()) return std::nullopt;
  return at->second;
}

model::TimeRange Plan::data_range(int64_t lookback_ms) const {
  RangeFinder finder(*this, lookback_ms);
  finder.visit(*root_, grid_.start, grid_.end);
  return finder.found();
}

}  // namespace silverback::promql
