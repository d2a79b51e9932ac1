#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// Fetches a JSON list of target groups each refresh interval; what fails keeps the old ones.
std::unique_ptr<Discoverer> make_http_sd(const model::HttpSdConfig& config,
                                         const DiscoveryContext& context);

/// The groups of one answer, each with __meta_url. kBadData as Prometheus refuses a body.
base::Result<std::vector<model::TargetGroup>> parse_http_sd_body(const std::string& url,
                                                                 std::string_view body);

}  // namespace silverback::scrape
