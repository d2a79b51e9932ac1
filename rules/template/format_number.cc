#include "rules/template/format_number.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

void upper(std::string& s) {
  for (char& c : s) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
}

std::string chars(double v, std::chars_format format, std::optional<int> precision) {
  std::string text(400 + static_cast<size_t>(precision.value_or(0)), '\0');
  const std::to_chars_result end =
      precision ? std::to_chars(text.data(), text.data() + text.size(), v, format, *precision)
                : std::to_chars(text.data(), text.data() + text.size(), v, format);
  text.resize(static_cast<size_t>(end.ptr - text.data()));
  return text;
}

/// The decimal exponent of "d.ddde+XX".
int exponent_of(const std::string& scientific) {
  const size_t e = scientific.find('e');
  int exponent = 0;
  const size_t digits = e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(scientific.data() + digits, scientific.data() + scientific.size(), exponent);
  return exponent;
}

/// 0x1.8p+01
std::string hex_float(double v, std::optional<int> precision) {
  std::string text = chars(v, std::chars_format::hex, precision);
  const size_t p = text.find('p');
  if (text.size() - p == 3) text.insert(p + 2, "0");
  return "0x" + text;
}

/// Mantissa and power of two as integers: 4503599627370496p-52.
std::string binary_float(double v) {
  const auto bits = std::bit_cast<uint64_t>(v);
  uint64_t mantissa = bits & ((uint64_t{1} << 52) - 1);
  int exponent = static_cast<int>((bits >> 52) & 0x7ff);
  if (exponent == 0) {
    exponent = 1;
  } else {
    mantissa |= uint64_t{1} << 52;
  }
  exponent -= 1023 + 52;
  return std::to_string(mantissa) + (exponent >= 0 ? "p+" : "p") + std::to_string(exponent);
}

/// Digits of a finite, non-negative float.
std::string magnitude_text(double v, char verb, std::optional<int> precision) {
  switch (verb) {
    case 'e': return chars(v, std::chars_format::scientific, precision.value_or(6));
    case 'f': return chars(v, std::chars_format::fixed, precision.value_or(6));
    case 'x': return hex_float(v, precision);
    case 'b': return binary_float(v);
    default: break;
  }
  if (precision) return chars(v, std::chars_format::general, precision);
  std::string scientific = chars(v, std::chars_format::scientific, std::nullopt);
  const int exponent = exponent_of(scientific);
  // With shortest digits strconv decides as for precision 6.
  if (exponent < -4 || exponent >= 6) return scientific;
  return chars(v, std::chars_format::fixed, std::nullopt);
}

}  // namespace

std::string pad(std::string text, const FormatSpec& spec, bool zeros) {
  size_t runes = 0;
  for (size_t i = 0; i < text.size(); ++runes) {
    size_t length = 0;
    decode_rune(std::string_view(text).substr(i), length);
    i += length;
  }
  const auto width = static_cast<size_t>(spec.width.value_or(0));
  if (width <= runes) return text;
  const std::string fill(width - runes, zeros && !spec.minus ? '0' : ' ');
  return spec.minus ? text + fill : fill + text;
}

std::string format_integer(int64_t v, char verb, const FormatSpec& spec) {
  const bool negative = v < 0;
  const uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  const int radix = verb == 'b' ? 2 : verb == 'o' || verb == 'O' ? 8 : verb == 'd' ? 10 : 16;
  char buf[72];
  const auto end = std::to_chars(buf, buf + sizeof buf, magnitude, radix);
  std::string digits(buf, end.ptr);
  std::string sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  bool zeros = spec.zero && !spec.minus;
  if (spec.precision) {
    zeros = false;
    if (*spec.precision == 0 && v == 0) return pad("", spec, false);
    const auto wanted = static_cast<size_t>(*spec.precision);
    if (digits.size() < wanted) digits.insert(0, wanted - digits.size(), '0');
  } else if (zeros && spec.width) {
    const size_t taken = sign.size();
    const auto width = static_cast<size_t>(*spec.width);
    if (digits.size() + taken < width) digits.insert(0, width - taken - digits.size(), '0');
  }
  if (verb == 'O') {
    digits.insert(0, "0o");
  } else if (spec.sharp && radix != 10) {
    if (radix == 2) digits.insert(0, "0b");
    if (radix == 8 && digits[0] != '0') digits.insert(0, "0");
    if (radix == 16) digits.insert(0, "0x");
  }
  if (verb == 'X') upper(digits);
  return pad(sign + digits, spec, false);
}

std::string format_float(double v, char verb, const FormatSpec& spec) {
  const bool upper_case = verb == 'E' || verb == 'G' || verb == 'X';
  const char lower = verb == 'F' || verb == 'f' ? 'f'
                     : upper_case               ? static_cast<char>(verb | 0x20)
                                                : verb;
  if (std::isnan(v)) {
    return pad(spec.plus ? "+NaN" : spec.space ? " NaN" : "NaN", spec, false);
  }
  if (std::isinf(v)) {
    return pad(v < 0 ? "-Inf" : spec.space && !spec.plus ? " Inf" : "+Inf", spec, false);
  }
  std::string digits = magnitude_text(std::fabs(v), lower, spec.precision);
  if (upper_case) upper(digits);
  const std::string sign = std::signbit(v) ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  const auto width = static_cast<size_t>(spec.width.value_or(0));
  if (spec.zero && !spec.minus && sign.size() + digits.size() < width) {
    digits.insert(0, width - sign.size() - digits.size(), '0');
  }
  return pad(sign + digits, spec, false);
}

}  // namespace silverback::rules::text_template
