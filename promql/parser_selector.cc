#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;
using T = TokenType;

/// Words that may stand as a metric without quotes.
bool names_metric(T type) {
  switch (type) {
    case T::kIdentifier:
    case T::kMetricIdentifier:
    case T::kAnd:
    case T::kOr:
    case T::kUnless:
    case T::kBy:
    case T::kFill:
    case T::kFillLeft:
    case T::kFillRight:
    case T::kOffset:
    case T::kSmoothed:
    case T::kAnchored:
    case T::kWithout: return true;
    default: return is_aggregator(type) || type >= T::kStart;
  }
}

std::optional<model::MatchType> match_type(T type) {
  switch (type) {
    case T::kEql: return model::MatchType::kEqual;
    case T::kNeq: return model::MatchType::kNotEqual;
    case T::kEqlRegex: return model::MatchType::kRegex;
    case T::kNeqRegex: return model::MatchType::kNotRegex;
    default: return std::nullopt;
  }
}

/// The selector whose modifiers a suffix sets; nullptr when `expr` is none and holds none.
VectorSelector* selector_in(Expr& expr) {
  if (expr.kind == ExprKind::kVectorSelector) return static_cast<VectorSelector*>(&expr);
  if (expr.kind == ExprKind::kMatrixSelector) {
    return static_cast<MatrixSelector&>(expr).selector.get();
  }
  return nullptr;
}

/// Go keeps durations in nanoseconds and the engine cuts to milliseconds.
int64_t rounded_ns_as_ms(double seconds) {
  const double ns = std::round(seconds * 1e9);
  constexpr double kLimit = 9223372036854775807.0;
  if (ns >= kLimit) return std::numeric_limits<int64_t>::max() / 1'000'000;
  if (ns <= -kLimit) return std::numeric_limits<int64_t>::min() / 1'000'000;
  return static_cast<int64_t>(ns) / 1'000'000;
}

constexpr std::string_view kNeedsSelector =
    " modifier must be preceded by an instant vector selector or range vector selector or a "
    "subquery";

}  // namespace

Result<Parser::Tree> Parser::selector() {
  if (names_metric(peek().type)) return selector_of(take());
  if (!next_is(T::kLeftBrace)) return unexpected();
  auto node = std::make_unique<VectorSelector>();
  const uint32_t start = token_.pos;
  ASSIGN_OR_RETURN(node->matchers, label_matchers());
  node->pos = {start, last_closing_};
  return Tree{std::move(node)};
}

Result<Parser::Tree> Parser::selector_of(const Token& name) {
  auto node = std::make_unique<VectorSelector>();
  node->pos = {name.pos, name.end()};
  node->name = std::string(name.text);
  if (next_is(T::kLeftBrace)) {
    ASSIGN_OR_RETURN(node->matchers, label_matchers());
    node->pos.end = last_closing_;
  }
  ASSIGN_OR_RETURN(
      model::Matcher matcher,
      model::Matcher::make(model::MatchType::kEqual, std::string(model::kMetricName), node->name));
  node->matchers.push_back(std::move(matcher));
  return Tree{std::move(node)};
}

Result<model::Matchers> Parser::label_matchers() {
  RETURN_IF_ERROR(skip(T::kLeftBrace));
  model::Matchers matchers;
  if (take_if(T::kRightBrace)) return matchers;
  while (true) {
    ASSIGN_OR_RETURN(model::Matcher matcher, label_matcher());
    matchers.push_back(std::move(matcher));
    const ContextScope context(*this, "label matching", "\",\" or \"}\"");
    if (take_if(T::kRightBrace)) return matchers;
    RETURN_IF_ERROR(skip(T::kComma));
    if (take_if(T::kRightBrace)) return matchers;
  }
}

