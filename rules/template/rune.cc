#include "rules/template/rune.h"

#include <array>

namespace silverback::rules::text_template {

char32_t decode_rune(std::string_view s, size_t& length) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  length = 1;
  const unsigned char first = byte(0);
  if (first < 0x80) return first;
  const size_t want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (want == 0 || first > 0xf4 || s.size() < want) return 0xfffd;
  char32_t rune = first & (0x7fu >> want);
  for (size_t i = 1; i < want; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0xfffd;
    rune = (rune << 6) | (byte(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (rune < kSmallest[want] || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) {
    return 0xfffd;
  }
  length = want;
  return rune;
}

void append_rune(std::string& out, char32_t r) {
  if (r > 0x10ffff || (r >= 0xd800 && r <= 0xdfff)) r = 0xfffd;
  const auto put = [&](char32_t b) { out.push_back(static_cast<char>(b)); };
  if (r < 0x80) {
    put(r);
  } else if (r < 0x800) {
    put(0xc0 | (r >> 6));
    put(0x80 | (r & 0x3f));
  } else if (r < 0x10000) {
    put(0xe0 | (r >> 12));
    put(0x80 | ((r >> 6) & 0x3f));
    put(0x80 | (r & 0x3f));
  } else {
    put(0xf0 | (r >> 18));
    put(0x80 | ((r >> 12) & 0x3f));
    put(0x80 | ((r >> 6) & 0x3f));
    put(0x80 | (r & 0x3f));
  }
}

bool is_letter(char32_t r) {
  if (r < 0x80) return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z');
  if (r > 0x10ffff || r == 0xfffd || r == 0xfeff) return false;
  if (r < 0xc0) return r == 0xaa || r == 0xb5 || r == 0xba;
  if (r == 0xd7 || r == 0xf7) return false;
  if (r >= 0x2000 && r <= 0x2bff) return false;  // punctuation, symbols, arrows
  if (r >= 0x3000 && r <= 0x3004) return false;
  if (r >= 0x3008 && r <= 0x3030) return false;
  if (r >= 0xd800 && r <= 0xf8ff) return false;  // surrogates, private use
  return r < 0x1f000;                            // pictographs follow
}

}  // namespace silverback::rules::text_template
