// decode_histogram of write_codec.h.
#include <string>
#include <vector>

#include "model/stale.h"
#include "storage/remote/wire_numbers.h"
#include "storage/remote/write_codec.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;
using model::Histogram;

constexpr int32_t kMinSchema = -4;
constexpr int32_t kMaxSchema = 8;
constexpr int32_t kMaxReservedSchema = 52;  // finer than what is stored: reduced

enum Field : uint32_t {
  kCountInt = 1,
  kCountFloat = 2,
  kSum = 3,
  kSchema = 4,
  kZeroThreshold = 5,
  kZeroCountInt = 6,
  kZeroCountFloat = 7,
  kNegativeSpans = 8,
  kNegativeDeltas = 9,
  kNegativeCounts = 10,
  kPositiveSpans = 11,
  kPositiveDeltas = 12,
  kPositiveCounts = 13,
  kResetHint = 14,
  kTimestamp = 15,
  kCustomValues = 16,
  kStartTimestamp = 17,
};

// Both forms of a message's numbers; which of them counts is known only at its end.
struct Parts {
  bool float_count = false;
  uint64_t count_int = 0, zero_int = 0;
  double count_float = 0, zero_float = 0;
  uint64_t hint = 0;
  std::vector<int64_t> negative_deltas, positive_deltas;
};

bool read_field(WireReader& in, Parts& parts, WireHistogram& into) {
  Histogram& h = into.histogram;
  switch (in.field()) {
    case kCountInt:
      parts.count_int = in.as_varint();
      parts.float_count = false;
      break;
    case kCountFloat:
      parts.count_float = in.as_double();
      parts.float_count = true;
      break;
    case kSum: h.sum = in.as_double(); break;
    case kSchema: h.schema = in.as_sint32(); break;
    case kZeroThreshold: h.zero_threshold = in.as_double(); break;
    case kZeroCountInt:
      parts.zero_int = in.as_varint();
      parts.zero_float = 0;
      break;
    case kZeroCountFloat:
      parts.zero_float = in.as_double();
      parts.zero_int = 0;
      break;
    case kNegativeSpans: return read_span(in.as_bytes(), h.negative_spans);
    case kNegativeDeltas: return read_deltas(in, parts.negative_deltas);
    case kNegativeCounts: return read_doubles(in, h.negative_buckets);
    case kPositiveSpans: return read_span(in.as_bytes(), h.positive_spans);
    case kPositiveDeltas: return read_deltas(in, parts.positive_deltas);
    case kPositiveCounts: return read_doubles(in, h.positive_buckets);
    case kResetHint: parts.hint = static_cast<uint32_t>(in.as_varint()); break;
    case kTimestamp: into.t = in.as_int64(); break;
    case kStartTimestamp: into.start = in.as_int64(); break;
    case kCustomValues: return read_doubles(in, h.custom_values);
    default: break;
  }
  return true;
}

// What reduce() relies on; validate() says the rest.
bool spans_fit(const std::vector<model::Span>& spans, size_t buckets) {
  uint64_t sum = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) return false;
    sum += spans[i].length;
  }
  return sum == buckets;
}

// Merges the buckets of 2^by neighbours into one.
void reduce(std::vector<model::Span>& spans, std::vector<double>& buckets, int32_t by) {
  std::vector<model::Span> coarse_spans;
  std::vector<double> coarse;
  int64_t index = 0, last = 0;
  size_t at = 0;
  for (const model::Span& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i, ++index) {
      const int64_t to = ((index - 1) >> by) + 1;
      if (coarse.empty() || to != last) {
        if (!coarse.empty() && to == last + 1) {
          ++coarse_spans.back().length;
        } else {
          const int64_t gap = coarse.empty() ? to : to - last - 1;
          coarse_spans.push_back({static_cast<int32_t>(gap), 1});
        }
        coarse.push_back(0);
        last = to;
      }
      coarse.back() += buckets[at++];
    }
  }
  spans.swap(coarse_spans);
  buckets.swap(coarse);
}

Status settle(Histogram& h, Parts& parts) {
  for (const size_t n :
       {h.positive_spans.size(), h.negative_spans.size(), h.positive_buckets.size(),
        h.negative_buckets.size(), parts.positive_deltas.size(), parts.negative_deltas.size(),
        h.custom_values.size()}) {
    if (n <= kMaxBuckets) continue;
    return {Errc::kBadData, "histogram has more than " + std::to_string(kMaxBuckets) + " buckets"};
  }
  if (model::is_stale(h.sum)) return Status::ok();  // a marker: the rest means nothing
  h.integer = !parts.float_count;
  h.hint = static_cast<model::CounterResetHint>(parts.hint <= 3 ? parts.hint : 0);
  if (h.integer) {
    h.count = static_cast<double>(parts.count_int);
    h.zero_count = static_cast<double>(parts.zero_int);
    sum_up(parts.negative_deltas, h.negative_buckets);
    sum_up(parts.positive_deltas, h.positive_buckets);
  } else {
    h.count = parts.count_float;
    h.zero_count = parts.zero_float;
  }
  if (h.schema > kMaxSchema && h.schema <= kMaxReservedSchema) {
    if (!spans_fit(h.positive_spans, h.positive_buckets.size()) ||
        !spans_fit(h.negative_spans, h.negative_buckets.size())) {
      return {Errc::kBadData, "histogram spans do not fit the number of buckets"};
    }
    reduce(h.positive_spans, h.positive_buckets, h.schema - kMaxSchema);
    reduce(h.negative_spans, h.negative_buckets, h.schema - kMaxSchema);
    h.schema = kMaxSchema;
  }
  if ((h.schema < kMinSchema || h.schema > kMaxSchema) && !h.uses_custom_buckets()) {
    return {Errc::kBadData, "histogram has an invalid schema: " + std::to_string(h.schema)};
  }
  const Status valid = h.validate();
  return valid.is_ok() ? valid : Status(Errc::kBadData, valid.message());
}

}  // namespace

Status decode_histogram(std::string_view message, WireHistogram& into) {
  Histogram& h = into.histogram;
  h.schema = 0;
  h.zero_threshold = h.sum = 0;
  for (auto* spans : {&h.positive_spans, &h.negative_spans}) spans->clear();
  for (auto* list : {&h.positive_buckets, &h.negative_buckets, &h.custom_values}) list->clear();
  into.t = into.start = 0;
  Parts parts;
  WireReader in(message);
  while (in.next()) {
    if (!read_field(in, parts, into)) in.fail();
  }
  if (in.failed()) return {Errc::kCorruption, "remote write: malformed histogram message"};
  return settle(h, parts);
}

}  // namespace silverback::storage::remote
