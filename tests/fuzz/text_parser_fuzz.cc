// Arbitrary bytes never crash the text parser, and a page read by prediction gives what lexing
// gave.
#include <xxhash.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "scrape/text_parser.h"

namespace {

using silverback::scrape::TextParser;

struct Sample {
  std::string_view text;
  uint64_t value = 0;
  int64_t t = 0;
  bool operator==(const Sample&) const = default;
};

Sample sample_of(const TextParser& parser) {
  Sample out;
  out.text = parser.series_text();
  out.value = std::bit_cast<uint64_t>(parser.value());
  out.t = parser.has_timestamp() ? parser.timestamp() : -1;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Sample> lexed, predicted;
  silverback::model::LabelsBuilder labels;
  std::vector<std::string> empty;
  TextParser first(text);
  for (;;) {
    const TextParser::Entry entry = first.next();
    if (entry == TextParser::Entry::kEnd || entry == TextParser::Entry::kError) break;
    if (entry != TextParser::Entry::kSeries) {
      static_cast<void>(first.metadata_name());
      continue;
    }
    first.labels(labels, empty).permit_unchecked("only crashes count");
    lexed.push_back(sample_of(first));
  }
  TextParser second(text);
  while (second.find_entry()) {
    const std::string_view next =
        predicted.size() < lexed.size() ? lexed[predicted.size()].text : "";
    const silverback::scrape::SeriesPrediction guess{XXH3_64bits(next.data(), next.size()),
                                                     next.size()};
    if (!second.take_predicted(guess) && second.next() != TextParser::Entry::kSeries) {
      if (!second.status().is_ok()) break;
      continue;
    }
    if (!second.status().is_ok()) break;
    predicted.push_back(sample_of(second));
  }
  if (first.status().is_ok() != second.status().is_ok() || lexed != predicted) std::abort();
  return 0;
}
