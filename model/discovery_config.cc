#include "model/discovery_config.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/go_quote.h"
#include "base/http_types.h"
#include "base/url.h"

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

// Zero would mean to ask without a pause.
Status check_refresh(const YamlNode& node, int64_t refresh_ms) {
  return refresh_ms > 0 ? Status() : node.error("refresh_interval must be greater than 0");
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
  RETURN_IF_ERROR(check_refresh(node, config.refresh_ms));
  out.file_sd_configs.push_back(std::move(config));
  return {};
}

Status parse_http(const YamlNode& node, const std::string& base_dir, DiscoveryConfigs& out) {
  HttpSdConfig config;
  base::YamlFields f(node, "http.SDConfig");
  f.read("url", config.url);
  f.read_duration("refresh_interval", config.refresh_ms);
  config.http.parse(f, node, base_dir);
  RETURN_IF_ERROR(f.finish());
  if (config.url.empty()) return node.error("URL is missing");
  const size_t colon = config.url.find("://");
  std::string scheme = config.url.substr(0, colon == std::string::npos ? 0 : colon);
  if (!base::iequals(scheme, "http") && !base::iequals(scheme, "https")) {
    return node.error("URL scheme must be 'http' or 'https'");
  }
  const std::string_view rest = std::string_view(config.url).substr(colon + 3);
  if (rest.empty() || rest.front() == '/' || rest.front() == '?') {
    return node.error("host is missing in URL");
  }
  const base::Result<base::Url> url = base::parse_url(config.url);
  if (!url.is_ok()) return node.error(url.status().message());
  RETURN_IF_ERROR(check_refresh(node, config.refresh_ms));
  out.http_sd_configs.push_back(std::move(config));
  return {};
}

Status parse_dns(const YamlNode& node, const std::string& /*base_dir*/, DiscoveryConfigs& out) {
  DnsSdConfig config;
  base::YamlFields f(node, "dns.SDConfig");
  f.read("names", config.names);
  f.read_duration("refresh_interval", config.refresh_ms);
  f.read("type", config.type);
  f.read("port", config.port);
  RETURN_IF_ERROR(f.finish());
  if (config.names.empty()) {
    return node.error("DNS-SD config must contain at least one SRV record name");
  }
  const auto is = [&config](std::string_view type) { return base::iequals(config.type, type); };
  if (is("A") || is("AAAA") || is("MX") || is("NS")) {
    if (config.port == 0) {
      return node.error("a port is required in DNS-SD configs for all record types except SRV");
    }
  } else if (!is("SRV")) {
    return node.error("invalid DNS-SD records type " + config.type);
  }
  RETURN_IF_ERROR(check_refresh(node, config.refresh_ms));
  out.dns_sd_configs.push_back(std::move(config));
  return {};
}

// Every discovery of Prometheus; a row without a function is refused as not built.
struct Mechanism {
  std::string_view key;
  Status (*parse)(const YamlNode& item, const std::string& base_dir,
                  DiscoveryConfigs& out) = nullptr;
};

constexpr std::array<Mechanism, 37> kMechanisms = {{
    {"aws_sd_configs"},
    {"azure_sd_configs"},
    {"consul_sd_configs"},
    {"digitalocean_sd_configs"},
    {"dns_sd_configs", &parse_dns},
    {"docker_sd_configs"},
    {"dockerswarm_sd_configs"},
    {"ec2_sd_configs"},
    {"ecs_sd_configs"},
    {"elasticache_sd_configs"},
    {"eureka_sd_configs"},
    {"file_sd_configs", &parse_file},
    {"gce_sd_configs"},
    {"hetzner_sd_configs"},
    {"http_sd_configs", &parse_http},
    {"ionos_sd_configs"},
    {"kubernetes_sd_configs"},
    {"kuma_sd_configs"},
    {"lightsail_sd_configs"},
    {"linode_sd_configs"},
    {"marathon_sd_configs"},
    {"msk_sd_configs"},
    {"nerve_sd_configs"},
    {"nomad_sd_configs"},
    {"oci_sd_configs"},
    {"openstack_sd_configs"},
    {"outscale_sd_configs"},
    {"ovhcloud_sd_configs"},
    {"puppetdb_sd_configs"},
    {"rds_sd_configs"},
    {"scaleway_sd_configs"},
    {"serverset_sd_configs"},
    {"stackit_sd_configs"},
    {"static_configs", &parse_static},
    {"triton_sd_configs"},
    {"uyuni_sd_configs"},
    {"vultr_sd_configs"},
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

void write_http(base::YamlWriter& w, const HttpSdConfig& config) {
  w.begin_item();
  config.http.write(w);
  w.key_duration("refresh_interval", config.refresh_ms);
  w.key_value("url", config.url);
  w.end_item();
}

void write_dns(base::YamlWriter& w, const DnsSdConfig& config) {
  w.begin_item();
  w.key_list("names", config.names);
  w.key_duration("refresh_interval", config.refresh_ms);
  w.key_value("type", config.type);
  w.key_value("port", config.port);
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
  write_list(w, "dns_sd_configs", dns_sd_configs, write_dns);
  write_list(w, "file_sd_configs", file_sd_configs, write_file);
  write_list(w, "http_sd_configs", http_sd_configs, write_http);
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
