#include "scrape/protobuf_metric.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/utf8.h"
#include "model/histogram_ops.h"
#include "storage/remote/wire_numbers.h"

namespace silverback::scrape {
namespace {

using base::Errc;
using base::Status;
using storage::remote::WireReader;

Status malformed(std::string_view what) {
  return {Errc::kCorruption, "malformed protobuf: " + std::string(what)};
}

// google.protobuf.Timestamp; whole ms, towards zero. Wraps where a nonsense number would overflow.
bool read_timestamp(std::string_view message, model::TimestampMs& into) {
  uint64_t seconds = 0;
  int64_t nanos = 0;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) seconds = in.as_varint();
    if (in.field() == 2) nanos = static_cast<int32_t>(in.as_varint());
  }
  into = static_cast<int64_t>(seconds * 1000 + static_cast<uint64_t>(nanos / 1'000'000));
  return !in.failed();
}

// LabelPair.
Status read_label(std::string_view message, std::vector<model::Label>& into) {
  model::Label label;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) label.name = in.as_bytes();
    if (in.field() == 2) label.value = in.as_bytes();
  }
  if (in.failed()) return malformed("label");
  if (!model::is_valid_name(label.name)) {
    return {Errc::kBadData, "invalid label name: " + model::go_quote(label.name)};
  }
  if (!base::is_valid_utf8(label.value)) {
    return {Errc::kBadData, "invalid label value: " + model::go_quote(label.value)};
  }
  storage::remote::keep(into, label);
  return {};
}

// Gauge and Untyped.
bool read_value(std::string_view message, double& into) {
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) into = in.as_double();
  }
  return !in.failed();
}

bool read_counter(std::string_view message, WireMetric& into) {
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: into.counter = in.as_double(); break;
      case 2:
        into.counter_exemplar = in.as_bytes();
        into.counter_has_exemplar = true;
        break;
      case 3:
        if (!read_timestamp(in.as_bytes(), into.counter_start)) return false;
        break;
      default: break;
    }
  }
  return !in.failed();
}

bool read_quantile(std::string_view message, std::vector<WireQuantile>& into) {
  WireQuantile q;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) q.quantile = in.as_double();
    if (in.field() == 2) q.value = in.as_double();
  }
  storage::remote::keep(into, q);
  return !in.failed();
}

bool read_summary(std::string_view message, WireMetric& into) {
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: into.summary_count = static_cast<double>(in.as_varint()); break;
      case 2: into.summary_sum = in.as_double(); break;
      case 3:
        if (!read_quantile(in.as_bytes(), into.quantiles)) return false;
        break;
      case 4:
        if (!read_timestamp(in.as_bytes(), into.summary_start)) return false;
        break;
      default: break;
    }
  }
  return !in.failed();
}

bool read_bucket(std::string_view message, std::vector<WireBucket>& into) {
  WireBucket b;
  uint64_t whole = 0;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: whole = in.as_varint(); break;
      case 2: b.upper = in.as_double(); break;
      case 3:
        b.exemplar = in.as_bytes();
        b.has_exemplar = true;
        break;
      case 4: b.cumulative = in.as_double(); break;
      default: break;
    }
  }
  if (b.cumulative == 0) b.cumulative = static_cast<double>(whole);
  storage::remote::keep(into, b);
  return !in.failed();
}

bool read_histogram_field(WireReader& in, WireNativeHistogram& h) {
  namespace remote = storage::remote;
  switch (in.field()) {
    case 1: h.count_int = in.as_varint(); return true;
    case 2: h.sum = in.as_double(); return true;
    case 3: return read_bucket(in.as_bytes(), h.buckets);
    case 4: h.count_float = in.as_double(); return true;
    case 5: h.schema = in.as_sint32(); return true;
    case 6: h.zero_threshold = in.as_double(); return true;
    case 7: h.zero_int = in.as_varint(); return true;
    case 8: h.zero_float = in.as_double(); return true;
    case 9: return remote::read_span(in.as_bytes(), h.negative_spans);
    case 10: return remote::read_deltas(in, h.negative_deltas);
    case 11: return remote::read_doubles(in, h.negative_counts);
    case 12: return remote::read_span(in.as_bytes(), h.positive_spans);
    case 13: return remote::read_deltas(in, h.positive_deltas);
    case 14: return remote::read_doubles(in, h.positive_counts);
    case 15: return read_timestamp(in.as_bytes(), h.start);
    case 16: remote::keep(h.exemplars, in.as_bytes()); return true;
    default: return true;
  }
}

bool read_histogram(std::string_view message, WireNativeHistogram& h) {
  WireReader in(message);
  while (in.next()) {
    if (!read_histogram_field(in, h)) return false;
  }
  h.is_float = h.count_float > 0 || h.zero_float > 0;
  h.count = h.count_float != 0 ? h.count_float : static_cast<double>(h.count_int);
  return !in.failed();
}

void clear(WireNativeHistogram& h) {
  h.count = h.sum = h.count_float = h.zero_float = h.zero_threshold = 0;
  h.is_float = false;
  h.count_int = h.zero_int = 0;
  h.schema = 0;
  h.start = 0;
  h.positive_spans.clear();
  h.negative_spans.clear();
  h.positive_deltas.clear();
  h.negative_deltas.clear();
  h.positive_counts.clear();
  h.negative_counts.clear();
  h.exemplars.clear();
  h.buckets.clear();
}

void clear(WireMetric& m) {
  m.labels.clear();
  m.t = m.counter_start = m.summary_start = 0;
  m.gauge = m.untyped = m.counter = m.summary_count = m.summary_sum = 0;
  m.counter_exemplar = {};
  m.counter_has_exemplar = false;
  m.quantiles.clear();
  clear(m.histogram);
}

