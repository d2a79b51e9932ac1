// `alerting:` of the configuration file.
#include <utility>

#include "model/labels.h"
#include "rules/notifier.h"

namespace silverback::rules {

namespace {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

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
  config.discovery.parse(fields, base_dir);
  model::read_relabel_rules(fields, "relabel_configs",
                            "empty or null Alertmanager target relabeling rule",
                            config.relabel_configs);
  model::read_relabel_rules(fields, "alert_relabel_configs",
                            "empty or null Alertmanager alert relabeling rule",
                            config.alert_relabel_configs);
  config.http.parse(fields, node, base_dir);
  RETURN_IF_ERROR(fields.finish());
  if (config.relabel_configs.empty()) {  // which may take a URL apart
    const Status status = config.discovery.check_static_targets();
    if (!status.is_ok()) return node.error(status.message());
  }
  return config;
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
    config.discovery.write(w);
    w.end_item();
  }
  w.end_list();
}

}  // namespace silverback::rules
