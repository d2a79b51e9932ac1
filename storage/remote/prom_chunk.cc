#include "storage/remote/prom_chunk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <utility>

#include "storage/remote/wire_writer.h"

namespace silverback::storage::remote {

namespace {

constexpr size_t kSamplesPerChunk = 120;

/// Bits into bytes, the highest first.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  void bit(bool one) { bits(one ? 1 : 0, 1); }
  /// The lowest `count` bits of `v`.
  void bits(uint64_t v, unsigned count) {
    while (count > 0) {
      if (free_ == 0) {
        out_.push_back('\0');
        free_ = 8;
      }
      const unsigned take = std::min(free_, count);
      const uint64_t part = (v >> (count - take)) & ((uint64_t{1} << take) - 1);
      const auto byte = static_cast<unsigned char>(out_.back());
      out_.back() = static_cast<char>(byte | static_cast<unsigned char>(part << (free_ - take)));
      free_ -= take;
      count -= take;
    }
  }
  void byte(uint8_t v) { bits(v, 8); }
  void number(double v) { bits(std::bit_cast<uint64_t>(v), 64); }
  void uvarint(uint64_t v) {
    std::string text;
    append_uvarint(text, v);
    for (const char c : text) byte(static_cast<uint8_t>(c));
  }

 private:
  std::string& out_;
  unsigned free_ = 0;  // bits of the last byte
};

/// Whether `v` is what `bits` bits hold, one value shifted up.
bool fits(int64_t v, unsigned bits) {
  const int64_t half = int64_t{1} << (bits - 1);
  return -half + 1 <= v && v <= half;
}

struct Bucket {
  unsigned prefix, prefix_bits, bits;
};

constexpr Bucket kVarbits[] = {{0b10, 2, 3},        {0b110, 3, 6},      {0b1110, 4, 9},
                               {0b11110, 5, 12},    {0b111110, 6, 18},  {0b1111110, 7, 25},
                               {0b11111110, 8, 56}, {0b11111111, 8, 64}};
constexpr Bucket kTimeDeltas[] = {{0b10, 2, 14}, {0b110, 3, 17}, {0b1110, 4, 20}, {0b1111, 4, 64}};

template <size_t kCount>
void put_signed(BitWriter& w, int64_t v, const Bucket (&buckets)[kCount]) {
  if (v == 0) return w.bit(false);
  for (const Bucket& bucket : buckets) {
    if (bucket.bits < 64 && !fits(v, bucket.bits)) continue;
    w.bits(bucket.prefix, bucket.prefix_bits);
    w.bits(static_cast<uint64_t>(v), bucket.bits);
    return;
  }
}

void put_unsigned(BitWriter& w, uint64_t v) {
  if (v == 0) return w.bit(false);
  for (const Bucket& bucket : kVarbits) {
    if (bucket.bits < 64 && v >> bucket.bits != 0) continue;
    w.bits(bucket.prefix, bucket.prefix_bits);
    w.bits(v, bucket.bits);
    return;
  }
}

/// One column of values, each XORed with the one before.
struct XorColumn {
  double last = 0;
  unsigned leading = 0xff, trailing = 0;

  void first(BitWriter& w, double v) {
    w.number(v);
    last = v;
  }
  void next(BitWriter& w, double v) {
    const uint64_t delta = std::bit_cast<uint64_t>(v) ^ std::bit_cast<uint64_t>(last);
    last = v;
    if (delta == 0) return w.bit(false);
    w.bit(true);
    const auto zeros = static_cast<unsigned>(std::countl_zero(delta));
    const unsigned lead = std::min(zeros, 31U);
    const auto trail = static_cast<unsigned>(std::countr_zero(delta));
    if (leading != 0xff && lead >= leading && trail >= trailing) {
      w.bit(false);
      w.bits(delta >> trailing, 64 - leading - trailing);
      return;
    }
    leading = lead;
    trailing = trail;
    const unsigned significant = 64 - lead - trail;
    w.bit(true);
    w.bits(lead, 5);
    w.bits(significant, 6);  // 64 is written as 0
    w.bits(delta >> trail, significant);
  }
};

void set_count(std::string& data, size_t count) {
  data[0] = static_cast<char>(count >> 8);
  data[1] = static_cast<char>(count & 0xff);
}

PromChunk float_chunk(const model::TimestampMs* t, const double* v, size_t count) {
  PromChunk chunk;
  chunk.min_t = t[0];
  chunk.max_t = t[count - 1];
  chunk.data.assign(2, '\0');
  set_count(chunk.data, count);
  BitWriter w(chunk.data);
  XorColumn values;
  w.uvarint(WireWriter::zigzag(t[0]));
  values.first(w, v[0]);
  int64_t delta = 0;
  for (size_t i = 1; i < count; ++i) {
    const int64_t next_delta = t[i] - t[i - 1];
    if (i == 1) {
      w.uvarint(static_cast<uint64_t>(next_delta));
    } else {
      put_signed(w, next_delta - delta, kTimeDeltas);
    }
    delta = next_delta;
    values.next(w, v[i]);
  }
  return chunk;
}

void put_zero_threshold(BitWriter& w, double threshold) {
  if (threshold == 0) return w.byte(0);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction != 0.5 || exponent < -242 || exponent > 11) {
    w.byte(255);
    w.number(threshold);
    return;
  }
  w.byte(static_cast<uint8_t>(exponent + 243));
}

void put_spans(BitWriter& w, const std::vector<model::Span>& spans) {
  put_unsigned(w, spans.size());
  for (const model::Span& span : spans) {
    put_unsigned(w, span.length);
    put_signed(w, span.offset, kVarbits);
  }
}