// As many buckets as the spans need, and every index an int32.
Status check_side(std::string_view side, const std::vector<model::Span>& spans, size_t buckets) {
  uint64_t needed = 0;
  int64_t index = 0;
  bool in_range = true;
  for (const model::Span& span : spans) {
    needed += span.length;
    index += span.offset;
    in_range = in_range && index > std::numeric_limits<int32_t>::min();
    index += span.length;
    in_range = in_range && index <= std::numeric_limits<int32_t>::max();
    if (!in_range) break;
  }
  if (!in_range) {
    return {Errc::kBadData, std::string(side) + " side: spans leave the range of bucket indexes"};
  }
  if (needed == buckets) return {};
  return {Errc::kBadData, std::string(side) + " side: spans require " + std::to_string(needed) +
                              " buckets, have " + std::to_string(buckets)};
}

}  // namespace

Status decode_family(std::string_view message, WireFamily& into) {
  into = WireFamily();
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: into.name = in.as_bytes(); break;
      case 2: into.help = in.as_bytes(); break;
      case 3: into.type = static_cast<int32_t>(in.as_varint()); break;
      case 4:
        in.as_bytes();
        into.has_metrics = true;
        break;
      case 5: into.unit = in.as_bytes(); break;
      default: break;
    }
  }
  return in.failed() ? malformed("metric family") : Status();
}

bool next_metric(WireReader& family, std::string_view& metric) {
  while (family.next()) {
    if (family.field() != 4) continue;
    metric = family.as_bytes();
    return true;
  }
  return false;
}

Status decode_metric(std::string_view message, WireMetric& into) {
  clear(into);
  WireReader in(message);
  bool good = true;
  while (good && in.next()) {
    switch (in.field()) {
      case 1: {
        const std::string_view label = in.as_bytes();
        if (!in.failed()) RETURN_IF_ERROR(read_label(label, into.labels));
        break;
      }
      case 2: good = read_value(in.as_bytes(), into.gauge); break;
      case 3: good = read_counter(in.as_bytes(), into); break;
      case 4: good = read_summary(in.as_bytes(), into); break;
      case 5: good = read_value(in.as_bytes(), into.untyped); break;
      case 6: into.t = in.as_int64(); break;
      case 7: good = read_histogram(in.as_bytes(), into.histogram); break;
      default: break;
    }
  }
  if (!good || in.failed()) return malformed("metric");
  const WireNativeHistogram& h = into.histogram;
  for (const size_t size :
       {into.labels.size(), into.quantiles.size(), h.buckets.size(), h.exemplars.size()}) {
    if (size > storage::remote::kMaxBuckets) {
      return {Errc::kBadData, "more than " + std::to_string(storage::remote::kMaxBuckets) +
                                  " labels, quantiles, buckets or exemplars"};
    }
  }
  return {};
}

Status decode_exemplar(std::string_view message, WireExemplar& into) {
  std::vector<model::Label> labels;
  into.exemplar.value = 0;
  into.exemplar.t = 0;
  into.has_timestamp = false;
  bool good = true;
  WireReader in(message);
  while (good && in.next()) {
    if (in.field() == 1) {
      const std::string_view label = in.as_bytes();
      if (!in.failed()) RETURN_IF_ERROR(read_label(label, labels));
    } else if (in.field() == 2) {
      into.exemplar.value = in.as_double();
    } else if (in.field() == 3) {
      good = read_timestamp(in.as_bytes(), into.exemplar.t);
      into.has_timestamp = true;
    }
  }
  if (!good || in.failed()) return malformed("exemplar");
  model::LabelsBuilder builder;
  for (const model::Label& label : labels) {
    if (!builder.get(label.name).empty()) {
      return {Errc::kBadData,
              "label name " + model::go_quote(label.name) + " of an exemplar is not unique"};
    }
    builder.set(label.name, label.value);
  }
  into.exemplar.labels = builder.build();
  return {};
}

Status to_histogram(const WireNativeHistogram& wire, model::Histogram& into) {
  for (const size_t size :
       {wire.positive_spans.size(), wire.negative_spans.size(), wire.positive_deltas.size(),
        wire.negative_deltas.size(), wire.positive_counts.size(), wire.negative_counts.size()}) {
    if (size > storage::remote::kMaxBuckets) {
      return {Errc::kBadData,
              "more than " + std::to_string(storage::remote::kMaxBuckets) + " spans or buckets"};
    }
  }
  into = model::Histogram();
  into.integer = !wire.is_float;
  into.schema = wire.schema;
  into.zero_threshold = wire.zero_threshold;
  into.sum = wire.sum;
  into.positive_spans = wire.positive_spans;
  into.negative_spans = wire.negative_spans;
  if (wire.is_float) {
    into.count = wire.count_float;
    into.zero_count = wire.zero_float;
    into.positive_buckets = wire.positive_counts;
    into.negative_buckets = wire.negative_counts;
  } else {
    into.count = static_cast<double>(wire.count_int);
    into.zero_count = static_cast<double>(wire.zero_int);
    storage::remote::sum_up(wire.positive_deltas, into.positive_buckets);
    storage::remote::sum_up(wire.negative_deltas, into.negative_buckets);
  }
  RETURN_IF_ERROR(check_side("positive", into.positive_spans, into.positive_buckets.size()));
  RETURN_IF_ERROR(check_side("negative", into.negative_spans, into.negative_buckets.size()));
  model::compact(into);
  return {};
}

}  // namespace silverback::scrape
