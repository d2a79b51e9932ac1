#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::promql {

// clang-format off
/// What the lexer tells apart. The groups between the marks are what error texts name.
enum class TokenType : uint8_t {
  kEof, kError, kIdentifier, kMetricIdentifier, kString, kNumber, kDuration,
  // Punctuation.
  kLeftParen, kRightParen, kLeftBrace, kRightBrace, kLeftBracket, kRightBracket, kComma, kColon, kEql,
  // Operators: <op:...>.
  kAdd, kSub, kMul, kDiv, kMod, kPow, kAtan2, kEqlc, kNeq, kLte, kLss, kGte, kGtr, kTrimUpper,
  kTrimLower, kEqlRegex, kNeqRegex, kAt, kAnd, kOr, kUnless,
  // Aggregators: <aggr:...>.
  kAvg, kBottomk, kCount, kCountValues, kGroup, kMax, kMin, kQuantile, kStddev, kStdvar, kSum, kTopk,
  kLimitk, kLimitRatio,
  // Keywords: <...>.
  kBool, kBy, kGroupLeft, kGroupRight, kFill, kFillLeft, kFillRight, kIgnoring, kOffset, kSmoothed,
  kAnchored, kOn, kWithout,
  // Words that are functions, metrics or parts of durations.
  kStart, kEnd, kStep, kRange, kMaxOf, kMinOf,
};
// clang-format on

inline bool is_operator(TokenType t) {
  return t >= TokenType::kAdd && t <= TokenType::kUnless;
}
inline bool is_aggregator(TokenType t) {
  return t >= TokenType::kAvg && t <= TokenType::kLimitRatio;
}
inline bool is_keyword(TokenType t) {
  return t >= TokenType::kBool && t <= TokenType::kWithout;
}

/// One token. `text` views the query, for kError the lexer's message.
struct Token {
  TokenType type = TokenType::kEof;
  uint32_t pos = 0;  // byte offset
  std::string_view text;
  uint32_t end() const { return pos + static_cast<uint32_t>(text.size()); }
};

/// The keyword in any case of letters; kIdentifier when it is none. `inf` and `nan` are kNumber.
TokenType keyword_type(std::string_view word);

/// As error texts name a token: `identifier "x"`, `<op:+>`, `end of input`.
std::string describe(const Token& token);

/// Go's %q of a rune: 'x', '\n', '\''.
std::string quote_rune(uint32_t code);

}  // namespace silverback::promql
