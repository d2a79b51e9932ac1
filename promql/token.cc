#include "promql/token.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/go_quote.h"
#include "base/utf8.h"

namespace silverback::promql {

namespace {

using T = TokenType;

// Sorted by word: looked up by halves.
constexpr std::array<std::pair<std::string_view, TokenType>, 39> kKeywords = {{
    {"anchored", T::kAnchored},
    {"and", T::kAnd},
    {"atan2", T::kAtan2},
    {"avg", T::kAvg},
    {"bool", T::kBool},
    {"bottomk", T::kBottomk},
    {"by", T::kBy},
    {"count", T::kCount},
    {"count_values", T::kCountValues},
    {"end", T::kEnd},
    {"fill", T::kFill},
    {"fill_left", T::kFillLeft},
    {"fill_right", T::kFillRight},
    {"group", T::kGroup},
    {"group_left", T::kGroupLeft},
    {"group_right", T::kGroupRight},
    {"ignoring", T::kIgnoring},
    {"inf", T::kNumber},
    {"limit_ratio", T::kLimitRatio},
    {"limitk", T::kLimitk},
    {"max", T::kMax},
    {"max_of", T::kMaxOf},
    {"min", T::kMin},
    {"min_of", T::kMinOf},
    {"nan", T::kNumber},
    {"offset", T::kOffset},
    {"on", T::kOn},
    {"or", T::kOr},
    {"quantile", T::kQuantile},
    {"range", T::kRange},
    {"smoothed", T::kSmoothed},
    {"start", T::kStart},
    {"stddev", T::kStddev},
    {"stdvar", T::kStdvar},
    {"step", T::kStep},
    {"sum", T::kSum},
    {"topk", T::kTopk},
    {"unless", T::kUnless},
    {"without", T::kWithout},
}};
constexpr size_t kLongestKeyword = 12;  // count_values

// The first ten runes, quoted, then dots: long tokens in error texts.
std::string quote_shortened(std::string_view text) {
  size_t end = 0;
  for (int runes = 0; runes < 10 && end < text.size(); ++runes) {
    end += base::decode_rune(text.substr(end)).size;
  }
  return base::go_quote(text.substr(0, end)) + "...";
}

std::string token_text(const Token& token) {
  if (token.type == T::kIdentifier || token.type == T::kMetricIdentifier) {
    return base::go_quote(token.text);
  }
  if (is_keyword(token.type)) return "<" + std::string(token.text) + ">";
  if (is_operator(token.type)) return "<op:" + std::string(token.text) + ">";
  if (is_aggregator(token.type)) return "<aggr:" + std::string(token.text) + ">";
  if (token.text.size() > 10) return quote_shortened(token.text);
  return base::go_quote(token.text);
}

}  // namespace

TokenType keyword_type(std::string_view word) {
  if (word.size() > kLongestKeyword) return T::kIdentifier;
  std::string lower(word);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto* at =
      std::lower_bound(kKeywords.begin(), kKeywords.end(), std::string_view(lower),
                       [](const auto& row, std::string_view wanted) { return row.first < wanted; });
  return at != kKeywords.end() && at->first == lower ? at->second : T::kIdentifier;
}

std::string describe(const Token& token) {
  switch (token.type) {
    case T::kEof: return "end of input";
    case T::kError: return std::string(token.text);
    case T::kIdentifier: return "identifier " + token_text(token);
    case T::kMetricIdentifier: return "metric identifier " + token_text(token);
    case T::kString: return "string " + token_text(token);
    case T::kNumber: return "number " + token_text(token);
    case T::kDuration: return "duration " + token_text(token);
    default: return token_text(token);
  }
}

std::string quote_rune(uint32_t code) {
  if (code == '\'') return "'\\''";
  if (code == '"') return "'\"'";
  std::string rune;
  base::append_rune(rune, code);
  std::string quoted = base::go_quote(rune);
  quoted.front() = '\'';
  quoted.back() = '\'';
  return quoted;
}

}  // namespace silverback::promql
