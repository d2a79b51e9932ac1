#include "base/go_float.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace silverback::base {
namespace {

constexpr double kTwoTo53 = 9007199254740992.0;
constexpr uint64_t kGoNan = 0x7ff8000000000001;

// The shortest decimal digits that give the value back: 0.d1d2d3... * 10^point.
struct Decimal {
  std::array<char, 17> digits{};
  int count = 0;
  int point = 0;
};

Decimal shortest(double magnitude) {
  Decimal out;
  if (magnitude == 0) {
    out.digits[0] = '0';
    out.count = out.point = 1;
    return out;
  }
  char buf[32];
  const char* end =
      std::to_chars(buf, buf + sizeof buf, magnitude, std::chars_format::scientific).ptr;
  const char* p = buf;
  for (; *p != 'e'; ++p) {
    if (*p != '.') out.digits[static_cast<size_t>(out.count++)] = *p;
  }
  ++p;
  const bool negative = *p++ == '-';
  int exponent = 0;
  for (; p != end; ++p) exponent = exponent * 10 + (*p - '0');
  out.point = (negative ? -exponent : exponent) + 1;
  return out;
}

// NaN and the infinities; true when `v` was one.
bool append_special(std::string& out, double v) {
  if (std::isfinite(v)) return false;
  out += std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
  return true;
}

void append_plain(std::string& out, const Decimal& d) {
  const auto count = static_cast<size_t>(d.count);
  if (d.point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-d.point), '0');
    out.append(d.digits.data(), count);
  } else if (d.point >= d.count) {
    out.append(d.digits.data(), count);
    out.append(static_cast<size_t>(d.point - d.count), '0');
  } else {
    const auto whole = static_cast<size_t>(d.point);
    out.append(d.digits.data(), whole);
    out += '.';
    out.append(d.digits.data() + whole, count - whole);
  }
}

void append_exponent(std::string& out, const Decimal& d, bool is_zero) {
  out += d.digits[0];
  if (d.count > 1) {
    out += '.';
    out.append(d.digits.data() + 1, static_cast<size_t>(d.count - 1));
  }
  const int exponent = is_zero ? 0 : d.point - 1;
  out += exponent < 0 ? "e-" : "e+";
  const int magnitude = exponent < 0 ? -exponent : exponent;
  if (magnitude < 10) out += '0';
  out += std::to_string(magnitude);
}

// Whole numbers that a double holds exactly need no shortest-digits search.
bool append_small_integer(std::string& out, double v) {
  if (!(v < kTwoTo53 && v > -kTwoTo53)) return false;
  const auto whole = static_cast<int64_t>(v);
  if (static_cast<double>(whole) != v || (whole == 0 && std::signbit(v))) return false;
  char buf[24];
  const char* end = std::to_chars(buf, buf + sizeof buf, whole).ptr;
  out.append(buf, static_cast<size_t>(end - buf));
  return true;
}

