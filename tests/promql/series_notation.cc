#include "tests/promql/series_notation.h"

#include <charconv>
#include <limits>
#include <optional>
#include <set>

#include "base/duration.h"
#include "base/go_float.h"
#include "model/histogram_ops.h"
#include "model/stale.h"
#include "promql/parser.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr uint64_t kMaxRepeat = 100'000;

bool is_space(char c) {
  return c == ' ' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads from the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }
  void skip(size_t n) { rest_.remove_prefix(n); }
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(std::string_view prefix) {
    if (rest_.substr(0, prefix.size()) != prefix) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }
  std::string_view take_word() {
    size_t n = 0;
    while (n < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[n])) || rest_[n] == '_'))
      ++n;
    const std::string_view word = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return word;
  }
  Status error(std::string_view what) const {
    return {Errc::kBadData, std::string(what) + " at \"" + std::string(rest_.substr(0, 30)) + "\""};
  }

  Result<double> number() {
    double sign = 1;
    if (front() == '+' || front() == '-') {
      sign = front() == '-' ? -1 : 1;
      skip(1);
    }
    for (const auto& [word, value] : {std::pair("Inf", std::numeric_limits<double>::infinity()),
                                      std::pair("NaN", model::normal_nan()),
                                      std::pair("inf", std::numeric_limits<double>::infinity()),
                                      std::pair("nan", model::normal_nan())}) {
      if (take(word)) return sign * value;
    }
    double value = 0;
    if (!is_digit(front()) && front() != '.') return error("expected a number");
    const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (code != std::errc()) return error("expected a number");
    skip(static_cast<size_t>(end - rest_.data()));
    return sign * value;
  }

  Result<uint64_t> repeat() {
    uint64_t n = 0;
    const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), n);
    if (code != std::errc() || n > kMaxRepeat) return error("expected a number of repetitions");
    skip(static_cast<size_t>(end - rest_.data()));
    return n;
  }

 private:
  std::string_view rest_;
};

Result<std::vector<double>> bucket_list(Cursor& c) {
  if (!c.take("[")) return c.error("expected \"[\"");
  std::vector<double> list;
  while (true) {
    c.skip_spaces();
    if (c.take("]")) return list;
    ASSIGN_OR_RETURN(const double value, c.number());
    list.push_back(value);
  }
}

Result<model::CounterResetHint> reset_hint(Cursor& c) {
  const std::string_view word = c.take_word();
  if (word == "unknown") return model::CounterResetHint::kUnknown;
  if (word == "reset") return model::CounterResetHint::kReset;
  if (word == "not_reset") return model::CounterResetHint::kNotReset;
  if (word == "gauge") return model::CounterResetHint::kGauge;
  return c.error("unknown counter reset hint");
}

struct HistogramFields {
  model::Histogram h;
  int32_t offset = 0, negative_offset = 0;
  bool hint_written = false;
};

Status histogram_field(Cursor& c, std::string_view key, HistogramFields& f) {
  const auto number = [&](double& target) -> Status {
    ASSIGN_OR_RETURN(target, c.number());
    return Status::ok();
  };
  const auto whole = [&](int32_t& target) -> Status {
    ASSIGN_OR_RETURN(const double value, c.number());
    target = static_cast<int32_t>(value);
    return Status::ok();
  };
  const auto list = [&](std::vector<double>& target) -> Status {
    ASSIGN_OR_RETURN(target, bucket_list(c));
    return Status::ok();
  };
  if (key == "schema") return whole(f.h.schema);
  if (key == "offset") return whole(f.offset);
  if (key == "n_offset") return whole(f.negative_offset);
  if (key == "sum") return number(f.h.sum);
  if (key == "count") return number(f.h.count);
  if (key == "z_bucket") return number(f.h.zero_count);
  if (key == "z_bucket_w") return number(f.h.zero_threshold);
  if (key == "buckets") return list(f.h.positive_buckets);
  if (key == "n_buckets") return list(f.h.negative_buckets);
  if (key == "custom_values") return list(f.h.custom_values);
  if (key == "counter_reset_hint") {
    f.hint_written = true;
    ASSIGN_OR_RETURN(f.h.hint, reset_hint(c));
    return Status::ok();
  }
  return c.error("unknown histogram field \"" + std::string(key) + "\"");
}