// name op "value", "name" op "value", or "metric name".
Result<model::Matcher> Parser::label_matcher() {
  const ContextScope context(*this, "label matching", "identifier or \"}\"");
  const bool quoted = next_is(T::kString);
  if (!quoted && !next_is(T::kIdentifier)) return unexpected();
  const Token name_token = take();
  std::string name(name_token.text);
  if (quoted) name = string_value(name_token);
  const std::optional<model::MatchType> type = match_type(peek().type);
  if (!type) {
    if (quoted) {
      return model::Matcher::make(model::MatchType::kEqual, std::string(model::kMetricName),
                                  std::move(name));
    }
    const ContextScope wants_operator(*this, "label matching", "label matching operator");
    return unexpected();
  }
  take();
  const ContextScope wants_string(*this, "label matching", "string");
  ASSIGN_OR_RETURN(const Token value_token, expect(T::kString));
  std::string value = string_value(value_token);
  auto matcher = model::Matcher::make(*type, std::move(name), std::move(value));
  if (!matcher.is_ok()) return fail(name_token.pos, matcher.status().message());
  return matcher;
}

// Range, subquery, offset, @, anchored and smoothed, in the order written.
Result<Parser::Tree> Parser::postfix(Tree tree) {
  bool offset_set = false;
  while (true) {
    switch (peek().type) {
      case T::kLeftBracket: {
        ASSIGN_OR_RETURN(tree, range_or_subquery(std::move(tree), offset_set));
        if (tree.expr->kind == ExprKind::kSubquery) offset_set = false;
        break;
      }
      case T::kOffset: RETURN_IF_ERROR(offset_modifier(*tree.expr, offset_set)); break;
      case T::kAt: RETURN_IF_ERROR(at_modifier(*tree.expr)); break;
      case T::kAnchored:
      case T::kSmoothed: RETURN_IF_ERROR(extended_modifier(*tree.expr)); break;
      default: return tree;
    }
  }
}

Result<Parser::Tree> Parser::range_or_subquery(Tree tree, bool offset_set) {
  const Token open = take();
  DurationTree range;
  {
    const ContextScope context(*this, "subquery or range selector",
                               "number, duration, step(), or range()");
    ASSIGN_OR_RETURN(range, positive_duration());
  }
  const ContextScope after_range(*this, "subquery or range", "\":\" or \"]\"");
  if (take_if(T::kRightBracket)) {
    return matrix(std::move(tree), open.pos, offset_set, std::move(range));
  }
  RETURN_IF_ERROR(skip(T::kColon));
  auto node = std::make_unique<Subquery>();
  node->range_ms = rounded_ns_as_ms(range.seconds());
  if (!range.is_number()) node->range_expr = std::move(range.expr);
  if (!next_is(T::kRightBracket)) {
    const ContextScope wants_step(*this, "subquery selector",
                                  "number, duration, step(), range(), or \"]\"");
    ASSIGN_OR_RETURN(DurationTree step, positive_duration());
    node->step_ms = rounded_ns_as_ms(step.seconds());
    if (!step.is_number()) node->step_expr = std::move(step.expr);
  }
  const ContextScope wants_close(*this, "subquery selector", "\"]\"");
  ASSIGN_OR_RETURN(const Token close, expect(T::kRightBracket));
  node->pos = {tree.expr->pos.start, close.end()};
  node->expr = std::move(tree.expr);
  return finish(std::move(node), tree.depth + 1);
}

Result<Parser::Tree> Parser::matrix(Tree tree, uint32_t bracket, bool offset_set,
                                    DurationTree range) {
  if (tree.expr->kind != ExprKind::kVectorSelector) {
    return fail(bracket, "ranges only allowed for vector selectors");
  }
  auto* selector = static_cast<VectorSelector*>(tree.expr.get());
  if (offset_set) return fail(bracket, "no offset modifiers allowed before range");
  if (selector->at.kind != AtModifier::Kind::kNone) {
    return fail(bracket, "no @ modifiers allowed before range");
  }
  auto node = std::make_unique<MatrixSelector>();
  node->pos = {selector->pos.start, last_closing_};
  tree.expr.release();
  node->selector.reset(selector);
  node->range_ms = rounded_ns_as_ms(range.seconds());
  if (!range.is_number()) node->range_expr = std::move(range.expr);
  return finish(std::move(node), tree.depth + 1);
}

