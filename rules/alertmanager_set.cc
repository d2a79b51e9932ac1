#include "rules/alertmanager_set.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/dial_metrics.h"
#include "base/url.h"

namespace silverback::rules {

namespace {

constexpr const char* kAddress = "__address__";
constexpr const char* kScheme = "__scheme__";
constexpr const char* kPath = "__alerts_path__";

/// As Go writes the path of a URL.
std::string escaped_path(std::string_view path) {
  static constexpr std::string_view kPlain = "-_.~$&+,/:;=@!'()*";
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  if (!path.starts_with('/')) out += '/';
  for (const char c : path) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alphanumeric || kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string endpoint_text(const model::LabelsBuilder& labels) {
  std::string out(labels.get(kScheme));
  out += "://";
  out += labels.get(kAddress);
  out += escaped_path(labels.get(kPath));
  return out;
}

/// For status pages: without a password.
std::string masked(const std::string& endpoint) {
  const auto url = base::parse_url(endpoint);
  return url.is_ok() ? url->to_string() : endpoint;
}

}  // namespace

std::string alerts_path(const std::string& prefix) {
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
  for (const std::string& part : parts) {
    out += '/';
    out += part;
  }
  return out;
}

AlertmanagerSet::AlertmanagerSet(const Notifier::Options& options, AlertmanagerConfig config)
    : options_(options),
      config_(std::move(config)),
      http_(std::make_shared<base::HttpClient>(
          *options.io, config_.http, options.file_pool,
          std::make_shared<base::DialMetrics>(*options.registry, "alertmanager"))) {
  set_discovered({});
}

std::vector<AlertmanagerSet::ClientPtr> AlertmanagerSet::set_discovered(
    const std::vector<model::TargetGroup>& groups) {
  std::vector<ClientPtr> former = std::move(clients_);
  clients_.clear();
  dropped_.clear();
  for (const auto& group : config_.discovery.static_configs) {
    add_group(model::to_target_group(group, ""), former);
  }
  for (const model::TargetGroup& group : groups) add_group(group, former);
  return former;
}

void AlertmanagerSet::add_group(const model::TargetGroup& group, std::vector<ClientPtr>& former) {
  for (const model::Labels& target : group.targets) add_target(target, group.labels, former);
}

void AlertmanagerSet::add_target(const model::Labels& target, const model::Labels& group,
                                 std::vector<ClientPtr>& former) {
  model::LabelsBuilder labels(target);
  labels.set(kScheme, config_.scheme);
  labels.set(kPath, alerts_path(config_.path_prefix));
  for (const model::Label& label : group) {
    if (!target.has(label.name)) labels.set(label.name, label.value);
  }
  const std::string before = endpoint_text(labels);
  if (!model::relabel(config_.relabel_configs, labels)) {
    dropped_.push_back(masked(before));
    return;
  }
  const std::string_view address = labels.get(kAddress);
  auto url = base::parse_url(endpoint_text(labels));
  if (address.empty() || address.find('/') != std::string_view::npos || !url.is_ok()) {
    options_.logger->error("Creating discovered Alertmanagers failed",
                           {{"err", model::go_quote(address) + " is not a valid hostname"}});
    return;
  }
  const std::string name = url->to_string();
  const auto named = [&](const ClientPtr& client) { return client->name() == name; };
  if (std::any_of(clients_.begin(), clients_.end(), named)) return;
  const auto kept = std::find_if(former.begin(), former.end(), named);
  if (kept == former.end()) {
    clients_.push_back(make_client(*std::move(url)));
    return;
  }
  clients_.push_back(std::move(*kept));
  former.erase(kept);
}

AlertmanagerSet::ClientPtr AlertmanagerSet::make_client(base::Url url) const {
  AlertmanagerClient::Options client;
  client.io = options_.io;
  client.clock = options_.clock;
  client.logger = options_.logger;
  client.registry = options_.registry;
  client.http = http_;
  client.url = std::move(url);
  client.timeout = std::chrono::milliseconds(config_.timeout_ms);
  client.queue_capacity = options_.queue_capacity;
  client.batch_size = options_.batch_size;
  return std::make_shared<AlertmanagerClient>(std::move(client));
}

}  // namespace silverback::rules
