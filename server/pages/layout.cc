#include "server/pages/layout.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/url.h"
#include "server/pages/assets.h"
#include "server/version.h"

namespace silverback::server::pages {

namespace {

struct NavEntry {
  std::string_view path, text;
};
constexpr std::array<NavEntry, 10> kNavigation = {{
    {"query", "Query"},
    {"alerts", "Alerts"},
    {"targets", "Targets"},
    {"rules", "Rules"},
    {"service-discovery", "Discovery"},
    {"alertmanager-discovery", "Alertmanagers"},
    {"tsdb-status", "TSDB"},
    {"config", "Configuration"},
    {"flags", "Flags"},
    {"status", "Status"},
}};

constexpr std::string_view kPolicy =
    "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

void write_head(HtmlWriter& w, const api::Context& ctx, const Page& page) {
  const auto head = w.in("head");
  w.empty("meta", {{"charset", "utf-8"}});
  w.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  w.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  if (page.status == 503) w.empty("meta", {{"http-equiv", "refresh"}, {"content", "2"}});
  w.leaf("title", fmt::format("{} - {}", page.title, ctx.page_title));
  w.empty("link", {{"rel", "stylesheet"},
                   {"href", fmt::format("assets/silverback.css?v={}", stylesheet_version())}});
  w.empty("link", {{"rel", "icon"}, {"type", "image/svg+xml"}, {"href", "assets/favicon.svg"}});
}

void write_navigation(HtmlWriter& w, const api::Context& ctx, const Page& page) {
  const auto header = w.in("header", {{"class", "top"}});
  w.leaf("a", {{"class", "brand"}, {"href", "query"}}, ctx.page_title);
  const auto nav = w.in("nav", {{"aria-label", "Pages"}});
  for (const NavEntry& entry : kNavigation) {
    const bool here = entry.path == page.path;
    w.leaf("a",
           {{"href", std::string(entry.path)}, {here ? "aria-current" : "", here ? "page" : ""}},
           entry.text);
  }
}

}  // namespace

HttpResponse render_page(const api::Context& ctx, const Page& page,
                         const std::function<void(HtmlWriter&)>& body) {
  HtmlWriter w;
  {
    const auto html = w.in("html", {{"lang", "en"}});
    write_head(w, ctx, page);
    const auto whole = w.in("body");
    write_navigation(w, ctx, page);
    {
      const auto main = w.in("main");
      body(w);
    }
    const auto footer = w.in("footer");
    w.text(
        fmt::format("Silverback {}, compatible with Prometheus {}", kVersion, kPrometheusVersion));
  }
  HttpResponse response;
  response.status = page.status;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Content-Security-Policy", std::string(kPolicy));
  response.headers.set("Referrer-Policy", "same-origin");
  response.headers.set("Cache-Control", "no-store");
  response.body = "<!DOCTYPE html>\n" + w.take();
  return response;
}

bool not_ready(const api::Context& ctx, HttpReply& reply) {
  const api::Phase phase = ctx.phase.load();
  if (phase == api::Phase::kReady) return false;
  const bool stopping = phase == api::Phase::kStopping;
  const Page page{"", stopping ? "Shutting down" : "Starting up", 503};
  HttpResponse response = render_page(ctx, page, [&](HtmlWriter& w) {
    const auto box = w.in("section", {{"class", "card center"}});
    w.leaf("h1", page.title);
    w.leaf("p", stopping ? "The server is shutting down."
                         : "The server is opening its storage and replaying its log. This page "
                           "looks again by itself.");
  });
  response.headers.set("X-Prometheus-Stopping", stopping ? "true" : "false");
  reply(std::move(response));
  return true;
}

void write_labels(HtmlWriter& w, const model::Labels& labels) {
  const auto all = w.in("span", {{"class", "labels"}});
  for (const model::Label& label : labels) {
    if (label.name == model::kMetricName) {
      w.leaf("b", label.value);
      w.text(" ");
      continue;
    }
    const auto one = w.in("span", {{"class", "label"}});
    w.leaf("i", label.name);
    w.text(fmt::format("=\"{}\"", label.value));
  }
}

void write_badge(HtmlWriter& w, std::string_view kind, std::string_view text) {
  w.leaf("span", {{"class", fmt::format("badge {}", kind)}}, text);
}

void write_note(HtmlWriter& w, std::string_view kind, std::string_view text) {
  w.leaf("p", {{"class", fmt::format("note {}", kind)}, {"role", "status"}}, text);
}

void write_fact(HtmlWriter& w, std::string_view name, std::string_view value) {
  const auto row = w.in("tr");
  w.leaf("th", {{"scope", "row"}}, name);
  w.leaf("td", value);
}

void write_search(HtmlWriter& w, std::string_view label, const std::string& value) {
  const auto field = w.in("label");
  w.text(label);
  w.empty("input", {{"type", "search"}, {"name", "search"}, {"value", value}});
}

std::string query_link(std::string_view expr) {
  return "query?g0.expr=" + base::query_escape(expr) + "&g0.tab=table";
}

void write_url(HtmlWriter& w, const std::string& url) {
  if (url.rfind("http://", 0) == 0 || url.rfind("https://", 0) == 0) {
    w.leaf("a", {{"href", url}, {"rel", "noreferrer"}}, url);
  } else {
    w.text(url);
  }
}

std::string time_text(int64_t ms) {
  if (ms == 0) return {};
  std::string text = base::format_rfc3339_ms(ms).substr(0, 19);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

std::string seconds_text(double seconds) {
  if (seconds >= 60) return base::format_duration(static_cast<int64_t>(seconds) * 1000);
  if (seconds >= 1) return fmt::format("{:.2f}s", seconds);
  return fmt::format("{:.3g}ms", seconds * 1000);
}

std::string ago_text(int64_t now_ms, int64_t then_ms) {
  if (then_ms == 0) return "never";
  return seconds_text(static_cast<double>(std::max<int64_t>(0, now_ms - then_ms)) / 1000) + " ago";
}

bool contains(std::string_view text, std::string_view wanted) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const auto* at = std::search(text.begin(), text.end(), wanted.begin(), wanted.end(),
                               [&](char a, char b) { return lower(a) == lower(b); });
  return wanted.empty() || at != text.end();
}

}  // namespace silverback::server::pages
