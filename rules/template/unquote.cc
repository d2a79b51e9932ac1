#include "rules/template/unquote.h"

#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// One character or escape off the front of `s`; `raw_byte`: it stands for a byte, not a character.
bool take_char(std::string_view& s, char quote, char32_t& rune, bool& raw_byte) {
  raw_byte = false;
  if (s.empty() || s[0] == quote || s[0] == '\n') return false;
  if (s[0] != '\\') {
    size_t length = 0;
    rune = decode_rune(s, length);
    if (rune == 0xfffd && length == 1) {
      raw_byte = true;
      rune = static_cast<unsigned char>(s[0]);
    }
    s.remove_prefix(length);
    return true;
  }
  if (s.size() < 2) return false;
  const char c = s[1];
  s.remove_prefix(2);
  switch (c) {
    case 'a': rune = '\a'; return true;
    case 'b': rune = '\b'; return true;
    case 'f': rune = '\f'; return true;
    case 'n': rune = '\n'; return true;
    case 'r': rune = '\r'; return true;
    case 't': rune = '\t'; return true;
    case 'v': rune = '\v'; return true;
    case '\\': rune = '\\'; return true;
    case '\'':
    case '"':
      if (c != quote) return false;
      rune = static_cast<unsigned char>(c);
      return true;
    default: break;
  }
  size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  rune = 0;
  if (digits > 0) {
    if (s.size() < digits) return false;
    for (size_t i = 0; i < digits; ++i) {
      const int d = hex_digit(s[i]);
      if (d < 0) return false;
      rune = rune * 16 + static_cast<char32_t>(d);
    }
    s.remove_prefix(digits);
    raw_byte = c == 'x';
    return raw_byte || (rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff));
  }
  if (c < '0' || c > '7' || s.size() < 2) return false;
  rune = static_cast<char32_t>(c - '0');
  for (size_t i = 0; i < 2; ++i) {
    if (s[i] < '0' || s[i] > '7') return false;
    rune = rune * 8 + static_cast<char32_t>(s[i] - '0');
  }
  s.remove_prefix(2);
  raw_byte = true;
  return rune <= 255;
}

}  // namespace

std::optional<std::string> unquote(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != quoted.back()) return std::nullopt;
  const char quote = quoted.front();
  std::string_view body = quoted.substr(1, quoted.size() - 2);
  std::string out;
  if (quote == '`') {
    for (const char c : body) {
      if (c != '\r') out += c;
    }
    return out;
  }
  if (quote != '"') return std::nullopt;
  while (!body.empty()) {
    char32_t rune = 0;
    bool raw_byte = false;
    if (!take_char(body, quote, rune, raw_byte)) return std::nullopt;
    if (raw_byte) {
      out.push_back(static_cast<char>(rune));
    } else {
      append_rune(out, rune);
    }
  }
  return out;
}

std::optional<char32_t> unquote_char(std::string_view quoted) {
  if (quoted.size() < 3 || quoted.front() != '\'' || quoted.back() != '\'') return std::nullopt;
  std::string_view body = quoted.substr(1, quoted.size() - 2);
  char32_t rune = 0;
  bool raw_byte = false;
  if (!take_char(body, '\'', rune, raw_byte) || !body.empty()) return std::nullopt;
  return rune;
}

}  // namespace silverback::rules::text_template
