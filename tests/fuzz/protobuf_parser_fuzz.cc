// Any bytes as a protobuf page: first byte = which forms of histograms are wanted.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scrape/protobuf_parser.h"

namespace {

using silverback::scrape::ProtobufParser;

void use(ProtobufParser& parser, ProtobufParser::Entry entry) {
  if (entry == ProtobufParser::Entry::kHistogram) {
    if (parser.histogram().validate().is_ok()) static_cast<void>(parser.histogram().to_string());
  }
  silverback::model::LabelsBuilder labels;
  std::vector<std::string> empty;
  if (!parser.labels(labels, empty).is_ok()) return;
  if (!silverback::model::Labels::valid_bytes(labels.build().bytes())) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Entry = ProtobufParser::Entry;
  if (size == 0) return 0;
  silverback::scrape::HistogramForms forms;
  forms.native = (data[0] & 1) != 0;
  forms.always_classic = (data[0] & 2) != 0;
  forms.convert = (data[0] & 4) != 0;
  ProtobufParser parser({reinterpret_cast<const char*>(data) + 1, size - 1}, forms);
  for (Entry entry = parser.next(); entry != Entry::kEnd; entry = parser.next()) {
    if (entry == Entry::kError) {
      if (parser.status().is_ok()) __builtin_trap();
      break;
    }
    if (entry == Entry::kSeries || entry == Entry::kHistogram) use(parser, entry);
  }
  return 0;
}
