#include <algorithm>

#include "base/go_quote.h"
#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string expected(ValueType want, std::string_view where, ValueType got) {
  return "expected type " + std::string(value_type_text(want)) + " in " + std::string(where) +
         ", got " + std::string(value_type_text(got));
}

/// Walks the tree, children first, and stops at the first mistake. Depth is bounded by the parser.
class TypeChecker {
 public:
  explicit TypeChecker(std::string_view text) : text_(text) {}

  Result<ValueType> check(Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString: return expr.type();
      case ExprKind::kParen: return check(*static_cast<ParenExpr&>(expr).expr);
      case ExprKind::kVectorSelector: return selector(static_cast<VectorSelector&>(expr));
      case ExprKind::kMatrixSelector: return matrix(static_cast<MatrixSelector&>(expr));
      case ExprKind::kSubquery: return subquery(static_cast<Subquery&>(expr));
      case ExprKind::kUnary: return unary(static_cast<UnaryExpr&>(expr));
      case ExprKind::kBinary: return binary(static_cast<BinaryExpr&>(expr));
      case ExprKind::kAggregate: return aggregate(static_cast<AggregateExpr&>(expr));
      case ExprKind::kCall: return call(static_cast<Call&>(expr));
    }
    return ValueType::kNone;
  }

 private:
  Status fail(uint32_t offset, const std::string& message) const {
    return parse_error(text_, offset, message);
  }

  Status expect(Expr& expr, ValueType want, std::string_view where) {
    ASSIGN_OR_RETURN(const ValueType got, check(expr));
    return got == want ? Status::ok() : fail(expr.pos.start, expected(want, where, got));
  }

  Result<ValueType> selector(VectorSelector& expr, bool may_match_all = false) const {
    if (!expr.name.empty()) {
      // The last matcher is the one made from the name.
      for (size_t i = 0; i + 1 < expr.matchers.size(); ++i) {
        const model::Matcher& m = expr.matchers[i];
        if (m.name() != model::kMetricName) continue;
        return fail(expr.pos.start,
                    "metric name must not be set twice: " + base::go_quote(expr.name) + " or " +
                        base::go_quote(m.value()));
      }
      return ValueType::kVector;
    }
    const bool narrows = std::any_of(expr.matchers.begin(), expr.matchers.end(),
                                     [](const auto& m) { return !m.matches_empty(); });
    if (!narrows && !may_match_all) {
      return fail(expr.pos.start, "vector selector must contain at least one non-empty matcher");
    }
    return ValueType::kVector;
  }

  Result<ValueType> matrix(MatrixSelector& expr) const {
    RETURN_IF_ERROR(selector(*expr.selector).status());
    return ValueType::kMatrix;
  }

  Result<ValueType> subquery(Subquery& expr) {
    ASSIGN_OR_RETURN(const ValueType inner, check(*expr.expr));
    if (inner != ValueType::kVector) {
      const std::string_view name = inner == ValueType::kMatrix ? "matrix" : value_type_text(inner);
      return fail(expr.pos.start, "subquery is only allowed on instant vector, got " +
                                      std::string(name) + " instead");
    }
    return ValueType::kMatrix;
  }

  Result<ValueType> unary(UnaryExpr& expr) {
    ASSIGN_OR_RETURN(const ValueType operand, check(*expr.operand));
    if (operand != ValueType::kScalar && operand != ValueType::kVector) {
      return fail(expr.pos.start,
                  "unary expression only allowed on expressions of type scalar or instant vector, "
                  "got \"" +
                      std::string(value_type_text(operand)) + "\"");
    }
    return operand;
  }

  Result<ValueType> aggregate(AggregateExpr& expr) {
    RETURN_IF_ERROR(expect(*expr.expr, ValueType::kVector, "aggregation expression"));
    if (expr.param) {
      const bool wants_string = expr.op == AggregateOp::kCountValues;
      RETURN_IF_ERROR(expect(*expr.param, wants_string ? ValueType::kString : ValueType::kScalar,
                             "aggregation parameter"));
    }
    return ValueType::kVector;
  }

  /// The operator, behind the left side and any spaces.
  uint32_t operator_start(const BinaryExpr& expr) const {
    uint32_t at = expr.lhs->pos.end;
    while (at < text_.size() && is_space(text_[at])) ++at;
    return at;
  }

  Result<ValueType> binary(BinaryExpr& expr) {
    ASSIGN_OR_RETURN(const ValueType left, check(*expr.lhs));
    ASSIGN_OR_RETURN(const ValueType right, check(*expr.rhs));
    const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
    if (expr.return_bool && !is_comparison(expr.op)) {
      return fail(operator_start(expr), "bool modifier can only be used on comparison operators");
    }
    if (is_comparison(expr.op) && !expr.return_bool && scalars) {
      return fail(operator_start(expr), "comparisons between scalars must use BOOL modifier");
    }
    RETURN_IF_ERROR(check_include(expr));
    for (const auto& [type, side] :
         {std::pair(left, expr.lhs.get()), std::pair(right, expr.rhs.get())}) {
      if (type != ValueType::kScalar && type != ValueType::kVector) {
        return fail(side->pos.start,
                    "binary expression must contain only scalar and instant vector types");
      }
    }
    RETURN_IF_ERROR(
        check_matching(expr, left == ValueType::kVector && right == ValueType::kVector));
    return scalars ? ValueType::kScalar : ValueType::kVector;
  }

  Status check_include(const BinaryExpr& expr) const {
    const VectorMatching& matching = *expr.matching;
    if (!matching.on) return Status::ok();
    for (const std::string& label : matching.labels) {
      const auto& include = matching.include;
      if (std::find(include.begin(), include.end(), label) == include.end()) continue;
      return fail(operator_start(expr), "label " + base::go_quote(label) +
                                            " must not occur in ON and GROUP clause at once");
    }
    return Status::ok();
  }

  Status check_matching(BinaryExpr& expr, bool vectors) const {
    VectorMatching& matching = *expr.matching;
    const bool fills = matching.fill_left || matching.fill_right;
    const std::string op = "\"" + std::string(binary_op_text(expr.op)) + "\"";
    if (!vectors) {
      if (!matching.labels.empty()) {
        return fail(expr.pos.start, "vector matching only allowed between instant vectors");
      }
      if (fills) {
        return fail(expr.pos.start,
                    "filling in missing series only allowed between instant vectors");
      }
      if (is_set_op(expr.op)) {
        return fail(expr.pos.start,
                    "set operator " + op + " not allowed in binary scalar expression");
      }
      expr.matching.reset();
      return Status::ok();
    }
    if (!is_set_op(expr.op)) return Status::ok();
    if (matching.card != VectorMatching::Card::kOneToOne) {
      return fail(expr.pos.start, "no grouping allowed for " + op + " operation");
    }
    if (fills) {
      return fail(expr.pos.start, "filling in missing series not allowed for set operators");
    }
    matching.card = VectorMatching::Card::kManyToMany;
    return Status::ok();
  }

  Status check_count(const Call& expr) const {
    const FunctionDef& f = *expr.function;
    const size_t given = expr.args.size();
    const size_t fewest = f.variadic == 0 ? f.arg_count : f.arg_count - size_t{1};
    const size_t most = f.variadic < 0 ? given : fewest + static_cast<size_t>(f.variadic);
    if (given >= fewest && given <= most) return Status::ok();
    const std::string bound = f.variadic == 0 ? "" : given < fewest ? "at least " : "at most ";
    return fail(expr.pos.start, "expected " + bound +
                                    std::to_string(given < fewest ? fewest : most) +
                                    " argument(s) in call to " + base::go_quote(f.name) + ", got " +
                                    std::to_string(given));
  }

  Result<ValueType> call(Call& expr) {
    const FunctionDef& f = *expr.function;
    RETURN_IF_ERROR(check_count(expr));
    const bool is_info = f.name == "info";
    const std::string where = "call to function " + base::go_quote(f.name);
    if (is_info && expr.args.size() > 1) RETURN_IF_ERROR(check_info(expr, where));
    for (size_t i = 0; i < expr.args.size(); ++i) {
      const ValueType want = f.args[std::min<size_t>(i, f.arg_count - size_t{1})];
      if (is_info && i == 1) {
        RETURN_IF_ERROR(selector(static_cast<VectorSelector&>(*expr.args[i]), true).status());
      } else {
        RETURN_IF_ERROR(expect(*expr.args[i], want, where));
      }
    }
    return f.returns;
  }

  /// The second argument of info() is `{matchers}` only, and may match anything.
  Status check_info(const Call& expr, std::string_view where) const {
    const Expr& data = *expr.args[1];
    if (data.type() != ValueType::kVector) {
      return fail(expr.pos.start, expected(ValueType::kVector, where, data.type()));
    }
    if (data.kind != ExprKind::kVectorSelector) {
      return fail(data.pos.start, "expected label selectors only");
    }
    if (!static_cast<const VectorSelector&>(data).name.empty()) {
      return fail(data.pos.start, "expected label selectors only, got vector selector instead");
    }
    return Status::ok();
  }

  const std::string_view text_;
};

}  // namespace

Status check_types(std::string_view text, Expr& expr) {
  return TypeChecker(text).check(expr).status();
}

}  // namespace silverback::promql
