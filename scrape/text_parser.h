#pragma once

#include <string>
#include <string_view>

#include "scrape/line_parser.h"

namespace silverback::scrape {

/// Reads the Prometheus text format 0.0.4 and 1.0.0, as strict as Prometheus 3 is.
/// Threads: one at a time.
class TextParser final : public LineParser {
 public:
  explicit TextParser(std::string_view text) : LineParser(text, true) {}

  /// Skips blank lines and comments and stands at the next entry's first byte. False at the end.
  bool find_entry();
  /// Takes the entry where find_entry() stopped as the predicted series, without lexing it. False:
  /// it is another one; nothing is consumed, call next(). After true, look at status(): value and
  /// timestamp may be wrong.
  bool take_predicted(const SeriesPrediction& expected);

  Entry next() override;
  void relex() override;
  std::string help() const override;

 private:
  Entry series_entry();
  Entry metadata_entry(bool is_type);
  bool lex_suffix();
  bool lex_timestamp();
  void skip_line();
  char peek() const { return at_end() ? '\n' : text_[pos_]; }

  std::string_view help_;
};

}  // namespace silverback::scrape
