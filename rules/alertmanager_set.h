#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/http_client.h"
#include "rules/alertmanager_client.h"
#include "rules/notifier.h"

namespace silverback::rules {

/// The Alertmanagers of one `alertmanagers:` entry: the configured and the discovered ones,
/// relabelled and without doubles. They share the entry's HTTP client.
/// Threads: externally locked.
class AlertmanagerSet {
 public:
  using ClientPtr = std::shared_ptr<AlertmanagerClient>;

  /// Starts with the static targets. `options` is borrowed.
  AlertmanagerSet(const Notifier::Options& options, AlertmanagerConfig config);

  const AlertmanagerConfig& config() const { return config_; }
  const std::vector<ClientPtr>& clients() const { return clients_; }
  /// URLs of those that relabelling dropped, passwords masked.
  const std::vector<std::string>& dropped() const { return dropped_; }

  /// Replaces what was discovered. Clients that stay keep their queues; gives those that go.
  std::vector<ClientPtr> set_discovered(const std::vector<model::TargetGroup>& groups);

 private:
  void add_group(const model::TargetGroup& group, std::vector<ClientPtr>& former);
  void add_target(const model::Labels& target, const model::Labels& group,
                  std::vector<ClientPtr>& former);
  ClientPtr make_client(base::Url url) const;

  const Notifier::Options& options_;
  const AlertmanagerConfig config_;
  const std::shared_ptr<base::HttpClient> http_;
  std::vector<ClientPtr> clients_;
  std::vector<std::string> dropped_;
};

/// path.Join("/", prefix, "/api/v2/alerts"): no empty, "." or ".." parts.
std::string alerts_path(const std::string& prefix);

}  // namespace silverback::rules
