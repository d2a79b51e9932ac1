#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/url.h"
#include "model/labels.h"
#include "model/target_group.h"
#include "scrape/histogram_rules.h"
#include "scrape/scrape_config.h"

namespace silverback::scrape {

using model::TargetGroup;

/// One thing to scrape: what the label pipeline (spec 4.5) made of a discovered label set.
struct Target {
  model::Labels discovered;  // before relabelling, with the job's defaults
  model::Labels labels;      // public: what its samples carry
  base::Url url;
  std::string unix_socket;  // __unix_socket__; "" = TCP
  int64_t interval_ms = 0, timeout_ms = 0;
  HistogramForms histograms;
  uint64_t hash = 0;  // of labels and where it is; stable across restarts

  /// Ms after each multiple of the interval at which it is scraped.
  int64_t offset_ms(uint64_t seed) const;
};

/// What the groups of a job come to.
struct TargetSet {
  std::vector<Target> active;          // unique, in order of discovery
  std::vector<model::Labels> dropped;  // relabelling said no
  std::vector<base::Status> failures;  // targets that could not be made
};
TargetSet make_targets(const ScrapeConfig& config, const std::vector<TargetGroup>& groups);

/// One target; nullopt inside when relabelling dropped it. `discovered` is set in every case.
base::Result<std::optional<Target>> make_target(const ScrapeConfig& config,
                                                const model::Labels& own,
                                                const model::Labels& group,
                                                model::Labels* discovered);

/// Spreads the scrapes of servers with the same config (HA pairs): from host name and labels.
uint64_t offset_seed(const std::string& hostname, const model::Labels& external_labels);

}  // namespace silverback::scrape
