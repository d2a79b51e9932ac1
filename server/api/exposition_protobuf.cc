#include "server/api/exposition_protobuf.h"

#include "storage/remote/wire_writer.h"

namespace silverback::server::api {

namespace {

using storage::remote::WireWriter;

// MetricType.
constexpr uint64_t kUntyped = 3;
constexpr uint64_t kHistogram = 4;
constexpr uint64_t kGaugeHistogram = 5;

void write_spans(WireWriter& w, uint32_t field, const std::vector<model::Span>& spans) {
  for (const model::Span& span : spans) {
    std::string message;
    WireWriter inner(message);
    inner.sint(1, span.offset);
    inner.varint(2, span.length);
    w.bytes(field, message);
  }
}

void write_exponential(WireWriter& w, const model::Histogram& h) {
  w.sint(5, h.schema);
  w.number(6, h.zero_threshold);
  w.number(8, h.zero_count);
  write_spans(w, 9, h.negative_spans);
  for (const double count : h.negative_buckets) w.number(11, count);
  write_spans(w, 12, h.positive_spans);
  for (const double count : h.positive_buckets) w.number(14, count);
}

std::string histogram_message(const model::Histogram& h) {
  std::string message;
  WireWriter w(message);
  w.number(2, h.sum);
  if (h.uses_custom_buckets()) {
    for (const auto& [upper, count] : classic_buckets(h)) {
      std::string bucket;
      WireWriter inner(bucket);
      inner.number(2, upper);
      inner.number(4, count);
      w.bytes(3, bucket);
    }
  }
  w.number(4, h.count);
  if (!h.uses_custom_buckets()) write_exponential(w, h);
  return message;
}

std::string metric_message(const ExposedMetric& metric, NameEscaping escaping) {
  std::string message;
  WireWriter w(message);
  for (const auto& [name, value] : metric.labels) {
    std::string pair;
    WireWriter inner(pair);
    inner.bytes(1, escape_name(name, escaping));
    inner.bytes(2, value);
    w.bytes(1, pair);
  }
  if (!metric.histogram) {
    std::string untyped;
    WireWriter(untyped).number(1, metric.value);
    w.bytes(5, untyped);
  }
  w.int64(6, metric.t);
  if (metric.histogram) w.bytes(7, histogram_message(*metric.histogram));
  return message;
}

}  // namespace

void append_family_protobuf(std::string& out, const ExposedFamily& family, NameEscaping escaping) {
  std::string message;
  WireWriter w(message);
  w.bytes(1, escape_name(family.name, escaping));
  w.varint(3, !family.histograms        ? kUntyped
              : family.gauge_histograms ? kGaugeHistogram
                                        : kHistogram);
  for (const ExposedMetric& metric : family.metrics) w.bytes(4, metric_message(metric, escaping));
  storage::remote::append_uvarint(out, message.size());
  out += message;
}

}  // namespace silverback::server::api
