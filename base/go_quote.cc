#include "base/go_quote.h"

#include "base/utf8.h"

namespace silverback::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_hex(std::string& out, uint32_t v, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[v >> shift & 0xf];
}

void append_escaped(std::string& out, uint32_t rune) {
  switch (rune) {
    case '\a': out += "\\a"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\v': out += "\\v"; return;
    default: break;
  }
  if (rune < 0x20 || rune == 0x7f) {
    out += "\\x";
    append_hex(out, rune, 2);
  } else if (rune < 0x10000) {
    out += "\\u";
    append_hex(out, rune, 4);
  } else {
    out += "\\U";
    append_hex(out, rune, 8);
  }
}

}  // namespace

void append_go_quote(std::string& out, std::string_view s) {
  out += '"';
  while (!s.empty()) {
    const Rune rune = decode_rune(s);
    const std::string_view bytes = s.substr(0, rune.size);
    s.remove_prefix(rune.size);
    if (rune.code == kRuneError && rune.size == 1) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(bytes.front()), 2);
    } else if (rune.code == '"' || rune.code == '\\') {
      out += '\\';
      out += bytes;
    } else if (is_printable(rune.code)) {
      out += bytes;
    } else {
      append_escaped(out, rune.code);
    }
  }
  out += '"';
}

std::string go_quote(std::string_view s) {
  std::string out;
  out.reserve(s.size() + 2);
  append_go_quote(out, s);
  return out;
}

}  // namespace silverback::base
