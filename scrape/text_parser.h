#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "scrape/exposition_parser.h"

namespace silverback::scrape {

/// Reads the Prometheus text format 0.0.4 and 1.0.0, as strict as Prometheus 3 is. Nothing is
/// copied: every view points into the text that the caller keeps. Threads: one at a time.
class TextParser final : public ExpositionParser {
 public:
  explicit TextParser(std::string_view text) : text_(text) {}

  /// Skips blank lines and comments and stands at the next entry's first byte. False at the end.
  bool find_entry();
  /// Takes the entry where find_entry() stopped as the predicted series, without lexing it. False:
  /// it is another one; nothing is consumed, call next(). After true, look at status(): value and
  /// timestamp may be wrong.
  bool take_predicted(const SeriesPrediction& expected);

  Entry next() override;
  void relex() override;
  base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const override;
  std::string metadata_name() const override;
  std::string help() const override;  // unescaped

 private:
  struct Span {
    std::string_view raw;
    bool escaped = false;
  };
  struct Pair {
    Span name, value;
  };

  Entry series_entry();
  Entry metadata_entry(bool is_type);
  bool lex_labels();
  bool lex_label(bool* more);
  bool lex_quoted(Span& out);
  bool lex_suffix();
  bool lex_timestamp();
  Entry fail(std::string_view expected);
  Entry fail_with(std::string message);
  void skip_blanks();
  void skip_line();
  bool at_end() const { return pos_ >= text_.size(); }
  char peek() const { return at_end() ? '\n' : text_[pos_]; }
  std::string_view context() const;
  size_t line_number() const;

  const std::string_view text_;
  size_t pos_ = 0;
  size_t start_ = 0;  // first byte of the entry
  Span name_;
  bool has_name_ = false;
  std::vector<Pair> labels_;
  std::string_view help_;
};

/// True for the characters that may stand in an unquoted metric name (`first`: at its start).
bool is_metric_name_char(char c, bool first);

}  // namespace silverback::scrape
