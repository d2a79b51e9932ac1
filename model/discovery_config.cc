#include "model/discovery_config.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/go_quote.h"

namespace silverback::model {
namespace {

using base::Status;
using base::YamlNode;

// [^*]*(*[^/]*)?.(json|yml|yaml), the suffix in small or capital letters.
bool is_discovery_path(const std::string& path) {
  const size_t star = path.find('*');
  const size_t slash = path.rfind('/');
  if (star != std::string::npos && slash != std::string::npos && slash > star) return false;
  for (const std::string_view suffix : {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"}) {
    if (path.size() > suffix.size() && path.ends_with(suffix)) return true;
  }
  return false;
}

Status parse_static(const YamlNode& node, const std::string& /*base_dir*/, DiscoveryConfigs& out) {
  ASSIGN_OR_RETURN(StaticTargetGroup group, parse_target_group(node));
  if (group == StaticTargetGroup()) return node.error("empty or null section in static_configs");
  out.static_configs.push_back(std::move(group));
  return {};
}

Status parse_file(const YamlNode& node, const std::string& base_dir, DiscoveryConfigs& out) {
  FileSdConfig config;
  base::YamlFields f(node, "file.SDConfig");
  f.read("files", config.files);
  f.read_duration("refresh_interval", config.refresh_ms);
  RETURN_IF_ERROR(f.finish());
  if (config.files.empty()) {
    return node.error("file service discovery config must contain at least one path name");
  }
  for (std::string& file : config.files) {
    if (!is_discovery_path(file)) {
      return node.error("path name " + base::go_quote(file) + " is not valid for file discovery");
    }
    file = base::join_path(base_dir, file);
  }
  out.file_sd_configs.push_back(std::move(config));
  return {};
}

// Every discovery of Prometheus; a row without a function is refused as not built.
struct Mechanism {
  std::string_view key;
  Status (*parse)(const YamlNode& item, const std::string& base_dir,
                  DiscoveryConfigs& out) = nullptr;
};

constexpr std::array<Mechanism, 36> kMechanisms = {{
    {"aws_sd_configs"},         {"azure_sd_configs"},
    {"consul_sd_configs"},      {"digitalocean_sd_configs"},
    {"dns_sd_configs"},         {"docker_sd_configs"},
    {"dockerswarm_sd_configs"}, {"ec2_sd_configs"},
    {"ecs_sd_configs"},         {"elasticache_sd_configs"},
    {"eureka_sd_configs"},      {"file_sd_configs", &parse_file},
    {"gce_sd_configs"},         {"hetzner_sd_configs"},
    {"http_sd_configs"},        {"ionos_sd_configs"},
    {"kubernetes_sd_configs"},  {"kuma_sd_configs"},
    {"lightsail_sd_configs"},   {"linode_sd_configs"},
    {"marathon_sd_configs"},    {"msk_sd_configs"},
    {"nerve_sd_configs"},       {"nomad_sd_configs"},
    {"oci_sd_configs"},         {"openstack_sd_configs"},
    {"outscale_sd_configs"},    {"ovhcloud_sd_configs"},
    {"puppetdb_sd_configs"},    {"rds_sd_configs"},
    {"scaleway_sd_configs"},    {"serverset_sd_configs"},
    {"stackit_sd_configs"},     {"static_configs", &parse_static},
    {"triton_sd_configs"},      {"uyuni_sd_configs"},
}};

Status parse_list(const Mechanism& mechanism, const YamlNode& list, const std::string& base_dir,
                  DiscoveryConfigs& out) {
  const std::string key(mechanism.key);
  if (!list.is_sequence()) return list.error(key + " must be a list");
  for (const YamlNode& item : list.items()) {
    if (item.is_null()) return item.error("empty or null section in " + key);
    RETURN_IF_ERROR(mechanism.parse(item, base_dir, out));
  }
  return {};
}

void write_group(base::YamlWriter& w, const StaticTargetGroup& group) {
  w.begin_item();
  w.key_list("targets", group.targets);
  if (!group.labels.empty()) {
    w.begin_map("labels");
    for (const auto& [name, value] : group.labels) w.key_value(name, value);
    w.end_map();
  }
  w.end_item();
}

void write_file(base::YamlWriter& w, const FileSdConfig& config) {
  w.begin_item();
  w.key_list("files", config.files);
  w.key_duration("refresh_interval", config.refresh_ms);
  w.end_item();
}

template <typename Config, typename Write>
void write_list(base::YamlWriter& w, std::string_view key, const std::vector<Config>& configs,
                const Write& write) {
  if (configs.empty()) return;
  w.begin_list(key);
  for (const Config& config : configs) write(w, config);
  w.end_list();
}

}  // namespace

void DiscoveryConfigs::parse(base::YamlFields& fields, const std::string& base_dir) {
  for (const Mechanism& mechanism : kMechanisms) {
    if (mechanism.parse == nullptr) {
      fields.unsupported(mechanism.key);
      continue;
    }
    fields.read(mechanism.key,
                [&](const YamlNode& list) { return parse_list(mechanism, list, base_dir, *this); });
  }
}

void DiscoveryConfigs::write(base::YamlWriter& w) const {
  write_list(w, "file_sd_configs", file_sd_configs, write_file);
  write_list(w, "static_configs", static_configs, write_group);
}

base::Status DiscoveryConfigs::check_static_targets() const {
  for (const StaticTargetGroup& group : static_configs) {
    for (const std::string& target : group.targets) RETURN_IF_ERROR(check_target_address(target));
  }
  return {};
}

base::Status check_target_address(std::string_view address) {
  if (address.find('/') == std::string_view::npos) return {};
  return {base::Errc::kBadData, base::go_quote(address) + " is not a valid hostname"};
}

base::Result<StaticTargetGroup> parse_target_group(const YamlNode& node) {
  if (node.is_null()) return node.error("empty or null target group");
  StaticTargetGroup group;
  base::YamlFields f(node, "targetgroup.Group");
  f.read("targets", group.targets);
  f.read("labels", group.labels);
  RETURN_IF_ERROR(f.finish());
  for (const auto& label : group.labels) {
    if (is_valid_name(label.first)) continue;
    return node.error(base::go_quote(label.first) + " is not a valid label name");
  }
  std::sort(group.labels.begin(), group.labels.end());
  return group;
}

TargetGroup to_target_group(const StaticTargetGroup& group, std::string source) {
  TargetGroup out;
  out.source = std::move(source);
  out.labels = Labels::from(group.labels);
  for (const std::string& target : group.targets) {
    out.targets.push_back(Labels::from({{"__address__", target}}));
  }
  return out;
}

}  // namespace silverback::model
