#include "scrape/protobuf_parser.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/go_float.h"
#include "base/utf8.h"
#include "scrape/nhcb.h"
#include "storage/remote/wire_reader.h"

namespace silverback::scrape {
namespace {

using base::Errc;
using base::Status;

constexpr double kInf = std::numeric_limits<double>::infinity();
// Not part of any UTF-8 text.
constexpr char kSeparator = '\xff';
// Classic series before the buckets or quantiles.
constexpr size_t kCountAndSum = 2;
constexpr size_t kMaxLengthBytes = 5;

void add_text(std::string& text, std::string_view name, std::string_view value) {
  text.push_back(kSeparator);
  text.append(name);
  text.push_back(kSeparator);
  text.append(value);
}

}  // namespace

ProtobufParser::Entry ProtobufParser::fail(Status status) {
  status_ = std::move(status);
  return Entry::kError;
}

ProtobufParser::Entry ProtobufParser::next() {
  if (!status_.is_ok()) return Entry::kError;
  exemplars_.clear();
  if (stage_ == Stage::kHelp) {
    stage_ = Stage::kUnit;
    if (!family_.unit.empty()) return Entry::kUnit;
  }
  if (stage_ == Stage::kUnit) {
    stage_ = Stage::kType;
    type_ = metric_type();
    return Entry::kType;
  }
  if (stage_ != Stage::kFamily && !next_stage()) {
    if (!status_.is_ok()) return Entry::kError;
    stage_ = Stage::kFamily;
  }
  if (stage_ == Stage::kFamily) {
    if (!next_family()) return status_.is_ok() ? Entry::kEnd : Entry::kError;
    stage_ = Stage::kHelp;
    return Entry::kHelp;
  }
  return emit();
}

ProtobufParser::Entry ProtobufParser::emit() {
  Status status;
  if (stage_ == Stage::kClassic) {
    status = emit_classic();
  } else {
    status = stage_ == Stage::kNative ? emit_native() : emit_custom();
  }
  if (!status.is_ok()) return fail(std::move(status));
  series_ = text_;
  has_timestamp_ = metric_.t != 0;
  timestamp_ = metric_.t;
  has_exemplars_ = !exemplars_.empty();
  return stage_ == Stage::kClassic ? Entry::kSeries : Entry::kHistogram;
}

// The next family that has metrics.
bool ProtobufParser::next_family() {
  while (!rest_.empty()) {
    storage::remote::WireReader lead(rest_.substr(0, kMaxLengthBytes));
    const uint64_t length = lead.varint();
    if (lead.failed()) {
      status_ = {Errc::kCorruption, "malformed protobuf: invalid length of a metric family"};
      return false;
    }
    size_t lead_bytes = 1;
    while ((static_cast<unsigned char>(rest_[lead_bytes - 1]) & 0x80) != 0) ++lead_bytes;
    rest_.remove_prefix(lead_bytes);
    if (length > rest_.size()) {
      status_ = {Errc::kCorruption, "malformed protobuf: a metric family of " +
                                        std::to_string(length) + " bytes, " +
                                        std::to_string(rest_.size()) + " are left"};
      return false;
    }
    const std::string_view message = rest_.substr(0, static_cast<size_t>(length));
    rest_.remove_prefix(message.size());
    if (message.empty()) continue;
    status_ = decode_family(message, family_);
    if (!status_.is_ok()) return false;
    if (!family_.has_metrics) continue;
    metrics_ = storage::remote::WireReader(message);
    if (status_ = check_family(); !status_.is_ok()) return false;
    return next_metric();
  }
  return false;
}

Status ProtobufParser::check_family() const {
  if (!model::is_valid_name(family_.name)) {
    return {Errc::kBadData, "invalid metric name: " + model::go_quote(family_.name)};
  }
  if (!base::is_valid_utf8(family_.help)) {
    return {Errc::kBadData, "invalid help for metric " + model::go_quote(family_.name) + ": " +
                                model::go_quote(family_.help)};
  }
  if (!base::is_valid_utf8(family_.unit)) {
    return {Errc::kBadData, "invalid unit for metric " + model::go_quote(family_.name) + ": " +
                                model::go_quote(family_.unit)};
  }
  if (family_.type >= 0 && family_.type <= static_cast<int32_t>(FamilyType::kGaugeHistogram)) {
    return {};
  }
  return {Errc::kBadData, "unknown metric type for metric " + model::go_quote(family_.name) + ": " +
                              std::to_string(family_.type)};
}

// False: the family has no more, or the page is broken.
bool ProtobufParser::next_metric() {
  std::string_view message;
  if (!scrape::next_metric(metrics_, message)) return false;
  status_ = decode_metric(message, metric_);
  if (!status_.is_ok()) {
    status_ = status_.with_context("metric " + model::go_quote(family_.name));
    return false;
  }
  label_text_.clear();
  for (const model::Label& label : metric_.labels) add_text(label_text_, label.name, label.value);
  step_ = 0;
  classic_count_ = count_classic();
  return true;
}

bool ProtobufParser::is_histogram() const {
  return family_.type == static_cast<int32_t>(FamilyType::kHistogram) ||
         family_.type == static_cast<int32_t>(FamilyType::kGaugeHistogram);
}

// What a metric's first entry is.
ProtobufParser::Stage ProtobufParser::first_stage() const {
  if (!is_histogram()) return Stage::kClassic;
  if (is_native()) return Stage::kNative;
  return forms_.convert && !forms_.always_classic ? Stage::kCustom : Stage::kClassic;
}

// Series that stand for the metric in classic form.
size_t ProtobufParser::count_classic() const {
  if (is_histogram()) {
    // Nothing counts behind a bucket without an upper bound, and one is made where it is missing.
    const std::vector<WireBucket>& buckets = metric_.histogram.buckets;
    const auto last = std::find_if(buckets.begin(), buckets.end(),
                                   [](const WireBucket& b) { return b.upper == kInf; });
    return kCountAndSum + static_cast<size_t>(last - buckets.begin()) + 1;
  }
  if (family_.type == static_cast<int32_t>(FamilyType::kSummary)) {
    return kCountAndSum + metric_.quantiles.size();
  }
  return 1;
}

// Moves to the next entry of the family's metrics. False: there is none, or the page is broken.
bool ProtobufParser::next_stage() {
  switch (stage_) {
    case Stage::kType: stage_ = first_stage(); return true;  // next_family() has decoded it
    case Stage::kNative:
      if (!forms_.always_classic || metric_.histogram.buckets.empty()) break;
      stage_ = Stage::kClassic;
      return true;
    case Stage::kClassic:
      if (++step_ < classic_count_) return true;
      if (!is_histogram() || is_native() || !forms_.convert) break;
      stage_ = Stage::kCustom;
      return true;
    default: break;
  }
  if (!next_metric()) return false;
  stage_ = first_stage();
  return true;
}

void ProtobufParser::name_series(std::string_view suffix, std::string_view label, double bound) {
  suffix_ = suffix;
  extra_label_ = label;
  text_.assign(family_.name);
  text_.append(suffix);
  text_.append(label_text_);
  if (label.empty()) return;
  extra_value_.clear();
  base::append_openmetrics_float(extra_value_, bound);
  add_text(text_, label, extra_value_);
}

Status ProtobufParser::emit_classic() {
  constexpr std::string_view kNone, kQuantile = "quantile";
  const auto type = static_cast<FamilyType>(family_.type);
  if (!is_histogram() && type != FamilyType::kSummary) {
    name_series(kNone, kNone, 0);
    value_ = type == FamilyType::kCounter ? metric_.counter
             : type == FamilyType::kGauge ? metric_.gauge
                                          : metric_.untyped;
    const bool carries = type == FamilyType::kCounter && metric_.counter_has_exemplar;
    return carries ? add_exemplar(metric_.counter_exemplar, false) : Status();
  }
  const WireNativeHistogram& h = metric_.histogram;
  if (step_ < kCountAndSum) {
    name_series(step_ == 0 ? "_count" : "_sum", kNone, 0);
    if (is_histogram()) {
      value_ = step_ == 0 ? h.count : h.sum;
    } else {
      value_ = step_ == 0 ? metric_.summary_count : metric_.summary_sum;
    }
    return {};
  }
  const size_t i = step_ - kCountAndSum;
  if (!is_histogram()) {
    name_series(kNone, kQuantile, metric_.quantiles[i].quantile);
    value_ = metric_.quantiles[i].value;
    return {};
  }
  const bool made = i >= h.buckets.size();
  name_series("_bucket", model::kBucketLabel, made ? kInf : h.buckets[i].upper);
  value_ = made ? h.count : h.buckets[i].cumulative;
  if (made || !h.buckets[i].has_exemplar) return {};
  return add_exemplar(h.buckets[i].exemplar, false);
}

Status ProtobufParser::emit_native() {
  name_series({}, {}, 0);
  if (const Status bad = to_histogram(metric_.histogram, histogram_); !bad.is_ok()) {
    return bad.with_context("histogram " + model::go_quote(family_.name));
  }
  if (family_.type == static_cast<int32_t>(FamilyType::kGaugeHistogram)) {
    histogram_.hint = model::CounterResetHint::kGauge;
  }
  return add_histogram_exemplars();
}

Status ProtobufParser::emit_custom() {
  name_series({}, {}, 0);
  ClassicHistogram classic;
  classic.set_count(metric_.histogram.count);
  classic.set_sum(metric_.histogram.sum);
  for (const WireBucket& b : metric_.histogram.buckets) classic.add_bucket(b.upper, b.cumulative);
  base::Result<model::Histogram> converted = classic.convert();
  if (!converted.is_ok()) {
    return converted.status().with_context("histogram " + model::go_quote(family_.name));
  }
  histogram_ = std::move(*converted);
  if (family_.type == static_cast<int32_t>(FamilyType::kGaugeHistogram)) {
    histogram_.hint = model::CounterResetHint::kGauge;
  }
  return add_histogram_exemplars();
}

// An exemplar whose labels cannot be is left out; the page's format must hold.
Status ProtobufParser::add_exemplar(std::string_view message, bool needs_timestamp) {
  WireExemplar exemplar;
  Status status = decode_exemplar(message, exemplar);
  if (status.code() == Errc::kCorruption) return status;
  if (status.is_ok() && (exemplar.has_timestamp || !needs_timestamp)) {
    exemplars_.push_back(std::move(exemplar.exemplar));
  }
  return {};
}

// Its own, or else those of the classic buckets.
Status ProtobufParser::add_histogram_exemplars() {
  const WireNativeHistogram& h = metric_.histogram;
  for (const std::string_view message : h.exemplars) RETURN_IF_ERROR(add_exemplar(message, true));
  if (!h.exemplars.empty()) return {};
  for (const WireBucket& b : h.buckets) {
    if (b.has_exemplar) RETURN_IF_ERROR(add_exemplar(b.exemplar, true));
  }
  return {};
}

void ProtobufParser::exemplars(std::vector<model::Exemplar>& out) const {
  out.insert(out.end(), exemplars_.begin(), exemplars_.end());
}

model::TimestampMs ProtobufParser::start_timestamp() {
  switch (static_cast<FamilyType>(family_.type)) {
    case FamilyType::kCounter: return metric_.counter_start;
    case FamilyType::kSummary: return metric_.summary_start;
    case FamilyType::kHistogram:
    case FamilyType::kGaugeHistogram: return metric_.histogram.start;
    default: return 0;
  }
}

Status ProtobufParser::labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const {
  const auto add = [&](std::string_view name, std::string_view value) -> Status {
    if (!out.get(name).empty()) {
      return {Errc::kBadData, "label name " + model::go_quote(name) + " is not unique"};
    }
    if (value.empty()) empty.emplace_back(name);
    out.set(name, value);
    return {};
  };
  out.clear();
  empty.clear();
  std::string name(family_.name);
  name.append(suffix_);
  RETURN_IF_ERROR(add(model::kMetricName, name));
  for (const model::Label& label : metric_.labels) RETURN_IF_ERROR(add(label.name, label.value));
  if (extra_label_.empty()) return {};
  return add(extra_label_, extra_value_);
}

model::MetricType ProtobufParser::metric_type() const {
  switch (static_cast<FamilyType>(family_.type)) {
    case FamilyType::kCounter: return model::MetricType::kCounter;
    case FamilyType::kGauge: return model::MetricType::kGauge;
    case FamilyType::kSummary: return model::MetricType::kSummary;
    case FamilyType::kHistogram: return model::MetricType::kHistogram;
    case FamilyType::kGaugeHistogram: return model::MetricType::kGaugeHistogram;
    default: return model::MetricType::kUnknown;
  }
}

}  // namespace silverback::scrape
