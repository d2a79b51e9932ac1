#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/dns_sd.h"
#include "scrape/discovery/file_sd.h"
#include "scrape/discovery/http_sd.h"
#include "scrape/discovery/static_sd.h"

namespace silverback::scrape {

std::vector<std::unique_ptr<Discoverer>> make_discoverers(const model::DiscoveryConfigs& configs,
                                                          const DiscoveryContext& context) {
  std::vector<std::unique_ptr<Discoverer>> out;
  if (!configs.static_configs.empty()) out.push_back(make_static_sd(configs.static_configs));
  for (const model::FileSdConfig& config : configs.file_sd_configs) {
    out.push_back(make_file_sd(config, context));
  }
  for (const model::HttpSdConfig& config : configs.http_sd_configs) {
    out.push_back(make_http_sd(config, context));
  }
  for (const model::DnsSdConfig& config : configs.dns_sd_configs) {
    out.push_back(make_dns_sd(config, context));
  }
  return out;
}

}  // namespace silverback::scrape
