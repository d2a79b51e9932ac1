#include "scrape/text_parser.h"

#include <xxhash.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/go_float.h"
#include "base/utf8.h"
#include "model/stale.h"

namespace silverback::scrape {
namespace {

constexpr size_t kContextBytes = 120;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_label_name_char(char c, bool first) {
  return c != ':' && is_metric_name_char(c, first);
}

// `\\`, `\"` and `\n`; any other escape stays as it is.
std::string unescape(std::string_view raw, bool quotes) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
    if (raw[i] == '\\' && (next == '\\' || next == 'n' || (quotes && next == '"'))) {
      out += next == 'n' ? '\n' : next;
      ++i;
    } else {
      out += raw[i];
    }
  }
  return out;
}

std::string text_of(std::string_view raw, bool escaped) {
  return escaped ? unescape(raw, true) : std::string(raw);
}

// le of histograms and quantile of summaries have one spelling, whatever the target writes.
void normalize_bound(model::MetricType type, const std::string& name, std::string& value) {
  const bool bound = (type == model::MetricType::kHistogram && name == "le") ||
                     (type == model::MetricType::kSummary && name == "quantile");
  if (!bound) return;
  const std::optional<double> number = base::parse_go_float(value);
  if (!number) return;
  value.clear();
  base::append_openmetrics_float(value, *number);
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

bool is_metric_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         (!first && is_digit(c));
}

void TextParser::skip_blanks() {
  while (pos_ < text_.size() && is_blank(text_[pos_])) ++pos_;
}

void TextParser::skip_line() {
  const size_t end = text_.find('\n', pos_);
  pos_ = end == std::string_view::npos ? text_.size() : end + 1;
}

bool TextParser::find_entry() {
  for (;;) {
    skip_blanks();
    if (at_end()) return false;
    if (text_[pos_] == '\n') {
      ++pos_;
      continue;
    }
    if (text_[pos_] != '#') return true;
    size_t word = pos_ + 1;
    while (word < text_.size() && is_blank(text_[word])) ++word;
    const std::string_view rest = text_.substr(word, 5);
    const bool metadata = word > pos_ + 1 && rest.size() == 5 && is_blank(rest[4]) &&
                          (rest.substr(0, 4) == "HELP" || rest.substr(0, 4) == "TYPE");
    if (metadata) return true;
    skip_line();
  }
}

bool TextParser::take_predicted(const SeriesPrediction& expected) {
  if (expected.length == 0 || expected.length > text_.size() - pos_) return false;
  if (text_[pos_] == '#') return false;
  const char* const at = text_.data() + pos_;
  size_t after = pos_ + expected.length;
  // A bare name must end here; a closing brace ends a series whatever follows.
  const bool braced = at[expected.length - 1] == '}';
  if (!braced && (after >= text_.size() || !is_blank(text_[after]))) return false;
  if (XXH3_64bits(at, expected.length) != expected.hash) return false;
  while (after < text_.size() && is_blank(text_[after])) ++after;
  if (after < text_.size() && text_[after] == '{') return false;
  start_ = pos_;
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
  if (peek() == '"') {
    if (!lex_quoted(name_)) return Entry::kError;
  } else {
    const size_t begin = pos_;
    while (!at_end() && is_metric_name_char(text_[pos_], pos_ == begin)) ++pos_;
    name_ = Span{text_.substr(begin, pos_ - begin), false};
    if (name_.raw.empty()) {
      return fail(is_type ? "expected metric name after TYPE" : "expected metric name after HELP");
    }
  }
  const size_t begin = pos_;
  skip_line();
  const size_t end = pos_ > begin && text_[pos_ - 1] == '\n' ? pos_ - 1 : pos_;
  std::string_view text = text_.substr(begin, end - begin);
  // One separator, whatever it is; more belongs to the text.
  if (!text.empty()) text.remove_prefix(1);
  if (!is_type) {
    help_ = text;
    if (base::is_valid_utf8(text)) return Entry::kHelp;
    return fail_with("help text " + model::go_quote(text) + " is not a valid utf8 string");
  }
  const std::optional<model::MetricType> type = metric_type(text);
  if (!type)
    return fail_with("invalid metric type " + model::go_quote(text.substr(0, kContextBytes)));
  type_ = *type;
  return Entry::kType;
}

TextParser::Entry TextParser::series_entry() {
  labels_.clear();
  has_name_ = false;
  const size_t begin = pos_;
  while (!at_end() && is_metric_name_char(text_[pos_], pos_ == begin)) ++pos_;
  if (pos_ > begin) {
    name_ = Span{text_.substr(begin, pos_ - begin), false};
    has_name_ = true;
  } else if (peek() != '{') {
    return fail("expected a valid start token");
  }
  series_ = text_.substr(begin, pos_ - begin);
  skip_blanks();
  if (peek() == '{' && !at_end()) {
    ++pos_;
    if (!lex_labels()) return Entry::kError;
    series_ = text_.substr(begin, pos_ - begin);
    skip_blanks();
    if (!has_name_) return fail_with("metric name not set");
  }
  return lex_suffix() ? Entry::kSeries : Entry::kError;
}

// Behind the opening brace; ends behind the closing one.
bool TextParser::lex_labels() {
  bool more = true;
  while (more) {
    if (!lex_label(&more)) return false;
  }
  return true;
}

