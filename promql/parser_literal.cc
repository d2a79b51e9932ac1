#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/duration.h"
#include "base/go_quote.h"
#include "base/utf8.h"
#include "promql/parser_impl.h"

namespace silverback::promql {

namespace {

using base::Result;
using base::Status;
using T = TokenType;

enum class Outcome : uint8_t { kOk, kSyntax, kRange };
struct ParsedNumber {
  double value = 0;
  Outcome outcome = Outcome::kOk;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Go's rule: an underscore stands between two digits; a base prefix counts as a digit.
bool underscores_fit(std::string_view text) {
  if (text.find('_') == std::string_view::npos) return true;
  char before = '^';  // '0' a digit, '_' an underscore, '!' something else
  size_t i = 0;
  bool hex = false;
  if (text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    i = 2;
    before = '0';
    hex = true;
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex_letter = hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    if (is_digit(c) || hex_letter) {
      before = '0';
    } else if (c == '_') {
      if (before != '0') return false;
      before = '_';
    } else {
      if (before == '_') return false;
      before = '!';
    }
  }
  return before != '_';
}

/// As an integer of Go: 0x.. is hexadecimal, a leading 0 octal.
bool parse_integer(std::string_view digits, double& value) {
  int radix = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    radix = digits[1] == 'x' || digits[1] == 'X' ? 16 : 8;
    digits.remove_prefix(radix == 16 ? 2 : 1);
  }
  int64_t whole = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), whole, radix);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  value = static_cast<double>(whole);
  return true;
}

ParsedNumber parse_float(const std::string& digits) {
  double value = 0;
  const char* begin = digits.data();
  const auto [end, error] = std::from_chars(begin, begin + digits.size(), value);
  if (end != begin + digits.size() || error == std::errc::invalid_argument) {
    return {0, Outcome::kSyntax};
  }
  if (error == std::errc::result_out_of_range) {
    value = std::strtod(digits.c_str(), nullptr);  // too small is no error: 0 or subnormal
    return {value, std::isinf(value) ? Outcome::kRange : Outcome::kOk};
  }
  return {value, Outcome::kOk};
}

ParsedNumber parse_number(std::string_view text) {
  const char first = static_cast<char>(text[0] | 0x20);
  if (first == 'i') return {std::numeric_limits<double>::infinity(), Outcome::kOk};
  if (first == 'n') return {std::numeric_limits<double>::quiet_NaN(), Outcome::kOk};
  if (!underscores_fit(text)) return {0, Outcome::kSyntax};
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  double value = 0;
  if (parse_integer(digits, value)) return {value, Outcome::kOk};
  const bool hex = digits.size() > 1 && (digits[1] == 'x' || digits[1] == 'X');
  return hex ? ParsedNumber{0, Outcome::kSyntax} : parse_float(digits);
}

uint32_t escape_digits(std::string_view text, size_t& at, int count, uint32_t radix) {
  uint32_t code = 0;
  for (; count > 0; --count, ++at) {
    const char c = text[at];
    const int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
    code = code * radix + static_cast<uint32_t>(digit);
  }
  return code;
}

/// The character behind a backslash; `at` is on it and moves behind the sequence.
void append_escape(std::string& out, std::string_view text, size_t& at) {
  const char c = text[at];
  switch (c) {
    case 'x': out += static_cast<char>(escape_digits(text, ++at, 2, 16)); return;
    case 'u': base::append_rune(out, escape_digits(text, ++at, 4, 16)); return;
    case 'U': base::append_rune(out, escape_digits(text, ++at, 8, 16)); return;
    case 'a': out += '\a'; break;
    case 'b': out += '\b'; break;
    case 'f': out += '\f'; break;
    case 'n': out += '\n'; break;
    case 'r': out += '\r'; break;
    case 't': out += '\t'; break;
    case 'v': out += '\v'; break;
    default:
      if (is_digit(c)) {
        out += static_cast<char>(escape_digits(text, at, 3, 8));
        return;
      }
      out += c;  // backslash or quote
  }
  ++at;
}

/// Go names the first unit it does not know: "." in "1.5h".
std::string duration_error(std::string_view text, const Status& status) {
  constexpr std::array<std::string_view, 7> kUnits = {"y", "w", "d", "h", "m", "s", "ms"};
  size_t last = 0;  // the rank of the unit before, from 1
  for (size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) break;
    uint64_t count = 0;
    const auto [rest, error] = std::from_chars(text.data() + at, text.data() + text.size(), count);
    if (error != std::errc()) return "not a valid duration string: " + base::go_quote(text);
    at = static_cast<size_t>(rest - text.data());
    const size_t start = at;
    while (at < text.size() && !is_digit(text[at])) ++at;
    const std::string_view unit = text.substr(start, at - start);
    const auto* known = std::find(kUnits.begin(), kUnits.end(), unit);
    if (!unit.empty() && known == kUnits.end()) {
      return "unknown unit " + base::go_quote(unit) + " in duration " + base::go_quote(text);
    }
    const auto rank = static_cast<size_t>(known - kUnits.begin()) + 1;
    if (unit.empty() || rank <= last) break;
    last = rank;
  }
  return status.message();
}

}  // namespace

Result<double> Parser::number_value(const Token& token) {
  const ParsedNumber parsed = parse_number(token.text);
  if (parsed.outcome == Outcome::kOk) return parsed.value;
  return fail(
      token.pos,
      "error parsing number: strconv.ParseFloat: parsing " + base::go_quote(token.text) +
          (parsed.outcome == Outcome::kRange ? ": value out of range" : ": invalid syntax"));
}

Result<Parser::Number> Parser::number() {
  const Token token = take();
  if (token.type == T::kNumber) {
    ASSIGN_OR_RETURN(const double value, number_value(token));
    return Number{value, false};
  }
  const Result<int64_t> ms = base::parse_duration_ms(token.text);
  if (!ms.is_ok()) return fail(token.pos, duration_error(token.text, ms.status()));
  const double seconds =
      static_cast<double>(*ms / 1000) + static_cast<double>(*ms % 1000) * 1e6 / 1e9;
  return Number{seconds, true};
}

// The lexer has checked the escapes.
std::string Parser::string_value(const Token& token) {
  const std::string_view inner = token.text.substr(1, token.text.size() - 2);
  if (token.text.front() == '`') return std::string(inner);
  std::string out;
  for (size_t at = 0; at < inner.size();) {
    if (inner[at] != '\\') {
      out += inner[at++];
      continue;
    }
    append_escape(out, inner, ++at);
  }
  return out;
}

}  // namespace silverback::promql
