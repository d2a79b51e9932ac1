#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scrape/line_parser.h"

namespace silverback::scrape {

/// Reads OpenMetrics text 1.0.0 and 0.0.1, as strict as Prometheus 3 is: single spaces, no comments
/// but metadata, and `# EOF` as the last line. Threads: one at a time.
class OpenMetricsParser final : public LineParser {
 public:
  static constexpr bool kKnowsStarts = true;

  /// `created_as_start`: `_created` lines of counters, histograms and summaries are no series; they
  /// are told by start_timestamp() of the series that they belong to.
  explicit OpenMetricsParser(std::string_view text, bool created_as_start = false)
      : LineParser(text, false), created_as_start_(created_as_start) {}

  bool take_predicted(const SeriesPrediction& expected);

  Entry next() override;
  void relex() override;
  model::TimestampMs start_timestamp() override;
  void exemplars(std::vector<model::Exemplar>& out) const override;
  std::string help() const override;
  std::string unit() const override { return std::string(text_of_line_); }

 private:
  struct ExemplarSpans {
    std::vector<Pair> labels;
    double value = 0;
    bool has_timestamp = false;
    model::TimestampMs timestamp = 0;
  };

  Entry metadata_entry();
  Entry metadata_line(char kind);
  Entry type_line();
  Entry unit_line();
  Entry series_entry();
  bool lex_suffix();
  bool lex_word(std::string_view* out);
  bool lex_exemplar();
  bool at_exemplar() const { return text_.substr(pos_, 4) == " # {"; }
  bool take_line_break();
  Token number_token();
  bool is_created_series() const;
  std::string series_key() const;
  void find_created();

  const bool created_as_start_;
  std::string_view text_of_line_;  // of the last HELP or UNIT
  ExemplarSpans exemplar_;

  // Created times of the family at hand, read ahead of its series when first asked for.
  std::string_view family_;
  size_t family_begin_ = 0;  // behind its metadata
  bool created_known_ = false;
  std::unordered_map<std::string, model::TimestampMs> created_;  // by series_key()
};

}  // namespace silverback::scrape
