#include "base/utf8.h"

#include <cstring>

namespace silverback::base {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

// Size of the well-formed multi-byte rune at the front, 0 if there is none.
size_t multi_byte_size(const unsigned char* p, size_t n) {
  const auto tail = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < n && p[i] >= low && p[i] <= high;
  };
  const unsigned b = p[0];
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    const unsigned low = b == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = b == 0xed ? 0x9f : 0xbf;  // no surrogates
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    const unsigned low = b == 0xf0 ? 0x90 : 0x80;
    const unsigned high = b == 0xf4 ? 0x8f : 0xbf;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

char byte_of(uint32_t v) {
  return static_cast<char>(static_cast<unsigned char>(v));
}

}  // namespace

bool is_valid_utf8(std::string_view s) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  const size_t n = s.size();
  size_t i = 0;
  while (i < n) {
    if (n - i >= 8) {
      uint64_t word;
      std::memcpy(&word, p + i, sizeof word);
      if ((word & kHighBits) == 0) {
        i += 8;
        continue;
      }
    }
    if (p[i] < 0x80) {
      ++i;
      continue;
    }
    const size_t size = multi_byte_size(p + i, n - i);
    if (size == 0) return false;
    i += size;
  }
  return true;
}

Rune decode_rune(std::string_view s) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  if (p[0] < 0x80) return {p[0], 1};
  const size_t size = multi_byte_size(p, s.size());
  const auto six = [&](size_t i) { return static_cast<uint32_t>(p[i] & 0x3f); };
  switch (size) {
    case 2: return {static_cast<uint32_t>(p[0] & 0x1f) << 6 | six(1), 2};
    case 3: return {static_cast<uint32_t>(p[0] & 0x0f) << 12 | six(1) << 6 | six(2), 3};
    case 4:
      return {static_cast<uint32_t>(p[0] & 0x07) << 18 | six(1) << 12 | six(2) << 6 | six(3), 4};
    default: return {kRuneError, 1};
  }
}

void append_rune(std::string& out, uint32_t code) {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) code = kRuneError;
  if (code < 0x80) {
    out += byte_of(code);
  } else if (code < 0x800) {
    out += byte_of(0xc0 | code >> 6);
    out += byte_of(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += byte_of(0xe0 | code >> 12);
    out += byte_of(0x80 | (code >> 6 & 0x3f));
    out += byte_of(0x80 | (code & 0x3f));
  } else {
    out += byte_of(0xf0 | code >> 18);
    out += byte_of(0x80 | (code >> 12 & 0x3f));
    out += byte_of(0x80 | (code >> 6 & 0x3f));
    out += byte_of(0x80 | (code & 0x3f));
  }
}

}  // namespace silverback::base
