#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/http_client_config.h"
#include "base/result.h"
#include "base/yaml.h"
#include "model/discovery_config.h"
#include "model/relabel.h"

namespace silverback::scrape {

/// The scrape part of `global` (spec 4.1): what a job that says nothing gets.
struct ScrapeDefaults {
  int64_t interval_ms = 60'000;
  int64_t timeout_ms = 10'000;
  std::vector<std::string> protocols;  // empty = follows from what each job scrapes
  bool scrape_native_histograms = false;
  bool always_scrape_classic_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  std::string failure_log_file;  // "" = none; resolved against the file's folder
  uint64_t sample_limit = 0, label_limit = 0, label_name_length_limit = 0,
           label_value_length_limit = 0, target_limit = 0, keep_dropped_targets = 0,
           body_size_limit = 0;
  bool legacy_names = false;    // metric_name_validation_scheme: legacy
  std::string escaping_scheme;  // "" = follows from the validation scheme
  bool extra_scrape_metrics = false;
  bool operator==(const ScrapeDefaults&) const = default;
};

/// One job (spec 4.2), defaults filled in, relabel rules compiled.
struct ScrapeConfig {
  std::string job_name;
  int64_t interval_ms = 0, timeout_ms = 0;
  std::vector<std::string> protocols;  // in order of preference, never empty
  std::string fallback_protocol;       // "" = an unknown Content-Type fails the scrape
  bool scrape_native_histograms = false;
  bool always_scrape_classic_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  std::string failure_log_file;  // "" = none
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  uint64_t sample_limit = 0, label_limit = 0, label_name_length_limit = 0,
           label_value_length_limit = 0, target_limit = 0, keep_dropped_targets = 0,
           body_size_limit = 0;
  uint64_t native_histogram_bucket_limit = 0;     // buckets of one histogram; 0 = no limit
  double native_histogram_min_bucket_factor = 0;  // 0 = as exposed
  bool legacy_names = false;
  std::string escaping_scheme;  // what the Accept header asks targets for; never ""
  bool extra_scrape_metrics = false;
  base::HttpClientConfig http;
  model::DiscoveryConfigs discovery;
  std::vector<model::RelabelRule> relabel_configs, metric_relabel_configs;

  bool operator==(const ScrapeConfig&) const = default;
  void write(base::YamlWriter& w) const;
};

/// scrape_protocols of a job that lists none.
std::vector<std::string> default_scrape_protocols(bool protobuf_first);

/// Reads the scrape fields of `global`; the caller finishes `fields`. Relative paths resolve
/// against `base_dir`.
void parse_scrape_defaults(base::YamlFields& fields, const std::string& base_dir,
                           ScrapeDefaults& out);
/// The other fields of `global` have their places among these: what follows the protocols, and the
/// external labels.
void write_scrape_defaults(base::YamlWriter& w, const ScrapeDefaults& d,
                           const std::function<void()>& evaluation,
                           const std::function<void()>& external_labels);

/// `scrape_configs:`. Job names unique; errors carry file and line.
base::Result<std::vector<ScrapeConfig>> parse_scrape_configs(const base::YamlNode& list,
                                                             const ScrapeDefaults& defaults,
                                                             const std::string& base_dir);

}  // namespace silverback::scrape
