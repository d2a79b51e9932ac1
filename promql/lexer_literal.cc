#include <cstdio>

#include "base/go_quote.h"
#include "base/utf8.h"
#include "promql/lexer.h"

namespace silverback::promql {

namespace {

using T = TokenType;

constexpr std::string_view kDecimalDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool is_alphanumeric(uint32_t r) {
  return r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z');
}

uint32_t digit_value(uint32_t r) {
  if (r >= '0' && r <= '9') return r - '0';
  if (r >= 'a' && r <= 'f') return r - 'a' + 10;
  if (r >= 'A' && r <= 'F') return r - 'A' + 10;
  return 16;
}

/// Go's %#U: U+0078 'x', without the character when it cannot be printed.
std::string unicode_text(uint32_t code) {
  char hex[16];
  std::snprintf(hex, sizeof hex, "U+%04X", code);
  std::string out = hex;
  if (base::is_printable(code)) {
    out += " '";
    base::append_rune(out, code);
    out += '\'';
  }
  return out;
}

}  // namespace

Token Lexer::number_or_duration() {
  if (scan_number()) return emit(T::kNumber);
  if (scan_duration()) return emit(T::kDuration);
  return fail("bad number or duration syntax: " +
              base::go_quote(input_.substr(start_, pos_ - start_)));
}

// Takes what can only be a number or a mistake; whether it is a number is found out when its value
// is read. Hexadecimal digits hold 'e' but an 'e' is first of all an exponent, as in Prometheus.
bool Lexer::scan_number() {
  std::string_view digits = kDecimalDigits;
  if (accept("0") && accept("xX")) {
    accept("_");
    digits = kHexDigits;
  }
  accept(".");
  accept(digits);
  bool dot_seen = false, exponent_seen = false;
  while (at_one_of(digits) || at_one_of("._eE")) {
    if (at_one_of(".")) {
      if (!number_dot(digits, dot_seen)) return false;
    } else if (at_one_of("eE")) {
      accept("eE");
      if (exponent_seen) return false;
      exponent_seen = true;
      accept("+-");
      if (accept("._eE") || pos_ >= input_.size()) return false;
    } else if (accept("_")) {
      if (accept("._eE") || pos_ >= input_.size()) return false;
    } else {
      while (accept(digits)) continue;
    }
  }
  return !is_alphanumeric(peek());
}

bool Lexer::number_dot(std::string_view digits, bool& dot_seen) {
  accept(".");
  if (dot_seen) return false;
  dot_seen = true;
  return !accept("_.") && digits.size() == kDecimalDigits.size();
}

// Goes on where scan_number gave up: behind the digits.
bool Lexer::scan_duration() {
  if (!accept("smhdwy")) return false;
  accept("s");
  while (accept(kDecimalDigits)) {
    while (accept(kDecimalDigits)) continue;
    // A year comes first.
    if (!accept("smhdw")) return false;
    accept("s");
  }
  if (!is_alphanumeric(peek())) return true;
  take();
  return false;
}

Token Lexer::quoted(char quote) {
  while (true) {
    const uint32_t r = take();
    if (r == static_cast<unsigned char>(quote)) return emit(T::kString);
    if (r == kEnd || r == '\n') return fail("unterminated quoted string");
    if (r == base::kRuneError) return fail("invalid UTF-8 rune");
    if (r != '\\') continue;
    if (std::string message = scan_escape(quote); !message.empty()) return fail(std::move(message));
  }
}

Token Lexer::raw_string() {
  while (true) {
    const uint32_t r = take();
    if (r == '`') return emit(T::kString);
    if (r == kEnd) return fail("unterminated raw string");
    if (r == base::kRuneError) return fail("invalid UTF-8 rune");
  }
}

std::string Lexer::scan_escape(char quote) {
  uint32_t r = take();
  int count = 0;
  uint32_t radix = 16, max = 0x10ffff;
  switch (r) {
    case kEnd: return "escape sequence not terminated";
    case 'a':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
    case 'v':
    case '\\': return "";
    case 'x':
      count = 2;
      max = 255;
      r = take();
      break;
    case 'u':
      count = 4;
      r = take();
      break;
    case 'U':
      count = 8;
      r = take();
      break;
    default:
      if (r == static_cast<unsigned char>(quote)) return "";
      if (r < '0' || r > '7') return "unknown escape sequence " + unicode_text(r);
      count = 3;
      radix = 8;
      max = 255;
  }
  uint32_t code = 0;
  while (true) {
    const uint32_t digit = digit_value(r);
    if (digit >= radix) {
      if (r == kEnd) return "escape sequence not terminated";
      return "illegal character " + unicode_text(r) + " in escape sequence";
    }
    code = code * radix + digit;
    if (--count == 0) break;
    r = take();
  }
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code > max || surrogate ? "escape sequence is an invalid Unicode code point" : "";
}

}  // namespace silverback::promql
