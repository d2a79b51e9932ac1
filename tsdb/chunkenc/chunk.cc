#include "tsdb/chunkenc/chunk.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>

#include "base/bytes.h"
#include "tsdb/chunkenc/histogram_chunk.h"

namespace silverback::tsdb::chunkenc {
namespace {

using base::Errc;
using base::Status;

// Delta-of-delta classes: after k ones and a zero come kDodBits[k] bits; five ones: 64 bits.
// 5 bits take the jitter of a few ms that a scraper has, 20 bits a missed scrape.
constexpr unsigned kDodBits[] = {0, 5, 9, 14, 20};
constexpr unsigned kDodClasses = 5;

// Start timestamps: '0' as before, '10' = the previous sample's t, '110' + 20 bits of difference,
// '111' + 64 bits.
constexpr unsigned kStartDeltaBits = 20;

// A new window costs 5 + 6 bits more than repeating the old one.
constexpr unsigned kWindowBits = 11;

struct Head {
  Encoding encoding = Encoding::kXor;
  uint32_t count = 0;
  std::string_view payload;
};

base::Result<Head> parse_head(std::string_view chunk) {
  base::ByteReader in(chunk);
  const uint8_t encoding = in.u8();
  const uint64_t count = in.uvarint();
  if (!in.ok()) return in.status().with_context("chunk head");
  if (encoding < static_cast<uint8_t>(Encoding::kXor) ||
      encoding > static_cast<uint8_t>(Encoding::kHistogram)) {
    return Status(Errc::kCorruption, "unknown chunk encoding " + std::to_string(encoding));
  }
  Head head{static_cast<Encoding>(encoding), 0, in.bytes(in.remaining())};
  // A sample takes at least two bits: a count beyond that must not lead to an allocation.
  if (count > std::numeric_limits<uint32_t>::max() || count > uint64_t{head.payload.size()} * 4) {
    return Status(Errc::kCorruption, "chunk claims " + std::to_string(count) + " samples in " +
                                         std::to_string(head.payload.size()) + " bytes");
  }
  head.count = static_cast<uint32_t>(count);
  return head;
}

// Samples of an XOR payload, one at a time.
class XorReader {
 public:
  explicit XorReader(std::string_view payload) : in_(payload) {}

  // False: the bytes are no chunk. `kStart`: with start timestamps.
  template <bool kStart>
  bool next() {
    const uint64_t prev_t = t_;
    if (first_) {
      first_ = false;
      t_ = in_.get(64);
      if constexpr (kStart) start_ = in_.get(64);
      bits_ = in_.get(64);
      return !in_.overrun();
    }
    read_timestamp();
    if constexpr (kStart) read_start(prev_t);
    return read_value() && !in_.overrun() && time() > static_cast<int64_t>(prev_t);
  }
  int64_t time() const { return static_cast<int64_t>(t_); }
  int64_t start() const { return static_cast<int64_t>(start_); }
  double value() const { return std::bit_cast<double>(bits_); }
  uint64_t bit_position() const { return in_.bit_position(); }

 private:
  void read_timestamp() {
    const uint64_t word = in_.peek();
    const auto ones = static_cast<unsigned>(std::countl_one(word));
    if (ones == 0) {
      in_.skip(1);
    } else if (ones < kDodClasses) {
      const unsigned n = kDodBits[ones];
      delta_ += static_cast<uint64_t>(sign_extend((word << (ones + 1)) >> (64 - n), n));
      in_.skip(ones + 1 + n);
    } else {
      in_.skip(kDodClasses);
      delta_ += in_.get(64);
    }
    t_ += delta_;
  }

  void read_start(uint64_t prev_t) {
    const auto ones = static_cast<unsigned>(std::countl_one(in_.peek()));
    if (ones == 0) {
      in_.skip(1);
    } else if (ones == 1) {
      in_.skip(2);
      start_ = prev_t;
    } else {
      const bool whole = ones > 2;
      in_.skip(3);
      if (whole) {
        start_ = in_.get(64);
      } else {
        start_ += static_cast<uint64_t>(sign_extend(in_.get(kStartDeltaBits), kStartDeltaBits));
      }
    }
  }

