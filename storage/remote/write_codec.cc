#include "storage/remote/write_codec.h"

#include <snappy.h>

#include <string>

#include "storage/remote/label_rules.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;

// A snappy copy of three bytes gives 64 at most.
constexpr size_t kMostPerByte = 22;

// Field numbers of prompb.
enum RequestField : uint32_t { kTimeseries = 1, kMetadata = 3 };
enum SeriesField : uint32_t { kLabels = 1, kSamples = 2, kExemplars = 3, kHistograms = 4 };
enum SampleField : uint32_t { kValue = 1, kTimestamp = 2, kStart = 3 };

// A label as every sender writes it: name and value in this order, lengths of one byte.
bool is_plain_label(std::string_view m, model::Label& label) {
  if (m.size() < 4 || m[0] != '\x0a') return false;
  const auto name = static_cast<unsigned char>(m[1]);
  if (name >= 0x80 || size_t{name} + 4 > m.size() || m[size_t{name} + 2] != '\x12') return false;
  const auto value = static_cast<unsigned char>(m[size_t{name} + 3]);
  if (value >= 0x80 || size_t{name} + size_t{value} + 4 != m.size()) return false;
  label.name = m.substr(2, name);
  label.value = m.substr(size_t{name} + 4, value);
  return true;
}

bool read_label(std::string_view message, model::Label& label) {
  if (is_plain_label(message, label)) return true;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) label.name = in.as_bytes();
    if (in.field() == 2) label.value = in.as_bytes();
  }
  return !in.failed();
}

}  // namespace

base::Result<DecodedBody> decode_snappy(std::string_view body) {
  DecodedBody out;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &out.size)) {
    return Status(Errc::kBadData, "snappy: corrupt input");
  }
  if (out.size > kMaxDecodedBytes) {
    return Status(Errc::kBadData, "snappy: decoded block of " + std::to_string(out.size) +
                                      " bytes is larger than the limit of " +
                                      std::to_string(kMaxDecodedBytes));
  }
  if (out.size / kMostPerByte > body.size()) {
    return Status(Errc::kBadData, "snappy: corrupt input: declares more than it can hold");
  }
  out.data = std::make_unique_for_overwrite<char[]>(out.size);
  if (!snappy::RawUncompress(body.data(), body.size(), out.data.get())) {
    return Status(Errc::kBadData, "snappy: corrupt input");
  }
  return out;
}

void WireSeries::clear() {
  labels.clear();
  labels_status = Status::ok();
  samples.clear();
  exemplars.clear();
  exemplar_labels.clear();
  histograms.clear();
  metadata = {};
}

bool SeriesReader::next(WireSeries& into) {
  while (broken_.is_ok() && in_.next()) {
    bool is_series = false;
    if (!read_field(in_, into, is_series) || in_.failed()) {
      in_.fail();
      return false;
    }
    if (is_series) return true;
  }
  return false;
}

Status SeriesReader::status() const {
  if (!broken_.is_ok()) return broken_;
  if (!in_.failed()) return Status::ok();
  return {Errc::kBadData, "remote write: malformed protobuf message"};
}

bool SeriesReader::count_sample() {
  if (++samples_ <= kMaxRequestSamples) return true;
  break_off({Errc::kBadData, "remote write: more than " + std::to_string(kMaxRequestSamples) +
                                 " samples in one request"});
  return false;
}

bool SeriesReader::add_sample(std::string_view message, WireSeries& into) {
  if (!count_sample()) return false;
  WireSeries::Sample sample;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == kValue) sample.value = in.as_double();
    if (in.field() == kTimestamp) sample.t = in.as_int64();
    if (in.field() == kStart) sample.start = in.as_int64();
  }
  into.samples.push_back(sample);
  return !in.failed();
}

bool WriteRequestReader::read_exemplar(std::string_view message, WireSeries& into) {
  WireSeries::Exemplar exemplar;
  exemplar.first_label = into.exemplar_labels.size();
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) {
      model::Label label;
      if (!read_label(in.as_bytes(), label)) return false;
      if (into.exemplar_labels.size() - exemplar.first_label == kMaxLabels) {
        exemplar.usable = false;
      } else {
        into.exemplar_labels.push_back(label);
      }
    }
    if (in.field() == 2) exemplar.value = in.as_double();
    if (in.field() == 3) exemplar.t = in.as_int64();
  }
  exemplar.labels = into.exemplar_labels.size() - exemplar.first_label;
  into.exemplars.push_back(exemplar);
  return !in.failed();
}

bool WriteRequestReader::read_series(std::string_view message, WireSeries& into) {
  size_t labels = 0;
  WireReader in(message);
  while (in.next()) {
    bool good = true;
    switch (in.field()) {
      case kLabels: {
        model::Label label;
        good = read_label(in.as_bytes(), label);
        if (++labels <= kMaxLabels) into.labels.push_back(label);
        break;
      }
      case kSamples: good = add_sample(in.as_bytes(), into); break;
      case kExemplars: good = count_sample() && read_exemplar(in.as_bytes(), into); break;
      case kHistograms:
        good = count_sample();
        into.histograms.push_back(in.as_bytes());
        break;
      default: break;
    }
    if (!good) return false;
  }
  if (labels > kMaxLabels) into.labels_status = too_many_labels(labels);
  return !in.failed();
}

bool WriteRequestReader::read_field(WireReader& in, WireSeries& into, bool& is_series) {
  if (in.field() == kMetadata) in.as_bytes();
  if (in.field() != kTimeseries) return true;
  is_series = true;
  into.clear();
  return read_series(in.as_bytes(), into);
}

}  // namespace silverback::storage::remote