/// Behind `{{`.
Result<SequenceValue> histogram_body(Cursor& c) {
  HistogramFields f;
  std::set<std::string, std::less<>> seen;
  while (true) {
    c.skip_spaces();
    if (c.take("}}")) break;
    const std::string_view key = c.take_word();
    if (!c.take(":")) return c.error("expected a histogram field");
    if (!seen.emplace(key).second) return c.error("field given twice");
    RETURN_IF_ERROR(histogram_field(c, key, f));
  }
  model::Histogram& h = f.h;
  if (!h.positive_buckets.empty()) {
    h.positive_spans = {{f.offset, static_cast<uint32_t>(h.positive_buckets.size())}};
  }
  if (!h.negative_buckets.empty()) {
    h.negative_spans = {{f.negative_offset, static_cast<uint32_t>(h.negative_buckets.size())}};
  }
  SequenceValue value;
  value.hint_written = f.hint_written;
  value.h = std::make_shared<const model::Histogram>(std::move(h));
  return value;
}

Status histogram_item(Cursor& c, std::vector<SequenceValue>& out) {
  ASSIGN_OR_RETURN(SequenceValue base, histogram_body(c));
  const char sign = c.front();
  if (sign != 'x' && sign != '+' && sign != '-') {
    out.push_back(std::move(base));
    return Status::ok();
  }
  c.skip(1);
  std::optional<SequenceValue> increment;
  if (sign != 'x') {
    if (!c.take("{{")) return c.error("expected a histogram");
    ASSIGN_OR_RETURN(increment, histogram_body(c));
    if (!c.take("x")) return c.error("expected \"x\"");
    base.hint_written = increment->hint_written;
    if (base.h->schema > increment->h->schema) {
      return c.error("the increment's schema is coarser than the first histogram's");
    }
  }
  ASSIGN_OR_RETURN(const uint64_t times, c.repeat());
  model::Histogram current = *base.h;
  out.push_back(base);
  for (uint64_t i = 0; i < times; ++i) {
    if (increment) {
      const model::HistogramSum sum = sign == '+'
                                          ? model::add_histogram(current, *increment->h)
                                          : model::subtract_histogram(current, *increment->h);
      if (!sum.compatible) return c.error("histograms do not fit each other");
    }
    SequenceValue next = base;
    next.h = std::make_shared<const model::Histogram>(current);
    out.push_back(std::move(next));
  }
  return Status::ok();
}

Status gap_item(Cursor& c, std::vector<SequenceValue>& out) {
  uint64_t times = 1;
  if (c.take("x")) {
    ASSIGN_OR_RETURN(times, c.repeat());
  }
  SequenceValue gap;
  gap.omitted = true;
  out.insert(out.end(), times, gap);
  return Status::ok();
}

void repeat_float(double value, double increment, uint64_t times, std::vector<SequenceValue>& out) {
  for (uint64_t i = 0; i <= times; ++i) {
    SequenceValue one;
    one.v = value;
    out.push_back(one);
    value += increment;
  }
}

Status float_item(Cursor& c, std::vector<SequenceValue>& out) {
  if (c.take("stale")) {
    repeat_float(model::stale_nan(), 0, 0, out);
    return Status::ok();
  }
  ASSIGN_OR_RETURN(const double value, c.number());
  uint64_t times = 0;
  double increment = 0;
  if (c.front() == '+' || c.front() == '-') {
    ASSIGN_OR_RETURN(increment, c.number());
    if (c.front() != 'x') return c.error("expected \"x\"");
  }
  if (c.take("x")) {
    ASSIGN_OR_RETURN(times, c.repeat());
  }
  repeat_float(value, increment, times, out);
  return Status::ok();
}

/// Takes `name{labels}` off the front.
Result<model::Labels> take_labels(std::string_view& line) {
  size_t end = 0;
  while (end < line.size() && !is_space(line[end]) && line[end] != '{' && line[end] != '@') ++end;
  if (end < line.size() && line[end] == '{') {
    char quote = '\0';
    for (++end; end < line.size() && (quote != '\0' || line[end] != '}'); ++end) {
      const char c = line[end];
      if (quote == '\0' && (c == '"' || c == '\'' || c == '`')) {
        quote = c;
      } else if (c == quote) {
        quote = '\0';
      } else if (quote != '\0' && quote != '`' && c == '\\') {
        ++end;
      }
    }
    if (end >= line.size()) return Status(Errc::kBadData, "unclosed \"{\"");
    ++end;
  }
  ASSIGN_OR_RETURN(const model::Matchers matchers,
                   promql::parse_metric_selector(line.substr(0, end)));
  model::LabelsBuilder builder;
  for (const model::Matcher& m : matchers) {
    if (m.type() != model::MatchType::kEqual)
      return Status(Errc::kBadData, "labels take only \"=\"");
    builder.set(m.name(), m.value());
  }
  line.remove_prefix(end);
  return builder.build();
}

