// `alerting:` of the configuration file.
#include <array>
#include <string_view>
#include <utility>

#include "model/labels.h"
#include "rules/notifier.h"

namespace silverback::rules {

namespace {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

// Discoveries that Prometheus offers here and that are not built.
constexpr std::array<std::string_view, 35> kUnsupportedDiscoveries = {
    "aws_sd_configs",          "azure_sd_configs",      "consul_sd_configs",
    "digitalocean_sd_configs", "dns_sd_configs",        "docker_sd_configs",
    "dockerswarm_sd_configs",  "ec2_sd_configs",        "ecs_sd_configs",
    "elasticache_sd_configs",  "eureka_sd_configs",     "file_sd_configs",
    "gce_sd_configs",          "hetzner_sd_configs",    "http_sd_configs",
    "ionos_sd_configs",        "kubernetes_sd_configs", "kuma_sd_configs",
    "lightsail_sd_configs",    "linode_sd_configs",     "marathon_sd_configs",
    "msk_sd_configs",          "nerve_sd_configs",      "nomad_sd_configs",
    "oci_sd_configs",          "openstack_sd_configs",  "outscale_sd_configs",
    "ovhcloud_sd_configs",     "puppetdb_sd_configs",   "rds_sd_configs",
    "scaleway_sd_configs",     "serverset_sd_configs",  "stackit_sd_configs",
    "triton_sd_configs",       "uyuni_sd_configs",
};

Result<AlertmanagerConfig::StaticGroup> parse_static_group(const YamlNode& node) {
  AlertmanagerConfig::StaticGroup group;
  YamlFields fields(node, "targetgroup.Group");
  fields.read("targets", group.targets);
  fields.read("labels", group.labels);
  RETURN_IF_ERROR(fields.finish());
  for (const auto& label : group.labels) {
    if (!model::is_valid_name(label.first)) {
      return node.error(model::go_quote(label.first) + " is not a valid label name");
    }
  }
  return group;
}

Status parse_static_groups(const YamlNode& list, AlertmanagerConfig& config) {
  if (!list.is_sequence()) return list.error("static_configs must be a list");
  for (const YamlNode& item : list.items()) {
    ASSIGN_OR_RETURN(AlertmanagerConfig::StaticGroup group, parse_static_group(item));
    config.static_configs.push_back(std::move(group));
  }
  return {};
}

/// Without relabelling a target is a host; a URL there is a mistake.
Status check_targets(const YamlNode& node, const AlertmanagerConfig& config) {
  if (!config.relabel_configs.empty()) return {};
  for (const auto& group : config.static_configs) {
    for (const std::string& target : group.targets) {
      if (target.find('/') != std::string::npos) {
        return node.error(model::go_quote(target) + " is not a valid hostname");
      }
    }
  }
  return {};
}

Result<AlertmanagerConfig> parse_alertmanager(const YamlNode& node, const std::string& base_dir) {
  AlertmanagerConfig config;
  YamlFields fields(node, "config.AlertmanagerConfig");
  fields.read("scheme", config.scheme);
  fields.read("path_prefix", config.path_prefix);
  fields.read_duration("timeout", config.timeout_ms);
  fields.read("api_version", [&](const YamlNode& version) -> Status {
    ASSIGN_OR_RETURN(config.api_version, version.as_string());
    if (config.api_version == "v2") return {};
    return version.error("expected Alertmanager api version to be one of [v2] but got " +
                         config.api_version);
  });
  fields.unsupported("sigv4");
  for (const std::string_view key : kUnsupportedDiscoveries) fields.unsupported(key);
  fields.read("static_configs",
              [&](const YamlNode& list) { return parse_static_groups(list, config); });
  model::read_relabel_rules(fields, "relabel_configs",
                            "empty or null Alertmanager target relabeling rule",
                            config.relabel_configs);
  model::read_relabel_rules(fields, "alert_relabel_configs",
                            "empty or null Alertmanager alert relabeling rule",
                            config.alert_relabel_configs);
  config.http.parse(fields, node, base_dir);
  RETURN_IF_ERROR(fields.finish());
  RETURN_IF_ERROR(check_targets(node, config));
  return config;
}

void write_static_groups(base::YamlWriter& w, const AlertmanagerConfig& config) {
  if (config.static_configs.empty()) return;
  w.begin_list("static_configs");
  for (const auto& group : config.static_configs) {
    w.begin_item();
    w.key_list("targets", group.targets);
    if (!group.labels.empty()) {
      w.begin_map("labels");
      for (const auto& [name, value] : group.labels) w.key_value(name, value);
      w.end_map();
    }
    w.end_item();
  }
  w.end_list();
}

}  // namespace

Result<AlertingConfig> parse_alerting(const YamlNode& node, const std::string& base_dir) {
  AlertingConfig config;
  YamlFields fields(node, "config.AlertingConfig");
  model::read_relabel_rules(fields, "alert_relabel_configs", "empty or null alert relabeling rule",
                            config.alert_relabel_configs);
  fields.read("alertmanagers", [&](const YamlNode& list) -> Status {
    if (!list.is_sequence()) return list.error("alertmanagers must be a list");
    for (const YamlNode& item : list.items()) {
      ASSIGN_OR_RETURN(AlertmanagerConfig alertmanager, parse_alertmanager(item, base_dir));
      config.alertmanagers.push_back(std::move(alertmanager));
    }
    return {};
  });
  RETURN_IF_ERROR(fields.finish());
  return config;
}

void AlertingConfig::write(base::YamlWriter& w) const {
  model::write_relabel_rules(w, "alert_relabel_configs", alert_relabel_configs);
  if (alertmanagers.empty()) return;
  w.begin_list("alertmanagers");
  for (const AlertmanagerConfig& config : alertmanagers) {
    w.begin_item();
    config.http.write(w);
    w.key_value("scheme", config.scheme);
    w.key_value("path_prefix", config.path_prefix);
    w.key_duration("timeout", config.timeout_ms);
    w.key_value("api_version", config.api_version);
    model::write_relabel_rules(w, "relabel_configs", config.relabel_configs);
    model::write_relabel_rules(w, "alert_relabel_configs", config.alert_relabel_configs);
    write_static_groups(w, config);
    w.end_item();
  }
  w.end_list();
}

}  // namespace silverback::rules