bool TextParser::lex_label(bool* more) {
  skip_blanks();
  if (!at_end() && peek() == '}') {
    ++pos_;
    *more = false;
    return true;
  }
  Pair pair;
  const bool quoted = !at_end() && peek() == '"';
  if (quoted) {
    if (!lex_quoted(pair.name)) return false;
  } else {
    const size_t begin = pos_;
    while (!at_end() && is_label_name_char(text_[pos_], pos_ == begin)) ++pos_;
    pair.name.raw = text_.substr(begin, pos_ - begin);
    if (pair.name.raw.empty()) return fail("expected label name"), false;
  }
  skip_blanks();
  const char after = at_end() ? '\0' : peek();
  if (quoted && (after == ',' || after == '}')) {
    if (has_name_) return fail_with("metric name already set"), false;
    name_ = pair.name;
    has_name_ = true;
    if (after == ',') ++pos_;
    return true;
  }
  if (after != '=') return fail("expected equal"), false;
  ++pos_;
  skip_blanks();
  if (at_end() || peek() != '"') return fail("expected label value"), false;
  if (!lex_quoted(pair.value)) return false;
  if (!base::is_valid_utf8(pair.value.raw)) {
    return fail_with("invalid UTF-8 label value: " +
                     model::go_quote(pair.value.raw.substr(0, kContextBytes))),
           false;
  }
  labels_.push_back(pair);
  // Prometheus takes labels without a comma between them, and one comma at the end.
  skip_blanks();
  if (!at_end() && peek() == ',') ++pos_;
  return true;
}

bool TextParser::lex_quoted(Span& out) {
  const size_t begin = ++pos_;
  out.escaped = false;
  while (!at_end()) {
    const char c = text_[pos_];
    if (c == '"') {
      out.raw = text_.substr(begin, pos_ - begin);
      ++pos_;
      return true;
    }
    if (c == '\\') {
      out.escaped = true;
      ++pos_;
    }
    ++pos_;
  }
  pos_ = text_.size();
  return fail("expected closing quote"), false;
}

// Value, optional timestamp, end of line.
bool TextParser::lex_suffix() {
  const size_t begin = pos_;
  while (!at_end() && !is_blank(text_[pos_]) && text_[pos_] != '\n' && text_[pos_] != '{') ++pos_;
  const std::string_view number = text_.substr(begin, pos_ - begin);
  if (number.empty()) return fail("expected value after metric"), false;
  const std::optional<double> value = base::parse_sample_value(number);
  if (!value) {
    const std::string quoted = model::go_quote(number.substr(0, kContextBytes));
    return fail_with("strconv.ParseFloat: parsing " + quoted + ": invalid syntax"), false;
  }
  value_ = std::isnan(*value) ? model::normal_nan() : *value;
  has_timestamp_ = false;
  skip_blanks();
  if (peek() != '\n') return lex_timestamp();
  if (!at_end()) ++pos_;
  return true;
}

bool TextParser::lex_timestamp() {
  if (!is_digit(peek())) return fail("expected timestamp or new record"), false;
  int64_t t = 0;
  for (; !at_end() && is_digit(text_[pos_]); ++pos_) {
    const int digit = text_[pos_] - '0';
    if (t > (std::numeric_limits<int64_t>::max() - digit) / 10) {
      return fail_with("strconv.ParseInt: timestamp value out of range"), false;
    }
    t = t * 10 + digit;
  }
  skip_blanks();
  if (peek() != '\n') return fail("expected next entry after timestamp"), false;
  if (!at_end()) ++pos_;
  timestamp_ = t;
  has_timestamp_ = true;
  return true;
}

base::Status TextParser::labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const {
  out.clear();
  empty.clear();
  out.set(model::kMetricName, text_of(name_.raw, name_.escaped));
  std::vector<std::string> names{std::string(model::kMetricName)};
  for (const Pair& pair : labels_) {
    std::string name = text_of(pair.name.raw, pair.name.escaped);
    std::string value = text_of(pair.value.raw, pair.value.escaped);
    normalize_bound(type_, name, value);
    for (const std::string& earlier : names) {
      if (earlier == name) {
        return {base::Errc::kBadData, "label name " + model::go_quote(name) + " is not unique"};
      }
    }
    if (value.empty()) empty.push_back(name);
    out.set(name, value);
    names.push_back(std::move(name));
  }
  return {};
}

std::string TextParser::metadata_name() const {
  return text_of(name_.raw, name_.escaped);
}

std::string TextParser::help() const {
  return unescape(help_, false);
}

std::string_view TextParser::context() const {
  const size_t end = pos_ + 1 < text_.size() ? pos_ + 1 : text_.size();
  const size_t from = end - start_ > kContextBytes ? end - kContextBytes : start_;
  return text_.substr(from, end - from);
}

size_t TextParser::line_number() const {
  size_t lines = 1;
  for (size_t i = 0; i < start_; ++i) lines += text_[i] == '\n';
  return lines;
}

TextParser::Entry TextParser::fail(std::string_view expected) {
  const std::string got = at_end() ? "end of text" : model::go_quote(text_.substr(pos_, 1));
  return fail_with(std::string(expected) + ", got " + got);
}

TextParser::Entry TextParser::fail_with(std::string message) {
  status_ =
      base::Status(base::Errc::kBadData, "line " + std::to_string(line_number()) + ": " + message +
                                             " while parsing: " + model::go_quote(context()));
  pos_ = text_.size();
  return Entry::kError;
}

}  // namespace silverback::scrape
