#pragma once

#include <memory>
#include <vector>

#include "scrape/discovery/discoverer.h"
#include "scrape/scrape_config.h"

namespace silverback::scrape {

base::Status parse_static_configs(const base::YamlNode& list, std::vector<StaticTargetGroup>& out);
void write_static_configs(base::YamlWriter& w, const std::vector<StaticTargetGroup>& groups);

/// One target group as static_configs and discovery files spell it. kBadData names what is wrong.
base::Result<StaticTargetGroup> parse_target_group(const base::YamlNode& node);
TargetGroup to_target_group(const StaticTargetGroup& group, std::string source);

/// Tells its groups once.
std::unique_ptr<Discoverer> make_static_sd(const std::vector<StaticTargetGroup>& groups);

}  // namespace silverback::scrape
