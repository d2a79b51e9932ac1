#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/duration.h"
#include "server/pages/layout.h"
#include "server/pages/pages.h"

namespace silverback::server::pages {

namespace {

constexpr size_t kMaxTargets = 2000;  // on one page

struct Filter {
  std::string pool, search;
  std::string health;  // up, down, unknown; "" = any

  bool wants(const scrape::TargetStatus& target) const;
};

const char* health_text(scrape::TargetHealth health) {
  switch (health) {
    case scrape::TargetHealth::kUp: return "up";
    case scrape::TargetHealth::kDown: return "down";
    case scrape::TargetHealth::kUnknown: break;
  }
  return "unknown";
}

const char* health_kind(scrape::TargetHealth health) {
  switch (health) {
    case scrape::TargetHealth::kUp: return "good";
    case scrape::TargetHealth::kDown: return "bad";
    case scrape::TargetHealth::kUnknown: break;
  }
  return "warn";
}

bool Filter::wants(const scrape::TargetStatus& target) const {
  if (!pool.empty() && target.scrape_pool != pool) return false;
  if (!health.empty() && health_text(target.health) != health) return false;
  return contains(target.scrape_url, search) || contains(target.labels.to_string(), search) ||
         contains(target.last_error, search);
}

void write_option(HtmlWriter& w, const std::string& value, std::string_view text,
                  const std::string& chosen) {
  w.leaf("option", {{"value", value}, {value == chosen ? "selected" : "", "selected"}}, text);
}

void write_filter(HtmlWriter& w, const char* action, const std::vector<std::string>& pools,
                  const Filter& filter, bool with_health) {
  const auto form =
      w.in("form", {{"class", "bar"}, {"action", std::string(action)}, {"method", "get"}});
  {
    const auto label = w.in("label");
    w.text("Pool");
    const auto select = w.in("select", {{"name", "pool"}});
    write_option(w, "", "all pools", filter.pool);
    for (const std::string& pool : pools) write_option(w, pool, pool, filter.pool);
  }
  if (with_health) {
    const auto label = w.in("label");
    w.text("Health");
    const auto select = w.in("select", {{"name", "health"}});
    write_option(w, "", "any", filter.health);
    for (const char* health : {"up", "down", "unknown"}) {
      write_option(w, health, health, filter.health);
    }
  }
  write_search(w, "Search", filter.search);
  w.leaf("button", {{"type", "submit"}}, "Filter");
}

void write_target(HtmlWriter& w, const scrape::TargetStatus& target, int64_t now_ms) {
  const auto row = w.in("tr");
  {
    const auto cell = w.in("td");
    write_url(w, target.scrape_url);
    if (!target.last_error.empty()) w.leaf("div", {{"class", "error small"}}, target.last_error);
  }
  {
    const auto cell = w.in("td");
    write_labels(w, target.labels);
  }
  w.leaf("td",
         {{"class", "nowrap"},
          {"title", fmt::format("every {}, at most {}", base::format_duration(target.interval_ms),
                                base::format_duration(target.timeout_ms))}},
         ago_text(now_ms, target.last_scrape_ms));
  w.leaf("td", {{"class", "value"}},
         target.last_scrape_ms == 0 ? "" : seconds_text(target.last_scrape_duration_s));
  const auto cell = w.in("td");
  write_badge(w, health_kind(target.health), health_text(target.health));
}

void write_heads(HtmlWriter& w, std::initializer_list<std::string_view> titles) {
  const auto head = w.in("thead");
  const auto row = w.in("tr");
  for (const std::string_view title : titles) w.leaf("th", {{"scope", "col"}}, title);
}

struct Pool {
  size_t total = 0, up = 0;
  std::vector<const scrape::TargetStatus*> shown;
};

void write_pool(HtmlWriter& w, const std::string& name, const Pool& pool, int64_t now_ms) {
  const auto details = w.in("details", {{"class", "card"}, {"open", "open"}});
  {
    const auto summary = w.in("summary");
    w.text(name);
    write_badge(w,
                pool.up == pool.total ? "good"
                : pool.up == 0        ? "bad"
                                      : "warn",
                fmt::format("{} / {} up", pool.up, pool.total));
  }
  if (pool.shown.empty()) {
    w.leaf("p", {{"class", "soft"}}, pool.total == 0 ? "No targets." : "None matches the filter.");
    return;
  }
  const auto scroll = w.in("div", {{"class", "scroll"}});
  const auto table = w.in("table");
  write_heads(w, {"Endpoint", "Labels", "Last scrape", "Duration", "State"});
  const auto body = w.in("tbody");
  for (const scrape::TargetStatus* target : pool.shown) write_target(w, *target, now_ms);
}

void write_pools(HtmlWriter& w, const scrape::TargetsSnapshot& snapshot,
                 const std::vector<std::string>& names, const Filter& filter, int64_t now_ms) {
  std::map<std::string, Pool> pools;
  for (const std::string& name : names) {
    if (filter.pool.empty() || filter.pool == name) pools[name];
  }
  size_t shown = 0;
  size_t wanted = 0;
  for (const scrape::TargetStatus& target : snapshot.active) {
    if (!filter.pool.empty() && filter.pool != target.scrape_pool) continue;
    Pool& pool = pools[target.scrape_pool];
    ++pool.total;
    if (target.health == scrape::TargetHealth::kUp) ++pool.up;
    if (!filter.wants(target)) continue;
    ++wanted;
    if (shown == kMaxTargets) continue;
    ++shown;
    pool.shown.push_back(&target);
  }
  if (pools.empty()) write_note(w, "plain", "There is no scrape pool.");
  if (shown < wanted) {
    write_note(w, "warn",
               fmt::format("The first {} of {} targets are shown. Choose a pool, or search.", shown,
                           wanted));
  }
  for (const auto& [name, pool] : pools) write_pool(w, name, pool, now_ms);
}

Filter read_filter(const api::Params& params) {
  Filter filter;
  filter.pool = std::string(params.get("pool"));
  if (filter.pool.empty()) filter.pool = std::string(params.get("scrapePool"));
  filter.search = std::string(params.get("search"));
  filter.health = std::string(params.get("health"));
  return filter;
}

std::vector<std::string> pool_names(const api::Context& ctx) {
  std::vector<std::string> names = ctx.scrape->pools();
  std::sort(names.begin(), names.end());
  return names;
}

/// What a page with a filter begins with; nullopt: it is answered.
std::optional<Filter> begin(const api::Context& ctx, const HttpRequest& request, HttpReply& reply) {
  if (not_ready(ctx, reply)) return std::nullopt;
  const base::Result<api::Params> params = api::Params::parse(request);
  if (params) return read_filter(*params);
  reply(text_response(400, params.status().message()));
  return std::nullopt;
}

/// One line of service discovery: what was found and what became of it.
struct Discovered {
  const model::Labels* found = nullptr;
  const model::Labels* target = nullptr;  // nullptr: dropped
};

void write_discovered(HtmlWriter& w, const Discovered& one) {
  const auto row = w.in("tr");
  {
    const auto cell = w.in("td");
    write_labels(w, *one.found);
  }
  const auto cell = w.in("td");
  if (one.target != nullptr) {
    write_labels(w, *one.target);
  } else {
    write_badge(w, "plain", "dropped due to relabeling rules");
  }
}

struct DiscoveryPool {
  size_t active = 0, dropped = 0;
  std::vector<Discovered> all;
};

void write_discovery_pool(HtmlWriter& w, const std::string& name, const DiscoveryPool& pool,
                          size_t room) {
  const auto details = w.in("details", {{"class", "card"}, {"open", "open"}});
  {
    const auto summary = w.in("summary");
    w.text(name);
    write_badge(w, "plain",
                fmt::format("{} / {} active targets", pool.active, pool.active + pool.dropped));
  }
  if (pool.all.size() > room) {
    write_note(w, "warn",
               fmt::format("The first {} of {} are shown. Choose a pool, or search.", room,
                           pool.all.size()));
  }
  const size_t kept = static_cast<size_t>(std::count_if(
      pool.all.begin(), pool.all.end(), [](const Discovered& d) { return d.target == nullptr; }));
  if (kept < pool.dropped) {
    write_note(w, "info",
               fmt::format("{} of {} dropped targets match and are remembered "
                           "(keep_dropped_targets).",
                           kept, pool.dropped));
  }
  const auto scroll = w.in("div", {{"class", "scroll"}});
  const auto table = w.in("table");
  write_heads(w, {"Discovered labels", "Target labels"});
  const auto body = w.in("tbody");
  for (size_t i = 0; i < std::min(room, pool.all.size()); ++i) write_discovered(w, pool.all[i]);
}

std::map<std::string, DiscoveryPool> discovery_pools(const scrape::TargetsSnapshot& snapshot,
                                                     const std::vector<std::string>& names,
                                                     const Filter& filter) {
  std::map<std::string, DiscoveryPool> pools;
  const auto wants = [&](const std::string& pool) {
    return filter.pool.empty() || filter.pool == pool;
  };
  for (const std::string& name : names) {
    if (wants(name)) pools[name];
  }
  for (const scrape::TargetStatus& target : snapshot.active) {
    if (!wants(target.scrape_pool)) continue;
    DiscoveryPool& pool = pools[target.scrape_pool];
    ++pool.active;
    if (!contains(target.discovered_labels.to_string(), filter.search)) continue;
    pool.all.push_back({&target.discovered_labels, &target.labels});
  }
  for (const auto& [name, count] : snapshot.dropped_counts) {
    if (wants(name)) pools[name].dropped = count;
  }
  for (const scrape::DroppedTarget& target : snapshot.dropped) {
    if (!wants(target.scrape_pool)) continue;
    if (!contains(target.discovered_labels.to_string(), filter.search)) continue;
    pools[target.scrape_pool].all.push_back({&target.discovered_labels, nullptr});
  }
  return pools;
}

}  // namespace

void targets(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  const std::optional<Filter> filter = begin(ctx, request, reply);
  if (!filter) return;
  const scrape::TargetsSnapshot snapshot = ctx.scrape->targets();
  const std::vector<std::string> names = pool_names(ctx);
  reply(render_page(ctx, {"targets", "Targets"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Targets");
    write_filter(w, "targets", names, *filter, true);
    write_pools(w, snapshot, names, *filter, ctx.clock->now_ms());
    uint64_t dropped = 0;
    for (const auto& entry : snapshot.dropped_counts) dropped += entry.second;
    if (dropped == 0) return;
    const auto line = w.in("p", {{"class", "soft"}});
    w.text(fmt::format("{} discovered targets are dropped by relabeling: see ", dropped));
    w.link("service-discovery", "Discovery");
    w.text(".");
  }));
}

void service_discovery(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  const std::optional<Filter> filter = begin(ctx, request, reply);
  if (!filter) return;
  const scrape::TargetsSnapshot snapshot = ctx.scrape->targets();
  const std::vector<std::string> names = pool_names(ctx);
  const auto pools = discovery_pools(snapshot, names, *filter);
  reply(render_page(ctx, {"service-discovery", "Service discovery"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Service discovery");
    write_filter(w, "service-discovery", names, *filter, false);
    if (pools.empty()) write_note(w, "plain", "There is no scrape pool.");
    size_t room = kMaxTargets;
    for (const auto& [name, pool] : pools) {
      write_discovery_pool(w, name, pool, room);
      room -= std::min(room, pool.all.size());
    }
  }));
}

}  // namespace silverback::server::pages
