#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scrape/exposition_parser.h"

namespace silverback::scrape {

/// What the two line formats share: names, label lists, numbers, and errors that name line, column
/// and what stood there. Nothing is copied: every view points into the text that the caller keeps.
/// Errors are worded as Prometheus words them, behind the position.
class LineParser : public ExpositionParser {
 public:
  base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const override;
  std::string metadata_name() const override;

 protected:
  struct Span {
    std::string_view raw;
    bool escaped = false;
  };
  struct Pair {
    Span name, value;
  };
  enum class Token : uint8_t {
    kInvalid,
    kEof,
    kLinebreak,
    kMetricName,
    kQuoted,
    kBraceOpen,
    kBraceClose,
    kLabelName,
    kLabelValue,
    kEqual,
    kComma,
    kTimestamp,
    kValue,
  };
  /// How a format writes what stands in braces.
  struct LabelRules {
    bool blanks = false;           // between tokens
    bool optional_commas = false;  // between labels
    bool multiline_names = false;  // a quoted name may hold a line break
    bool multiline_values = false;
    bool nul_in_values = false;
    bool metric_name = false;  // a quoted name alone is the metric's
  };

  /// `line_break_at_end`: the text counts as if one more line break stood behind it.
  LineParser(std::string_view text, bool line_break_at_end)
      : text_(text), line_break_at_end_(line_break_at_end) {}

  /// Whether the predicted text stands here.
  bool stands_here(const SeriesPrediction& expected) const;
  /// A metric name without quotes, or nothing.
  std::string_view take_name();
  /// Behind the opening brace; ends behind the closing one. Adds to `out`, sets name_.
  bool lex_labels(const LabelRules& rules, std::vector<Pair>& out);
  /// From the opening quote to behind the closing one.
  bool lex_quoted(Span& out, bool take_nul, bool take_line_break);
  bool parse_number(std::string_view text, double* out);

  /// "<expected>, got <token_ to pos_> (<kind>) while parsing: <entry>".
  Entry fail(std::string_view expected, Token got);
  Entry fail_while_parsing(std::string message);
  Entry fail_with(const std::string& message);

  void skip_blanks() {
    while (pos_ < text_.size() && (text_[pos_] == ' ' || text_[pos_] == '\t')) ++pos_;
  }
  bool at_end() const { return pos_ >= text_.size(); }
  Token end_token();

  const std::string_view text_;
  const bool line_break_at_end_;
  size_t pos_ = 0;
  size_t start_ = 0;  // first byte of the entry
  size_t token_ = 0;  // first byte of the token that ends at pos_
  Span name_;
  bool has_name_ = false;
  std::vector<Pair> labels_;

 private:
  Token label_token(const LabelRules& rules, Span& out);
  Token value_token(const LabelRules& rules, Span& out);
  std::string shown(size_t from, size_t end) const;
};

/// `\\`, `\n` and, with `quotes`, `\"`; any other escape stays as it is.
std::string unescape_text(std::string_view raw, bool quotes);

/// True for the characters that may stand in an unquoted metric name (`first`: at its start).
inline bool is_metric_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && c >= '0' && c <= '9');
}

}  // namespace silverback::scrape
