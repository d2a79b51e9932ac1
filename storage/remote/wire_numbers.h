#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/histogram.h"
#include "storage/remote/wire_reader.h"

/// The parts that histogram messages of every kind are made of. False: the field is broken, and the
/// reader has failed or is to fail.
namespace silverback::storage::remote {

/// Buckets, spans or bounds of one histogram, each. A list that is longer ends with one too many.
inline constexpr size_t kMaxBuckets = 1 << 16;

/// A message of a byte a bucket would grow sixteenfold.
template <typename T>
void keep(std::vector<T>& into, T value) {
  if (into.size() <= kMaxBuckets) into.push_back(value);
}

inline bool read_span(std::string_view message, std::vector<model::Span>& into) {
  model::Span span;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) span.offset = in.as_sint32();
    if (in.field() == 2) span.length = static_cast<uint32_t>(in.as_varint());
  }
  keep(into, span);
  return !in.failed();
}

/// Repeated sint64; they come packed, or one by one from old senders.
inline bool read_deltas(WireReader& in, std::vector<int64_t>& into) {
  if (in.type() == WireType::kVarint) {
    keep(into, in.as_sint());
    return true;
  }
  WireReader packed(in.as_bytes());
  while (!packed.at_end() && !packed.failed()) {
    keep(into, WireReader::zigzag(packed.varint()));
  }
  return !packed.failed() && !in.failed();
}

/// Repeated double, packed or one by one.
inline bool read_doubles(WireReader& in, std::vector<double>& into) {
  if (in.type() == WireType::kFixed64) {
    keep(into, in.as_double());
    return true;
  }
  WireReader packed(in.as_bytes());
  while (!packed.at_end() && !packed.failed()) {
    keep(into, std::bit_cast<double>(packed.fixed64()));
  }
  return !packed.failed() && !in.failed();
}

/// Absolute counts of deltas. Modulo 2^64: a sum that leaves int64 comes out negative and is
/// refused with the negative counts.
inline void sum_up(const std::vector<int64_t>& deltas, std::vector<double>& buckets) {
  buckets.clear();
  uint64_t sum = 0;
  for (const int64_t delta : deltas) {
    sum += static_cast<uint64_t>(delta);
    buckets.push_back(static_cast<double>(static_cast<int64_t>(sum)));
  }
}

}  // namespace silverback::storage::remote
