#include "base/compress.h"

#include <catch2/catch.hpp>

#include "base/crc32c.h"

namespace silverback::base {
namespace {

std::string noise(size_t n) {
  std::string out;
  uint32_t x = 1;
  for (size_t i = 0; i < n; ++i) {
    x = x * 1664525 + 1013904223;
    out += static_cast<char>(static_cast<unsigned char>(x >> 24));
  }
  return out;
}

}  // namespace

TEST_CASE("gunzip undoes gzip", "[base]") {
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(300000, 'a'), noise(200000)}) {
    const auto back = gunzip(gzip(text), 0);
    REQUIRE(back.is_ok());
    CHECK((*back == text));
  }
  CHECK(gunzip(gzip("ab") + gzip("cd", 9), 0).value() == "abcd");
}

TEST_CASE("gunzip stops at its limit", "[base]") {
  const std::string packed = gzip(std::string(1000000, 'a'));
  CHECK(gunzip(packed, 1000000).is_ok());
  CHECK(gunzip(packed, 999999).status().code() == Errc::kLimit);
  CHECK(gunzip(gzip("ab") + gzip("cd"), 3).status().code() == Errc::kLimit);
}

TEST_CASE("gunzip tells broken input", "[base]") {
  const std::string packed = gzip(noise(1000));
  std::string flipped = packed;
  flipped[packed.size() - 6] = static_cast<char>(flipped[packed.size() - 6] ^ 1);
  for (const std::string& text : {std::string(), std::string("not gzip"), packed.substr(0, 5),
                                  packed.substr(0, 500), packed.substr(0, packed.size() - 1),
                                  flipped, packed + "x", packed + std::string(20, 'x')}) {
    CHECK(gunzip(text, 0).status().code() == Errc::kCorruption);
  }
}

TEST_CASE("zlib_deflate writes zlib's header", "[base]") {
  const std::string packed = zlib_deflate("hello hello hello hello");
  CHECK(static_cast<unsigned char>(packed.at(0)) == 0x78);
  CHECK(packed.size() < 23);
}

TEST_CASE("crc32c agrees with the known vectors", "[base]") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  CHECK(crc32c(up) == 0x46dd794e);
  CHECK(crc32c(down) == 0x113fdb5c);
}

TEST_CASE("crc32c continues a former result", "[base]") {
  const std::string text = noise(1000);
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{500}, size_t{1000}}) {
    CHECK(crc32c(std::string_view(text).substr(cut),
                 crc32c(std::string_view(text).substr(0, cut))) == crc32c(text));
  }
}

TEST_CASE("Compressor gives the same text in any pieces", "[base]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919 % 10'007) + ",";
  for (const size_t piece : {size_t{1000}, size_t{65'536}, text.size()}) {
    std::string out;
    Compressor compressor(Compression::kGzip, 3);
    for (size_t at = 0; at < text.size(); at += piece) {
      compressor.write(std::string_view(text).substr(at, piece), out);
    }
    compressor.finish(out);
    CHECK((*gunzip(out, 0) == text));
  }
}

TEST_CASE("Compressor flushes what it has held back", "[base]") {
  std::string out;
  Compressor compressor(Compression::kGzip);
  compressor.write("abc", out);
  const size_t before = out.size();
  compressor.flush(out);
  CHECK(out.size() > before);
  compressor.write("def", out);
  compressor.finish(out);
  CHECK(*gunzip(out, 0) == "abcdef");
}

}  // namespace silverback::base
