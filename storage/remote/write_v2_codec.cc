#include "storage/remote/write_v2_codec.h"

#include <string>

#include "storage/remote/label_rules.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;

enum RequestField : uint32_t { kSymbols = 4, kTimeseries = 5 };
enum SeriesField : uint32_t {
  kLabelsRefs = 1,
  kSamples = 2,
  kHistograms = 3,
  kExemplars = 4,
  kMetadata = 5,
};
enum MetadataField : uint32_t { kType = 1, kHelpRef = 3, kUnitRef = 4 };
enum ExemplarField : uint32_t { kExemplarRefs = 1, kExemplarValue = 2, kExemplarTime = 3 };

constexpr size_t kMostRefs = 2 * kMaxLabels;

// Packed, or one by one. More than can be used are counted only.
bool read_refs(WireReader& in, std::vector<uint32_t>& into, size_t& count) {
  const auto add = [&](uint64_t ref) {
    if (++count <= kMostRefs) into.push_back(static_cast<uint32_t>(ref));
  };
  if (in.type() == WireType::kVarint) {
    add(in.as_varint());
    return true;
  }
  WireReader packed(in.as_bytes());
  while (!packed.at_end() && !packed.failed()) add(packed.varint());
  return !packed.failed() && !in.failed();
}

}  // namespace

// The table first: nothing says that it comes before the series.
WriteRequestV2Reader::WriteRequestV2Reader(std::string_view message) : SeriesReader(message) {
  WireReader in(message);
  while (in.next()) {
    if (in.field() != kSymbols) continue;
    if (symbols_.size() == kMaxSymbols) {
      break_off({Errc::kBadData, "remote write: more than " + std::to_string(kMaxSymbols) +
                                     " symbols in one request"});
      return;
    }
    symbols_.push_back(in.as_bytes());
  }
  if (in.failed()) break_off({Errc::kBadData, "remote write: malformed protobuf message"});
}

bool WriteRequestV2Reader::read_field(WireReader& in, WireSeries& into, bool& is_series) {
  if (in.field() != kTimeseries) return true;
  is_series = true;
  into.clear();
  return read_series(in.as_bytes(), into);
}

bool WriteRequestV2Reader::read_series(std::string_view message, WireSeries& into) {
  refs_.clear();
  ref_count_ = 0;
  bool has_exemplars = false;
  WireReader in(message);
  while (in.next()) {
    bool good = true;
    switch (in.field()) {
      case kLabelsRefs: good = read_refs(in, refs_, ref_count_); break;
      case kSamples: good = add_sample(in.as_bytes(), into); break;
      case kHistograms:
        good = count_sample();
        into.histograms.push_back(in.as_bytes());
        break;
      case kExemplars:
        in.as_bytes();
        has_exemplars = true;
        break;
      case kMetadata: good = read_metadata(in.as_bytes(), into.metadata); break;
      default: break;
    }
    if (!good) return false;
  }
  if (in.failed()) return false;
  into.labels_status = resolve(into.labels);
  if (!has_exemplars) return true;
  // Once the references of the series itself are done with.
  for (WireReader again(message); again.next();) {
    if (again.field() != kExemplars) continue;
    if (!count_sample() || !read_exemplar(again.as_bytes(), into)) return false;
  }
  return true;
}

bool WriteRequestV2Reader::read_metadata(std::string_view message,
                                         WireSeries::Metadata& into) const {
  WireReader in(message);
  while (in.next()) {
    if (in.field() == kType) into.type = in.as_varint();
    if (in.field() == kHelpRef) into.help = symbol(static_cast<uint32_t>(in.as_varint()));
    if (in.field() == kUnitRef) into.unit = symbol(static_cast<uint32_t>(in.as_varint()));
  }
  return !in.failed();
}

bool WriteRequestV2Reader::read_exemplar(std::string_view message, WireSeries& into) {
  refs_.clear();
  ref_count_ = 0;
  WireSeries::Exemplar exemplar;
  WireReader in(message);
  while (in.next()) {
    if (in.field() == kExemplarRefs && !read_refs(in, refs_, ref_count_)) return false;
    if (in.field() == kExemplarValue) exemplar.value = in.as_double();
    if (in.field() == kExemplarTime) exemplar.t = in.as_int64();
  }
  exemplar.first_label = into.exemplar_labels.size();
  exemplar.usable = resolve(into.exemplar_labels).is_ok();
  if (!exemplar.usable) into.exemplar_labels.resize(exemplar.first_label);
  exemplar.labels = into.exemplar_labels.size() - exemplar.first_label;
  into.exemplars.push_back(exemplar);
  return !in.failed();
}

// Appends the labels that refs_ stand for.
Status WriteRequestV2Reader::resolve(std::vector<model::Label>& into) {
  if (ref_count_ % 2 != 0) {
    return {Errc::kBadData, "an odd number of label references: " + std::to_string(ref_count_)};
  }
  if (ref_count_ > kMostRefs) return too_many_labels(ref_count_ / 2);
  for (size_t i = 0; i < refs_.size(); i += 2) {
    for (const uint32_t ref : {refs_[i], refs_[i + 1]}) {
      if (ref < symbols_.size()) continue;
      return {Errc::kBadData, "label reference " + std::to_string(ref) +
                                  " is outside of the table of " + std::to_string(symbols_.size()) +
                                  " symbols"};
    }
    const model::Label label{symbols_[refs_[i]], symbols_[refs_[i + 1]]};
    label_bytes_ += label.name.size() + label.value.size();
    if (label_bytes_ > kMaxResolvedLabelBytes) {
      return {Errc::kBadData, "the labels of one request come to more than " +
                                  std::to_string(kMaxResolvedLabelBytes) + " bytes"};
    }
    into.push_back(label);
  }
  return Status::ok();
}

// Of metadata: 0 is no text, and a reference that leads nowhere is as good as none.
std::string_view WriteRequestV2Reader::symbol(uint32_t ref) const {
  return ref > 0 && ref < symbols_.size() ? symbols_[ref] : std::string_view();
}

}  // namespace silverback::storage::remote
