#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "model/discovery_config.h"
#include "model/target_group.h"
#include "rules/notifier.h"
#include "scrape/discovery/discoverer.h"

namespace silverback::server {

/// Runs scrape's discoverers for the `alertmanagers:` entries and tells the notifier what they
/// find. Static targets are no part of it: the notifier knows them from its configuration.
/// Threads: apply() and stop() from one thread, not an I/O thread.
class AlertmanagerDiscovery {
 public:
  /// All borrowed.
  AlertmanagerDiscovery(const scrape::DiscoveryContext& context, rules::Notifier& notifier);
  ~AlertmanagerDiscovery();  // stop()

  /// Gives the notifier its configuration too, so that no update meets the wrong entry. Entries
  /// with the same discovery sections as before go on undisturbed.
  void apply(const rules::AlertingConfig& config, const model::Labels& external_labels)
      EXCLUDES(mutex_);
  /// No update comes after this returns.
  void stop() EXCLUDES(mutex_);

 private:
  /// The discoverers of one entry and what they have found.
  struct Entry {
    model::DiscoveryConfigs configs;  // without static ones
    size_t static_targets = 0;
    size_t index = 0;
    bool retired = false;  // configured no more
    std::vector<std::unique_ptr<scrape::Discoverer>> discoverers;
    std::vector<std::map<std::string, model::TargetGroup>> found;  // a discoverer each, by source
  };
  using Entries = std::vector<std::unique_ptr<Entry>>;

  std::unique_ptr<Entry> take_or_make(const model::DiscoveryConfigs& configs,
                                      Entries& former) const;
  void start(Entry& entry);
  void update(Entry& entry, size_t discoverer, std::vector<model::TargetGroup> groups)
      EXCLUDES(mutex_);
  void tell(const Entry& entry) REQUIRES(mutex_);
  void collect(base::metrics::Sink& sink) EXCLUDES(mutex_);

  const scrape::DiscoveryContext context_;
  rules::Notifier& notifier_;

  base::Mutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);  // as configured

  std::shared_ptr<void> collector_;  // last: ends first
};

}  // namespace silverback::server
