#include "tests/support/oracle/write_oracle.h"

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "storage/remote/label_rules.h"
#include "storage/remote/write_v2_codec.h"

namespace silverback::testing {
namespace {

namespace remote = storage::remote;
namespace v2 = ::io::prometheus::write::v2;

// One form for both readers.
class Text {
 public:
  void label(std::string_view name, std::string_view value) {
    out_ += "L" + std::to_string(name.size()) + ":" + std::string(name);
    out_ += "=" + std::to_string(value.size()) + ":" + std::string(value);
  }
  void unusable() { out_ += "unusable"; }
  void number(const char* what, int64_t v) { out_ += what + std::to_string(v); }
  void real(const char* what, double v) { number(what, std::bit_cast<int64_t>(v)); }
  void text(const char* what, std::string_view v) { out_ += what + std::string(v); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

using Refs = google::protobuf::RepeatedField<uint32_t>;

bool usable(const v2::Request& request, const Refs& refs) {
  if (refs.size() % 2 != 0 || refs.size() > 2 * static_cast<int>(remote::kMaxLabels)) return false;
  for (const uint32_t ref : refs) {
    if (ref >= static_cast<uint32_t>(request.symbols_size())) return false;
  }
  return true;
}

void put_labels(Text& out, const v2::Request& request, const Refs& refs) {
  if (!usable(request, refs)) {
    out.unusable();
    return;
  }
  for (int i = 0; i < refs.size(); i += 2) {
    out.label(request.symbols(static_cast<int>(refs[i])),
              request.symbols(static_cast<int>(refs[i + 1])));
  }
}

std::string symbol(const v2::Request& request, uint32_t ref) {
  if (ref == 0 || ref >= static_cast<uint32_t>(request.symbols_size())) return {};
  return request.symbols(static_cast<int>(ref));
}

// As decode_histogram settles it; not for schemas that it reduces.
model::Histogram settled(const v2::Histogram& h) {
  model::Histogram out;
  out.integer = h.count_case() != v2::Histogram::kCountFloat;
  out.schema = h.schema();
  out.zero_threshold = h.zero_threshold();
  out.sum = h.sum();
  out.count = out.integer ? static_cast<double>(h.count_int()) : h.count_float();
  out.zero_count = out.integer ? static_cast<double>(h.zero_count_int()) : h.zero_count_float();
  const auto hint = static_cast<uint32_t>(h.reset_hint());
  out.hint = static_cast<model::CounterResetHint>(hint <= 3 ? hint : 0);
  for (const auto& span : h.positive_spans()) {
    out.positive_spans.push_back({span.offset(), span.length()});
  }
  for (const auto& span : h.negative_spans()) {
    out.negative_spans.push_back({span.offset(), span.length()});
  }
  const auto buckets = [&](const auto& deltas, const auto& counts) {
    if (!out.integer) return std::vector<double>(counts.begin(), counts.end());
    std::vector<double> sums;
    uint64_t sum = 0;
    for (const int64_t delta : deltas) {
      sum += static_cast<uint64_t>(delta);
      sums.push_back(static_cast<double>(static_cast<int64_t>(sum)));
    }
    return sums;
  };
  out.positive_buckets = buckets(h.positive_deltas(), h.positive_counts());
  out.negative_buckets = buckets(h.negative_deltas(), h.negative_counts());
  out.custom_values.assign(h.custom_values().begin(), h.custom_values().end());
  return out;
}

void put_histogram(Text& out, model::TimestampMs t, model::TimestampMs start,
                   const model::Histogram& h) {
  out.number(" t", t);
  out.number("s", start);
  out.real("v", h.sum);
  if (h.schema >= 8) return;  // reduced
  out.number("d", h.schema);
  out.number(h.integer ? "i" : "f", static_cast<int64_t>(h.hint));
  for (const double v : {h.zero_threshold, h.zero_count, h.count}) out.real(",", v);
  for (const auto* spans : {&h.positive_spans, &h.negative_spans}) {
    out.number(" [", static_cast<int64_t>(spans->size()));
    for (const model::Span& span : *spans)
      out.number(":", int64_t{span.offset} << 32 | span.length);
  }
  for (const auto* list : {&h.positive_buckets, &h.negative_buckets, &h.custom_values}) {
    out.number(" [", static_cast<int64_t>(list->size()));
    for (const double v : *list) out.real(":", v);
  }
}

void put_series(Text& out, const v2::Request& request, const v2::TimeSeries& series) {
  out.text("\nS", "");
  put_labels(out, request, series.labels_refs());
  for (const v2::Sample& sample : series.samples()) {
    out.number(" t", sample.timestamp());
    out.number("s", sample.start_timestamp());
    out.real("v", sample.value());
  }
  for (const v2::Exemplar& exemplar : series.exemplars()) {
    out.number(" e", exemplar.timestamp());
    out.real("v", exemplar.value());
    put_labels(out, request, exemplar.labels_refs());
  }
  out.number(" h", series.histograms_size());
  for (const v2::Histogram& h : series.histograms()) {
    put_histogram(out, h.timestamp(), h.start_timestamp(), settled(h));
  }
  out.number(" m", series.metadata().type());
  out.text(":", symbol(request, series.metadata().help_ref()));
  out.text(":", symbol(request, series.metadata().unit_ref()));
}

void put_series(Text& out, const remote::WireSeries& series) {
  out.text("\nS", "");
  if (!series.labels_status.is_ok()) out.unusable();
  if (series.labels_status.is_ok()) {
    for (const model::Label& label : series.labels) out.label(label.name, label.value);
  }
  for (const auto& sample : series.samples) {
    out.number(" t", sample.t);
    out.number("s", sample.start);
    out.real("v", sample.value);
  }
  for (const auto& exemplar : series.exemplars) {
    out.number(" e", exemplar.t);
    out.real("v", exemplar.value);
    if (!exemplar.usable) out.unusable();
    for (size_t i = 0; i < exemplar.labels; ++i) {
      const model::Label& label = series.exemplar_labels[exemplar.first_label + i];
      out.label(label.name, label.value);
    }
  }
  out.number(" h", static_cast<int64_t>(series.histograms.size()));
}

}  // namespace

std::optional<std::string> v2_as_we_read(std::string_view message) {
  remote::WriteRequestV2Reader reader(message);
  remote::WireSeries series;
  remote::WireHistogram histogram;
  Text out;
  while (reader.next(series)) {
    put_series(out, series);
    for (const std::string_view bytes : series.histograms) {
      const base::Status status = remote::decode_histogram(bytes, histogram);
      if (status.code() == base::Errc::kCorruption) return std::nullopt;
      put_histogram(out, histogram.t, histogram.start, histogram.histogram);
    }
    out.number(" m", static_cast<int32_t>(series.metadata.type));
    out.text(":", series.metadata.help);
    out.text(":", series.metadata.unit);
  }
  if (!reader.status().is_ok()) return std::nullopt;
  return out.take();
}

std::optional<std::string> v2_as_protobuf_reads(const std::string& message) {
  v2::Request request;
  if (!request.ParseFromString(message)) return std::nullopt;
  Text out;
  for (const v2::TimeSeries& series : request.timeseries()) put_series(out, request, series);
  return out.take();
}

}  // namespace silverback::testing
