#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "model/labels.h"
#include "model/sample.h"
#include "scrape/scrape_config.h"
#include "storage/appender.h"

namespace silverback::scrape {

enum class TargetHealth : uint8_t { kUnknown, kUp, kDown };

/// What /api/v1/targets shows of one target.
struct TargetStatus {
  model::Labels discovered_labels;
  model::Labels labels;
  std::string scrape_pool;
  std::string scrape_url;  // secrets in params are the user's own
  std::string last_error;
  int64_t last_scrape_ms = 0;  // 0 = never
  double last_scrape_duration_s = 0;
  TargetHealth health = TargetHealth::kUnknown;
  int64_t interval_ms = 0, timeout_ms = 0;
};
struct DroppedTarget {
  model::Labels discovered_labels;
  std::string scrape_pool;
};
struct TargetsSnapshot {
  std::vector<TargetStatus> active;    // by pool, then labels
  std::vector<DroppedTarget> dropped;  // at most keep_dropped_targets a pool
  std::map<std::string, uint64_t> dropped_counts;
};

struct TargetMetadata {
  model::Labels target_labels;  // whose page it is from
  std::string metric;
  model::Metadata metadata;
};

/// Owns every job: discovery, targets, scrape loops. Threads: any thread.
class ScrapeManager {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;            // all borrowed
    base::WorkerPool* ingest_pool = nullptr;  // parse and append
    base::WorkerPool* file_pool = nullptr;    // reads discovery files
    storage::Appendable* storage = nullptr;
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;
    model::Labels external_labels;                  // seeds the scrape offsets of HA pairs
    int64_t discovery_reload_ms = 5000;             // --scrape.discovery-reload-interval
    bool extra_scrape_metrics = false;              // --enable-feature=extra-scrape-metrics
    bool created_timestamp_zero_ingestion = false;  // --enable-feature of that name
    std::string resolv_conf = "/etc/resolv.conf";   // of dns_sd_configs
    uint16_t dns_port = 53;
  };
  explicit ScrapeManager(Options options);
  ~ScrapeManager();  // stop()

  /// Takes a new set of jobs. Jobs whose config is equal go on without a gap; loops of removed
  /// targets end with stale markers. Never fails: configs were checked when parsed.
  void apply(const std::vector<ScrapeConfig>& jobs, const model::Labels& external_labels);

  /// Ends all loops without stale markers (shutdown); fetches are cancelled, running appends
  /// awaited. The I/O runtime and the pools must still run.
  void stop();

  TargetsSnapshot targets() const;
  std::vector<std::string> pools() const;
  /// HELP/TYPE/UNIT of active targets, one entry a target and metric.
  std::vector<TargetMetadata> metadata(const std::string& metric) const;  // "" = all

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the tasks under way, which find it stopped
};

}  // namespace silverback::scrape