/// Bounds of whole thousandths are small numbers.
void put_bound(BitWriter& w, double bound) {
  const double thousandths = bound * 1000;
  const bool small = thousandths >= 0 && thousandths <= 33554430;
  if (!small || std::round(thousandths) / 1000 != bound) {
    w.bit(false);
    w.number(bound);
    return;
  }
  put_unsigned(w, static_cast<uint64_t>(std::round(thousandths)) + 1);
}

bool same_layout(const model::Histogram& a, const model::Histogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         a.custom_values == b.custom_values &&
         (a.hint == model::CounterResetHint::kGauge) == (b.hint == model::CounterResetHint::kGauge);
}

bool fell(const std::vector<double>& from, const std::vector<double>& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    if (to[i] < from[i]) return true;
  }
  return false;
}

/// Whether a counter began anew between two histograms of one layout.
bool was_reset(const model::Histogram& before, const model::Histogram& h) {
  if (h.hint == model::CounterResetHint::kGauge) return false;
  return h.hint == model::CounterResetHint::kReset || h.count < before.count ||
         h.zero_count < before.zero_count || fell(before.positive_buckets, h.positive_buckets) ||
         fell(before.negative_buckets, h.negative_buckets);
}

/// Writes histograms of one layout. Within a chunk no counter is reset.
class HistogramChunk {
 public:
  HistogramChunk(model::TimestampMs t, const model::Histogram& h, bool reset)
      : w_(chunk_.data), last_(&h) {
    chunk_.encoding = PromChunk::Encoding::kFloatHistogram;
    chunk_.min_t = t;
    const bool gauge = h.hint == model::CounterResetHint::kGauge;
    chunk_.data.assign(2, '\0');
    w_.byte(gauge ? 0xc0 : reset ? 0x80 : 0);
    put_zero_threshold(w_, h.zero_threshold);
    put_signed(w_, h.schema, kVarbits);
    put_spans(w_, h.positive_spans);
    put_spans(w_, h.negative_spans);
    if (h.uses_custom_buckets()) {
      put_unsigned(w_, h.custom_values.size());
      for (const double bound : h.custom_values) put_bound(w_, bound);
    }
    columns_.resize(3 + h.positive_buckets.size() + h.negative_buckets.size());
    put_signed(w_, t, kVarbits);
    put_values(h, &XorColumn::first);
    advance(t, h);
  }
  HistogramChunk(const HistogramChunk&) = delete;
  HistogramChunk& operator=(const HistogramChunk&) = delete;

  bool takes(const model::Histogram& h) const {
    return count_ < kSamplesPerChunk && same_layout(*last_, h) && !was_reset(*last_, h);
  }
  void add(model::TimestampMs t, const model::Histogram& h) {
    const int64_t delta = t - chunk_.max_t;
    put_signed(w_, delta - delta_, kVarbits);
    delta_ = delta;
    put_values(h, &XorColumn::next);
    advance(t, h);
  }
  const model::Histogram& last() const { return *last_; }
  PromChunk finish() {
    set_count(chunk_.data, count_);
    return std::move(chunk_);
  }

 private:
  void put_values(const model::Histogram& h, void (XorColumn::*put)(BitWriter&, double)) {
    size_t i = 0;
    for (const double v : {h.count, h.zero_count, h.sum}) (columns_[i++].*put)(w_, v);
    for (const double v : h.positive_buckets) (columns_[i++].*put)(w_, v);
    for (const double v : h.negative_buckets) (columns_[i++].*put)(w_, v);
  }
  void advance(model::TimestampMs t, const model::Histogram& h) {
    chunk_.max_t = t;
    last_ = &h;
    ++count_;
  }

  PromChunk chunk_;
  BitWriter w_;
  std::vector<XorColumn> columns_;
  const model::Histogram* last_;  // of the buffer that is being encoded
  int64_t delta_ = 0;
  size_t count_ = 0;
};

/// Histograms [from, to) of the buffer.
void add_histogram_chunks(const ColumnBuffer& samples, size_t from, size_t to,
                          std::vector<PromChunk>& out) {
  std::unique_ptr<HistogramChunk> open;
  for (size_t i = from; i < to; ++i) {
    const model::Histogram& h = samples.histograms[i];
    const model::TimestampMs t = samples.histogram_t[i];
    if (open && open->takes(h)) {
      open->add(t, h);
      continue;
    }
    const bool reset =
        open != nullptr && same_layout(open->last(), h) && was_reset(open->last(), h);
    if (open) out.push_back(open->finish());
    open =
        std::make_unique<HistogramChunk>(t, h, reset || h.hint == model::CounterResetHint::kReset);
  }
  if (open) out.push_back(open->finish());
}

}  // namespace

std::vector<PromChunk> encode_prom_chunks(const ColumnBuffer& samples) {
  std::vector<PromChunk> out;
  size_t f = 0, h = 0;
  while (f < samples.t.size() || h < samples.histogram_t.size()) {
    // Runs of one kind, as far as the next sample of the other.
    size_t f_end = f, h_end = h;
    while (f_end < samples.t.size() && f_end - f < kSamplesPerChunk &&
           (h == samples.histogram_t.size() || samples.t[f_end] < samples.histogram_t[h]))
      ++f_end;
    if (f_end > f) {
      out.push_back(float_chunk(&samples.t[f], &samples.v[f], f_end - f));
      f = f_end;
      continue;
    }
    while (h_end < samples.histogram_t.size() &&
           (f == samples.t.size() || samples.histogram_t[h_end] <= samples.t[f]))
      ++h_end;
    add_histogram_chunks(samples, h, h_end, out);
    h = h_end;
  }
  return out;
}

}  // namespace silverback::storage::remote
