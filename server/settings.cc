#include "server/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/url.h"

namespace silverback::server {

using base::Errc;
using base::Result;
using base::Status;

namespace {

constexpr int64_t kDefaultRetentionMs = 30LL * 24 * 3600 * 1000;

std::string strip_slashes(std::string_view text) {
  while (!text.empty() && text.front() == '/') text.remove_prefix(1);
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

std::string Retention::to_string() const {
  std::string text;
  if (time_ms > 0) text = base::format_duration(time_ms);
  if (size_bytes > 0) text += (text.empty() ? "" : " or ") + format_bytes(size_bytes);
  return text;
}

uint64_t filesystem_bytes(const std::string& path) {
  std::error_code error;
  for (std::filesystem::path at = std::filesystem::absolute(path, error); !at.empty();
       at = at.parent_path()) {
    const std::filesystem::space_info space = std::filesystem::space(at, error);
    if (!error) return space.capacity;
    if (at == at.parent_path()) break;
  }
  return 0;
}

Retention effective_retention(const Flags& flags, const RetentionConfig& config,
                              uint64_t disk_bytes) {
  Retention retention;
  if (config.given()) {
    retention.time_ms = config.time_ms.value_or(0);
    retention.size_bytes = config.size_bytes.value_or(0);
    if (config.percentage > 0 && disk_bytes > 0) {
      retention.size_bytes = std::max<uint64_t>(
          1, static_cast<uint64_t>(static_cast<double>(disk_bytes) * config.percentage / 100));
    }
  } else {
    retention.size_bytes = flags.get_bytes("storage.tsdb.retention.size");
    if (flags.is_set("storage.tsdb.retention.time") || retention.size_bytes == 0) {
      retention.time_ms = flags.get_duration_ms("storage.tsdb.retention.time");
    }
  }
  if (retention.time_ms == 0 && retention.size_bytes == 0) retention.time_ms = kDefaultRetentionMs;
  return retention;
}

Result<WebLocation> web_location(const Flags& flags, const std::string& bound_port, bool tls) {
  WebLocation location;
  std::string text = flags.get_string("web.external-url");
  if (text.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0)
      return Status(Errc::kIo, "the host has no name");
    text = fmt::format("{}://{}:{}/", tls ? "https" : "http", host.data(), bound_port);
  } else if (text.front() == '"' || text.front() == '\'' || text.back() == '"' ||
             text.back() == '\'') {
    return Status(
        Errc::kBadData,
        fmt::format("parse external URL {}: URL must not begin or end with quotes", text));
  }
  const Result<base::Url> url = base::parse_url(text);
  if (!url) return url.status().with_context(fmt::format("parse external URL \"{}\"", text));
  const std::string path = strip_slashes(url->path);
  location.external_host = url->host_port();
  location.external_url = fmt::format("{}://{}{}{}", url->scheme, location.external_host,
                                      path.empty() ? "" : "/", path);
  const std::string prefix =
      flags.is_set("web.route-prefix") ? strip_slashes(flags.get_string("web.route-prefix")) : path;
  if (!prefix.empty()) location.route_prefix = "/" + prefix;
  return location;
}

promql::ParserOptions parser_options(const Features& features) {
  promql::ParserOptions options;
  options.experimental_functions = features.promql_experimental_functions;
  options.extended_range_selectors = features.promql_extended_range_selectors;
  options.binop_fill_modifiers = features.promql_binop_fill_modifiers;
  return options;
}

promql::EngineOptions engine_options(const Flags& flags, const Features& features) {
  promql::EngineOptions options;
  options.lookback_ms = flags.get_duration_ms("query.lookback-delta");
  options.timeout_ms = flags.get_duration_ms("query.timeout");
  options.max_samples = flags.get_int("query.max-samples");
  options.query_bytes = static_cast<int64_t>(flags.get_bytes("query.max-memory"));
  options.total_bytes = static_cast<int64_t>(flags.get_bytes("query.max-total-memory"));
  options.max_concurrency =
      static_cast<size_t>(std::max<int64_t>(1, flags.get_int("query.max-concurrency")));
  options.parser = parser_options(features);
  options.delayed_name_removal = features.promql_delayed_name_removal;
  return options;
}

Result<tsdb::DbOptions> db_options(const Flags& flags, const Retention& retention) {
  tsdb::DbOptions options;
  options.path = flags.get_string("storage.tsdb.path");
  options.window_ms = flags.get_duration_ms("storage.tsdb.min-block-duration");
  if (options.window_ms <= 0)
    return Status(Errc::kBadData, "--storage.tsdb.min-block-duration must be positive");
  options.retention_ms = retention.time_ms;
  options.retention_bytes = retention.size_bytes;
  options.wal_segment_bytes =
      static_cast<int64_t>(flags.get_bytes("storage.tsdb.wal-segment-size"));
  if (options.wal_segment_bytes < (1 << 20) || options.wal_segment_bytes > (1 << 28)) {
    return Status(Errc::kBadData, "--storage.tsdb.wal-segment-size must be between 1MB and 256MB");
  }
  const std::string& sync = flags.get_string("storage.wal.sync");
  options.wal_sync = sync == "always"     ? tsdb::WalSync::kAlways
                     : sync == "interval" ? tsdb::WalSync::kInterval
                                          : tsdb::WalSync::kNone;
  options.lock_file = !flags.get_bool("storage.tsdb.no-lockfile");
  options.max_head_series = static_cast<uint64_t>(flags.get_int("storage.tsdb.max-head-series"));
  return options;
}

size_t max_exemplars(const Features& features, const Config& config) {
  if (!features.exemplar_storage) return 0;
  return static_cast<size_t>(
      std::max<int64_t>(0, config.storage.max_exemplars.value_or(kDefaultMaxExemplars)));
}

storage::remote::ReadServer::Options read_options(const Flags& flags) {
  storage::remote::ReadServer::Options options;
  options.sample_limit = flags.get_int("storage.remote.read-sample-limit");
  options.concurrent_limit = static_cast<size_t>(
      std::max<int64_t>(0, flags.get_int("storage.remote.read-concurrent-limit")));
  options.frame_bytes = static_cast<size_t>(
      std::max<int64_t>(1, flags.get_int("storage.remote.read-max-bytes-in-frame")));
  options.query_bytes = static_cast<int64_t>(flags.get_bytes("query.max-memory"));
  return options;
}

rules::Notifier::Options notifier_options(const Flags& flags) {
  rules::Notifier::Options options;
  options.queue_capacity =
      static_cast<size_t>(flags.get_int("alertmanager.notification-queue-capacity"));
  options.batch_size = static_cast<size_t>(flags.get_int("alertmanager.notification-batch-size"));
  options.drain_on_stop = flags.get_bool("alertmanager.drain-notification-queue-on-shutdown");
  return options;
}

rules::RuleManager::Options rule_options(const Flags& flags, const Features& features,
                                         const WebLocation& location) {
  rules::RuleManager::Options options;
  options.external_url = location.external_url;
  options.for_outage_tolerance_ms = flags.get_duration_ms("rules.alert.for-outage-tolerance");
  options.for_grace_period_ms = flags.get_duration_ms("rules.alert.for-grace-period");
  options.resend_delay_ms = flags.get_duration_ms("rules.alert.resend-delay");
  options.concurrent_evals = features.concurrent_rule_eval;
  options.max_concurrent_evals = flags.get_int("rules.max-concurrent-evals");
  return options;
}

scrape::ScrapeManager::Options scrape_options(const Flags& flags, const Features& features) {
  scrape::ScrapeManager::Options options;
  options.discovery_reload_ms = flags.get_duration_ms("scrape.discovery-reload-interval");
  options.extra_scrape_metrics = features.extra_scrape_metrics;
  options.created_timestamp_zero_ingestion = features.created_timestamp_zero_ingestion;
  return options;
}

Result<std::vector<storage::remote::WriteMessage>> accepted_write_messages(const Flags& flags) {
  using storage::remote::kWriteMessages;
  using storage::remote::write_message_name;
  const auto& given = flags.get_list("web.remote-write-receiver.accepted-protobuf-messages");
  std::vector<storage::remote::WriteMessage> accepted;
  std::string rest = fmt::format("{}", fmt::join(given, ","));
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    const std::string name = rest.substr(0, end);
    rest.erase(0, end + 1);
    const auto* at = std::find_if(std::begin(kWriteMessages), std::end(kWriteMessages),
                                  [&](auto m) { return write_message_name(m) == name; });
    if (at == std::end(kWriteMessages)) {
      return Status(Errc::kBadData,
                    fmt::format("unknown remote write protobuf message {}, supported: {}, {}", name,
                                write_message_name(kWriteMessages[0]),
                                write_message_name(kWriteMessages[1])));
    }
    if (std::find(accepted.begin(), accepted.end(), *at) != accepted.end()) {
      return Status(Errc::kBadData, fmt::format("duplicated {} flag value", name));
    }
    accepted.push_back(*at);
  }
  return accepted;
}

}  // namespace silverback::server
