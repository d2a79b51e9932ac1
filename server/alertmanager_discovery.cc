#include "server/alertmanager_discovery.h"

#include <algorithm>
#include <utility>

namespace silverback::server {

namespace {

size_t count_targets(const model::DiscoveryConfigs& configs) {
  size_t count = 0;
  for (const model::StaticTargetGroup& group : configs.static_configs) {
    count += group.targets.size();
  }
  return count;
}

}  // namespace

AlertmanagerDiscovery::AlertmanagerDiscovery(const scrape::DiscoveryContext& context,
                                             rules::Notifier& notifier)
    : context_(context), notifier_(notifier) {
  collector_ =
      context_.registry->add_collector([this](base::metrics::Sink& sink) { collect(sink); });
}

AlertmanagerDiscovery::~AlertmanagerDiscovery() {
  stop();
}

std::unique_ptr<AlertmanagerDiscovery::Entry> AlertmanagerDiscovery::take_or_make(
    const model::DiscoveryConfigs& configs, Entries& former) const {
  model::DiscoveryConfigs dynamic = configs;
  dynamic.static_configs.clear();
  const auto same =
      std::find_if(former.begin(), former.end(),
                   [&](const std::unique_ptr<Entry>& entry) { return entry->configs == dynamic; });
  std::unique_ptr<Entry> entry;
  if (same != former.end()) {
    entry = std::move(*same);
    former.erase(same);
  } else {
    entry = std::make_unique<Entry>();
    entry->discoverers = scrape::make_discoverers(dynamic, context_);
    entry->found.resize(entry->discoverers.size());
    entry->configs = std::move(dynamic);
  }
  entry->static_targets = count_targets(configs);
  return entry;
}

void AlertmanagerDiscovery::apply(const rules::AlertingConfig& config,
                                  const model::Labels& external_labels) {
  Entries former;
  std::vector<Entry*> fresh;
  {
    const base::MutexLock lock(mutex_);
    former = std::move(entries_);
    entries_.clear();
    notifier_.apply(config, external_labels);
    for (size_t i = 0; i < config.alertmanagers.size(); ++i) {
      const size_t known = former.size();
      std::unique_ptr<Entry> entry = take_or_make(config.alertmanagers[i].discovery, former);
      entry->index = i;
      if (former.size() == known) fresh.push_back(entry.get());
      tell(*entry);
      entries_.push_back(std::move(entry));
    }
    // What is gone must not speak for the entry that has its number now.
    for (const auto& entry : former) entry->retired = true;
  }
  // Outside the lock: a discoverer may be in the middle of an update.
  for (const auto& entry : former) {
    for (const auto& discoverer : entry->discoverers) discoverer->stop();
  }
  for (Entry* entry : fresh) start(*entry);
}

void AlertmanagerDiscovery::start(Entry& entry) {
  for (size_t i = 0; i < entry.discoverers.size(); ++i) {
    entry.discoverers[i]->start([this, &entry, i](std::vector<model::TargetGroup> groups) {
      update(entry, i, std::move(groups));
    });
  }
}

void AlertmanagerDiscovery::update(Entry& entry, size_t discoverer,
                                   std::vector<model::TargetGroup> groups) {
  const base::MutexLock lock(mutex_);
  std::map<std::string, model::TargetGroup>& found = entry.found[discoverer];
  for (model::TargetGroup& group : groups) {
    if (group.targets.empty()) {
      found.erase(group.source);
    } else {
      found[group.source] = std::move(group);
    }
  }
  if (!entry.retired) tell(entry);
}

void AlertmanagerDiscovery::tell(const Entry& entry) {
  if (entry.discoverers.empty()) return;
  std::vector<model::TargetGroup> all;
  for (const auto& found : entry.found) {
    for (const auto& [source, group] : found) all.push_back(group);
  }
  notifier_.set_endpoints(entry.index, all);
}

void AlertmanagerDiscovery::collect(base::metrics::Sink& sink) {
  const base::MutexLock lock(mutex_);
  for (const auto& entry : entries_) {
    size_t count = entry->static_targets;
    for (const auto& found : entry->found) {
      for (const auto& [source, group] : found) count += group.targets.size();
    }
    sink.gauge("prometheus_sd_discovered_targets", "Current number of discovered targets.",
               {{"config", "config-" + std::to_string(entry->index)}, {"name", "notify"}},
               static_cast<double>(count));
  }
}

void AlertmanagerDiscovery::stop() {
  Entries entries;
  {
    const base::MutexLock lock(mutex_);
    entries = std::move(entries_);
    entries_.clear();
    for (const auto& entry : entries) entry->retired = true;
  }
  for (const auto& entry : entries) {
    for (const auto& discoverer : entry->discoverers) discoverer->stop();
  }
}

}  // namespace silverback::server
