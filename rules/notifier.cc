#include "rules/notifier.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "rules/alertmanager_client.h"
#include "rules/alertmanager_set.h"

namespace silverback::rules {

namespace {

using ClientPtr = AlertmanagerSet::ClientPtr;

}  // namespace

struct Notifier::Impl {
  explicit Impl(Options o) : options(std::move(o)) {
    options.registry
        ->gauge("prometheus_notifications_queue_capacity",
                "The capacity of the alert notifications queue.")
        .set(static_cast<double>(options.queue_capacity));
    discovered = &options.registry->gauge("prometheus_notifications_alertmanagers_discovered",
                                          "The number of alertmanagers discovered and active.");
  }

  /// Ends what does not belong to any set any more, and counts the others.
  void let_go(const std::vector<ClientPtr>& clients) REQUIRES(mutex);

  const Options options;
  base::metrics::Gauge* discovered = nullptr;

  mutable base::Mutex mutex;
  std::vector<model::RelabelRule> relabel_rules GUARDED_BY(mutex);
  model::Labels external_labels GUARDED_BY(mutex);
  std::vector<std::unique_ptr<AlertmanagerSet>> sets GUARDED_BY(mutex);  // as configured
  bool stopped GUARDED_BY(mutex) = false;
};

void Notifier::Impl::let_go(const std::vector<ClientPtr>& clients) {
  std::set<std::string> in_use;
  size_t count = 0;
  for (const auto& set : sets) {
    count += set->clients().size();
    for (const ClientPtr& client : set->clients()) in_use.insert(client->name());
  }
  discovered->set(static_cast<double>(count));
  for (const ClientPtr& client : clients) {
    // What is queued goes out in the background.
    client->request_stop(options.drain_on_stop);
    client->detach_metrics();
    if (!in_use.contains(client->name())) {
      AlertmanagerClient::remove_metrics(*options.registry, client->name());
    }
  }
}

Notifier::Notifier(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Notifier::~Notifier() {
  stop();
}

void Notifier::apply(const AlertingConfig& config, const model::Labels& external_labels) {
  const base::MutexLock lock(impl_->mutex);
  if (impl_->stopped) return;
  impl_->relabel_rules = config.alert_relabel_configs;
  impl_->external_labels = external_labels;
  std::vector<std::unique_ptr<AlertmanagerSet>> former = std::move(impl_->sets);
  impl_->sets.clear();
  for (const AlertmanagerConfig& alertmanager : config.alertmanagers) {
    // An entry that did not change keeps its queues, its connections and what was discovered.
    const auto same = std::find_if(former.begin(), former.end(),
                                   [&](const auto& set) { return set->config() == alertmanager; });
    if (same != former.end()) {
      impl_->sets.push_back(std::move(*same));
      former.erase(same);
    } else {
      impl_->sets.push_back(std::make_unique<AlertmanagerSet>(impl_->options, alertmanager));
    }
  }
  std::vector<ClientPtr> gone;
  for (const auto& set : former) {
    gone.insert(gone.end(), set->clients().begin(), set->clients().end());
  }
  impl_->let_go(gone);
}

void Notifier::set_endpoints(size_t entry, const std::vector<model::TargetGroup>& groups) {
  const base::MutexLock lock(impl_->mutex);
  if (impl_->stopped || entry >= impl_->sets.size()) return;
  impl_->let_go(impl_->sets[entry]->set_discovered(groups));
}

void Notifier::send(std::vector<OutgoingAlert> alerts) {
  const base::MutexLock lock(impl_->mutex);
  if (impl_->stopped) return;
  model::LabelsBuilder builder;
  std::vector<OutgoingAlert> kept;
  for (OutgoingAlert& alert : alerts) {
    builder.reset(alert.labels);
    for (const model::Label& label : impl_->external_labels) {
      if (!alert.labels.has(label.name)) builder.set(label.name, label.value);
    }
    if (!model::relabel(impl_->relabel_rules, builder)) continue;
    alert.labels = builder.build();
    kept.push_back(std::move(alert));
  }
  for (const auto& set : impl_->sets) {
    if (set->config().alert_relabel_configs.empty()) {
      for (const ClientPtr& client : set->clients()) client->send(kept);
      continue;
    }
    std::vector<OutgoingAlert> own;
    for (const OutgoingAlert& alert : kept) {
      builder.reset(alert.labels);
      if (!model::relabel(set->config().alert_relabel_configs, builder)) continue;
      own.push_back(alert);
      own.back().labels = builder.build();
    }
    for (const ClientPtr& client : set->clients()) client->send(own);
  }
}

void Notifier::stop() {
  std::vector<std::pair<ClientPtr, std::chrono::milliseconds>> clients;  // with their timeouts
  {
    const base::MutexLock lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopped = true;
    for (const auto& set : impl_->sets) {
      const std::chrono::milliseconds timeout(set->config().timeout_ms);
      for (const ClientPtr& client : set->clients()) clients.emplace_back(client, timeout);
    }
  }
  impl_->options.logger->info("Stopping notification manager...");
  for (const auto& entry : clients) entry.first->request_stop(impl_->options.drain_on_stop);
  // A batch under way ends by its timeout, and so does the drain as a whole.
  for (const auto& entry : clients) entry.first->wait_stopped(entry.second);
}

AlertmanagersSnapshot Notifier::alertmanagers() const {
  AlertmanagersSnapshot snapshot;
  const base::MutexLock lock(impl_->mutex);
  for (const auto& set : impl_->sets) {
    for (const ClientPtr& client : set->clients()) snapshot.active.push_back(client->name());
    snapshot.dropped.insert(snapshot.dropped.end(), set->dropped().begin(), set->dropped().end());
  }
  return snapshot;
}

}  // namespace silverback::rules
