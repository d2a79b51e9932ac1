#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace silverback::storage::remote {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

/// Walks the fields of one protobuf message, without copies. Every length is checked; groups are
/// skipped in a loop. Once next() has given false, failed() tells the end from an error.
/// Views point into the message.
class WireReader {
 public:
  WireReader() = default;
  explicit WireReader(std::string_view message) : at_(message.data()), end_(at_ + message.size()) {}

  /// Moves to the next field that is not a group; its value is read.
  bool next() {
    while (!failed_ && at_ != end_) {
      const uint64_t tag = varint();
      field_ = static_cast<uint32_t>(tag >> 3);
      type_ = static_cast<WireType>(tag & 7);
      if (failed_ || field_ == 0 || tag >> 32 != 0) return fail();
      if (type_ != WireType::kStartGroup) return read_value();
      if (!skip_group()) return fail();
    }
    return false;
  }
  bool failed() const { return failed_; }
  /// The message breaks its own rules: next() gives false from now on.
  bool fail() {
    failed_ = true;
    return false;
  }

  uint32_t field() const { return field_; }
  WireType type() const { return type_; }

  /// The value as a varint, a double or bytes; of another wire type: an error.
  uint64_t as_varint() { return take(WireType::kVarint) ? number_ : 0; }
  int64_t as_int64() { return static_cast<int64_t>(as_varint()); }
  int64_t as_sint() { return zigzag(as_varint()); }
  /// Of a longer varint the lower half counts, as everywhere.
  int32_t as_sint32() { return static_cast<int32_t>(zigzag(static_cast<uint32_t>(as_varint()))); }
  double as_double() { return take(WireType::kFixed64) ? std::bit_cast<double>(number_) : 0.0; }
  std::string_view as_bytes() { return take(WireType::kBytes) ? bytes_ : std::string_view(); }

  static int64_t zigzag(uint64_t v) {
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }

  /// For packed numbers: reads the message as bare values.
  bool at_end() const { return at_ == end_; }
  uint64_t varint() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) {
      return static_cast<unsigned char>(*at_++);
    }
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) break;
      const auto b = static_cast<unsigned char>(*at_++);
      if (shift == 63 && b > 1) break;
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    fail();
    at_ = end_;
    return 0;
  }
  uint64_t fixed64() { return fixed(8); }

 private:
  bool take(WireType wanted) {
    if (type_ != wanted) fail();
    return type_ == wanted;
  }
  uint64_t fixed(size_t n) {
    uint64_t v = 0;
    if (static_cast<size_t>(end_ - at_) < n) {
      fail();
      at_ = end_;
      return 0;
    }
    std::memcpy(&v, at_, n);
    at_ += n;
    return v;
  }
  bool read_value() {
    switch (type_) {
      case WireType::kVarint: number_ = varint(); break;
      case WireType::kFixed64: number_ = fixed(8); break;
      case WireType::kFixed32: number_ = fixed(4); break;
      case WireType::kBytes: {
        const uint64_t n = varint();
        if (failed_ || n > static_cast<uint64_t>(end_ - at_)) return fail();
        bytes_ = {at_, static_cast<size_t>(n)};
        at_ += n;
        break;
      }
      default: return fail();  // an end without its start, or an unknown type
    }
    return !failed_;
  }
  // To the end of the group that has just begun, however deep.
  bool skip_group() {
    for (size_t depth = 1; depth > 0;) {
      if (at_ == end_) return false;
      type_ = static_cast<WireType>(varint() & 7);
      if (failed_) return false;
      if (type_ == WireType::kStartGroup) {
        ++depth;
      } else if (type_ == WireType::kEndGroup) {
        --depth;
      } else if (!read_value()) {
        return false;
      }
    }
    return true;
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  bool failed_ = false;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace silverback::storage::remote
