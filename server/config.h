#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "promql/parser.h"
#include "rules/notifier.h"
#include "rules/rule_file.h"
#include "scrape/scrape_config.h"

namespace silverback::server {

/// `storage.tsdb.retention`: overrules the flags as a whole once one field is given.
struct RetentionConfig {
  std::optional<int64_t> time_ms;
  std::optional<uint64_t> size_bytes;
  double percentage = 0;  // of the disk; goes before the size
  bool operator==(const RetentionConfig&) const = default;

  bool given() const { return time_ms || size_bytes || percentage > 0; }
};

/// `storage:`.
struct StorageConfig {
  RetentionConfig retention;
  std::string float_chunk_encoding;      // "", "xor" or "xor2": our own encoding serves all
  std::optional<int64_t> max_exemplars;  // 0 or less: none are kept
  bool operator==(const StorageConfig&) const = default;
};

/// storage.exemplars.max_exemplars where it is not given. In force only with the feature
/// exemplar-storage.
inline constexpr int64_t kDefaultMaxExemplars = 100'000;

/// A whole prometheus.yml, checked, with defaults filled in. Immutable once parsed.
struct Config {
  scrape::ScrapeDefaults scrape_defaults;
  int64_t evaluation_interval_ms = 60'000;
  int64_t rule_query_offset_ms = 0;
  model::Labels external_labels;
  std::string query_log_file;                    // "": none
  int64_t gogc = 75;                             // of the Go runtime: shown, without effect
  std::vector<std::string> rule_files;           // globs, resolved against the file's folder
  std::vector<std::string> scrape_config_files;  // likewise
  rules::AlertingConfig alerting;
  std::vector<scrape::ScrapeConfig> scrape_configs;  // of this file alone
  StorageConfig storage;

  /// Effective YAML for status/config: defaults shown, secrets masked.
  std::string to_yaml() const;
};

/// Parses the text of a configuration. `file` is its path: errors carry it, relative paths resolve
/// against its folder. What is valid in Prometheus but not built is kUnsupported, by name.
base::Result<Config> parse_config(const std::string& text, const std::string& file);

/// A configuration with everything it names read and parsed: ready to be put in force.
struct LoadedConfig {
  Config config;
  std::vector<scrape::ScrapeConfig> jobs;  // of the file and of its scrape_config_files
  std::vector<rules::RuleGroupConfig> rule_groups;
};

/// Reads the file, its scrape config files and its rule files. Blocking.
base::Result<LoadedConfig> load_config(const std::string& path,
                                       const promql::ParserOptions& options);

/// A text that changes when the configuration does, or a rule file or scrape config file that it
/// names. Blocking.
std::string config_fingerprint(const std::string& path);

/// Go's os.Expand with the environment: $NAME, ${NAME}, $$; unknown names are empty.
std::string expand_environment(const std::string& text);

}  // namespace silverback::server