Result<int64_t> signed_duration_ms(Cursor& c) {
  const bool negative = c.front() == '-';
  if (negative || c.front() == '+') c.skip(1);
  size_t n = 0;
  while (n < c.rest().size() && is_digit(c.rest()[n])) ++n;
  while (n < c.rest().size() && c.rest()[n] >= 'a' && c.rest()[n] < 'x') ++n;
  ASSIGN_OR_RETURN(const int64_t ms, base::parse_duration_ms(c.rest().substr(0, n)));
  c.skip(n);
  return negative ? -ms : ms;
}

Status start_item(Cursor& c, std::vector<SequenceValue>& out) {
  ASSIGN_OR_RETURN(const int64_t offset, signed_duration_ms(c));
  int64_t increment = 0;
  uint64_t times = 0;
  if (c.front() == '+' || c.front() == '-') {
    ASSIGN_OR_RETURN(increment, signed_duration_ms(c));
    if (c.front() != 'x') return c.error("expected \"x\"");
  }
  if (c.take("x")) {
    ASSIGN_OR_RETURN(times, c.repeat());
  }
  repeat_float(static_cast<double>(offset), static_cast<double>(increment), times, out);
  return Status::ok();
}

template <typename Item>
Result<std::vector<SequenceValue>> sequence(std::string_view text, const Item& item) {
  Cursor c(text);
  std::vector<SequenceValue> out;
  for (c.skip_spaces(); !c.at_end(); c.skip_spaces()) {
    RETURN_IF_ERROR(item(c, out));
    if (!c.at_end() && !is_space(c.front())) return c.error("unexpected text");
  }
  return out;
}

void append_buckets(std::string& out, std::string_view name, std::string_view offset,
                    const std::vector<model::Span>& spans, const std::vector<double>& buckets) {
  if (buckets.empty()) return;
  out += " " + std::string(offset) + ":" +
         std::to_string(spans.empty() ? 0 : spans.front().offset) + " " + std::string(name) + ":[";
  size_t next = 0;
  for (size_t s = 0; s < spans.size(); ++s) {
    if (s > 0) {
      for (int32_t gap = 0; gap < spans[s].offset; ++gap) out += " 0";
    }
    for (uint32_t i = 0; i < spans[s].length && next < buckets.size(); ++i) {
      if (out.back() != '[') out += ' ';
      out += base::go_g(buckets[next++]);
    }
  }
  out += ']';
}

}  // namespace

Result<std::vector<SequenceValue>> parse_sequence(std::string_view text) {
  return sequence(text, [](Cursor& c, std::vector<SequenceValue>& out) {
    if (c.take("_")) return gap_item(c, out);
    return c.take("{{") ? histogram_item(c, out) : float_item(c, out);
  });
}

Result<SeriesLine> parse_series_line(std::string_view line) {
  SeriesLine series;
  ASSIGN_OR_RETURN(series.labels, take_labels(line));
  ASSIGN_OR_RETURN(series.values, parse_sequence(line));
  return series;
}

bool is_start_line(std::string_view line) {
  const std::string_view first = line.substr(0, line.find_first_of(" \t"));
  return first.size() != line.size() && first.size() >= 3 &&
         first.substr(first.size() - 3) == "@st";
}

Result<StartLine> parse_start_line(std::string_view line) {
  StartLine starts;
  ASSIGN_OR_RETURN(starts.labels, take_labels(line));
  if (line.substr(0, 3) != "@st") return Status(Errc::kBadData, "expected \"@st\"");
  ASSIGN_OR_RETURN(starts.offsets_ms,
                   sequence(line.substr(3), [](Cursor& c, std::vector<SequenceValue>& out) {
                     return c.take("_") ? gap_item(c, out) : start_item(c, out);
                   }));
  return starts;
}

std::string histogram_notation(const model::Histogram& h) {
  constexpr const char* kHints[] = {"unknown", "reset", "not_reset", "gauge"};
  std::string out = "{{schema:" + std::to_string(h.schema) + " count:" + base::go_g(h.count) +
                    " sum:" + base::go_g(h.sum);
  if (h.zero_count != 0) out += " z_bucket:" + base::go_g(h.zero_count);
  if (h.zero_threshold != 0) out += " z_bucket_w:" + base::go_g(h.zero_threshold);
  if (!h.custom_values.empty()) {
    out += " custom_values:[";
    for (const double bound : h.custom_values)
      out += (out.back() == '[' ? "" : " ") + base::go_g(bound);
    out += ']';
  }
  append_buckets(out, "buckets", "offset", h.positive_spans, h.positive_buckets);
  append_buckets(out, "n_buckets", "n_offset", h.negative_spans, h.negative_buckets);
  return out + " counter_reset_hint:" + kHints[static_cast<size_t>(h.hint)] + "}}";
}

}  // namespace silverback::testing
