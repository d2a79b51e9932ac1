#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/discovery_config.h"
#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// The discoveries of one job or Alertmanager section, and the groups they have told so far.
/// Threads: apply() and stop() one at a time; the rest any.
class DiscoverySet {
 public:
  /// Called after each update, on the discoverer's thread; `settled`: every discoverer has
  /// answered since it was started.
  using Told = std::function<void(bool settled)>;

  DiscoverySet(DiscoveryContext context, Told told);
  ~DiscoverySet();  // stop()
  DiscoverySet(const DiscoverySet&) = delete;
  DiscoverySet& operator=(const DiscoverySet&) = delete;

  /// Discoverers whose section is unchanged go on; the groups of the others go at once.
  void apply(const model::DiscoveryConfigs& configs);
  /// No call of `told` comes after this returns.
  void stop();

  std::vector<model::TargetGroup> groups() const EXCLUDES(mutex_);
  size_t target_count() const EXCLUDES(mutex_);
  bool settled() const EXCLUDES(mutex_);

 private:
  struct Member {
    size_t id = 0;
    model::DiscoveryConfigs config;  // one section only
    std::unique_ptr<Discoverer> discoverer;
  };
  void take(size_t id, std::vector<model::TargetGroup> changed) EXCLUDES(mutex_);
  void forget(size_t id) EXCLUDES(mutex_);

  const DiscoveryContext context_;
  const Told told_;
  std::vector<Member> members_;  // apply() and stop() only
  size_t next_id_ = 0;           // likewise

  mutable base::Mutex mutex_;
  std::map<size_t, std::map<std::string, model::TargetGroup>> groups_ GUARDED_BY(mutex_);
  std::set<size_t> unanswered_ GUARDED_BY(mutex_);
};

}  // namespace silverback::scrape
