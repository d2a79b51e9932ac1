#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http_client_config.h"
#include "base/result.h"
#include "base/yaml.h"
#include "model/target_group.h"

namespace silverback::model {

/// One entry of static_configs, or of a discovery file.
struct StaticTargetGroup {
  std::vector<std::string> targets;
  std::vector<std::pair<std::string, std::string>> labels;  // by name
  bool operator==(const StaticTargetGroup&) const = default;
};
struct FileSdConfig {
  std::vector<std::string> files;  // absolute; last element may hold '*'
  int64_t refresh_ms = 300'000;
  bool operator==(const FileSdConfig&) const = default;
};

struct HttpSdConfig {
  std::string url;
  int64_t refresh_ms = 60'000;
  base::HttpClientConfig http;
  bool operator==(const HttpSdConfig&) const = default;
};
struct DnsSdConfig {
  std::vector<std::string> names;
  std::string type = "SRV";  // SRV, A, AAAA, MX or NS, in any case
  int64_t port = 0;          // of all but SRV
  int64_t refresh_ms = 30'000;
  bool operator==(const DnsSdConfig&) const = default;
};

/// The *_sd_configs and static_configs of a scrape job or of an Alertmanager section.
struct DiscoveryConfigs {
  std::vector<DnsSdConfig> dns_sd_configs;
  std::vector<FileSdConfig> file_sd_configs;
  std::vector<HttpSdConfig> http_sd_configs;
  std::vector<StaticTargetGroup> static_configs;
  bool operator==(const DiscoveryConfigs&) const = default;

  /// Reads every one of these fields; those not built are refused by name. Relative paths resolve
  /// against `base_dir`.
  void parse(base::YamlFields& fields, const std::string& base_dir);
  void write(base::YamlWriter& w) const;
  /// kBadData for a static target with a path: what holds where no relabelling takes it apart.
  base::Status check_static_targets() const;
};

/// kBadData for an address with a path: `"x/y" is not a valid hostname`.
base::Status check_target_address(std::string_view address);

/// One target group as static_configs and discovery files spell it. kBadData names what is wrong.
base::Result<StaticTargetGroup> parse_target_group(const base::YamlNode& node);
TargetGroup to_target_group(const StaticTargetGroup& group, std::string source);

}  // namespace silverback::model
