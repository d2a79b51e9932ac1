#include <algorithm>
#include <cctype>
#include <map>

#include "base/duration.h"
#include "base/url.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

const char* health_text(scrape::TargetHealth health) {
  switch (health) {
    case scrape::TargetHealth::kUp: return "up";
    case scrape::TargetHealth::kDown: return "down";
    case scrape::TargetHealth::kUnknown: break;
  }
  return "unknown";
}

/// host[:port] taken apart; a host of IPv6 loses its brackets.
std::pair<std::string, std::string> split_host_port(const std::string& text) {
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string::npos && text.find(']', colon) == std::string::npos;
  std::string host = text.substr(0, has_port ? colon : std::string::npos);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {std::move(host), has_port ? text.substr(colon + 1) : ""};
}

/// The scrape URL as others can reach it: a loopback host is replaced by our external one, and our
/// own address by the external scheme, host and port.
std::string global_url(const std::string& scrape_url, const Context& ctx) {
  Result<base::Url> url = base::parse_url(scrape_url);
  if (!url || ctx.external_host.empty()) return scrape_url;
  if (url->host != "localhost" && url->host != "127.0.0.1" && url->host != "::1") return scrape_url;
  auto [host, port] = split_host_port(ctx.external_host);
  url->host = std::move(host);
  if (url->port_or_default() == ctx.listen_port) {
    url->port = std::move(port);
    const size_t scheme = ctx.external_url.find("://");
    if (scheme != std::string::npos) url->scheme = ctx.external_url.substr(0, scheme);
  }
  return url->to_string();
}

void write_target(base::JsonWriter& w, const Context& ctx, const scrape::TargetStatus& target) {
  w.begin_object();
  w.key("discoveredLabels");
  write_labels(w, target.discovered_labels);
  w.key("labels");
  write_labels(w, target.labels);
  w.key("scrapePool");
  w.string(target.scrape_pool);
  w.key("scrapeUrl");
  w.string(target.scrape_url);
  w.key("globalUrl");
  w.string(global_url(target.scrape_url, ctx));
  w.key("lastError");
  w.string(target.last_error);
  w.key("lastScrape");
  w.string(go_time(target.last_scrape_ms));
  w.key("lastScrapeDuration");
  w.number(target.last_scrape_duration_s);
  w.key("health");
  w.string(health_text(target.health));
  w.key("scrapeInterval");
  w.string(base::format_duration(target.interval_ms));
  w.key("scrapeTimeout");
  w.string(base::format_duration(target.timeout_ms));
  w.end_object();
}

void write_dropped(base::JsonWriter& w, const scrape::TargetsSnapshot& snapshot,
                   std::string_view pool, bool show) {
  w.key("droppedTargets");
  w.begin_array();
  if (show) {
    for (const scrape::DroppedTarget& target : snapshot.dropped) {
      if (!pool.empty() && target.scrape_pool != pool) continue;
      w.begin_object();
      w.key("discoveredLabels");
      write_labels(w, target.discovered_labels);
      w.key("scrapePool");
      w.string(target.scrape_pool);
      w.end_object();
    }
  }
  w.end_array();
  w.key("droppedTargetCounts");
  if (!show) {
    w.null();
    return;
  }
  w.begin_object();
  for (const auto& [name, count] : snapshot.dropped_counts) {
    w.key(name);
    w.number(count);
  }
  w.end_object();
}

Result<int64_t> number_or(const Params& params, std::string_view name, int64_t fallback) {
  const std::string_view text = params.get(name);
  if (text.empty()) return fallback;
  const Result<int64_t> number = parse_int(text);
  if (!number) return Status(base::Errc::kBadData, std::string(name) + " must be a number");
  return *number;
}

void write_metadata(base::JsonWriter& w, const model::Metadata& meta) {
  w.key("type");
  w.string(model::metric_type_name(meta.type));
  w.key("help");
  w.string(meta.help);
  w.key("unit");
  w.string(meta.unit);
}

}  // namespace

