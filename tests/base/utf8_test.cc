#include "base/utf8.h"

#include <catch2/catch.hpp>

#include "base/go_quote.h"

namespace silverback::base {

TEST_CASE("is_valid_utf8 takes exactly the well-formed", "[base]") {
  const std::vector<std::string> good = {"",
                                         "a",
                                         "plain ascii of more than eight",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xef\xbf\xbd",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xed\x9f\xbf",
                                         "12345678\xc3\xa9"};
  for (const std::string& s : good) CHECK(is_valid_utf8(s));
  const std::vector<std::string> bad = {"\x80",
                                        "\xc0\xaf",
                                        "\xc1\xbf",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xc3",
                                        "\xe2\x82",
                                        "\xf0\x9f\x98",
                                        "12345678\xc3"};
  for (const std::string& s : bad) CHECK_FALSE(is_valid_utf8(s));
}

TEST_CASE("decode_rune and append_rune are inverse", "[base]") {
  for (const uint32_t code :
       {0x0u, 0x41u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xffffu, 0x10000u, 0x10ffffu}) {
    std::string s;
    append_rune(s, code);
    const Rune rune = decode_rune(s);
    CHECK(rune.code == code);
    CHECK(rune.size == s.size());
  }
  std::string s;
  append_rune(s, 0xd800);
  CHECK(s == "\xef\xbf\xbd");
  CHECK(decode_rune("\xff").size == 1);
  CHECK(decode_rune("\xff").code == kRuneError);
}

TEST_CASE("go_quote writes as strconv.Quote", "[base]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "\"\""},
      {"a b", "\"a b\""},
      {"q\"b\\", "\"q\\\"b\\\\\""},
      {"\a\b\f\n\r\t\v", "\"\\a\\b\\f\\n\\r\\t\\v\""},
      {std::string("\0\x1f\x7f", 3), "\"\\x00\\x1f\\x7f\""},
      {"\xc3\xa9\xe2\x82\xac", "\"\xc3\xa9\xe2\x82\xac\""},
      {"\xff", "\"\\xff\""},
      {"\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
      {"\xc2\xa0", "\"\\u00a0\""},      // no-break space is not printed
      {"\xe2\x80\xa8", "\"\\u2028\""},  // line separator
      {"\xf3\xa0\x80\x81", "\"\\U000e0001\""},
      {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
  };
  for (const auto& row : rows) CHECK(go_quote(row.first) == row.second);
}

}  // namespace silverback::base