  bool read_value() {
    uint64_t word = in_.peek();
    if ((word >> 63) == 0) {
      in_.skip(1);
      return true;
    }
    in_.skip(2);
    if (((word >> 62) & 1) != 0) {
      leading_ = static_cast<unsigned>((word >> 57) & 31);
      significant_ = static_cast<unsigned>((word >> 51) & 63);
      if (significant_ == 0) significant_ = 64;
      if (leading_ + significant_ > 64) return false;
      in_.skip(kWindowBits);
    } else if (significant_ == 0) {
      return false;
    }
    bits_ ^= in_.get(significant_) << (64 - leading_ - significant_);
    return true;
  }

  BitReader in_;
  bool first_ = true;
  uint64_t t_ = 0, delta_ = 0, start_ = 0, bits_ = 0;
  unsigned leading_ = 0, significant_ = 0;
};

template <bool kStart>
Status decode_xor(const Head& head, model::TimeRange range, storage::ColumnBuffer& into) {
  const size_t before = into.t.size();
  // Written whole and cut afterwards: no capacity check a sample.
  into.t.resize(before + head.count);
  into.v.resize(before + head.count);
  size_t n = before;
  bool with_start = !into.start.empty();
  XorReader in(head.payload);
  for (uint32_t i = 0; i < head.count; ++i) {
    if (!in.next<kStart>()) {
      return Status(Errc::kCorruption, "chunk sample " + std::to_string(i) + " of " +
                                           std::to_string(head.count) + ", bit " +
                                           std::to_string(in.bit_position()));
    }
    const int64_t t = in.time();
    if (t > range.until) break;
    if (t <= range.after) continue;
    into.t[n] = t;
    into.v[n] = in.value();
    if constexpr (kStart) {
      if (!with_start && in.start() != 0) {
        with_start = true;
        into.start.resize(n, 0);
      }
      if (with_start) into.start.push_back(in.start());
    }
    ++n;
  }
  into.t.resize(n);
  into.v.resize(n);
  if (with_start) into.start.resize(n, 0);
  return Status::ok();
}

}  // namespace

void ChunkBuilder::append(model::TimestampMs start, model::TimestampMs t, double v) {
  assert(encoding_ != Encoding::kHistogram);
  assert(count_ == 0 || t > max_t_);
  const auto bits = std::bit_cast<uint64_t>(v);
  if (count_ == 0) {
    bits_.put(static_cast<uint64_t>(t), 64);
    if (encoding_ == Encoding::kXorStart) bits_.put(static_cast<uint64_t>(start), 64);
    bits_.put(bits, 64);
    min_t_ = t;
  } else {
    append_timestamp(t);
    if (encoding_ == Encoding::kXorStart) append_start(start);
    append_value(bits);
  }
  max_t_ = t;
  prev_start_ = start;
  prev_bits_ = bits;
  ++count_;
}

void ChunkBuilder::append(model::TimestampMs start, model::TimestampMs t,
                          const model::Histogram& h) {
  assert(encoding_ == Encoding::kHistogram);
  assert(count_ == 0 || t > max_t_);
  encode_histogram({max_t_, prev_start_, prev_histogram_.get()}, start, t, h, histogram_bytes_);
  if (prev_histogram_ == nullptr) {
    prev_histogram_ = std::make_unique<model::Histogram>(h);
    min_t_ = t;
  } else {
    *prev_histogram_ = h;
  }
  max_t_ = t;
  prev_start_ = start;
  ++count_;
}

void ChunkBuilder::append_timestamp(model::TimestampMs t) {
  const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(max_t_);
  const auto dod = static_cast<int64_t>(delta - delta_);
  delta_ = delta;
  if (dod == 0) {
    bits_.put(0, 1);
    return;
  }
  for (unsigned ones = 1; ones < kDodClasses; ++ones) {
    const unsigned n = kDodBits[ones];
    if (!fits_signed(dod, n)) continue;
    const uint64_t prefix = (uint64_t{1} << (ones + 1)) - 2;
    bits_.put((prefix << n) | (static_cast<uint64_t>(dod) & ((uint64_t{1} << n) - 1)),
              ones + 1 + n);
    return;
  }
  bits_.put((uint64_t{1} << kDodClasses) - 1, kDodClasses);
  bits_.put(static_cast<uint64_t>(dod), 64);
}

void ChunkBuilder::append_start(model::TimestampMs start) {
  if (start == prev_start_) {
    bits_.put(0, 1);
    return;
  }
  if (start == max_t_) {
    bits_.put(0b10, 2);
    return;
  }
  const auto change =
      static_cast<int64_t>(static_cast<uint64_t>(start) - static_cast<uint64_t>(prev_start_));
  if (fits_signed(change, kStartDeltaBits)) {
    bits_.put(0b110, 3);
    bits_.put(static_cast<uint64_t>(change), kStartDeltaBits);
  } else {
    bits_.put(0b111, 3);
    bits_.put(static_cast<uint64_t>(start), 64);
  }
}

void ChunkBuilder::append_value(uint64_t bits) {
  const uint64_t changed = bits ^ prev_bits_;
  if (changed == 0) {
    bits_.put(0, 1);
    return;
  }
  const unsigned leading = std::min(static_cast<unsigned>(std::countl_zero(changed)), 31U);
  const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
  const unsigned significant = 64 - leading - trailing;
  const unsigned old_trailing = 64U - leading_ - significant_;
  if (significant_ != 0 && leading >= leading_ && trailing >= old_trailing &&
      significant_ <= significant + kWindowBits) {
    bits_.put(0b10, 2);
    bits_.put(changed >> old_trailing, significant_);
    return;
  }
  leading_ = static_cast<uint8_t>(leading);
  significant_ = static_cast<uint8_t>(significant);
  bits_.put((uint64_t{0b11} << kWindowBits) | (leading << 6) | (significant & 63), 2 + kWindowBits);
  bits_.put(changed >> trailing, significant);
}

std::string ChunkBuilder::bytes() const {
  std::string out;
  out.reserve(6 + bits_.size() + histogram_bytes_.size());
  base::ByteWriter w(out);
  w.u8(static_cast<uint8_t>(encoding_));
  w.uvarint(count_);
  if (encoding_ == Encoding::kHistogram) {
    w.bytes(histogram_bytes_);
  } else {
    bits_.copy_to(out);
  }
  return out;
}

size_t ChunkBuilder::memory() const {
  size_t n = sizeof *this + bits_.memory() + histogram_bytes_.capacity();
  if (prev_histogram_ != nullptr) n += sizeof *prev_histogram_ + prev_histogram_->bytes();
  return n;
}

Status decode_chunk(std::string_view chunk, model::TimeRange range, storage::ColumnBuffer& into) {
  ASSIGN_OR_RETURN(const Head head, parse_head(chunk));
  const size_t floats = into.t.size(), starts = into.start.size();
  const size_t histograms = into.histogram_t.size(), histogram_starts = into.histogram_start.size();
  Status status;
  switch (head.encoding) {
    case Encoding::kXor: status = decode_xor<false>(head, range, into); break;
    case Encoding::kXorStart: status = decode_xor<true>(head, range, into); break;
    case Encoding::kHistogram:
      status = decode_histograms(head.payload, head.count, range, into);
      break;
  }
  if (!status.is_ok()) {
    into.t.resize(floats);
    into.v.resize(floats);
    into.start.resize(starts);
    into.histogram_t.resize(histograms);
    into.histograms.resize(histograms);
    into.histogram_start.resize(histogram_starts);
  }
  return status;
}

base::Result<uint32_t> chunk_count(std::string_view chunk) {
  ASSIGN_OR_RETURN(const Head head, parse_head(chunk));
  return head.count;
}

}  // namespace silverback::tsdb::chunkenc
