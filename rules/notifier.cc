#include "rules/notifier.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/http_client.h"
#include "base/mutex.h"
#include "base/url.h"
#include "rules/alertmanager_client.h"

namespace silverback::rules {

namespace {

constexpr const char* kAddress = "__address__";
constexpr const char* kScheme = "__scheme__";
constexpr const char* kPath = "__alerts_path__";

/// path.Join("/", prefix, "/api/v2/alerts"): no empty, "." or ".." parts.
std::string post_path(const std::string& prefix) {
  std::vector<std::string> parts;
  const std::string whole = prefix + "/api/v2/alerts";
  for (size_t at = 0; at <= whole.size();) {
    const size_t slash = std::min(whole.find('/', at), whole.size());
    const std::string part = whole.substr(at, slash - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string& part : parts) out += "/" + part;
  return out;
}

std::string endpoint_text(const model::LabelsBuilder& labels) {
  return std::string(labels.get(kScheme)) + "://" + std::string(labels.get(kAddress)) +
         std::string(labels.get(kPath));
}

/// For status pages: without a password.
std::string masked(const std::string& endpoint) {
  const auto url = base::parse_url(endpoint);
  return url.is_ok() ? url->to_string() : endpoint;
}

using ClientPtr = std::shared_ptr<AlertmanagerClient>;

/// The Alertmanagers of one `alertmanagers:` entry. They share its HTTP client.
struct AlertmanagerSet {
  AlertmanagerConfig config;
  std::shared_ptr<base::HttpClient> http;
  std::vector<ClientPtr> clients;
  std::vector<std::string> dropped;  // masked URLs
};

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

  AlertmanagerSet make_set(const AlertmanagerConfig& config) const;
  void add_target(const std::string& target, const AlertmanagerConfig::StaticGroup& group,
                  AlertmanagerSet& set) const;
  ClientPtr make_client(base::Url url, const AlertmanagerSet& set) const;

  Options options;
  base::metrics::Gauge* discovered = nullptr;

  mutable base::Mutex mutex;
  std::vector<model::RelabelRule> relabel_rules GUARDED_BY(mutex);
  model::Labels external_labels GUARDED_BY(mutex);
  std::vector<AlertmanagerSet> sets GUARDED_BY(mutex);
  bool stopped GUARDED_BY(mutex) = false;
};

ClientPtr Notifier::Impl::make_client(base::Url url, const AlertmanagerSet& set) const {
  AlertmanagerClient::Options client;
  client.io = options.io;
  client.clock = options.clock;
  client.logger = options.logger;
  client.registry = options.registry;
  client.http = set.http;
  client.url = std::move(url);
  client.timeout = std::chrono::milliseconds(set.config.timeout_ms);
  client.queue_capacity = options.queue_capacity;
  client.batch_size = options.batch_size;
  return std::make_shared<AlertmanagerClient>(std::move(client));
}

void Notifier::Impl::add_target(const std::string& target,
                                const AlertmanagerConfig::StaticGroup& group,
                                AlertmanagerSet& set) const {
  model::LabelsBuilder labels;
  for (const auto& [name, value] : group.labels) labels.set(name, value);
  labels.set(kAddress, target);
  if (labels.get(kScheme).empty()) labels.set(kScheme, set.config.scheme);
  if (labels.get(kPath).empty()) labels.set(kPath, post_path(set.config.path_prefix));
  const std::string before = endpoint_text(labels);
  if (!model::relabel(set.config.relabel_configs, labels)) {
    set.dropped.push_back(masked(before));
    return;
  }
  const std::string_view address = labels.get(kAddress);
  auto url = base::parse_url(endpoint_text(labels));
  if (address.empty() || address.find('/') != std::string_view::npos || !url.is_ok()) {
    options.logger->error("Creating discovered Alertmanagers failed",
                          {{"err", model::go_quote(address) + " is not a valid hostname"}});
    return;
  }
  const std::string name = url->to_string();
  const bool known = std::any_of(set.clients.begin(), set.clients.end(),
                                 [&](const ClientPtr& client) { return client->name() == name; });
  if (!known) set.clients.push_back(make_client(*std::move(url), set));
}

AlertmanagerSet Notifier::Impl::make_set(const AlertmanagerConfig& config) const {
  AlertmanagerSet set;
  set.config = config;
  set.http = std::make_shared<base::HttpClient>(*options.io, config.http, options.file_pool);
  for (const auto& group : config.static_configs) {
    for (const std::string& target : group.targets) add_target(target, group, set);
  }
  return set;
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
  std::vector<AlertmanagerSet> former = std::move(impl_->sets);
  impl_->sets.clear();
  for (const AlertmanagerConfig& alertmanager : config.alertmanagers) {
    // An entry that did not change keeps its queues and connections.
    const auto same = std::find_if(former.begin(), former.end(), [&](const AlertmanagerSet& set) {
      return set.config == alertmanager;
    });
    if (same != former.end()) {
      impl_->sets.push_back(std::move(*same));
      former.erase(same);
    } else {
      impl_->sets.push_back(impl_->make_set(alertmanager));
    }
  }
  std::set<std::string> in_use;
  size_t count = 0;
  for (const AlertmanagerSet& set : impl_->sets) {
    count += set.clients.size();
    for (const ClientPtr& client : set.clients) in_use.insert(client->name());
  }
  impl_->discovered->set(static_cast<double>(count));
  for (const AlertmanagerSet& set : former) {
    for (const ClientPtr& client : set.clients) {
      // What is queued goes out in the background.
      client->request_stop(impl_->options.drain_on_stop);
      client->detach_metrics();
      if (!in_use.contains(client->name())) {
        AlertmanagerClient::remove_metrics(*impl_->options.registry, client->name());
      }
    }
  }
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
  for (const AlertmanagerSet& set : impl_->sets) {
    if (set.config.alert_relabel_configs.empty()) {
      for (const ClientPtr& client : set.clients) client->send(kept);
      continue;
    }
    std::vector<OutgoingAlert> own;
    for (const OutgoingAlert& alert : kept) {
      builder.reset(alert.labels);
      if (!model::relabel(set.config.alert_relabel_configs, builder)) continue;
      own.push_back(alert);
      own.back().labels = builder.build();
    }
    for (const ClientPtr& client : set.clients) client->send(own);
  }
}

void Notifier::stop() {
  std::vector<AlertmanagerSet> sets;
  {
    const base::MutexLock lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopped = true;
    sets = impl_->sets;
  }
  impl_->options.logger->info("Stopping notification manager...");
  for (const AlertmanagerSet& set : sets) {
    for (const ClientPtr& client : set.clients) client->request_stop(impl_->options.drain_on_stop);
  }
  for (const AlertmanagerSet& set : sets) {
    // A batch under way ends by its timeout, and so does the drain as a whole.
    const std::chrono::milliseconds limit(set.config.timeout_ms);
    for (const ClientPtr& client : set.clients) client->wait_stopped(limit);
  }
}

AlertmanagersSnapshot Notifier::alertmanagers() const {
  AlertmanagersSnapshot snapshot;
  const base::MutexLock lock(impl_->mutex);
  for (const AlertmanagerSet& set : impl_->sets) {
    for (const ClientPtr& client : set.clients) snapshot.active.push_back(client->name());
    snapshot.dropped.insert(snapshot.dropped.end(), set.dropped.begin(), set.dropped.end());
  }
  return snapshot;
}

}  // namespace silverback::rules
