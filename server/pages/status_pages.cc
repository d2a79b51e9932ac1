#include <unistd.h>

#include <array>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "server/pages/layout.h"
#include "server/pages/pages.h"
#include "server/version.h"

namespace silverback::server::pages {

namespace {

constexpr size_t kTopEntries = 10;
constexpr size_t kMaxConfigBytes = 4 << 20;

std::string working_directory() {
  std::array<char, 4096> path{};
  return ::getcwd(path.data(), path.size()) == nullptr ? "unknown" : path.data();
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// A card with a table of facts; `body` writes the rows.
template <typename Body>
void write_facts(HtmlWriter& w, std::string_view title, const Body& body) {
  const auto card = w.in("section", {{"class", "card"}});
  w.leaf("h2", title);
  const auto table = w.in("table", {{"class", "facts"}});
  const auto rows = w.in("tbody");
  body();
}

void write_top(HtmlWriter& w, std::string_view title, std::string_view name, std::string_view unit,
               const tsdb::CardinalityStats::Top& top) {
  const auto card = w.in("section", {{"class", "card"}});
  w.leaf("h2", title);
  const auto table = w.in("table");
  {
    const auto head = w.in("thead");
    const auto row = w.in("tr");
    w.leaf("th", {{"scope", "col"}}, name);
    w.leaf("th", {{"scope", "col"}, {"class", "value"}}, unit);
  }
  const auto rows = w.in("tbody");
  for (const auto& [text, count] : top) {
    const auto row = w.in("tr");
    w.leaf("td", text);
    w.leaf("td", {{"class", "value"}}, std::to_string(count));
  }
}

std::string head_time(int64_t ms) {
  const bool none =
      ms == std::numeric_limits<int64_t>::max() || ms == std::numeric_limits<int64_t>::min();
  return none ? "No datapoints yet" : fmt::format("{} UTC ({})", time_text(ms), ms);
}

}  // namespace

void config(api::Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  std::string yaml = ctx.config()->to_yaml();
  reply(render_page(ctx, {"config", "Configuration"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Configuration");
    if (!ctx.reload_state().successful) {
      write_note(w, "bad", "The last reload failed: this is what it left in force.");
    }
    if (yaml.size() > kMaxConfigBytes) {
      write_note(w, "warn",
                 fmt::format("The first {} of {} bytes are shown.", kMaxConfigBytes, yaml.size()));
      yaml.resize(kMaxConfigBytes);
    }
    const auto card = w.in("section", {{"class", "card"}});
    w.leaf("pre", "\n" + yaml);
  }));
}

void flags(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const base::Result<api::Params> params = api::Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  const std::string search(params->get("search"));
  reply(render_page(ctx, {"flags", "Flags"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Command-line flags");
    {
      const auto form = w.in("form", {{"class", "bar"}, {"action", "flags"}, {"method", "get"}});
      write_search(w, "Search", search);
      w.leaf("button", {{"type", "submit"}}, "Filter");
    }
    const auto card = w.in("section", {{"class", "card"}});
    const auto table = w.in("table", {{"class", "facts"}});
    const auto rows = w.in("tbody");
    for (const auto& [name, value] : ctx.flags) {
      if (contains(name, search) || contains(value, search)) write_fact(w, "--" + name, value);
    }
  }));
}

void status(api::Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const api::Context::ReloadState reload = ctx.reload_state();
  const int64_t now_ms = ctx.clock->now_ms();
  reply(render_page(ctx, {"status", "Status"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Status");
    write_facts(w, "Build information", [&] {
      write_fact(w, "Silverback", kVersion);
      write_fact(w, "Compatible with Prometheus", kPrometheusVersion);
    });
    write_facts(w, "Runtime information", [&] {
      write_fact(
          w, "Start time",
          fmt::format("{} UTC ({})", time_text(ctx.start_ms), ago_text(now_ms, ctx.start_ms)));
      write_fact(w, "Server time", time_text(now_ms) + " UTC");
      write_fact(w, "Host", host_name());
      write_fact(w, "Working directory", working_directory());
      write_fact(w, "Configuration reload", reload.successful ? "successful" : "unsuccessful");
      write_fact(w, "Last successful configuration reload", time_text(reload.time_ms) + " UTC");
      write_fact(w, "WAL corruptions", std::to_string(ctx.db->corruption_count()));
      write_fact(w, "Processors", std::to_string(std::thread::hardware_concurrency()));
      write_fact(w, "Storage retention", ctx.retention_text());
    });
  }));
}

void tsdb_status(api::Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const tsdb::CardinalityStats stats = ctx.db->cardinality(kTopEntries);
  reply(render_page(ctx, {"tsdb-status", "TSDB status"}, [&](HtmlWriter& w) {
    w.leaf("h1", "TSDB status");
    write_facts(w, "Head", [&] {
      write_fact(w, "Series", std::to_string(stats.series));
      write_fact(w, "Chunks", std::to_string(stats.chunks));
      write_fact(w, "Label pairs", std::to_string(stats.label_pairs));
      write_fact(w, "Oldest sample", head_time(stats.min_time_ms));
      write_fact(w, "Newest sample", head_time(stats.max_time_ms));
    });
    write_top(w, "Label names with the most values", "Label", "Values", stats.label_values_by_name);
    write_top(w, "Metric names with the most series", "Metric", "Series",
              stats.series_by_metric_name);
    write_top(w, "Label names with the most memory", "Label", "Bytes", stats.memory_by_label_name);
    write_top(w, "Label pairs with the most series", "Pair", "Series", stats.series_by_label_pair);
  }));
}

void alertmanager_discovery(api::Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const rules::AlertmanagersSnapshot snapshot = ctx.notifier->alertmanagers();
  const auto write_list = [](HtmlWriter& w, std::string_view title,
                             const std::vector<std::string>& urls) {
    const auto card = w.in("section", {{"class", "card"}});
    w.leaf("h2", fmt::format("{} ({})", title, urls.size()));
    if (urls.empty()) w.leaf("p", {{"class", "soft"}}, "None.");
    const auto table = w.in("table");
    const auto rows = w.in("tbody");
    for (const std::string& url : urls) {
      const auto row = w.in("tr");
      const auto cell = w.in("td");
      write_url(w, url);
    }
  };
  reply(render_page(ctx, {"alertmanager-discovery", "Alertmanagers"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Alertmanagers");
    write_list(w, "Active", snapshot.active);
    write_list(w, "Dropped", snapshot.dropped);
  }));
}

}  // namespace silverback::server::pages
