#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "promql/engine.h"
#include "rules/notifier.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"
#include "server/config.h"
#include "server/flags.h"
#include "storage/remote/read_server.h"
#include "storage/remote/write_receiver.h"
#include "tsdb/db.h"

namespace silverback::server {

/// How long and how much is kept, from the flags and the configuration file.
struct Retention {
  int64_t time_ms = 0;      // 0 = no limit by time
  uint64_t size_bytes = 0;  // 0 = no limit by size
  /// "30d", "30d or 10GiB".
  std::string to_string() const;
};
/// `disk_bytes` is what a percentage is of.
Retention effective_retention(const Flags& flags, const RetentionConfig& config,
                              uint64_t disk_bytes = 0);
/// Capacity of the filesystem that holds, or will hold, `path`; 0 when it cannot be told.
uint64_t filesystem_bytes(const std::string& path);

/// The URL others see, and the prefix of our own routes.
struct WebLocation {
  std::string external_url;   // no slash at the end
  std::string external_host;  // host[:port] of it
  std::string route_prefix;   // "" or "/x"
};
/// `bound_port` and `tls` complete a derived URL.
base::Result<WebLocation> web_location(const Flags& flags, const std::string& bound_port,
                                       bool tls = false);

// The flags' part of every service's options; App adds what they borrow.
promql::ParserOptions parser_options(const Features& features);
promql::EngineOptions engine_options(const Flags& flags, const Features& features);
base::Result<tsdb::DbOptions> db_options(const Flags& flags, const Retention& retention);
/// How many exemplars are kept: 0 without the feature.
size_t max_exemplars(const Features& features, const Config& config);
storage::remote::ReadServer::Options read_options(const Flags& flags);
rules::Notifier::Options notifier_options(const Flags& flags);
rules::RuleManager::Options rule_options(const Flags& flags, const Features& features,
                                         const WebLocation& location);
/// kBadData: an unknown message, or one named twice.
base::Result<std::vector<storage::remote::WriteMessage>> accepted_write_messages(
    const Flags& flags);
scrape::ScrapeManager::Options scrape_options(const Flags& flags, const Features& features);

}  // namespace silverback::server
