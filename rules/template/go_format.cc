#include "rules/template/go_format.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "model/labels.h"
#include "rules/template/format_number.h"
#include "rules/template/format_value.h"
#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

constexpr int kMaxWidth = 10'000;

/// One pass over a format string.
class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> values)
      : format_(format), values_(values) {}

  std::string run() {
    while (at_ < format_.size()) {
      const size_t percent = format_.find('%', at_);
      out_ += format_.substr(at_, percent - at_);
      if (percent == std::string_view::npos) break;
      at_ = percent + 1;
      verb();
    }
    if (!reordered_ && next_ < values_.size()) extra();
    return std::move(out_);
  }

 private:
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  void verb() {
    FormatSpec spec;
    good_index_ = true;
    after_index_ = false;
    flags(spec);
    argument_index();
    width(spec);
    precision(spec);
    if (!after_index_) argument_index();
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    size_t length = 0;
    decode_rune(format_.substr(at_), length);
    const std::string_view text = format_.substr(at_, length);
    at_ += length;
    if (text == "%") {
      out_ += '%';
    } else if (!good_index_) {
      out_ += "%!" + std::string(text) + "(BADINDEX)";
    } else if (next_ >= values_.size()) {
      out_ += "%!" + std::string(text) + "(MISSING)";
    } else if (text.size() > 1) {
      const Value& value = values_[next_++];
      out_ += "%!" + std::string(text) + "(" + value.type_name() + "=";
      format_value(out_, value, 'v', {});
      out_ += ')';
    } else {
      format_value(out_, values_[next_++], text[0], spec);
    }
  }

  void flags(FormatSpec& spec) {
    for (;; ++at_) {
      switch (peek()) {
        case '#': spec.sharp = true; continue;
        case '0': spec.zero = true; continue;
        case '+': spec.plus = true; continue;
        case '-': spec.minus = true; continue;
        case ' ': spec.space = true; continue;
        default: return;
      }
    }
  }

  /// [n]
  void argument_index() {
    if (peek() != '[') return;
    reordered_ = true;
    const size_t close = format_.find(']', at_);
    if (close == std::string_view::npos) {
      good_index_ = false;
      ++at_;
      return;
    }
    size_t index = 0;
    bool valid = close > at_ + 1;
    for (size_t i = at_ + 1; i < close; ++i) {
      valid = valid && format_[i] >= '0' && format_[i] <= '9' && index < 100000;
      if (valid) index = index * 10 + static_cast<size_t>(format_[i] - '0');
    }
    at_ = close + 1;
    if (!valid || index == 0 || index > values_.size()) {
      good_index_ = false;
      return;
    }
    after_index_ = true;
    next_ = index - 1;
  }

  /// Digits; nullopt when there are none or too large a number.
  std::optional<int> digits() {
    std::optional<int> n;
    while (peek() >= '0' && peek() <= '9') {
      n = n.value_or(0) * 10 + (peek() - '0');
      ++at_;
      if (*n > kMaxWidth) {
        while (peek() >= '0' && peek() <= '9') ++at_;
        return std::nullopt;
      }
    }
    return n;
  }

  /// An operand as a number for `*`.
  std::optional<int> operand() {
    if (next_ >= values_.size()) return std::nullopt;
    const auto* i = values_[next_++].as<Integer>();
    if (i == nullptr || i->v > kMaxWidth || i->v < -kMaxWidth) return std::nullopt;
    return static_cast<int>(i->v);
  }

  void width(FormatSpec& spec) {
    if (peek() == '*') {
      ++at_;
      spec.width = operand();
      if (!spec.width) out_ += "%!(BADWIDTH)";
      if (spec.width && *spec.width < 0) {
        spec.width = -*spec.width;
        spec.minus = true;
        spec.zero = false;
      }
      after_index_ = false;
      return;
    }
    spec.width = digits();
    if (after_index_ && spec.width) good_index_ = false;  // "%[3]2d"
  }

  void precision(FormatSpec& spec) {
    if (peek() != '.') return;
    ++at_;
    if (after_index_) good_index_ = false;  // "%[3].2d"
    argument_index();
    if (peek() == '*') {
      ++at_;
      spec.precision = operand();
      if (spec.precision && *spec.precision < 0) spec.precision.reset();
      if (!spec.precision) out_ += "%!(BADPREC)";
      after_index_ = false;
      return;
    }
    const std::optional<int> n = digits();
    spec.precision = n.value_or(0);
  }

  void extra() {
    out_ += "%!(EXTRA ";
    for (size_t i = next_; i < values_.size(); ++i) {
      if (i > next_) out_ += ", ";
      if (values_[i].is_nil()) {
        out_ += "<nil>";
        continue;
      }
      out_ += values_[i].type_name() + "=";
      format_value(out_, values_[i], 'v', {});
    }
    out_ += ')';
  }

  const std::string_view format_;
  const std::span<const Value> values_;
  std::string out_;
  size_t at_ = 0, next_ = 0;
  bool reordered_ = false, good_index_ = true, after_index_ = false;
};

bool is_string(const Value& value) {
  return value.as<std::string>() != nullptr || value.as<Html>() != nullptr;
}

}  // namespace

std::string sprint(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && !is_string(values[i]) && !is_string(values[i - 1])) out += ' ';
    format_value(out, values[i], 'v', {});
  }
  return out;
}

std::string sprintln(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ' ';
    format_value(out, values[i], 'v', {});
  }
  return out + '\n';
}

std::string sprintf(std::string_view format, std::span<const Value> values) {
  return Formatter(format, values).run();
}

std::string print_value(const Value& value) {
  if (value.is_nil()) return "<no value>";
  std::string out;
  format_value(out, value, 'v', {});
  // An action follows the pointer: {map[...] 1} instead of &{map[...] 1}.
  const auto* sample = value.as<Value::SamplePtr>();
  if (sample != nullptr && *sample) out.erase(0, 1);
  return out;
}

std::string print_values(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && !is_string(values[i]) && !is_string(values[i - 1])) out += ' ';
    out += print_value(values[i]);
  }
  return out;
}

}  // namespace silverback::rules::text_template
