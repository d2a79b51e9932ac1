#pragma once

#include <memory>

#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// Asks the system's name servers for each name, each refresh interval; a name that cannot be
/// looked up keeps its old targets.
std::unique_ptr<Discoverer> make_dns_sd(const model::DnsSdConfig& config,
                                        const DiscoveryContext& context);

}  // namespace silverback::scrape
