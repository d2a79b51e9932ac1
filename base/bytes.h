#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::base {

/// Appends fixed-width little-endian and varint numbers to a string.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void u8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u32(uint32_t v) { fixed(v); }
  void u64(uint64_t v) { fixed(v); }
  void f64(double v) {
    uint64_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    fixed(bits);
  }
  void uvarint(uint64_t v) {
    while (v >= 0x80) {
      u8(static_cast<uint8_t>(v | 0x80));
      v >>= 7;
    }
    u8(static_cast<uint8_t>(v));
  }
  /// Zigzag.
  void svarint(int64_t v) {
    uvarint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
  }
  void bytes(std::string_view s) { out_.append(s); }
  /// Length as uvarint, then the bytes.
  void string(std::string_view s) {
    uvarint(s.size());
    bytes(s);
  }
  size_t size() const { return out_.size(); }

 private:
  template <typename T>
  void fixed(T v) {
    char buf[sizeof v];
    std::memcpy(buf, &v, sizeof v);  // x86-64 and arm64 are little-endian
    out_.append(buf, sizeof v);
  }
  std::string& out_;
};

/// Reads what ByteWriter wrote; every read is bounds-checked. After the first failure `ok()` is
/// false, reads give zero, and status() tells the offset.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}
  uint8_t u8() { return fixed<uint8_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  double f64() {
    const uint64_t bits = u64();
    double v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
  uint64_t uvarint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (pos_ >= in_.size()) break;
      const auto b = static_cast<uint8_t>(in_[pos_++]);
      if (shift == 63 && b > 1) break;
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    fail();
    return 0;
  }
  int64_t svarint() {
    const uint64_t v = uvarint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  /// Views into the input.
  std::string_view bytes(size_t n) {
    if (n > in_.size() - pos_) {
      fail();
      return {};
    }
    const std::string_view s = in_.substr(pos_, n);
    pos_ += n;
    return s;
  }
  std::string_view string() { return bytes(uvarint()); }

  bool ok() const { return ok_; }
  bool at_end() const { return pos_ == in_.size(); }
  size_t pos() const { return pos_; }
  size_t remaining() const { return in_.size() - pos_; }
  Status status() const {
    return ok_ ? Status()
               : Status(Errc::kCorruption, "bytes end early at offset " + std::to_string(pos_));
  }

 private:
  template <typename T>
  T fixed() {
    T v{};
    if (sizeof v > in_.size() - pos_) {
      fail();
      return v;
    }
    std::memcpy(&v, in_.data() + pos_, sizeof v);
    pos_ += sizeof v;
    return v;
  }
  void fail() {
    ok_ = false;
    pos_ = in_.size();
  }
  std::string_view in_;
  size_t pos_ = 0;
  bool ok_ = true;
};

}  // namespace silverback::base
