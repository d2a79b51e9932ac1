#include "scrape/text_parser.h"

#include <limits>
#include <optional>

#include "base/utf8.h"

namespace silverback::scrape {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<model::MetricType> metric_type(std::string_view name) {
  if (name == "counter") return model::MetricType::kCounter;
  if (name == "gauge") return model::MetricType::kGauge;
  if (name == "histogram") return model::MetricType::kHistogram;
  if (name == "summary") return model::MetricType::kSummary;
  if (name == "untyped") return model::MetricType::kUnknown;
  return std::nullopt;
}

}  // namespace

void TextParser::skip_line() {
  const size_t end = text_.find('\n', pos_);
  pos_ = end == std::string_view::npos ? text_.size() : end + 1;
}

bool TextParser::find_entry() {
  for (;;) {
    skip_blanks();
    if (at_end()) return false;
    const char c = text_[pos_];
    if (c == '\n') {
      ++pos_;
      continue;
    }
    if (c == '\0') {  // ends the page, as it does in Prometheus
      pos_ = text_.size();
      return false;
    }
    if (c != '#') return true;
    size_t word = pos_ + 1;
    while (word < text_.size() && is_blank(text_[word])) ++word;
    const std::string_view rest = text_.substr(word, 5);
    const bool spaced = word > pos_ + 1;
    const bool metadata = spaced && rest.size() == 5 && is_blank(rest[4]) &&
                          (rest.substr(0, 4) == "HELP" || rest.substr(0, 4) == "TYPE");
    if (metadata) return true;
    const size_t begin = pos_;
    skip_line();
    // So does one in a comment that has no blank behind its #.
    if (!spaced && text_.substr(begin, pos_ - begin).find('\0') != std::string_view::npos) {
      pos_ = text_.size();
    }
  }
}

bool TextParser::take_predicted(const SeriesPrediction& expected) {
  if (!stands_here(expected) || text_[pos_] == '#') return false;
  size_t after = pos_ + expected.length;
  // A bare name must end here; a closing brace ends a series whatever follows.
  const bool braced = text_[after - 1] == '}';
  if (!braced && (after >= text_.size() || !is_blank(text_[after]))) return false;
  while (after < text_.size() && is_blank(text_[after])) ++after;
  if (after < text_.size() && text_[after] == '{') return false;
  start_ = token_ = pos_;
  series_ = text_.substr(pos_, expected.length);
  pos_ = after;
  lex_suffix();
  return true;
}

void TextParser::relex() {
  pos_ = start_;
  series_entry();
}

TextParser::Entry TextParser::next() {
  if (!status_.is_ok()) return Entry::kError;
  if (!find_entry()) return Entry::kEnd;
  start_ = pos_;
  if (text_[pos_] != '#') return series_entry();
  ++pos_;
  skip_blanks();
  const bool is_type = text_[pos_] == 'T';
  pos_ += 4;
  skip_blanks();
  return metadata_entry(is_type);
}

TextParser::Entry TextParser::metadata_entry(bool is_type) {
  const std::string_view expected =
      is_type ? "expected metric name after TYPE" : "expected metric name after HELP";
  token_ = pos_;
  if (peek() == '"') {
    if (!lex_quoted(name_, false, true)) return fail(expected, Token::kInvalid);
  } else {
    name_ = Span{take_name(), false};
    if (name_.raw.empty()) return fail(expected, Token::kInvalid);
  }
  const size_t begin = pos_;
  skip_line();
  const size_t end = pos_ > begin && text_[pos_ - 1] == '\n' ? pos_ - 1 : pos_;
  std::string_view text = text_.substr(begin, end - begin);
  if (text.find_first_not_of(" \t") == std::string_view::npos) text = {};
  // One separator, whatever it is; more belongs to the text.
  if (!text.empty()) text.remove_prefix(1);
  token_ = begin;
  if (!is_type) {
    help_ = text;
    if (base::is_valid_utf8(text)) return Entry::kHelp;
    return fail_with("help text " + model::go_quote(text.substr(0, 200)) +
                     " is not a valid utf8 string");
  }
  const std::optional<model::MetricType> type = metric_type(text);
  if (!type) return fail_with("invalid metric type " + model::go_quote(text.substr(0, 200)));
  type_ = *type;
  return Entry::kType;
}

TextParser::Entry TextParser::series_entry() {
  constexpr LabelRules kRules = {true, true, true, true, true, true};
  labels_.clear();
  const size_t begin = pos_;
  token_ = pos_;
  name_ = Span{take_name(), false};
  has_name_ = !name_.raw.empty();
  if (!has_name_ && peek() != '{') return fail("expected a valid start token", Token::kInvalid);
  series_ = name_.raw;
  skip_blanks();
  if (!at_end() && peek() == '{') {
    token_ = pos_++;
    if (!lex_labels(kRules, labels_)) return Entry::kError;
    series_ = text_.substr(begin, pos_ - begin);
    skip_blanks();
    if (!has_name_) {
      // Prometheus has read the value when it finds out.
      while (!at_end() && !is_blank(peek()) && peek() != '\n' && peek() != '{') ++pos_;
      return fail_while_parsing("metric name not set");
    }
  }
  return lex_suffix() ? Entry::kSeries : Entry::kError;
}

// Value, optional timestamp, end of line.
bool TextParser::lex_suffix() {
  const size_t begin = pos_;
  for (; !at_end(); ++pos_) {
    const char c = text_[pos_];
    if (is_blank(c) || c == '\n' || c == '{' || c == '\0') break;
  }
  if (pos_ == begin) {
    token_ = pos_;
    const bool brace = peek() == '{';
    if (brace) ++pos_;
    return fail("expected value after metric", brace ? Token::kBraceOpen : Token::kInvalid), false;
  }
  token_ = begin;
  if (!parse_number(text_.substr(begin, pos_ - begin), &value_)) return false;
  has_timestamp_ = false;
  skip_blanks();
  if (peek() != '\n') return lex_timestamp();
  if (!at_end()) ++pos_;
  return true;
}

bool TextParser::lex_timestamp() {
  token_ = pos_;
  if (!is_digit(peek())) {
    return fail("expected timestamp or new record", Token::kInvalid), false;
  }
  int64_t t = 0;
  bool in_range = true;
  for (; !at_end() && is_digit(text_[pos_]); ++pos_) {
    const int digit = text_[pos_] - '0';
    in_range = in_range && t <= (std::numeric_limits<int64_t>::max() - digit) / 10;
    if (in_range) t = t * 10 + digit;
  }
  if (!in_range) {
    std::string message = "strconv.ParseInt: parsing ";
    message += model::go_quote(text_.substr(token_, pos_ - token_).substr(0, 200));
    message += ": value out of range";
    return fail_while_parsing(std::move(message)), false;
  }
  skip_blanks();
  if (peek() != '\n') {
    token_ = pos_;
    const bool digits = is_digit(peek());
    while (!at_end() && is_digit(text_[pos_])) ++pos_;
    const Token got = digits ? Token::kTimestamp : Token::kInvalid;
    return fail("expected next entry after timestamp", got), false;
  }
  if (!at_end()) ++pos_;
  timestamp_ = t;
  has_timestamp_ = true;
  return true;
}

std::string TextParser::help() const {
  return unescape_text(help_, false);
}

}  // namespace silverback::scrape