Answer targets(Context& ctx, const Call& call) {
  const std::string state = lower(call.params.get("state"));
  const std::string_view pool = call.params.get("scrapePool");
  const bool show_active = state.empty() || state == "any" || state == "active";
  const bool show_dropped = state.empty() || state == "any" || state == "dropped";
  const scrape::TargetsSnapshot snapshot = ctx.scrape->targets();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("activeTargets");
  w.begin_array();
  if (show_active) {
    for (const scrape::TargetStatus& target : snapshot.active) {
      if (pool.empty() || target.scrape_pool == pool) write_target(w, ctx, target);
    }
  }
  w.end_array();
  write_dropped(w, snapshot, pool, show_dropped);
  w.end_object();
  return Answer(std::move(json));
}

Answer scrape_pools(Context& ctx, const Call& /*call*/) {
  std::vector<std::string> pools = ctx.scrape->pools();
  std::sort(pools.begin(), pools.end());
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("scrapePools");
  write_strings(w, pools);
  w.end_object();
  return Answer(std::move(json));
}

Answer target_metadata(Context& ctx, const Call& call) {
  const Result<int64_t> limit = number_or(call.params, "limit", -1);
  if (!limit) return limit.status();
  const std::string match_target(call.params.get("match_target"));
  model::Matchers matchers;
  if (!match_target.empty()) {
    Result<model::Matchers> parsed = promql::parse_metric_selector(match_target);
    if (!parsed) return invalid_param("match_target", parsed.status());
    matchers = std::move(*parsed);
  }
  const std::string metric(call.params.get("metric"));
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_array();
  int64_t written = 0;
  const model::Labels* target = nullptr;
  const std::vector<scrape::TargetMetadata> entries = ctx.scrape->metadata(metric);
  for (const scrape::TargetMetadata& entry : entries) {
    // The limit is looked at between targets: one is given whole or not at all.
    const bool next_target = target == nullptr || !(*target == entry.target_labels);
    if (next_target && *limit >= 0 && written >= *limit) break;
    target = &entry.target_labels;
    const bool wanted = std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& m) {
      return m.matches(entry.target_labels.get(m.name()));
    });
    if (!wanted) continue;
    ++written;
    w.begin_object();
    w.key("target");
    write_labels(w, entry.target_labels);
    if (metric.empty()) {
      w.key("metric");
      w.string(entry.metric);
    }
    write_metadata(w, entry.metadata);
    w.end_object();
  }
  w.end_array();
  return Answer(std::move(json));
}

Answer metadata(Context& ctx, const Call& call) {
  const Result<int64_t> limit = number_or(call.params, "limit", -1);
  if (!limit) return limit.status();
  const Result<int64_t> per_metric = number_or(call.params, "limit_per_metric", -1);
  if (!per_metric) return per_metric.status();

  std::map<std::string, std::vector<model::Metadata>> by_metric;
  for (scrape::TargetMetadata& entry :
       ctx.scrape->metadata(std::string(call.params.get("metric")))) {
    auto it = by_metric.find(entry.metric);
    if (it == by_metric.end()) {
      if (*limit >= 0 && by_metric.size() >= static_cast<size_t>(*limit)) continue;
      it = by_metric.emplace(entry.metric, std::vector<model::Metadata>()).first;
    }
    std::vector<model::Metadata>& list = it->second;
    if (std::find(list.begin(), list.end(), entry.metadata) != list.end()) continue;
    if (*per_metric > 0 && list.size() >= static_cast<size_t>(*per_metric)) continue;
    list.push_back(std::move(entry.metadata));
  }
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  for (const auto& [metric, list] : by_metric) {
    w.key(metric);
    w.begin_array();
    for (const model::Metadata& meta : list) {
      w.begin_object();
      write_metadata(w, meta);
      w.end_object();
    }
    w.end_array();
  }
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
