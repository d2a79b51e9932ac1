#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scrape/discovery/discoverer.h"
#include "scrape/scrape_config.h"

namespace silverback::scrape {

base::Status parse_file_sd_configs(const base::YamlNode& list, const std::string& base_dir,
                                   std::vector<FileSdConfig>& out);
void write_file_sd_configs(base::YamlWriter& w, const std::vector<FileSdConfig>& configs);

/// The groups of one JSON or YAML file, each with __meta_filepath.
base::Result<std::vector<TargetGroup>> parse_discovery_file(const std::string& path,
                                                            std::string_view content);

/// Reads the files at once, when one changes (size, mtime or inode, looked at each second) and
/// every refresh interval. A bad file keeps its last good groups.
std::unique_ptr<Discoverer> make_file_sd(const FileSdConfig& config,
                                         const DiscoveryContext& context);

}  // namespace silverback::scrape
