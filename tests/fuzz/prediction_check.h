#pragma once

#include <xxhash.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "scrape/exposition_parser.h"

namespace silverback::scrape {

/// Reads a page by lexing and once more by prediction, and aborts when they differ.
template <typename Parser>
class PredictionCheck {
 public:
  void run(std::string_view text) {
    using Entry = ExpositionParser::Entry;
    std::vector<Sample> lexed, predicted;
    Parser first(text);
    for (;;) {
      const Entry entry = first.next();
      if (entry == Entry::kEnd || entry == Entry::kError) break;
      if (entry == Entry::kSeries) {
        lexed.push_back(sample_of(first));
      } else {
        static_cast<void>(first.metadata_name() + first.help() + first.unit());
      }
    }
    Parser second(text);
    while (second.find_entry()) {
      const std::string_view next =
          predicted.size() < lexed.size() ? lexed[predicted.size()].text : "";
      const SeriesPrediction guess{XXH3_64bits(next.data(), next.size()), next.size()};
      Entry entry = Entry::kSeries;
      const bool taken = second.take_predicted(guess);
      if (!taken) entry = second.next();
      if (!second.status().is_ok() || entry == Entry::kEnd) break;
      if (entry != Entry::kSeries) continue;
      if (taken) second.relex();
      predicted.push_back(sample_of(second));
    }
    if (first.status().message() != second.status().message() || lexed != predicted) std::abort();
  }

 private:
  struct Sample {
    std::string_view text;
    std::string labels;
    uint64_t value = 0;
    model::TimestampMs t = 0;
    size_t exemplars = 0;
    bool operator==(const Sample&) const = default;
  };

  Sample sample_of(const Parser& parser) {
    Sample out;
    out.text = parser.series_text();
    const base::Status status = parser.labels(builder_, empty_);
    out.labels = status.is_ok() ? builder_.build().to_string() : status.message();
    out.value = std::bit_cast<uint64_t>(parser.value());
    out.t = parser.has_timestamp() ? parser.timestamp() : -1;
    exemplars_.clear();
    parser.exemplars(exemplars_);
    out.exemplars = exemplars_.size();
    return out;
  }

  model::LabelsBuilder builder_;
  std::vector<std::string> empty_;
  std::vector<model::Exemplar> exemplars_;
};

}  // namespace silverback::scrape
