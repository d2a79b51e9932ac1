#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "model/discovery_config.h"
#include "model/target_group.h"

namespace silverback::scrape {

/// Finds targets and tells of changes. Threads: start() and stop() from one thread; updates come
/// on any, never two at once from one Discoverer.
class Discoverer {
 public:
  /// Groups that are new or changed; a group without targets takes its source away.
  using Update = std::function<void(std::vector<model::TargetGroup>)>;

  virtual ~Discoverer() = default;
  /// The first update comes as soon as something is known, even if it is that there is nothing.
  virtual void start(Update update) = 0;
  /// No update comes after this returns.
  virtual void stop() = 0;
};

/// What discoverers work with; all borrowed.
struct DiscoveryContext {
  base::IoRuntime* io = nullptr;
  base::WorkerPool* file_pool = nullptr;
  base::Clock* clock = nullptr;
  base::Logger* logger = nullptr;
  base::metrics::Registry* registry = nullptr;
  std::string config;                            // the job's name, for metrics
  std::string resolv_conf = "/etc/resolv.conf";  // read before each DNS refresh
  uint16_t dns_port = 53;
};

/// One Discoverer a configured section.
std::vector<std::unique_ptr<Discoverer>> make_discoverers(const model::DiscoveryConfigs& configs,
                                                          const DiscoveryContext& context);

}  // namespace silverback::scrape