// Most measured values have few decimals: v = whole / 10^k for a small k. Both sides are exact and
// the division is rounded correctly, so the first k that gives v back has the shortest digits.
bool append_few_decimals(std::string& out, double v) {
  constexpr std::array<double, 5> kScales{1, 10, 100, 1000, 10000};
  const double magnitude = std::fabs(v);
  if (!(magnitude >= 1e-4 && magnitude < 1e10)) return false;
  for (size_t k = 1; k < kScales.size(); ++k) {
    const auto whole = static_cast<uint64_t>(magnitude * kScales[k] + 0.5);
    if (static_cast<double>(whole) / kScales[k] != magnitude) continue;
    if (v < 0) out += '-';
    const auto scale = static_cast<uint64_t>(kScales[k]);
    char buf[24];
    char* end = std::to_chars(buf, buf + sizeof buf, whole / scale).ptr;
    *end++ = '.';
    uint64_t rest = whole % scale;
    for (size_t i = k; i > 0; --i, rest /= 10) end[i - 1] = static_cast<char>('0' + rest % 10);
    out.append(buf, static_cast<size_t>(end - buf) + k);
    return true;
  }
  return false;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equals_lower(std::string_view s, std::string_view word) {
  if (s.size() != word.size()) return false;
  for (size_t i = 0; i < s.size(); ++i) {
    if (lower(s[i]) != word[i]) return false;
  }
  return true;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// Go's rule: an underscore stands between digits, or between the base prefix and a digit.
bool underscores_ok(std::string_view s, bool hex) {
  char before = hex ? '0' : '!';  // '0': a digit, '_': an underscore, '!': anything else
  for (const char c : s) {
    if (c == '_') {
      if (before != '0') return false;
      before = '_';
    } else if (is_digit(c) || (hex && is_hex_digit(c))) {
      before = '0';
    } else {
      if (before == '_') return false;
      before = '!';
    }
  }
  return before != '_';
}

// What from_chars calls out of range: too small is a zero (or a denormal), too large an error.
std::optional<double> out_of_range(std::string_view text, bool hex) {
  const std::string copy = (hex ? "0x" : "") + std::string(text);
  const double v = std::strtod(copy.c_str(), nullptr);
  if (std::isinf(v)) return std::nullopt;
  return v;
}

// `text` has no sign, no prefix and no underscores.
std::optional<double> parse_magnitude(std::string_view text, bool hex) {
  if (text.empty() || !(is_hex_digit(text[0]) || text[0] == '.')) return std::nullopt;
  if (hex) {
    if (text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
  } else if (!is_digit(text[0]) && text[0] != '.') {
    return std::nullopt;
  }
  double v = 0;
  const char* end = text.data() + text.size();
  const auto format = hex ? std::chars_format::hex : std::chars_format::general;
  const auto [ptr, ec] = std::from_chars(text.data(), end, v, format);
  if (ptr != end) return std::nullopt;
  if (ec == std::errc::result_out_of_range) return out_of_range(text, hex);
  if (ec != std::errc()) return std::nullopt;
  return v;
}

constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

}  // namespace

void append_go_f(std::string& out, double v) {
  if (append_small_integer(out, v) || append_few_decimals(out, v) || append_special(out, v)) return;
  if (std::signbit(v)) out += '-';
  append_plain(out, shortest(std::fabs(v)));
}

void append_go_e(std::string& out, double v) {
  if (append_special(out, v)) return;
  if (std::signbit(v)) out += '-';
  append_exponent(out, shortest(std::fabs(v)), v == 0);
}

void append_go_g(std::string& out, double v) {
  if (append_special(out, v)) return;
  if (std::fabs(v) < 1e6 && (append_small_integer(out, v) || append_few_decimals(out, v))) return;
  if (std::signbit(v)) out += '-';
  const Decimal d = shortest(std::fabs(v));
  // Go decides as if the precision were 6 when it prints the shortest digits.
  const int exponent = d.point - 1;
  if (v != 0 && (exponent < -4 || exponent >= 6)) {
    append_exponent(out, d, false);
  } else {
    append_plain(out, d);
  }
}

void append_sample_value(std::string& out, double v) {
  if (append_small_integer(out, v) || append_few_decimals(out, v) || append_special(out, v)) return;
  const double magnitude = std::fabs(v);
  if (std::signbit(v)) out += '-';
  const Decimal d = shortest(magnitude);
  if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
    append_exponent(out, d, false);
  } else {
    append_plain(out, d);
  }
}

void append_openmetrics_float(std::string& out, double v) {
  const size_t start = out.size();
  append_go_g(out, v);
  if (std::isfinite(v) && out.find_first_of("e.", start) == std::string::npos) out += ".0";
}

std::string go_f(double v) {
  std::string out;
  append_go_f(out, v);
  return out;
}

std::string go_g(double v) {
  std::string out;
  append_go_g(out, v);
  return out;
}

std::string sample_value(double v) {
  std::string out;
  append_sample_value(out, v);
  return out;
}

std::optional<double> parse_go_float(std::string_view s, bool allow_underscores) {
  if (equals_lower(s, "nan")) return std::bit_cast<double>(kGoNan);
  const bool negative = !s.empty() && s[0] == '-';
  if (!s.empty() && (s[0] == '-' || s[0] == '+')) s.remove_prefix(1);
  std::optional<double> v;
  if (equals_lower(s, "inf") || equals_lower(s, "infinity")) {
    v = std::numeric_limits<double>::infinity();
  } else {
    const bool hex = s.size() > 2 && s[0] == '0' && lower(s[1]) == 'x';
    if (hex) s.remove_prefix(2);
    if (s.find('_') == std::string_view::npos) {
      v = parse_magnitude(s, hex);
    } else if (allow_underscores && underscores_ok(s, hex)) {
      std::string digits;
      for (const char c : s) {
        if (c != '_') digits += c;
      }
      v = parse_magnitude(digits, hex);
    }
  }
  if (v && negative) *v = -*v;
  return v;
}

std::optional<double> parse_sample_value(std::string_view s) {
  // Up to 2^53 and 10^22 both are exact, so one correctly rounded division gives what the slow
  // way gives.
  const bool negative = !s.empty() && s[0] == '-';
  uint64_t mantissa = 0;
  size_t digits = 0, i = negative ? 1 : 0;
  for (; i < s.size() && is_digit(s[i]); ++i, ++digits) {
    mantissa = mantissa * 10 + static_cast<uint64_t>(s[i] - '0');
    if (digits >= 18) break;
  }
  size_t decimals = 0;
  if (digits > 0 && i < s.size() && s[i] == '.') {
    for (++i; i < s.size() && is_digit(s[i]) && digits < 19; ++i, ++digits, ++decimals) {
      mantissa = mantissa * 10 + static_cast<uint64_t>(s[i] - '0');
    }
  }
  if (i == s.size() && digits > 0 && digits <= 18 && mantissa <= (uint64_t{1} << 53)) {
    double v = static_cast<double>(mantissa);
    if (decimals > 0) v /= kPowersOfTen[decimals];
    return negative ? -v : v;
  }
  if (s.find_first_of("pPxX_") != std::string_view::npos) return std::nullopt;
  return parse_go_float(s);
}

}  // namespace silverback::base
