#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/regex.h"
#include "tests/promql/series_notation.h"

namespace silverback::testing {

/// One sample to be stored.
struct LoadSample {
  model::Labels labels;
  model::TimestampMs t = 0;
  model::TimestampMs start = 0;  // 0 = unknown
  double v = 0;
  std::shared_ptr<const model::Histogram> h;
};

struct LoadCommand {
  std::vector<LoadSample> samples;
};

struct ClearCommand {};

/// A text that must equal, or a pattern that must match somewhere; neither: anything.
struct Expectation {
  std::optional<std::string> message;
  std::optional<model::Regex> pattern;
  bool matches(const std::string& text) const;
  std::string to_string() const;
};

struct EvalCommand {
  size_t line = 0;
  std::string expr;
  bool is_range = false;
  model::TimestampMs start = 0, end = 0;  // instant: both the evaluation time
  model::TimestampMs at = 0;              // evaluation time of an instant query
  int64_t step_ms = 0;

  std::optional<Expectation> fail;
  std::vector<Expectation> warn, info;
  bool no_warn = false, no_info = false, ordered = false;

  std::optional<double> scalar;
  std::optional<std::string> string;
  std::vector<SeriesLine> series;  // as written, in order
  bool has_range_vector = false;   // an instant query that gives a matrix
};

using Command = std::variant<LoadCommand, ClearCommand, EvalCommand>;

/// Settings in `# mode: ...` lines: what the engine has switched on for this script.
struct ScriptMode {
  bool delayed_name_removal = false;
  bool start_timestamps = false;
  bool type_and_unit_labels = false;
  bool stable_language = false;     // experimental functions and syntax off
  bool strict_annotations = false;  // warnings and infos that no line expects are failures
};

struct Script {
  ScriptMode mode;
  std::vector<Command> commands;
};

/// Reads a test script (docs: tests/promql/README.md). Errors tell the line.
base::Result<Script> parse_script(std::string_view text);

/// Words of `# mode:` and of --mode, separated by spaces or commas; "upstream" = what Prometheus
/// runs its own scripts with.
base::Status set_mode(std::string_view words, ScriptMode& mode);

}  // namespace silverback::testing
