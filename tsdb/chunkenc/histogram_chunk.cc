#include "tsdb/chunkenc/histogram_chunk.h"

#include <bit>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace silverback::tsdb::chunkenc {
namespace {

using base::ByteReader;
using base::ByteWriter;
using base::Errc;
using base::Status;
using model::Histogram;

// Bits of a sample's first byte; the rest are zero.
constexpr uint8_t kHintMask = 0x03;
constexpr uint8_t kInteger = 0x04;
constexpr uint8_t kSameLayout = 0x08;
constexpr uint8_t kKnownFlags = 0x0f;

// A sample that repeats the layout costs a byte or more a bucket, but nothing for spans and custom
// values. This keeps what a few bytes can unfold to in proportion.
bool may_repeat(const Histogram& h) {
  const size_t buckets = h.positive_buckets.size() + h.negative_buckets.size();
  const size_t free_parts =
      h.positive_spans.size() + h.negative_spans.size() + h.custom_values.size();
  return free_parts <= 64 + 4 * buckets;
}

bool same_bits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool same_layout(const Histogram& a, const Histogram& b) {
  if (a.schema != b.schema || !same_bits(a.zero_threshold, b.zero_threshold) ||
      a.positive_spans != b.positive_spans || a.negative_spans != b.negative_spans ||
      a.positive_buckets.size() != b.positive_buckets.size() ||
      a.negative_buckets.size() != b.negative_buckets.size() ||
      a.custom_values.size() != b.custom_values.size()) {
    return false;
  }
  for (size_t i = 0; i < a.custom_values.size(); ++i) {
    if (!same_bits(a.custom_values[i], b.custom_values[i])) return false;
  }
  return true;
}

// A double's low bytes are mostly zero: byte-swapped it is a short varint, and 0 when unchanged.
void put_double(ByteWriter& w, double v, double base_value) {
  w.uvarint(__builtin_bswap64(std::bit_cast<uint64_t>(v) ^ std::bit_cast<uint64_t>(base_value)));
}

double get_double(ByteReader& in, double base_value) {
  return std::bit_cast<double>(__builtin_bswap64(in.uvarint()) ^
                               std::bit_cast<uint64_t>(base_value));
}

void put_spans(ByteWriter& w, const std::vector<model::Span>& spans) {
  w.uvarint(spans.size());
  for (const model::Span& s : spans) {
    w.svarint(s.offset);
    w.uvarint(s.length);
  }
}

bool get_spans(ByteReader& in, std::vector<model::Span>& spans) {
  const uint64_t n = in.uvarint();
  if (n > in.remaining() / 2) return false;
  spans.resize(n);
  for (model::Span& s : spans) {
    s.offset = static_cast<int32_t>(in.svarint());
    s.length = static_cast<uint32_t>(in.uvarint());
  }
  return in.ok();
}

void put_doubles(ByteWriter& w, const std::vector<double>& values,
                 const std::vector<double>* base_values) {
  for (size_t i = 0; i < values.size(); ++i) {
    put_double(w, values[i], base_values == nullptr ? 0 : (*base_values)[i]);
  }
}

bool resize_checked(ByteReader& in, std::vector<double>& values) {
  const uint64_t n = in.uvarint();
  if (n > in.remaining()) return false;
  values.assign(n, 0);
  return true;
}

bool get_layout(ByteReader& in, Histogram& h) {
  h.schema = static_cast<int32_t>(in.svarint());
  h.zero_threshold = get_double(in, 0);
  if (!get_spans(in, h.positive_spans) || !get_spans(in, h.negative_spans)) return false;
  if (!resize_checked(in, h.positive_buckets) || !resize_checked(in, h.negative_buckets))
    return false;
  if (!resize_checked(in, h.custom_values)) return false;
  for (double& v : h.custom_values) v = get_double(in, 0);
  h.zero_count = h.count = h.sum = 0;
  return in.ok();
}

// Turns `h`, the previous sample, into the next one.
bool get_sample(ByteReader& in, bool first, Histogram& h) {
  const uint8_t flags = in.u8();
  if ((flags & ~kKnownFlags) != 0) return false;
  h.hint = static_cast<model::CounterResetHint>(flags & kHintMask);
  h.integer = (flags & kInteger) != 0;
  if ((flags & kSameLayout) != 0) {
    if (first || !may_repeat(h)) return false;
  } else if (!get_layout(in, h)) {
    return false;
  }
  h.zero_count = get_double(in, h.zero_count);
  h.count = get_double(in, h.count);
  h.sum = get_double(in, h.sum);
  for (double& v : h.positive_buckets) v = get_double(in, v);
  for (double& v : h.negative_buckets) v = get_double(in, v);
  return in.ok();
}

int64_t add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

int64_t subtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

void encode_histogram(const HistogramContext& previous, model::TimestampMs start,
                      model::TimestampMs t, const Histogram& h, std::string& out) {
  ByteWriter w(out);
  w.svarint(subtract(t, previous.t));
  w.svarint(subtract(start, previous.start));
  const Histogram* same = previous.histogram;
  if (same != nullptr && (!may_repeat(h) || !same_layout(*same, h))) same = nullptr;
  w.u8(static_cast<uint8_t>((static_cast<uint8_t>(h.hint) & kHintMask) |
                            (h.integer ? kInteger : 0) | (same != nullptr ? kSameLayout : 0)));
  if (same == nullptr) {
    w.svarint(h.schema);
    put_double(w, h.zero_threshold, 0);
    put_spans(w, h.positive_spans);
    put_spans(w, h.negative_spans);
    w.uvarint(h.positive_buckets.size());
    w.uvarint(h.negative_buckets.size());
    w.uvarint(h.custom_values.size());
    put_doubles(w, h.custom_values, nullptr);
  }
  put_double(w, h.zero_count, same == nullptr ? 0 : same->zero_count);
  put_double(w, h.count, same == nullptr ? 0 : same->count);
  put_double(w, h.sum, same == nullptr ? 0 : same->sum);
  put_doubles(w, h.positive_buckets, same == nullptr ? nullptr : &same->positive_buckets);
  put_doubles(w, h.negative_buckets, same == nullptr ? nullptr : &same->negative_buckets);
}

Status decode_histograms(std::string_view payload, uint32_t count, model::TimeRange range,
                         storage::ColumnBuffer& into) {
  ByteReader in(payload);
  Histogram h;
  int64_t t = 0, start = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t previous_t = t;
    t = add(t, in.svarint());
    start = add(start, in.svarint());
    if (!get_sample(in, i == 0, h) || (i > 0 && t <= previous_t)) {
      return Status(Errc::kCorruption, "histogram chunk sample " + std::to_string(i) + " of " +
                                           std::to_string(count) + ", byte " +
                                           std::to_string(in.pos()));
    }
    if (t > range.until) break;
    if (t <= range.after) continue;
    into.histogram_t.push_back(t);
    into.histograms.push_back(h);
    if (start != 0 && into.histogram_start.empty()) {
      into.histogram_start.resize(into.histogram_t.size() - 1, 0);
    }
    if (!into.histogram_start.empty() || start != 0) into.histogram_start.push_back(start);
  }
  if (!into.histogram_start.empty()) into.histogram_start.resize(into.histogram_t.size(), 0);
  return Status::ok();
}

}  // namespace silverback::tsdb::chunkenc
