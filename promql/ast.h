#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/matcher.h"
#include "promql/function_def.h"
#include "promql/parser.h"
#include "promql/value.h"

namespace silverback::promql {

/// Byte offsets into the query text: [start, end).
struct PositionRange {
  uint32_t start = 0;
  uint32_t end = 0;
};

enum class ExprKind : uint8_t {
  kNumber,
  kString,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kUnary,
  kBinary,
  kAggregate,
  kCall,
  kParen,
};

/// A node of the typed tree. Immutable after parsing; the parser bounds its depth (kMaxExprDepth),
/// so walks and destructors may recurse. Threads: shared for reading.
struct Expr {
  const ExprKind kind;
  PositionRange pos;

  explicit Expr(ExprKind k) : kind(k) {}
  virtual ~Expr() = default;
  virtual ValueType type() const = 0;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;
};

/// The tree is never deeper than this; deeper text is refused with its position.
inline constexpr int kMaxExprDepth = 2000;

/// A duration that is computed at query start: `[step() * 2]`, `offset (1h + 5m)`.
struct DurationExpr {
  enum class Op : uint8_t {
    kLiteral,
    kStep,
    kRange,
    kMinOf,
    kMaxOf,
    kAdd,
    kSub,
    kMul,
    kDiv,
    kMod,
    kPow,
    kNegate
  };
  Op op = Op::kLiteral;
  double seconds = 0;        // kLiteral
  bool as_duration = false;  // written with units
  bool parenthesised = false;
  PositionRange pos;
  std::unique_ptr<DurationExpr> lhs, rhs;
};

/// `@ ts`, `@ start()`, `@ end()`.
struct AtModifier {
  enum class Kind : uint8_t { kNone, kTimestamp, kStart, kEnd };
  Kind kind = Kind::kNone;
  model::TimestampMs t = 0;
};

struct NumberLiteral final : Expr {
  NumberLiteral() : Expr(ExprKind::kNumber) {}
  ValueType type() const override { return ValueType::kScalar; }
  double value = 0;
  bool duration = false;  // written with units: printed so
};

struct StringLiteral final : Expr {
  StringLiteral() : Expr(ExprKind::kString) {}
  ValueType type() const override { return ValueType::kString; }
  std::string value;
};

struct VectorSelector final : Expr {
  VectorSelector() : Expr(ExprKind::kVectorSelector) {}
  ValueType type() const override { return ValueType::kVector; }
  std::string name;                           // "" when only matchers were given
  model::Matchers matchers;                   // complete: holds the one for the name too
  int64_t offset_ms = 0;                      // written; positive = into the past
  std::unique_ptr<DurationExpr> offset_expr;  // set instead of a literal
  AtModifier at;
  bool anchored = false, smoothed = false;
};

struct MatrixSelector final : Expr {
  MatrixSelector() : Expr(ExprKind::kMatrixSelector) {}
  ValueType type() const override { return ValueType::kMatrix; }
  std::unique_ptr<VectorSelector> selector;  // carries offset, @, anchored, smoothed
  int64_t range_ms = 0;
  std::unique_ptr<DurationExpr> range_expr;
};

struct Subquery final : Expr {
  Subquery() : Expr(ExprKind::kSubquery) {}
  ValueType type() const override { return ValueType::kMatrix; }
  ExprPtr expr;
  int64_t range_ms = 0;
  std::unique_ptr<DurationExpr> range_expr;
  int64_t step_ms = 0;  // 0 = global.evaluation_interval
  std::unique_ptr<DurationExpr> step_expr;
  int64_t offset_ms = 0;
  std::unique_ptr<DurationExpr> offset_expr;
  AtModifier at;
};

struct UnaryExpr final : Expr {
  UnaryExpr() : Expr(ExprKind::kUnary) {}
  ValueType type() const override { return operand->type(); }
  bool negate = true;  // false: unary plus
  ExprPtr operand;
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kTrimUpper,  // </
  kTrimLower,  // >/
  kAnd,
  kUnless,
  kOr,
};
std::string_view binary_op_text(BinaryOp op);
bool is_comparison(BinaryOp op);  // == != < <= > >=
bool is_set_op(BinaryOp op);

struct VectorMatching {
  enum class Card : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };
  Card card = Card::kOneToOne;
  bool on = false;                   // else ignoring
  std::vector<std::string> labels;   // of on/ignoring, as written
  std::vector<std::string> include;  // of group_left/group_right
  std::optional<double> fill_left, fill_right;
};

struct BinaryExpr final : Expr {
  BinaryExpr() : Expr(ExprKind::kBinary) {}
  ValueType type() const override {
    return lhs->type() == ValueType::kScalar && rhs->type() == ValueType::kScalar
               ? ValueType::kScalar
               : ValueType::kVector;
  }
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr lhs, rhs;
  bool return_bool = false;
  /// Set when both sides are vectors; set operators have kManyToMany.
  std::optional<VectorMatching> matching;
};

enum class AggregateOp : uint8_t {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kQuantile,
  kCountValues,
  kLimitk,
  kLimitRatio,
};
std::string_view aggregate_op_text(AggregateOp op);

struct AggregateExpr final : Expr {
  AggregateExpr() : Expr(ExprKind::kAggregate) {}
  ValueType type() const override { return ValueType::kVector; }
  AggregateOp op = AggregateOp::kSum;
  ExprPtr expr;
  ExprPtr param;  // topk, bottomk, quantile, count_values, limitk, limit_ratio
  bool without = false;
  std::vector<std::string> grouping;
};

struct Call final : Expr {
  Call() : Expr(ExprKind::kCall) {}
  ValueType type() const override { return function->returns; }
  const FunctionDef* function = nullptr;
  std::vector<ExprPtr> args;
};

struct ParenExpr final : Expr {
  ParenExpr() : Expr(ExprKind::kParen) {}
  ValueType type() const override { return expr->type(); }
  ExprPtr expr;
};

/// The node inside any number of parentheses.
const Expr& unwrap_parens(const Expr& expr);

/// "line:col" of an offset into `query`, 1-based, col in bytes; "unknown position" if it is empty.
std::string position_text(std::string_view query, uint32_t offset);
/// " (line:col)" of an offset into `query`, 1-based, col in bytes: the suffix of annotations.
std::string position_suffix(std::string_view query, uint32_t offset);

}  // namespace silverback::promql
