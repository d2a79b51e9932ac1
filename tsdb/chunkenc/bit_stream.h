#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace silverback::tsdb::chunkenc {

/// Appends bits, the most significant first, in whole 64-bit words. Threads: externally locked.
class BitWriter {
 public:
  /// The low `n` bits of `v`, 1 <= n <= 64.
  void put(uint64_t v, unsigned n) {
    if (n < 64) v &= (uint64_t{1} << n) - 1;
    const unsigned room = 64 - used_;
    if (n < room) {
      word_ |= v << (room - n);
      used_ += n;
      return;
    }
    const unsigned rest = n - room;
    word_ |= v >> rest;
    flush_word();
    if (rest > 0) word_ = v << (64 - rest);
    used_ = rest;
  }
  /// All bits so far, the last byte filled up with zeros, are appended to `out`.
  void copy_to(std::string& out) const {
    out.append(full_);
    char tail[8];
    const uint64_t big = __builtin_bswap64(word_);
    std::memcpy(tail, &big, sizeof tail);
    out.append(tail, (used_ + 7) / 8);
  }
  size_t size() const { return full_.size() + (used_ + 7) / 8; }
  size_t memory() const { return full_.capacity(); }

 private:
  void flush_word() {
    char buf[8];
    const uint64_t big = __builtin_bswap64(word_);
    std::memcpy(buf, &big, sizeof buf);
    full_.append(buf, sizeof buf);
    word_ = 0;
  }
  std::string full_;
  uint64_t word_ = 0;  // the open word, filled from the top
  unsigned used_ = 0;  // bits used of word_, < 64
};

/// Reads what BitWriter wrote. Reading past the end gives zeros; the caller asks overrun() when it
/// suits it (once a sample), so that no read needs a branch of its own.
class BitReader {
 public:
  explicit BitReader(std::string_view in) : in_(in), end_(uint64_t{in.size()} * 8) {}

  /// The next 57 bits or more, at the top of the word.
  uint64_t peek() const {
    const uint64_t byte = pos_ >> 3;
    uint64_t word = 0;
    if (byte + 8 <= in_.size()) {
      std::memcpy(&word, in_.data() + byte, 8);
    } else if (byte < in_.size()) {
      std::memcpy(&word, in_.data() + byte, in_.size() - byte);
    }
    return __builtin_bswap64(word) << (pos_ & 7);
  }
  void skip(unsigned n) { pos_ += n; }
  /// 1 <= n <= 64.
  uint64_t get(unsigned n) {
    if (n <= 56) {
      const uint64_t v = peek() >> (64 - n);
      pos_ += n;
      return v;
    }
    const uint64_t high = get(n - 32);
    return (high << 32) | get(32);
  }
  bool overrun() const { return pos_ > end_; }
  uint64_t bit_position() const { return pos_; }

 private:
  std::string_view in_;  // the caller's
  uint64_t end_;
  uint64_t pos_ = 0;
};

/// `n` bits as a two's complement number.
inline int64_t sign_extend(uint64_t v, unsigned n) {
  return static_cast<int64_t>(v << (64 - n)) >> (64 - n);
}

/// True if `v` can be put in `n` bits of two's complement.
inline bool fits_signed(int64_t v, unsigned n) {
  const int64_t limit = int64_t{1} << (n - 1);
  return v >= -limit && v < limit;
}

}  // namespace silverback::tsdb::chunkenc
