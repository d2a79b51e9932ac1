#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/http_client_config.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "base/yaml.h"
#include "model/discovery_config.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "model/target_group.h"

namespace silverback::rules {

/// One `alertmanagers:` entry (spec 4.6).
struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix = "/";
  int64_t timeout_ms = 10'000;
  std::string api_version = "v2";
  base::HttpClientConfig http;
  model::DiscoveryConfigs discovery;
  std::vector<model::RelabelRule> relabel_configs, alert_relabel_configs;
  bool operator==(const AlertmanagerConfig&) const = default;
};

/// `alerting:`.
struct AlertingConfig {
  std::vector<model::RelabelRule> alert_relabel_configs;
  std::vector<AlertmanagerConfig> alertmanagers;
  bool operator==(const AlertingConfig&) const = default;
  void write(base::YamlWriter& w) const;
};
base::Result<AlertingConfig> parse_alerting(const base::YamlNode& node,
                                            const std::string& base_dir);

/// One alert on its way out.
struct OutgoingAlert {
  model::Labels labels;
  std::vector<std::pair<std::string, std::string>> annotations;
  int64_t starts_at_ms = 0, ends_at_ms = 0;
  std::string generator_url;
};

struct AlertmanagersSnapshot {
  std::vector<std::string> active, dropped;  // URLs, secrets masked
};

/// Relabels alerts, queues them per Alertmanager (bounded, oldest dropped first) and posts batches.
/// A failed batch is counted and dropped: firing alerts are re-sent anyway. Threads: any thread.
class Notifier {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;  // all borrowed
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;
    base::WorkerPool* file_pool = nullptr;  // reads password files and the like; may be null
    size_t queue_capacity = 10'000;         // --alertmanager.notification-queue-capacity
    size_t batch_size = 256;                // --alertmanager.notification-batch-size
    bool drain_on_stop = true;              // --alertmanager.drain-notification-queue-on-shutdown
  };
  explicit Notifier(Options options);
  ~Notifier();  // stop()

  void apply(const AlertingConfig& config, const model::Labels& external_labels);
  /// What discovery has found for an entry of the configuration in force; replaces what it had
  /// found before. Static targets are known without.
  void set_endpoints(size_t entry, const std::vector<model::TargetGroup>& groups);
  void send(std::vector<OutgoingAlert> alerts);
  /// Drains (bounded by the timeouts) when so configured, then stops.
  void stop();
  AlertmanagersSnapshot alertmanagers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::rules
