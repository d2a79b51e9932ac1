#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/file_sd.h"
#include "scrape/discovery/static_sd.h"

namespace silverback::scrape {
namespace {

// Every discovery of Prometheus; a row without functions is refused as not built.
struct Mechanism {
  std::string_view key;  // of the scrape config
  base::Status (*parse)(const base::YamlNode& list, const std::string& base_dir,
                        DiscoveryConfigs& out) = nullptr;
};

base::Status parse_static(const base::YamlNode& list, const std::string& /*base_dir*/,
                          DiscoveryConfigs& out) {
  return parse_static_configs(list, out.static_configs);
}

base::Status parse_file(const base::YamlNode& list, const std::string& base_dir,
                        DiscoveryConfigs& out) {
  return parse_file_sd_configs(list, base_dir, out.file_sd_configs);
}

constexpr std::array<Mechanism, 37> kMechanisms = {{
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

}  // namespace

void DiscoveryConfigs::parse(base::YamlFields& fields, const std::string& base_dir) {
  for (const Mechanism& mechanism : kMechanisms) {
    if (mechanism.parse == nullptr) {
      fields.unsupported(mechanism.key);
      continue;
    }
    fields.read(mechanism.key,
                [&](const base::YamlNode& list) { return mechanism.parse(list, base_dir, *this); });
  }
}

void DiscoveryConfigs::write(base::YamlWriter& w) const {
  write_static_configs(w, static_configs);
  write_file_sd_configs(w, file_sd_configs);
}

std::vector<std::unique_ptr<Discoverer>> make_discoverers(const DiscoveryConfigs& configs,
                                                          const DiscoveryContext& context) {
  std::vector<std::unique_ptr<Discoverer>> out;
  if (!configs.static_configs.empty()) out.push_back(make_static_sd(configs.static_configs));
  for (const FileSdConfig& config : configs.file_sd_configs) {
    out.push_back(make_file_sd(config, context));
  }
  return out;
}

}  // namespace silverback::scrape
