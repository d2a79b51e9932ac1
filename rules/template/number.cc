#include "rules/template/number.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/go_float.h"
#include "model/labels.h"
#include "rules/template/unquote.h"

namespace silverback::rules::text_template {

using base::Result;
using base::Status;

namespace {

/// Go's strconv.ParseUint(text, 0, 64) with an optional sign: magnitude and sign.
struct ParsedInteger {
  bool negative = false;
  uint64_t magnitude = 0;
};
std::optional<ParsedInteger> parse_integer(std::string_view text) {
  ParsedInteger out;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int radix = 10;
  bool prefixed = false;
  if (text.size() > 1 && text[0] == '0') {
    const char c = static_cast<char>(text[1] | 0x20);
    radix = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 8;
    prefixed = true;
    text.remove_prefix(c == 'x' || c == 'o' || c == 'b' ? 2 : 1);
  }
  std::string digits;
  char last = prefixed ? '0' : '_';
  for (const char c : text) {
    // An underscore stands between digits, or after the prefix.
    if (c == '_' && last == '_') return std::nullopt;
    if (c != '_') digits += c;
    last = c;
  }
  if (digits.empty() || last == '_') return std::nullopt;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out.magnitude, radix);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

/// A float constant; underscores may stand between digits.
std::optional<double> parse_float(std::string_view text) {
  std::string plain;
  const auto digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || !digit(text[i - 1]) || !digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return base::parse_go_float(plain);
}

bool fits_int64(double f) {
  return f >= -9223372036854775808.0 && f < 9223372036854775808.0;
}
bool fits_uint64(double f) {
  return f >= 0 && f < 18446744073709551616.0;
}

Status mistake(std::string message) {
  return {base::Errc::kBadData, std::move(message)};
}

}  // namespace

Result<std::unique_ptr<NumberNode>> parse_number(const Token& t) {
  auto node = std::make_unique<NumberNode>(t.pos);
  node->text = std::string(t.text);
  if (t.kind == TokenKind::kCharConstant) {
    const std::optional<char32_t> rune = unquote_char(t.text);
    if (!rune) return mistake("malformed character constant: " + node->text);
    node->is_int = node->is_uint = node->is_float = true;
    node->int_value = static_cast<int64_t>(*rune);
    node->float_value = static_cast<double>(*rune);
    return node;
  }
  if (t.text.ends_with('i')) return mistake("complex constants are not supported: " + node->text);
  if (const auto parsed = parse_integer(t.text)) {
    const uint64_t limit = uint64_t{1} << 63;
    const bool signed_text = t.text[0] == '-' || t.text[0] == '+';
    node->is_uint = !signed_text || parsed->magnitude == 0;
    node->is_int = parsed->negative ? parsed->magnitude <= limit : parsed->magnitude < limit;
    node->int_value =
        static_cast<int64_t>(parsed->negative ? 0 - parsed->magnitude : parsed->magnitude);
    if (node->is_int || node->is_uint) {
      node->is_float = true;
      node->float_value = node->is_int ? static_cast<double>(node->int_value)
                                       : static_cast<double>(parsed->magnitude);
      return node;
    }
  }
  const std::optional<double> f = parse_float(t.text);
  if (!f) return mistake("illegal number syntax: " + model::go_quote(t.text));
  if (t.text.find_first_of(".eEpP") == std::string_view::npos) {
    return mistake("integer overflow: " + model::go_quote(t.text));
  }
  node->is_float = true;
  node->float_value = *f;
  if (fits_int64(*f) && std::trunc(*f) == *f) {
    node->is_int = true;
    node->int_value = static_cast<int64_t>(*f);
  }
  node->is_uint = fits_uint64(*f) && std::trunc(*f) == *f;
  return node;
}

}  // namespace silverback::rules::text_template
