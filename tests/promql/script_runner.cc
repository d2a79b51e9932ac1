#include "tests/promql/script_runner.h"

#include <algorithm>

#include "promql/ast.h"
#include "promql/engine.h"
#include "tests/promql/script_compare.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Result;
using base::Status;
using promql::ExprKind;

constexpr int64_t kMinuteMs = 60'000;

promql::EngineOptions engine_options(const ScriptMode& mode) {
  promql::EngineOptions options;
  options.max_samples = 10'000;
  options.timeout_ms = 100'000;
  options.delayed_name_removal = mode.delayed_name_removal;
  options.use_start_timestamps = mode.start_timestamps;
  options.type_and_unit_labels = mode.type_and_unit_labels;
  if (!mode.stable_language) options.parser = {true, true, true};
  options.default_subquery_step_ms = [] { return kMinuteMs; };
  return options;
}

/// Sets `@ t` on everything that has no time yet; false when a function in it looks at the clock.
/// Inside a subquery, which is pinned as a whole, nothing is set.
bool pin_time(promql::Expr& expr, model::TimestampMs t) {
  const auto pin = [t](promql::AtModifier& at) {
    if (at.kind != promql::AtModifier::Kind::kTimestamp) {
      at = {promql::AtModifier::Kind::kTimestamp, t};
    }
  };
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString: return true;
    case ExprKind::kVectorSelector: pin(static_cast<promql::VectorSelector&>(expr).at); return true;
    case ExprKind::kMatrixSelector:
      pin(static_cast<promql::MatrixSelector&>(expr).selector->at);
      return true;
    case ExprKind::kSubquery: pin(static_cast<promql::Subquery&>(expr).at); return true;
    case ExprKind::kUnary: return pin_time(*static_cast<promql::UnaryExpr&>(expr).operand, t);
    case ExprKind::kParen: return pin_time(*static_cast<promql::ParenExpr&>(expr).expr, t);
    case ExprKind::kBinary: {
      auto& e = static_cast<promql::BinaryExpr&>(expr);
      return pin_time(*e.lhs, t) && pin_time(*e.rhs, t);
    }
    case ExprKind::kAggregate: {
      auto& e = static_cast<promql::AggregateExpr&>(expr);
      return pin_time(*e.expr, t) && (e.param == nullptr || pin_time(*e.param, t));
    }
    case ExprKind::kCall: {
      auto& e = static_cast<promql::Call&>(expr);
      return !e.function->at_unsafe &&
             std::all_of(e.args.begin(), e.args.end(),
                         [t](const promql::ExprPtr& arg) { return pin_time(*arg, t); });
    }
  }
  return false;
}

bool asks_for_query_times(std::string_view expr) {
  for (const std::string_view call : {"start()", "end()", "range()", "step()"}) {
    if (expr.find(call) != std::string_view::npos) return true;
  }
  return false;
}

class Runner {
 public:
  Runner(const ScriptMode& mode, ScriptStorage& storage)
      : engine_(engine_options(mode)), storage_(storage) {}

  Status eval(const EvalCommand& command) {
    ASSIGN_OR_RETURN(source_, storage_.open());
    if (command.is_range) return range(command);
    RETURN_IF_ERROR(instant(command, command.expr, command.at));
    Result<promql::ExprPtr> parsed = promql::parse_expr(command.expr, engine_.options().parser);
    if (!parsed.is_ok() || !pin_time(**parsed, command.at)) return Status::ok();
    const std::string pinned = promql::print_expr(**parsed);
    const model::TimestampMs t = command.at;
    const std::vector<model::TimestampMs> others =
        t == 0 ? std::vector<model::TimestampMs>{-1000, 0, 1000}
               : std::vector<model::TimestampMs>{-10 * t, 0, t / 5, t, 10 * t};
    for (const model::TimestampMs other : others) {
      const Status status = instant(command, pinned, other);
      if (!status.is_ok()) {
        return status.with_context("as " + pinned + " at " + std::to_string(other) + " ms");
      }
    }
    return Status::ok();
  }

 private:
  static Status check_failure(const EvalCommand& command, const Status& error) {
    if (!command.fail) return error.with_context("query failed");
    if (command.fail->matches(error.message())) return Status::ok();
    return {Errc::kBadData,
            "expected failure " + command.fail->to_string() + ", got: " + error.message()};
  }

  Status range(const EvalCommand& command) {
    const Result<promql::QueryResult> result =
        engine_.range(*source_, command.expr, command.start, command.end, command.step_ms);
    if (!result.is_ok()) return check_failure(command, result.status());
    if (command.fail) return {Errc::kBadData, "expected a failure"};
    RETURN_IF_ERROR(compare_annotations(command, result->annotations));
    return compare_value(command, result->value);
  }

  Status instant(const EvalCommand& command, const std::string& expr, model::TimestampMs t) {
    const Result<promql::QueryResult> result = engine_.instant(*source_, expr, t);
    if (!result.is_ok()) return check_failure(command, result.status());
    if (command.fail) return {Errc::kBadData, "expected a failure"};
    RETURN_IF_ERROR(compare_annotations(command, result->annotations));
    RETURN_IF_ERROR(compare_value(command, result->value));
    if (command.has_range_vector || command.string || asks_for_query_times(expr)) {
      return Status::ok();
    }
    const bool scalar = std::holds_alternative<promql::Scalar>(result->value);
    const Status status = as_range(command, expr, t, scalar);
    return status.is_ok() ? status : status.with_context("as a range query");
  }

  /// The middle of three steps gives what the instant query gave.
  Status as_range(const EvalCommand& command, const std::string& expr, model::TimestampMs t,
                  bool scalar) {
    ASSIGN_OR_RETURN(const promql::QueryResult result,
                     engine_.range(*source_, expr, t - kMinuteMs, t + kMinuteMs, kMinuteMs));
    if (command.ordered) return Status::ok();
    const auto& matrix = std::get<promql::Matrix>(result.value);
    RETURN_IF_ERROR(check_sorted(matrix));
    promql::Vector vector;
    for (const promql::Series& series : matrix) {
      for (const promql::FloatPoint& p : series.floats) {
        if (p.t == t) vector.push_back({series.labels, t, p.v, nullptr});
      }
      for (const promql::HistogramPoint& p : series.histograms) {
        if (p.t == t) vector.push_back({series.labels, t, 0, p.h});
      }
    }
    if (!scalar) return compare_value(command, vector);
    if (vector.size() != 1) return {Errc::kBadData, "expected one series"};
    return compare_value(command, promql::Scalar{t, vector.front().v});
  }

  promql::Engine engine_;
  ScriptStorage& storage_;
  storage::Queryable* source_ = nullptr;
};

}  // namespace

ScriptReport run_script(const Script& script, ScriptStorage& storage) {
  ScriptReport report;
  Runner runner(script.mode, storage);
  const auto note = [&report](const Status& status) {
    if (!status.is_ok()) report.failures.push_back(status.message());
  };
  note(storage.clear());
  for (const Command& command : script.commands) {
    if (const auto* load = std::get_if<LoadCommand>(&command)) {
      note(storage.load(*load));
    } else if (std::holds_alternative<ClearCommand>(command)) {
      note(storage.clear());
    } else {
      const auto& eval = std::get<EvalCommand>(command);
      ++report.evals;
      const Status status = runner.eval(eval);
      if (!status.is_ok()) {
        report.failures.push_back("line " + std::to_string(eval.line) + ": " + eval.expr + ": " +
                                  status.message());
      }
    }
  }
  return report;
}

}  // namespace silverback::testing
