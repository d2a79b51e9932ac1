#include "storage/remote/write_codec.h"

#include <snappy.h>

#include <string>

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;

// A snappy copy of three bytes gives 64 at most.
constexpr size_t kMostPerByte = 22;

// Field numbers of prompb.
enum RequestField : uint32_t { kTimeseries = 1, kMetadata = 3 };
enum SeriesField : uint32_t { kLabels = 1, kSamples = 2, kExemplars = 3, kHistograms = 4 };

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

bool read_label(std::string_view message, std::vector<model::Label>& into) {
  model::Label label;
  if (is_plain_label(message, label)) {
    into.push_back(label);
    return true;
  }
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) label.name = in.as_bytes();
    if (in.field() == 2) label.value = in.as_bytes();
  }
  into.push_back(label);
  return !in.failed();
}

bool read_sample(std::string_view message, WireSeries& into) {
  WireSeries::Sample sample;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1) sample.value = in.as_double();
    if (in.field() == 2) sample.t = in.as_int64();
  }
  into.samples.push_back(sample);
  return !in.failed();
}

bool read_exemplar(std::string_view message, WireSeries& into) {
  WireSeries::Exemplar exemplar;
  exemplar.first_label = into.exemplar_labels.size();
  WireReader in(message);
  while (in.next()) {
    if (in.field() == 1 && !read_label(in.as_bytes(), into.exemplar_labels)) return false;
    if (in.field() == 2) exemplar.value = in.as_double();
    if (in.field() == 3) exemplar.t = in.as_int64();
  }
  exemplar.labels = into.exemplar_labels.size() - exemplar.first_label;
  into.exemplars.push_back(exemplar);
  return !in.failed();
}

bool read_series(std::string_view message, WireSeries& into) {
  WireReader in(message);
  while (in.next()) {
    bool good = true;
    switch (in.field()) {
      case kLabels: good = read_label(in.as_bytes(), into.labels); break;
      case kSamples: good = read_sample(in.as_bytes(), into); break;
      case kExemplars: good = read_exemplar(in.as_bytes(), into); break;
      case kHistograms: into.histograms.push_back(in.as_bytes()); break;
      default: break;
    }
    if (!good) return false;
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
  samples.clear();
  exemplars.clear();
  exemplar_labels.clear();
  histograms.clear();
}

bool WriteRequestReader::next(WireSeries& into) {
  while (!failed_ && in_.next()) {
    if (in_.field() == kMetadata) in_.as_bytes();
    if (in_.field() != kTimeseries) continue;
    into.clear();
    failed_ = !read_series(in_.as_bytes(), into) || in_.failed();
    return !failed_;
  }
  return false;
}

Status WriteRequestReader::status() const {
  if (!failed_ && !in_.failed()) return Status::ok();
  return {Errc::kBadData, "remote write: malformed protobuf message"};
}

}  // namespace silverback::storage::remote
