#include "scrape/discovery/discovery_set.h"

#include <algorithm>
#include <utility>

namespace silverback::scrape {
namespace {

using model::DiscoveryConfigs;

template <typename Config>
void split_list(const std::vector<Config>& list, std::vector<Config> DiscoveryConfigs::*field,
                std::vector<DiscoveryConfigs>& out) {
  for (const Config& config : list) {
    DiscoveryConfigs one;
    (one.*field).push_back(config);
    out.push_back(std::move(one));
  }
}

// A section each; all static groups together are one.
std::vector<DiscoveryConfigs> split(const DiscoveryConfigs& configs) {
  std::vector<DiscoveryConfigs> out;
  if (!configs.static_configs.empty()) {
    DiscoveryConfigs one;
    one.static_configs = configs.static_configs;
    out.push_back(std::move(one));
  }
  split_list(configs.file_sd_configs, &DiscoveryConfigs::file_sd_configs, out);
  split_list(configs.http_sd_configs, &DiscoveryConfigs::http_sd_configs, out);
  split_list(configs.dns_sd_configs, &DiscoveryConfigs::dns_sd_configs, out);
  return out;
}

}  // namespace

DiscoverySet::DiscoverySet(DiscoveryContext context, Told told)
    : context_(std::move(context)), told_(std::move(told)) {}

DiscoverySet::~DiscoverySet() {
  stop();
}

void DiscoverySet::apply(const DiscoveryConfigs& configs) {
  std::vector<Member> kept;
  std::vector<DiscoveryConfigs> wanted = split(configs);
  for (Member& member : members_) {
    const auto found = std::find(wanted.begin(), wanted.end(), member.config);
    if (found != wanted.end()) {
      wanted.erase(found);
      kept.push_back(std::move(member));
    } else {
      member.discoverer->stop();
      forget(member.id);
    }
  }
  members_ = std::move(kept);
  const size_t first_new = members_.size();
  for (DiscoveryConfigs& config : wanted) {
    for (std::unique_ptr<Discoverer>& discoverer : make_discoverers(config, context_)) {
      Member member;
      member.id = next_id_++;
      member.config = config;
      member.discoverer = std::move(discoverer);
      members_.push_back(std::move(member));
    }
  }
  {
    const base::MutexLock lock(mutex_);
    for (size_t i = first_new; i < members_.size(); ++i) unanswered_.insert(members_[i].id);
  }
  for (size_t i = first_new; i < members_.size(); ++i) {
    members_[i].discoverer->start(
        [this, id = members_[i].id](std::vector<model::TargetGroup> changed) {
          take(id, std::move(changed));
        });
  }
}

void DiscoverySet::stop() {
  for (const Member& member : members_) member.discoverer->stop();
  members_.clear();
}

void DiscoverySet::forget(size_t id) {
  const base::MutexLock lock(mutex_);
  groups_.erase(id);
  unanswered_.erase(id);
}

void DiscoverySet::take(size_t id, std::vector<model::TargetGroup> changed) {
  bool all_answered = false;
  {
    const base::MutexLock lock(mutex_);
    std::map<std::string, model::TargetGroup>& known = groups_[id];
    for (model::TargetGroup& group : changed) {
      if (group.targets.empty()) {
        known.erase(group.source);
      } else {
        known[group.source] = std::move(group);
      }
    }
    unanswered_.erase(id);
    all_answered = unanswered_.empty();
  }
  told_(all_answered);
}

std::vector<model::TargetGroup> DiscoverySet::groups() const {
  std::vector<model::TargetGroup> out;
  const base::MutexLock lock(mutex_);
  for (const auto& [id, sources] : groups_) {
    for (const auto& [source, group] : sources) out.push_back(group);
  }
  return out;
}

size_t DiscoverySet::target_count() const {
  size_t count = 0;
  const base::MutexLock lock(mutex_);
  for (const auto& [id, sources] : groups_) {
    for (const auto& [source, group] : sources) count += group.targets.size();
  }
  return count;
}

bool DiscoverySet::settled() const {
  const base::MutexLock lock(mutex_);
  return unanswered_.empty();
}

}  // namespace silverback::scrape