Status Parser::offset_modifier(Expr& expr, bool& offset_set) {
  take();
  const ContextScope context(*this, "offset", "number, duration, step(), or range()");
  ASSIGN_OR_RETURN(DurationTree offset, offset_duration());
  if (std::isnan(offset.seconds())) return fail(offset.expr->pos.start, "duration out of range");
  VectorSelector* selector = selector_in(expr);
  if (selector == nullptr && expr.kind != ExprKind::kSubquery) {
    return fail(expr.pos.start, "offset" + std::string(kNeedsSelector));
  }
  if (offset_set) return fail(expr.pos.start, "offset may not be set multiple times");
  // An offset of 0 leaves no trace: another may follow.
  offset_set = !offset.is_number() || std::round(offset.expr->seconds * 1e9) != 0;
  const int64_t ms = rounded_ns_as_ms(offset.seconds());
  std::unique_ptr<DurationExpr> tree = offset.is_number() ? nullptr : std::move(offset.expr);
  if (selector != nullptr) {
    selector->offset_ms = ms;
    selector->offset_expr = std::move(tree);
  } else {
    auto& subquery = static_cast<Subquery&>(expr);
    subquery.offset_ms = ms;
    subquery.offset_expr = std::move(tree);
  }
  expr.pos.end = last_closing_;
  return Status::ok();
}

Status Parser::at_modifier(Expr& expr) {
  take();
  ASSIGN_OR_RETURN(const AtModifier at, at_instant(expr));
  AtModifier* target = nullptr;
  if (VectorSelector* selector = selector_in(expr)) {
    target = &selector->at;
  } else if (expr.kind == ExprKind::kSubquery) {
    target = &static_cast<Subquery&>(expr).at;
  } else {
    return fail(expr.pos.start, "@" + std::string(kNeedsSelector));
  }
  if (target->kind != AtModifier::Kind::kNone) {
    return fail(expr.pos.start, "@ <timestamp> may not be set multiple times");
  }
  *target = at;
  expr.pos.end = last_closing_;
  return Status::ok();
}

Result<AtModifier> Parser::at_instant(const Expr& expr) {
  const ContextScope context(*this, "@", "timestamp");
  if (next_is(T::kStart) || next_is(T::kEnd)) {
    const bool start = take().type == T::kStart;
    RETURN_IF_ERROR(skip(T::kLeftParen));
    RETURN_IF_ERROR(skip(T::kRightParen));
    return AtModifier{start ? AtModifier::Kind::kStart : AtModifier::Kind::kEnd, 0};
  }
  double sign = 1;
  if (next_is(T::kAdd) || next_is(T::kSub)) sign = take().type == T::kSub ? -1 : 1;
  if (!next_is(T::kNumber) && !next_is(T::kDuration)) return unexpected();
  ASSIGN_OR_RETURN(const Number literal, number());
  const double seconds = sign * literal.value;
  constexpr double kLimit = 9223372036854775807.0;
  if (!(seconds < kLimit && seconds > -kLimit)) {
    char text[512];
    if (std::isnan(seconds)) {
      std::snprintf(text, sizeof text, "NaN");
    } else if (std::isinf(seconds)) {
      std::snprintf(text, sizeof text, seconds > 0 ? "+Inf" : "-Inf");
    } else {
      std::snprintf(text, sizeof text, "%f", seconds);
    }
    return fail(expr.pos.start, "timestamp out of bounds for @ modifier: " + std::string(text));
  }
  const double ms = std::round(seconds * 1000);
  if (ms >= kLimit) return AtModifier{AtModifier::Kind::kTimestamp, model::kMaxTime};
  if (ms <= -kLimit) return AtModifier{AtModifier::Kind::kTimestamp, model::kMinTime};
  return AtModifier{AtModifier::Kind::kTimestamp, static_cast<int64_t>(ms)};
}

Status Parser::extended_modifier(Expr& expr) {
  const bool anchored = take().type == T::kAnchored;
  const std::string name = anchored ? "anchored" : "smoothed";
  if (!options_.extended_range_selectors) {
    return fail(expr.pos.start, name + " modifier is experimental and not enabled");
  }
  VectorSelector* selector = selector_in(expr);
  if (selector == nullptr) {
    return fail(expr.pos.start, name + (expr.kind == ExprKind::kSubquery
                                            ? " modifier is not supported for subqueries"
                                            : " modifier not implemented"));
  }
  (anchored ? selector->anchored : selector->smoothed) = true;
  if (selector->anchored && selector->smoothed) {
    return fail(expr.pos.start, "anchored and smoothed modifiers cannot be used together");
  }
  return Status::ok();
}

}  // namespace silverback::promql
