#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// The groups of one JSON or YAML file, each with __meta_filepath.
base::Result<std::vector<model::TargetGroup>> parse_discovery_file(const std::string& path,
                                                                   std::string_view content);

/// Reads the files at once, when one changes (size, mtime or inode, looked at each second) and
/// every refresh interval. A bad file keeps its last good groups.
std::unique_ptr<Discoverer> make_file_sd(const model::FileSdConfig& config,
                                         const DiscoveryContext& context);

}  // namespace silverback::scrape
