#include "scrape/openmetrics_parser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/go_float.h"
#include "base/utf8.h"

namespace silverback::scrape {
namespace {

constexpr std::string_view kCreated = "_created";
constexpr std::string_view kNoEof = "data does not end with # EOF";

std::optional<model::MetricType> metric_type(std::string_view name) {
  if (name == "unknown") return model::MetricType::kUnknown;
  if (name == "counter") return model::MetricType::kCounter;
  if (name == "gauge") return model::MetricType::kGauge;
  if (name == "histogram") return model::MetricType::kHistogram;
  if (name == "gaugehistogram") return model::MetricType::kGaugeHistogram;
  if (name == "summary") return model::MetricType::kSummary;
  if (name == "info") return model::MetricType::kInfo;
  if (name == "stateset") return model::MetricType::kStateset;
  return std::nullopt;
}

bool has_created_time(model::MetricType type) {
  return type == model::MetricType::kCounter || type == model::MetricType::kHistogram ||
         type == model::MetricType::kSummary;
}

bool ends_with(std::string_view s, std::string_view end) {
  return s.size() >= end.size() && s.substr(s.size() - end.size()) == end;
}

// Cut, not rounded; what no int64 holds is far out of bounds whatever its sign.
model::TimestampMs to_ms(double seconds) {
  const double ms = seconds * 1000;
  if (!(std::abs(ms) < 9.2e18)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(ms);
}

}  // namespace

bool OpenMetricsParser::take_predicted(const SeriesPrediction& expected) {
  // Whether a line is a created time shows only when it is lexed.
  if (created_as_start_ || !stands_here(expected) || text_[pos_] == '#') return false;
  const size_t after = pos_ + expected.length;
  const bool braced = text_[after - 1] == '}';
  if (!braced && (after >= text_.size() || text_[after] != ' ')) return false;
  start_ = pos_;
  token_ = braced ? after - 1 : pos_;
  series_ = text_.substr(pos_, expected.length);
  pos_ = after;
  lex_suffix();
  return true;
}

void OpenMetricsParser::relex() {
  pos_ = start_;
  series_entry();
}

OpenMetricsParser::Entry OpenMetricsParser::next() {
  if (!status_.is_ok()) return Entry::kError;
  for (;;) {
    start_ = token_ = pos_;
    if (at_end()) return fail_with(std::string(kNoEof));
    if (text_[pos_] == '#') return metadata_entry();
    const Entry entry = series_entry();
    if (entry == Entry::kSeries && created_as_start_ && is_created_series()) continue;
    return entry;
  }
}

OpenMetricsParser::Entry OpenMetricsParser::metadata_entry() {
  constexpr std::array<std::string_view, 4> kHeads = {"# HELP ", "# TYPE ", "# UNIT ", "# EOF"};
  const std::string_view rest = text_.substr(pos_);
  size_t longest = 0;
  for (const std::string_view head : kHeads) {
    if (rest.substr(0, head.size()) == head) {
      pos_ += head.size();
      return metadata_line(head[2]);
    }
    const auto differ = std::mismatch(
        rest.begin(),
        rest.begin() + static_cast<std::ptrdiff_t>(std::min(rest.size(), head.size())),
        head.begin());
    longest = std::max(longest, static_cast<size_t>(differ.first - rest.begin()));
  }
  pos_ += longest;
  return fail("expected a valid start token", Token::kInvalid);
}

// Behind the keyword; `kind` is its first letter.
OpenMetricsParser::Entry OpenMetricsParser::metadata_line(char kind) {
  if (kind == 'E') {
    if (!at_end() && text_[pos_] == '\n') ++pos_;
    token_ = pos_;
    return at_end() ? Entry::kEnd : fail_with("unexpected data after # EOF");
  }
  const std::string keyword = kind == 'H' ? "HELP" : kind == 'T' ? "TYPE" : "UNIT";
  const std::string expected = "expected metric name after " + keyword;
  if (at_end()) return fail(expected, Token::kEof);
  token_ = pos_;
  if (text_[pos_] == '"') {
    if (!lex_quoted(name_, false, true)) return fail(expected, Token::kInvalid);
  } else {
    name_ = Span{take_name(), false};
    if (name_.raw.empty()) return fail(expected, Token::kInvalid);
  }
  token_ = pos_;
  const size_t end = text_.find('\n', pos_);
  if (end == std::string_view::npos || text_[pos_] != ' ') {
    return fail_with("expected text in " + keyword);
  }
  const std::string_view text = text_.substr(pos_ + 1, end - pos_ - 1);
  pos_ = end + 1;
  text_of_line_ = text;
  created_known_ = false;
  family_begin_ = pos_;
  if (kind == 'T') return type_line();
  if (kind == 'U') return unit_line();
  if (base::is_valid_utf8(text)) return Entry::kHelp;
  return fail_with("help text " + model::go_quote(text.substr(0, 200)) +
                   " is not a valid utf8 string");
}

OpenMetricsParser::Entry OpenMetricsParser::type_line() {
  const std::optional<model::MetricType> type = metric_type(text_of_line_);
  if (!type) {
    return fail_with("invalid metric type " + model::go_quote(text_of_line_.substr(0, 200)));
  }
  type_ = *type;
  family_ = name_.raw;
  return Entry::kType;
}

OpenMetricsParser::Entry OpenMetricsParser::unit_line() {
  const std::string_view name = name_.raw;
  const std::string_view unit = text_of_line_;
  const bool fits = unit.empty() || (ends_with(name, unit) && name.size() > unit.size() &&
                                     name[name.size() - unit.size() - 1] == '_');
  if (fits) return Entry::kUnit;
  return fail_with("unit " + model::go_quote(unit.substr(0, 200)) + " not a suffix of metric " +
                   model::go_quote(name.substr(0, 200)));
}

OpenMetricsParser::Entry OpenMetricsParser::series_entry() {
  LabelRules rules;
  rules.multiline_names = true;
  rules.nul_in_values = true;
  rules.metric_name = true;
  labels_.clear();
  const size_t begin = pos_;
  name_ = Span{take_name(), false};
  has_name_ = !name_.raw.empty();
  const bool braces = !at_end() && text_[pos_] == '{';
  if (!has_name_ && !braces) return fail("expected a valid start token", Token::kInvalid);
  if (braces) {
    token_ = pos_++;
    if (!lex_labels(rules, labels_)) return Entry::kError;
  }
  series_ = text_.substr(begin, pos_ - begin);
  if (!has_name_) {
    std::string_view ignored;
    lex_word(&ignored);
    return fail_while_parsing("metric name not set");
  }
  return lex_suffix() ? Entry::kSeries : Entry::kError;
}

// A space and what stands behind it up to the next one. False leaves pos_ where lexing broke.
bool OpenMetricsParser::lex_word(std::string_view* out) {
  token_ = pos_;
  if (at_end() || text_[pos_] != ' ') return false;
  const size_t begin = ++pos_;
  while (!at_end() && text_[pos_] != ' ' && text_[pos_] != '\n' && text_[pos_] != '\0') ++pos_;
  *out = text_.substr(begin, pos_ - begin);
  return pos_ > begin;
}

// What stands where a number should; at the end of the text the token before is shown.
OpenMetricsParser::Token OpenMetricsParser::number_token() {
  if (at_end()) return Token::kEof;
  if (text_[pos_] != '{') return Token::kInvalid;
  ++pos_;
  return Token::kBraceOpen;
}

bool OpenMetricsParser::take_line_break() {
  if (at_end()) return fail_with(std::string(kNoEof)), false;
  if (text_[pos_] != '\n') return false;
  ++pos_;
  return true;
}

// Value, optional timestamp, optional exemplar, end of line.
bool OpenMetricsParser::lex_suffix() {
  std::string_view word;
  const size_t before = token_;
  if (!lex_word(&word)) {
    if (at_end() && token_ == pos_) token_ = before;
    return fail("expected value after metric", number_token()), false;
  }
  if (!parse_number(word, &value_)) return false;
  has_timestamp_ = has_exemplars_ = false;
  if (take_line_break()) return true;
  if (!status_.is_ok()) return false;
  if (at_exemplar()) return lex_exemplar();
  if (!lex_word(&word)) return fail("expected a valid start token", Token::kInvalid), false;
  double seconds = 0;
  if (!parse_number(word, &seconds)) return false;
  if (!std::isfinite(seconds)) {
    return fail_with("invalid timestamp " + base::go_f(seconds)), false;
  }
  timestamp_ = to_ms(seconds);
  has_timestamp_ = true;
  if (at_end()) return fail("expected next entry after timestamp", Token::kEof), false;
  if (take_line_break()) return true;
  if (at_exemplar()) return lex_exemplar();
  const Token got = lex_word(&word) ? Token::kTimestamp : Token::kInvalid;
  return fail("expected next entry after timestamp", got), false;
}

// Behind the sample, at " # {".
bool OpenMetricsParser::lex_exemplar() {
  exemplar_.labels.clear();
  exemplar_.has_timestamp = false;
  token_ = pos_;
  pos_ += 4;
  if (!lex_labels(LabelRules(), exemplar_.labels)) return false;
  std::string_view word;
  const size_t before = token_;
  if (!lex_word(&word)) {
    if (at_end() && token_ == pos_) token_ = before;
    return fail("expected value after exemplar labels", number_token()), false;
  }
  if (!parse_number(word, &exemplar_.value)) return false;
  has_exemplars_ = true;
  if (take_line_break()) return true;
  if (!status_.is_ok()) return false;
  if (!lex_word(&word)) return fail("expected timestamp or comment", Token::kInvalid), false;
  double seconds = 0;
  if (!parse_number(word, &seconds)) return false;
  if (!std::isfinite(seconds)) {
    return fail_with("invalid exemplar timestamp " + base::go_f(seconds)), false;
  }
  exemplar_.has_timestamp = true;
  exemplar_.timestamp = to_ms(seconds);
  if (at_end()) return fail("expected next entry after exemplar timestamp", Token::kEof), false;
  if (take_line_break()) return true;
  const Token got = lex_word(&word) ? Token::kTimestamp : Token::kInvalid;
  return fail("expected next entry after exemplar timestamp", got), false;
}

// Values stand as they are sent: Prometheus undoes no escapes here.
void OpenMetricsParser::exemplars(std::vector<model::Exemplar>& out) const {
  if (!has_exemplars_) return;
  model::LabelsBuilder labels;
  for (const Pair& pair : exemplar_.labels) labels.set(pair.name.raw, pair.value.raw);
  model::Exemplar exemplar;
  exemplar.labels = labels.build();
  exemplar.value = exemplar_.value;
  if (exemplar_.has_timestamp) exemplar.t = exemplar_.timestamp;
  out.push_back(std::move(exemplar));
}

std::string OpenMetricsParser::help() const {
  return unescape_text(text_of_line_, true);
}

bool OpenMetricsParser::is_created_series() const {
  return has_created_time(type_) && ends_with(name_.raw, kCreated);
}

// The labels of a series without those that tell the parts of one metric apart.
std::string OpenMetricsParser::series_key() const {
  std::string out;
  for (const Pair& pair : labels_) {
    const std::string_view name = pair.name.raw;
    if (type_ == model::MetricType::kSummary && name == "quantile") continue;
    if (type_ == model::MetricType::kHistogram && name == "le") continue;
    out.append(name).append(1, '\0').append(pair.value.raw).append(1, '\0');
  }
  return out;
}

// Reads on to the end of the family, once, however many series it has.
void OpenMetricsParser::find_created() {
  created_.clear();
  created_known_ = true;
  OpenMetricsParser ahead(text_);
  ahead.pos_ = family_begin_;
  ahead.type_ = type_;
  const std::string name = std::string(family_) + std::string(kCreated);
  while (ahead.next() == Entry::kSeries) {
    if (ahead.name_.raw == name) created_[ahead.series_key()] = to_ms(ahead.value());
  }
}

model::TimestampMs OpenMetricsParser::start_timestamp() {
  if (!created_as_start_ || !has_created_time(type_)) return 0;
  if (name_.raw.substr(0, family_.size()) != family_) return 0;
  if (!created_known_) find_created();
  const auto found = created_.find(series_key());
  return found == created_.end() ? 0 : found->second;
}

}  // namespace silverback::scrape
