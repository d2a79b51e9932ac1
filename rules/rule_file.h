#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "promql/parser.h"

namespace silverback::rules {

using StringPairs = std::vector<std::pair<std::string, std::string>>;  // sorted by name

struct RuleConfig {
  std::string record;  // exactly one of record and alert
  std::string alert;
  std::string expr;  // as written
  int64_t for_ms = 0, keep_firing_for_ms = 0;
  StringPairs labels, annotations;
  bool operator==(const RuleConfig&) const = default;
};
struct RuleGroupConfig {
  std::string file, name;
  int64_t interval_ms = 0;       // 0 = global.evaluation_interval
  int64_t query_offset_ms = -1;  // -1 = global.rule_query_offset
  uint64_t limit = 0;
  StringPairs labels;  // merged under the rules' own
  std::vector<RuleConfig> rules;
  bool operator==(const RuleGroupConfig&) const = default;
};

/// By what rules are judged.
struct RuleFileOptions {
  promql::ParserOptions parser;
  bool legacy_names = false;  // metric_name_validation_scheme: legacy

  bool is_valid_metric(std::string_view name) const;
  bool is_valid_label(std::string_view name) const;
};

/// Parses one rule file (spec 6.1): strict fields, unique group names, every expression parsed,
/// every template parsed. kBadData with file and line.
base::Result<std::vector<RuleGroupConfig>> parse_rule_file(std::string_view text,
                                                           const std::string& file,
                                                           const RuleFileOptions& options);

/// All files that the globs name, in order; the first bad one fails all. Reads files: rules pool.
base::Result<std::vector<RuleGroupConfig>> load_rule_files(const std::vector<std::string>& globs,
                                                           const RuleFileOptions& options);

}  // namespace silverback::rules
