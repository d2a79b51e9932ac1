#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::storage::remote {

inline void append_uvarint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

inline void append_fixed64(std::string& out, double v) {
  const auto bits = std::bit_cast<uint64_t>(v);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<char>(bits >> shift & 0xff));
  }
}

/// Appends the fields of one protobuf message to a string. Nested messages are written apart and
/// given as bytes. Threads: externally locked.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void varint(uint32_t field, uint64_t v) {
    tag(field, 0);
    append_uvarint(out_, v);
  }
  void int64(uint32_t field, int64_t v) { varint(field, static_cast<uint64_t>(v)); }
  void sint(uint32_t field, int64_t v) { varint(field, zigzag(v)); }
  void number(uint32_t field, double v) {
    tag(field, 1);
    append_fixed64(out_, v);
  }
  void bytes(uint32_t field, std::string_view v) {
    tag(field, 2);
    append_uvarint(out_, v.size());
    out_ += v;
  }

  static uint64_t zigzag(int64_t v) {
    return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
  }

 private:
  void tag(uint32_t field, uint32_t type) { append_uvarint(out_, uint64_t{field} << 3 | type); }
  std::string& out_;
};

}  // namespace silverback::storage::remote
