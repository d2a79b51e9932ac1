#include <algorithm>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/go_float.h"
#include "server/pages/layout.h"
#include "server/pages/pages.h"

namespace silverback::server::pages {

namespace {

constexpr size_t kMaxAlerts = 500;  // of one rule
constexpr size_t kMaxRules = 2000;  // on one page

const char* state_text(rules::AlertState state) {
  switch (state) {
    case rules::AlertState::kPending: return "pending";
    case rules::AlertState::kFiring: return "firing";
    case rules::AlertState::kInactive: break;
  }
  return "inactive";
}

const char* state_kind(rules::AlertState state) {
  switch (state) {
    case rules::AlertState::kPending: return "warn";
    case rules::AlertState::kFiring: return "bad";
    case rules::AlertState::kInactive: break;
  }
  return "good";
}

std::string rule_state(const rules::RuleStatus& rule) {
  return rule.state_known ? state_text(rule.state) : "unknown";
}

bool matches(const rules::GroupStatus& group, const rules::RuleStatus& rule,
             const std::string& search) {
  return contains(rule.name, search) || contains(rule.query, search) ||
         contains(group.name, search) || contains(group.file, search);
}

void write_pairs(HtmlWriter& w, std::string_view title,
                 const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (pairs.empty()) return;
  const auto line = w.in("div", {{"class", "small"}});
  w.leaf("span", {{"class", "soft"}}, title);
  for (const auto& [name, value] : pairs) {
    w.text(" ");
    const auto one = w.in("span", {{"class", "label"}});
    w.leaf("i", name);
    w.text(fmt::format(": {}", value));
  }
}

void write_expression(HtmlWriter& w, const std::string& query) {
  const auto link = w.in("a", {{"href", query_link(query)}});
  w.leaf("code", query);
}

void write_definition(HtmlWriter& w, const rules::RuleStatus& rule) {
  write_expression(w, rule.query);
  if (rule.for_ms > 0) {
    w.leaf("div", {{"class", "small soft"}}, "for " + base::format_duration(rule.for_ms));
  }
  if (rule.keep_firing_for_ms > 0) {
    w.leaf("div", {{"class", "small soft"}},
           "keeps firing for " + base::format_duration(rule.keep_firing_for_ms));
  }
  write_pairs(w, "Labels", rule.labels);
  write_pairs(w, "Annotations", rule.annotations);
  if (!rule.last_error.empty()) w.leaf("div", {{"class", "error small"}}, rule.last_error);
}

void write_health(HtmlWriter& w, rules::RuleHealth health) {
  switch (health) {
    case rules::RuleHealth::kOk: write_badge(w, "good", "ok"); break;
    case rules::RuleHealth::kErr: write_badge(w, "bad", "error"); break;
    case rules::RuleHealth::kUnknown: write_badge(w, "plain", "unknown"); break;
  }
}

void write_rule(HtmlWriter& w, const rules::RuleStatus& rule, int64_t now_ms) {
  const auto row = w.in("tr");
  {
    const auto cell = w.in("td");
    write_badge(w, "plain", rule.alerting ? "alert" : "record");
  }
  {
    const auto cell = w.in("td");
    w.leaf("b", rule.name);
    const auto definition = w.in("div");
    write_definition(w, rule);
  }
  {
    const auto cell = w.in("td");
    write_health(w, rule.health);
  }
  w.leaf("td", {{"class", "nowrap"}}, ago_text(now_ms, rule.last_evaluation_ms));
  w.leaf("td", {{"class", "value"}},
         rule.last_evaluation_ms == 0 ? "" : seconds_text(rule.evaluation_s));
}

void write_heads(HtmlWriter& w, std::initializer_list<std::string_view> titles) {
  const auto head = w.in("thead");
  const auto row = w.in("tr");
  for (const std::string_view title : titles) w.leaf("th", {{"scope", "col"}}, title);
}

void write_group(HtmlWriter& w, const rules::GroupStatus& group,
                 const std::vector<const rules::RuleStatus*>& shown, int64_t now_ms) {
  const auto card = w.in("section", {{"class", "card"}});
  {
    const auto bar = w.in("div", {{"class", "bar"}});
    w.leaf("h2", group.name);
    w.leaf("span", {{"class", "soft small"}}, group.file);
    const auto push = w.in("span", {{"class", "push soft small"}});
    w.text(fmt::format("every {}, last run {}, took {}", base::format_duration(group.interval_ms),
                       ago_text(now_ms, group.last_evaluation_ms),
                       seconds_text(group.evaluation_s)));
  }
  const auto scroll = w.in("div", {{"class", "scroll"}});
  const auto table = w.in("table");
  write_heads(w, {"Type", "Rule", "Health", "Last evaluation", "Duration"});
  const auto body = w.in("tbody");
  for (const rules::RuleStatus* rule : shown) write_rule(w, *rule, now_ms);
}

void write_alert(HtmlWriter& w, const rules::AlertStatus& alert, int64_t now_ms) {
  const auto row = w.in("tr");
  {
    const auto cell = w.in("td");
    write_labels(w, alert.labels);
    write_pairs(w, "Annotations", alert.annotations);
  }
  {
    const auto cell = w.in("td");
    write_badge(w, state_kind(alert.state), state_text(alert.state));
  }
  w.leaf("td", {{"class", "nowrap"}, {"title", ago_text(now_ms, alert.active_at_ms)}},
         time_text(alert.active_at_ms));
  w.leaf("td", {{"class", "value"}}, base::sample_value(alert.value));
}

void write_alerting_rule(HtmlWriter& w, const rules::GroupStatus& group,
                         const rules::RuleStatus& rule, int64_t now_ms) {
  const bool active = !rule.alerts.empty();
  const auto details = w.in("details", {{"class", "card"}, {active ? "open" : "", "open"}});
  {
    const auto summary = w.in("summary");
    w.text(rule.name);
    write_badge(w, rule.state_known ? state_kind(rule.state) : "plain", rule_state(rule));
    if (active) write_badge(w, "plain", fmt::format("{} active", rule.alerts.size()));
    w.leaf("span", {{"class", "soft small"}}, fmt::format(" {} > {}", group.file, group.name));
  }
  write_definition(w, rule);
  if (!active) return;
  const auto scroll = w.in("div", {{"class", "scroll"}});
  {
    const auto table = w.in("table");
    write_heads(w, {"Alert", "State", "Active since (UTC)", "Value"});
    const auto body = w.in("tbody");
    for (size_t i = 0; i < std::min(kMaxAlerts, rule.alerts.size()); ++i) {
      write_alert(w, rule.alerts[i], now_ms);
    }
  }
  if (rule.alerts.size() > kMaxAlerts) {
    write_note(w, "warn",
               fmt::format("The first {} of {} are shown.", kMaxAlerts, rule.alerts.size()));
  }
}

/// How many rules are in each state, as links that filter.
void write_states(HtmlWriter& w, const std::vector<rules::GroupStatus>& groups,
                  const std::string& chosen, const std::string& search) {
  const auto form = w.in("form", {{"class", "bar"}, {"action", "alerts"}, {"method", "get"}});
  const auto label = [&](const std::string& state) {
    size_t n = 0;
    for (const rules::GroupStatus& group : groups) {
      n += static_cast<size_t>(
          std::count_if(group.rules.begin(), group.rules.end(), [&](const rules::RuleStatus& rule) {
            return rule.alerting && (state.empty() || rule_state(rule) == state);
          }));
    }
    return fmt::format("{} ({})", state.empty() ? "any state" : state, n);
  };
  {
    const auto field = w.in("label");
    w.text("State");
    const auto select = w.in("select", {{"name", "state"}});
    for (const std::string state : {"", "firing", "pending", "inactive", "unknown"}) {
      w.leaf("option", {{"value", state}, {state == chosen ? "selected" : "", "selected"}},
             label(state));
    }
  }
  write_search(w, "Search", search);
  w.leaf("button", {{"type", "submit"}}, "Filter");
}

void write_cut(HtmlWriter& w, size_t shown, size_t wanted) {
  if (shown >= wanted) return;
  write_note(w, "warn",
             fmt::format("{} of {} rules are shown. Search for the others.", shown, wanted));
}

}  // namespace

void alerts(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const base::Result<api::Params> params = api::Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  const std::string state(params->get("state"));
  const std::string search(params->get("search"));
  const std::vector<rules::GroupStatus> groups = ctx.rules->groups();
  reply(render_page(ctx, {"alerts", "Alerts"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Alerts");
    write_states(w, groups, state, search);
    const int64_t now_ms = ctx.clock->now_ms();
    size_t wanted = 0;
    for (const rules::GroupStatus& group : groups) {
      for (const rules::RuleStatus& rule : group.rules) {
        if (!rule.alerting || (!state.empty() && rule_state(rule) != state)) continue;
        if (!matches(group, rule, search)) continue;
        if (++wanted <= kMaxRules) write_alerting_rule(w, group, rule, now_ms);
      }
    }
    if (wanted == 0) write_note(w, "plain", "No alerting rule matches.");
    write_cut(w, std::min(wanted, kMaxRules), wanted);
  }));
}

void rules(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (not_ready(ctx, reply)) return;
  const base::Result<api::Params> params = api::Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  const std::string search(params->get("search"));
  const std::vector<rules::GroupStatus> groups = ctx.rules->groups();
  reply(render_page(ctx, {"rules", "Rules"}, [&](HtmlWriter& w) {
    w.leaf("h1", "Rules");
    {
      const auto form = w.in("form", {{"class", "bar"}, {"action", "rules"}, {"method", "get"}});
      write_search(w, "Search", search);
      w.leaf("button", {{"type", "submit"}}, "Filter");
    }
    size_t wanted = 0;
    size_t shown = 0;
    for (const rules::GroupStatus& group : groups) {
      std::vector<const rules::RuleStatus*> page;
      for (const rules::RuleStatus& rule : group.rules) {
        if (!matches(group, rule, search)) continue;
        ++wanted;
        if (shown == kMaxRules) continue;
        ++shown;
        page.push_back(&rule);
      }
      if (!page.empty()) write_group(w, group, page, ctx.clock->now_ms());
    }
    if (wanted == 0) write_note(w, "plain", "No rule matches.");
    write_cut(w, shown, wanted);
  }));
}

}  // namespace silverback::server::pages
