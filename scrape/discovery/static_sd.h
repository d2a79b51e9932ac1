#pragma once

#include <memory>
#include <vector>

#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// Tells its groups once.
std::unique_ptr<Discoverer> make_static_sd(const std::vector<model::StaticTargetGroup>& groups);

}  // namespace silverback::scrape
