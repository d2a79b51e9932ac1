#include "tests/support/write_request.h"

#include <snappy.h>

#include <bit>

namespace silverback::testing {
namespace {

std::string spans(const model::Span& span) {
  return ProtoWriter().sint(1, span.offset).varint(2, span.length).out();
}

void write_buckets(ProtoWriter& w, const std::vector<double>& counts, bool integer,
                   uint32_t delta_field, uint32_t count_field) {
  int64_t previous = 0;
  for (const double count : counts) {
    if (integer) {
      w.sint(delta_field, static_cast<int64_t>(count) - previous);
      previous = static_cast<int64_t>(count);
    } else {
      w.number(count_field, count);
    }
  }
}

std::string labels(const WriteRequest::Pairs& pairs) {
  ProtoWriter w;
  for (const auto& [name, value] : pairs) {
    w.bytes(1, ProtoWriter().bytes(1, name).bytes(2, value).out());
  }
  return w.out();
}

}  // namespace

void ProtoWriter::raw_varint(uint64_t v) {
  for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<char>(v | 0x80));
  out_.push_back(static_cast<char>(v));
}

void ProtoWriter::tag(uint32_t field, uint32_t wire_type) {
  raw_varint((field << 3) | wire_type);
}

ProtoWriter& ProtoWriter::varint(uint32_t field, uint64_t v) {
  tag(field, 0);
  raw_varint(v);
  return *this;
}

ProtoWriter& ProtoWriter::sint(uint32_t field, int64_t v) {
  return varint(field, (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63));
}

ProtoWriter& ProtoWriter::number(uint32_t field, double v) {
  tag(field, 1);
  const auto bits = std::bit_cast<uint64_t>(v);
  for (int shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<char>(bits >> shift));
  return *this;
}

ProtoWriter& ProtoWriter::bytes(uint32_t field, std::string_view v) {
  tag(field, 2);
  raw_varint(v.size());
  out_ += v;
  return *this;
}

WriteRequest& WriteRequest::series(const Pairs& pairs) {
  series_.emplace_back();
  for (const auto& pair : pairs) {
    series_.back().bytes(1, ProtoWriter().bytes(1, pair.first).bytes(2, pair.second).out());
  }
  return *this;
}

WriteRequest& WriteRequest::sample(int64_t t, double value) {
  series_.back().bytes(2, ProtoWriter().number(1, value).varint(2, static_cast<uint64_t>(t)).out());
  return *this;
}

std::string histogram_message(int64_t t, const model::Histogram& h) {
  ProtoWriter w;
  if (h.integer) {
    w.varint(1, static_cast<uint64_t>(h.count)).varint(6, static_cast<uint64_t>(h.zero_count));
  } else {
    w.number(2, h.count).number(7, h.zero_count);
  }
  w.number(3, h.sum).sint(4, h.schema).number(5, h.zero_threshold);
  for (const model::Span& span : h.negative_spans) w.bytes(8, spans(span));
  write_buckets(w, h.negative_buckets, h.integer, 9, 10);
  for (const model::Span& span : h.positive_spans) w.bytes(11, spans(span));
  write_buckets(w, h.positive_buckets, h.integer, 12, 13);
  w.varint(14, static_cast<uint64_t>(h.hint)).varint(15, static_cast<uint64_t>(t));
  for (const double bound : h.custom_values) w.number(16, bound);
  return w.out();
}

WriteRequest& WriteRequest::histogram(int64_t t, const model::Histogram& h) {
  series_.back().bytes(4, histogram_message(t, h));
  return *this;
}

WriteRequest& WriteRequest::exemplar(const Pairs& pairs, int64_t t, double value) {
  ProtoWriter w;
  w.number(2, value).varint(3, static_cast<uint64_t>(t));
  series_.back().bytes(3, labels(pairs) + w.out());
  return *this;
}

std::string WriteRequest::protobuf() const {
  ProtoWriter w;
  for (const ProtoWriter& series : series_) w.bytes(1, series.out());
  return w.out();
}

std::string WriteRequest::body() const {
  return snappy_block(protobuf());
}

std::string snappy_block(std::string_view content) {
  std::string out;
  snappy::Compress(content.data(), content.size(), &out);
  return out;
}

}  // namespace silverback::testing
