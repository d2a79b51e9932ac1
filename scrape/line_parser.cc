#include "scrape/line_parser.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/go_float.h"
#include "base/utf8.h"
#include "model/stale.h"

namespace silverback::scrape {
namespace {

// Of a long line, that much of its end is shown.
constexpr size_t kContextBytes = 200;
// More labels than this are compared by hash, not each with each.
constexpr size_t kFewLabels = 16;

constexpr std::array<std::string_view, 13> kTokenNames = {
    "INVALID", "EOF",    "LINEBREAK", "MNAME", "QSTRING",   "BOPEN", "BCLOSE",
    "LNAME",   "LVALUE", "EQUAL",     "COMMA", "TIMESTAMP", "VALUE"};

std::string text_of(std::string_view raw, bool escaped) {
  return escaped ? unescape_text(raw, true) : std::string(raw);
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

bool is_unique(const std::vector<std::string>& names, std::unordered_set<std::string>& many,
               const std::string& name) {
  if (names.size() <= kFewLabels) return std::find(names.begin(), names.end(), name) == names.end();
  if (many.empty()) many.insert(names.begin(), names.end());
  return many.insert(name).second;
}

}  // namespace

std::string unescape_text(std::string_view raw, bool quotes) {
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

bool LineParser::stands_here(const SeriesPrediction& expected) const {
  if (expected.length == 0 || pos_ >= text_.size()) return false;
  if (expected.length > text_.size() - pos_) return false;
  return XXH3_64bits(text_.data() + pos_, expected.length) == expected.hash;
}

std::string_view LineParser::take_name() {
  const size_t begin = pos_;
  while (!at_end() && is_metric_name_char(text_[pos_], pos_ == begin)) ++pos_;
  if (pos_ > begin) token_ = begin;
  return text_.substr(begin, pos_ - begin);
}

bool LineParser::lex_quoted(Span& out, bool take_nul, bool take_line_break) {
  const size_t begin = ++pos_;
  out.escaped = false;
  for (; !at_end(); ++pos_) {
    const char c = text_[pos_];
    if (c == '"') {
      out.raw = text_.substr(begin, pos_ - begin);
      ++pos_;
      return true;
    }
    if ((c == '\0' && !take_nul) || (c == '\n' && !take_line_break)) return false;
    if (c != '\\') continue;
    out.escaped = true;
    do {
      ++pos_;
    } while (take_nul && !at_end() && text_[pos_] == '\0');
    if (at_end() || text_[pos_] == '\n' || text_[pos_] == '\0') return false;
  }
  return false;
}

// A text that ends reads as a line break where one is implied, and leaves the last token shown
// elsewhere.
LineParser::Token LineParser::end_token() {
  if (!line_break_at_end_) return Token::kEof;
  token_ = pos_;
  return Token::kInvalid;
}

LineParser::Token LineParser::label_token(const LabelRules& rules, Span& out) {
  if (rules.blanks) skip_blanks();
  if (at_end()) return end_token();
  token_ = pos_;
  const char c = text_[pos_];
  if (c == '"') {
    return lex_quoted(out, false, rules.multiline_names) ? Token::kQuoted : Token::kInvalid;
  }
  if (c == '}' || c == '=' || c == ',') {
    ++pos_;
    return c == '}' ? Token::kBraceClose : c == '=' ? Token::kEqual : Token::kComma;
  }
  while (!at_end() && text_[pos_] != ':' && is_metric_name_char(text_[pos_], pos_ == token_)) {
    ++pos_;
  }
  out.raw = text_.substr(token_, pos_ - token_);
  out.escaped = false;
  return out.raw.empty() ? Token::kInvalid : Token::kLabelName;
}

LineParser::Token LineParser::value_token(const LabelRules& rules, Span& out) {
  if (rules.blanks) skip_blanks();
  if (at_end()) return end_token();
  token_ = pos_;
  if (text_[pos_] != '"') return Token::kInvalid;
  return lex_quoted(out, rules.nul_in_values, rules.multiline_values) ? Token::kLabelValue
                                                                      : Token::kInvalid;
}

bool LineParser::lex_labels(const LabelRules& rules, std::vector<Pair>& out) {
  Pair pair;
  Token token = label_token(rules, pair.name);
  while (token != Token::kBraceClose) {
    const bool quoted = token == Token::kQuoted;
    if (!quoted && token != Token::kLabelName) return fail("expected label name", token), false;
    Span ignored;
    token = label_token(rules, ignored);
    if (quoted && (token == Token::kComma || token == Token::kBraceClose)) {
      if (!rules.metric_name) return fail("expected label name", token), false;
      if (has_name_) return fail_while_parsing("metric name already set"), false;
      name_ = pair.name;
      has_name_ = true;
      if (token == Token::kComma) token = label_token(rules, pair.name);
      continue;
    }
    if (token != Token::kEqual) return fail("expected equal", token), false;
    token = value_token(rules, pair.value);
    if (token != Token::kLabelValue) return fail("expected label value", token), false;
    if (!base::is_valid_utf8(pair.value.raw)) {
      const size_t end = std::min(pos_, token_ + kContextBytes);
      fail_with("invalid UTF-8 label value: " +
                model::go_quote(text_.substr(token_, end - token_)));
      return false;
    }
    out.push_back(pair);
    token = label_token(rules, pair.name);
    if (token == Token::kComma) {
      token = label_token(rules, pair.name);
    } else if (!rules.optional_commas && token != Token::kBraceClose) {
      return fail("expected comma or brace close", token), false;
    }
  }
  return true;
}

bool LineParser::parse_number(std::string_view text, double* out) {
  const std::optional<double> value = base::parse_sample_value(text);
  if (value) {
    *out = std::isnan(*value) ? model::normal_nan() : *value;
    return true;
  }
  std::string message = "unsupported character in float";
  if (text.find_first_of("pP_") == std::string_view::npos) {
    double number = 0;
    const std::string_view digits = text.substr(!text.empty() && text[0] == '+' ? 1 : 0);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool in_range =
        read.ec != std::errc::result_out_of_range || read.ptr != digits.data() + digits.size();
    message = "strconv.ParseFloat: parsing ";
    message += model::go_quote(text.substr(0, kContextBytes));
    message += in_range ? ": invalid syntax" : ": value out of range";
  }
  fail_while_parsing(std::move(message));
  return false;
}

base::Status LineParser::labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const {
  out.clear();
  empty.clear();
  out.set(model::kMetricName, text_of(name_.raw, name_.escaped));
  std::vector<std::string> names{std::string(model::kMetricName)};
  std::unordered_set<std::string> many;
  for (const Pair& pair : labels_) {
    std::string name = text_of(pair.name.raw, pair.name.escaped);
    std::string value = text_of(pair.value.raw, pair.value.escaped);
    normalize_bound(type_, name, value);
    if (!is_unique(names, many, name)) {
      return {base::Errc::kBadData,
              "label name \"" + name.substr(0, kContextBytes) + "\" is not unique: invalid sample"};
    }
    if (value.empty()) empty.push_back(name);
    out.set(name, value);
    names.push_back(std::move(name));
  }
  return {};
}

std::string LineParser::metadata_name() const {
  return text_of(name_.raw, name_.escaped);
}

// Quoted, with the line break that counts as standing at the end of the text.
std::string LineParser::shown(size_t from, size_t end) const {
  std::string out;
  const bool beyond = end > text_.size();
  end = std::min(end, text_.size());
  if (end > from && end - from > kContextBytes) from = end - kContextBytes;
  if (end > from) out = text_.substr(from, end - from);
  if (beyond && line_break_at_end_) out += '\n';
  return model::go_quote(out);
}

LineParser::Entry LineParser::fail(std::string_view expected, Token got) {
  std::string message(expected);
  message += ", got ";
  message += shown(token_, pos_ + 1);
  message += " (\"";
  message += kTokenNames[static_cast<size_t>(got)];
  message += "\") while parsing: ";
  message += shown(start_, pos_ + 1);
  return fail_with(message);
}

LineParser::Entry LineParser::fail_while_parsing(std::string message) {
  message += " while parsing: ";
  message += shown(start_, pos_);
  return fail_with(message);
}

LineParser::Entry LineParser::fail_with(const std::string& message) {
  const std::string_view before = text_.substr(0, std::min(token_, text_.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 = 0
  std::string where = "line " + std::to_string(lines + 1);
  where += ", column " + std::to_string(before.size() - line_start + 1);
  status_ = base::Status(base::Errc::kBadData, where + ": " + message);
  pos_ = text_.size();
  return Entry::kError;
}

}  // namespace silverback::scrape
