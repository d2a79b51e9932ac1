#include "server/api/quick_queries.h"

#include <algorithm>
#include <functional>
#include <string>

#include "promql/ast.h"

namespace silverback::server::api {

namespace {

constexpr size_t kMaxText = 2048;
constexpr int kMaxSelectors = 4;
constexpr int64_t kMaxRangeMs = 15 * 60 * 1000;
constexpr int64_t kSlowForMs = 10'000;

/// Counts what an expression would read; stops at what may be much.
class Cost {
 public:
  /// False when it is too much.
  bool add(const promql::Expr& expr) {
    using promql::ExprKind;
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString: return true;
      case ExprKind::kVectorSelector:
        return add_selector(static_cast<const promql::VectorSelector&>(expr));
      case ExprKind::kMatrixSelector: {
        const auto& matrix = static_cast<const promql::MatrixSelector&>(expr);
        return !matrix.range_expr && matrix.range_ms <= kMaxRangeMs &&
               add_selector(*matrix.selector);
      }
      case ExprKind::kSubquery: return false;
      case ExprKind::kUnary: return add(*static_cast<const promql::UnaryExpr&>(expr).operand);
      case ExprKind::kParen: return add(*static_cast<const promql::ParenExpr&>(expr).expr);
      case ExprKind::kBinary: {
        const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
        return add(*binary.lhs) && add(*binary.rhs);
      }
      case ExprKind::kAggregate: {
        const auto& aggregate = static_cast<const promql::AggregateExpr&>(expr);
        return add(*aggregate.expr) && (!aggregate.param || add(*aggregate.param));
      }
      case ExprKind::kCall: {
        const auto& args = static_cast<const promql::Call&>(expr).args;
        return std::all_of(args.begin(), args.end(),
                           [this](const promql::ExprPtr& arg) { return add(*arg); });
      }
    }
    return false;
  }

 private:
  bool add_selector(const promql::VectorSelector& selector) {
    return !selector.name.empty() && ++selectors_ <= kMaxSelectors;
  }
  int selectors_ = 0;
};

}  // namespace

bool QuickQueries::worth_a_try(std::string_view query, const promql::ParserOptions& options) const {
  if (query.size() > kMaxText) return false;
  const uint64_t hash = std::hash<std::string_view>()(query);
  const Slow& slow = slow_[hash % kRemembered];
  if (slow.hash == hash && slow.until_ms > clock_.now_ms()) return false;
  const base::Result<promql::ExprPtr> expr = promql::parse_expr(query, options);
  return expr && Cost().add(**expr);  // what does not parse is told in its turn
}

void QuickQueries::was_slow(std::string_view query) {
  const uint64_t hash = std::hash<std::string_view>()(query);
  Slow& slow = slow_[hash % kRemembered];
  slow.until_ms = clock_.now_ms() + kSlowForMs;
  slow.hash = hash;
}

}  // namespace silverback::server::api
