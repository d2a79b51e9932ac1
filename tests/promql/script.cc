#include "tests/promql/script.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/duration.h"
#include "base/go_float.h"
#include "promql/ast.h"
#include "tests/promql/classic_to_custom.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Result;
using base::Status;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

bool starts_with(std::string_view s, std::string_view prefix) {
  return s.substr(0, prefix.size()) == prefix;
}

/// Takes the first word and the spaces behind it.
std::string_view take_word(std::string_view& rest) {
  size_t n = 0;
  while (n < rest.size() && !is_space(rest[n])) ++n;
  const std::string_view word = rest.substr(0, n);
  rest = trimmed(rest.substr(n));
  return word;
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) {
    for (size_t at = 0; at <= text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      lines_.push_back(trimmed(text.substr(at, end - at)));
      at = end + 1;
    }
  }

  Result<Script> run() {
    for (; at_ < lines_.size(); ++at_) {
      if (starts_with(line(), "# mode:")) RETURN_IF_ERROR(set_mode(line().substr(7), script_.mode));
      if (is_blank()) continue;
      std::string_view rest = line();
      const std::string_view command = take_word(rest);
      Status status;
      if (command == "clear") {
        script_.commands.emplace_back(ClearCommand{});
      } else if (command == "load" || command == "load_with_nhcb") {
        status = load(rest, command != "load");
      } else if (starts_with(command, "eval")) {
        status = eval(command, rest);
      } else {
        status = Status(Errc::kBadData, "unknown command");
      }
      if (!status.is_ok()) return status.with_context("line " + std::to_string(at_ + 1));
    }
    return std::move(script_);
  }

 private:
  std::string_view line() const { return lines_[at_]; }
  bool is_blank() const { return line().empty() || line().front() == '#'; }
  /// Moves to the next line of the block; false at its end.
  bool next_in_block() {
    if (at_ + 1 >= lines_.size()) return false;
    ++at_;
    if (!is_blank()) return true;
    --at_;
    return false;
  }

  Status load(std::string_view step_text, bool with_custom) {
    ASSIGN_OR_RETURN(const int64_t step, base::parse_duration_ms(step_text));
    LoadCommand command;
    std::optional<StartLine> starts;
    while (next_in_block()) {
      if (is_start_line(line())) {
        ASSIGN_OR_RETURN(starts, parse_start_line(line()));
        continue;
      }
      ASSIGN_OR_RETURN(const SeriesLine series, parse_series_line(line()));
      if (starts && (starts->labels.bytes() != series.labels.bytes() ||
                     starts->offsets_ms.size() != series.values.size())) {
        return {Errc::kBadData, "the @st line is not for this series"};
      }
      for (size_t i = 0; i < series.values.size(); ++i) {
        const SequenceValue& value = series.values[i];
        if (value.omitted) continue;
        LoadSample sample{series.labels, static_cast<int64_t>(i) * step, 0, value.v, value.h};
        if (starts && !starts->offsets_ms[i].omitted) {
          sample.start = sample.t + static_cast<int64_t>(starts->offsets_ms[i].v);
        }
        command.samples.push_back(std::move(sample));
      }
      starts.reset();
    }
    if (starts) return {Errc::kBadData, "an @st line without its series"};
    if (with_custom) RETURN_IF_ERROR(add_custom_histograms(command.samples));
    script_.commands.emplace_back(std::move(command));
    return Status::ok();
  }

  Status eval(std::string_view command, std::string_view rest) {
    EvalCommand eval;
    eval.line = at_ + 1;
    RETURN_IF_ERROR(suffix(command.substr(4), eval));
    const std::string_view kind = take_word(rest);
    eval.is_range = kind == "range";
    if (!eval.is_range && kind != "instant") return {Errc::kBadData, "expected instant or range"};
    if (eval.is_range) {
      RETURN_IF_ERROR(period(rest, eval));
    } else if (starts_with(rest, "at ")) {
      take_word(rest);
      ASSIGN_OR_RETURN(eval.at, base::parse_duration_ms(take_word(rest)));
      eval.start = eval.end = eval.at;
    }
    eval.expr = std::string(rest);
    while (next_in_block()) RETURN_IF_ERROR(expected_line(eval));
    if (script_.mode.strict_annotations) {
      eval.no_warn = eval.no_warn || eval.warn.empty();
      eval.no_info = eval.no_info || eval.info.empty();
    }
    script_.commands.emplace_back(std::move(eval));
    return Status::ok();
  }

  static Status suffix(std::string_view text, EvalCommand& eval) {
    if (text.empty()) return Status::ok();
    if (text == "_fail") {
      eval.fail.emplace();
    } else if (text == "_warn") {
      eval.warn.emplace_back();
    } else if (text == "_info") {
      eval.info.emplace_back();
    } else if (text == "_ordered") {
      eval.ordered = true;
    } else {
      return {Errc::kBadData, "unknown command"};
    }
    return Status::ok();
  }

  /// `from A to B step S`.
  static Status period(std::string_view& rest, EvalCommand& eval) {
    for (const auto& [word, target] : {std::pair("from", &eval.start), std::pair("to", &eval.end),
                                       std::pair("step", &eval.step_ms)}) {
      if (take_word(rest) != word)
        return {Errc::kBadData, "expected \"" + std::string(word) + "\""};
      ASSIGN_OR_RETURN(*target, base::parse_duration_ms(take_word(rest)));
    }
    return eval.end < eval.start ? Status(Errc::kBadData, "the end is before the start")
                                 : Status::ok();
  }

  Status expected_line(EvalCommand& eval) {
    std::string_view rest = line();
    const std::string_view word = take_word(rest);
    if (word == "expected_fail_message" && eval.fail) {
      eval.fail->message = std::string(rest);
      return Status::ok();
    }
    if (word == "expected_fail_regexp" && eval.fail) return pattern(rest, *eval.fail);
    if (word == "expect") return expect(rest, eval);
    double value = 0;
    if (rest.empty() && is_number(word, value)) {
      eval.scalar = value;
      return Status::ok();
    }
    ASSIGN_OR_RETURN(SeriesLine series, parse_series_line(line()));
    if (series.values.empty()) return {Errc::kBadData, "a series without values"};
    if (series.values.size() > 1 && !eval.is_range && !eval.has_range_vector) {
      return {Errc::kBadData, "an instant query has one value a series"};
    }
    eval.series.push_back(std::move(series));
    return Status::ok();
  }

  static bool is_number(std::string_view word, double& value) {
    const base::Result<promql::ExprPtr> parsed = promql::parse_expr(word);
    if (!parsed.is_ok() || (*parsed)->kind != promql::ExprKind::kNumber) return false;
    value = static_cast<const promql::NumberLiteral&>(**parsed).value;
    return true;
  }

  Status expect(std::string_view rest, EvalCommand& eval) {
    if (starts_with(rest, "range vector ")) {
      rest.remove_prefix(13);
      rest = trimmed(rest);
      eval.has_range_vector = true;
      RETURN_IF_ERROR(period(rest, eval));
      eval.at = eval.end;
      return Status::ok();
    }
    const std::string_view kind = take_word(rest);
    if (kind == "string") {
      const base::Result<promql::ExprPtr> parsed = promql::parse_expr(rest);
      if (!parsed.is_ok() || (*parsed)->kind != promql::ExprKind::kString) {
        return {Errc::kBadData, "expected a quoted string"};
      }
      eval.string = static_cast<const promql::StringLiteral&>(**parsed).value;
      return Status::ok();
    }
    Expectation e;
    if (starts_with(rest, "msg:")) {
      e.message = std::string(trimmed(rest.substr(4)));
    } else if (starts_with(rest, "regex:")) {
      RETURN_IF_ERROR(pattern(trimmed(rest.substr(6)), e));
    } else if (!rest.empty()) {
      return {Errc::kBadData, "expected msg: or regex:"};
    }
    return add_expectation(kind, std::move(e), eval);
  }

  static Status add_expectation(std::string_view kind, Expectation e, EvalCommand& eval) {
    if (kind == "fail") {
      if (eval.fail && (eval.fail->message || eval.fail->pattern)) {
        return {Errc::kBadData, "more than one expect fail"};
      }
      eval.fail = std::move(e);
    } else if (kind == "warn") {
      eval.warn.push_back(std::move(e));
    } else if (kind == "info") {
      eval.info.push_back(std::move(e));
    } else if (kind == "no_warn") {
      eval.no_warn = true;
    } else if (kind == "no_info") {
      eval.no_info = true;
    } else if (kind == "ordered") {
      eval.ordered = true;
    } else {
      return {Errc::kBadData, "unknown expectation"};
    }
    const bool both = (eval.no_warn && !eval.warn.empty()) || (eval.no_info && !eval.info.empty());
    return both ? Status(Errc::kBadData, "expectations contradict each other") : Status::ok();
  }

  static Status pattern(std::string_view text, Expectation& e) {
    // Matches anywhere; Regex matches the whole.
    ASSIGN_OR_RETURN(e.pattern, model::Regex::compile(".*(?:" + std::string(text) + ").*"));
    return Status::ok();
  }

  std::vector<std::string_view> lines_;
  size_t at_ = 0;
  Script script_;
};

}  // namespace

bool Expectation::matches(const std::string& text) const {
  if (message) return text == *message;
  return !pattern || pattern->matches(text);
}

std::string Expectation::to_string() const {
  if (message) return "\"" + *message + "\"";
  return pattern ? "/" + pattern->pattern() + "/" : "anything";
}

Status set_mode(std::string_view words, ScriptMode& mode) {
  std::string text(words);
  std::replace(text.begin(), text.end(), ',', ' ');
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    const std::string_view word = take_word(rest);
    if (word == "delayed-name-removal") {
      mode.delayed_name_removal = true;
    } else if (word == "start-timestamps") {
      mode.start_timestamps = true;
    } else if (word == "type-and-unit-labels") {
      mode.type_and_unit_labels = true;
    } else if (word == "stable-language") {
      mode.stable_language = true;
    } else if (word == "strict-annotations") {
      mode.strict_annotations = true;
    } else if (word == "upstream") {
      mode.delayed_name_removal = mode.start_timestamps = true;
    } else {
      return {Errc::kBadData, "unknown mode \"" + std::string(word) + "\""};
    }
  }
  return Status::ok();
}

Result<Script> parse_script(std::string_view text) {
  return ScriptParser(text).run();
}

}  // namespace silverback::testing
