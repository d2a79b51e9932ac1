#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "scrape/scrape_loop.h"
#include "scrape/scrape_manager.h"
#include "scrape/target.h"

namespace silverback::scrape {

/// The loops of one job. Threads: any; changes one at a time.
class ScrapePool {
 public:
  ScrapePool(ScrapeContext context, LoopRegistry& loops, std::shared_ptr<const ScrapeConfig> config,
             uint64_t offset_seed);

  /// Starts loops of new targets, ends those that are gone.
  void sync(const std::vector<TargetGroup>& groups) EXCLUDES(mutex_);
  /// A changed config for the same groups: targets that stay keep their loops.
  void reload(std::shared_ptr<const ScrapeConfig> config, const std::vector<TargetGroup>& groups)
      EXCLUDES(mutex_);
  /// Ends every loop, with stale markers.
  void stop() EXCLUDES(mutex_);

  void append_status(TargetsSnapshot& out) const EXCLUDES(mutex_);
  void append_metadata(const std::string& metric, std::vector<TargetMetadata>& out) const
      EXCLUDES(mutex_);
  void metadata_size(size_t* entries, size_t* bytes) const EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<ScrapeLoop> loop;
    model::Labels discovered;
    LoopSettings settings;
  };
  void sync_locked(const std::vector<TargetGroup>& groups) REQUIRES(mutex_);

  const ScrapeContext context_;
  LoopRegistry& loops_;
  const uint64_t offset_seed_;
  PoolMetrics metrics_;

  mutable base::Mutex mutex_;
  std::shared_ptr<const ScrapeConfig> config_ GUARDED_BY(mutex_);
  std::shared_ptr<base::HttpClient> client_ GUARDED_BY(mutex_);
  std::map<uint64_t, Entry> entries_ GUARDED_BY(mutex_);  // by target hash
  std::vector<model::Labels> dropped_ GUARDED_BY(mutex_);
  uint64_t dropped_count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::scrape
