#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <openssl/sha.h>

#include "base/go_float.h"
#include "promql/parser.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

/// The filters and the page that a request asks for.
struct RuleFilter {
  bool alerting = true, recording = true;
  bool exclude_alerts = false;
  std::vector<std::string> names, groups, files;
  std::vector<model::Matchers> any_of;
  size_t group_limit = 0;  // 0 = all
  std::string group_token;

  bool wants(const rules::RuleStatus& rule) const;
  bool wants(const rules::GroupStatus& group) const;
};

bool listed(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

bool RuleFilter::wants(const rules::RuleStatus& rule) const {
  if (rule.alerting ? !alerting : !recording) return false;
  if (!listed(names, rule.name)) return false;
  if (any_of.empty()) return true;
  const model::Labels labels = model::Labels::from(rule.labels);
  return std::any_of(any_of.begin(), any_of.end(), [&](const model::Matchers& matchers) {
    return model::matches_all(matchers, labels);
  });
}

bool RuleFilter::wants(const rules::GroupStatus& group) const {
  return listed(groups, group.name) && listed(files, group.file);
}

Status read_page(const Params& params, RuleFilter& filter) {
  const std::string_view limit = params.get("group_limit");
  filter.group_token = std::string(params.get("group_next_token"));
  if (limit.empty()) {
    if (filter.group_token.empty()) return {};
    return invalid_param("group_next_token",
                         "group_limit needs to be present in order to paginate over the groups");
  }
  const Result<int64_t> number = parse_int(limit);
  if (!number || *number > std::numeric_limits<int32_t>::max() ||
      *number < std::numeric_limits<int32_t>::min()) {
    // Prometheus reads 32 bits here.
    const bool syntax = !number && number.status().message().ends_with("invalid syntax");
    return invalid_param(
        "group_limit",
        fmt::format("group_limit needs to be a valid number: strconv.ParseInt: parsing {}: {}",
                    model::go_quote(limit), syntax ? "invalid syntax" : "value out of range"));
  }
  if (*number <= 0) return invalid_param("group_limit", "group_limit needs to be greater than 0");
  filter.group_limit = static_cast<size_t>(*number);
  return {};
}

/// Errors are told bare, as Prometheus does here.
Status read_matchers(const Params& params, RuleFilter& filter) {
  for (const std::string& text : params.all("match[]")) {
    ASSIGN_OR_RETURN(model::Matchers matchers, promql::parse_metric_selector(text));
    const bool selective = std::any_of(matchers.begin(), matchers.end(),
                                       [](const auto& matcher) { return !matcher.matches(""); });
    if (!selective) {
      return Status(base::Errc::kBadData, "match[] must contain at least one non-empty matcher");
    }
    filter.any_of.push_back(std::move(matchers));
  }
  return {};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Result<RuleFilter> read_filter(const Params& params) {
  RuleFilter filter;
  filter.names = params.all("rule_name[]");
  filter.groups = params.all("rule_group[]");
  filter.files = params.all("file[]");
  RETURN_IF_ERROR(read_matchers(params, filter));
  const std::string type = lower(params.get("type"));
  if (type == "alert") {
    filter.recording = false;
  } else if (type == "record") {
    filter.alerting = false;
  } else if (!type.empty()) {
    return invalid_param("type", fmt::format("not supported value {}", model::go_quote(type)));
  }
  const std::string exclude = lower(params.get("exclude_alerts"));
  if (!exclude.empty()) {
    const Result<bool> flag = parse_bool(exclude);
    if (!flag) {
      return invalid_param("exclude_alerts",
                           "error converting exclude_alerts: " + flag.status().message());
    }
    filter.exclude_alerts = *flag;
  }
  RETURN_IF_ERROR(read_page(params, filter));
  return filter;
}

std::string group_token(const rules::GroupStatus& group) {
  const std::string text = group.file + ";" + group.name;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

const char* state_text(rules::AlertState state) {
  switch (state) {
    case rules::AlertState::kPending: return "pending";
    case rules::AlertState::kFiring: return "firing";
    case rules::AlertState::kInactive: break;
  }
  return "inactive";
}

const char* health_text(rules::RuleHealth health) {
  switch (health) {
    case rules::RuleHealth::kOk: return "ok";
    case rules::RuleHealth::kErr: return "err";
    case rules::RuleHealth::kUnknown: break;
  }
  return "unknown";
}

void write_alert(base::JsonWriter& w, const rules::AlertStatus& alert) {
  w.begin_object();
  w.key("labels");
  write_labels(w, alert.labels);
  w.key("annotations");
  write_pairs(w, alert.annotations);
  w.key("state");
  w.string(state_text(alert.state));
  w.key("activeAt");
  w.string(go_time(alert.active_at_ms));
  if (alert.keep_firing_since_ms) {
    w.key("keepFiringSince");
    w.string(go_time(*alert.keep_firing_since_ms));
  }
  w.key("value");
  std::string value;
  base::append_go_e(value, alert.value);
  w.string(value);
  w.end_object();
}

void write_alerts(base::JsonWriter& w, const std::vector<rules::AlertStatus>& alerts) {
  w.begin_array();
  for (const rules::AlertStatus& alert : alerts) write_alert(w, alert);
  w.end_array();
}

void write_rule_head(base::JsonWriter& w, const rules::RuleStatus& rule, bool exclude_alerts) {
  if (rule.alerting) {
    w.key("state");
    w.string(rule.state_known ? state_text(rule.state) : "unknown");
  }
  w.key("name");
  w.string(rule.name);
  w.key("query");
  w.string(rule.query);
  if (rule.alerting) {
    w.key("duration");
    w.number(static_cast<double>(rule.for_ms) / 1000);
    w.key("keepFiringFor");
    w.number(static_cast<double>(rule.keep_firing_for_ms) / 1000);
  }
  w.key("labels");
  write_pairs(w, rule.labels);
  if (!rule.alerting) return;
  w.key("annotations");
  write_pairs(w, rule.annotations);
  w.key("alerts");
  if (exclude_alerts) {
    w.null();
  } else {
    write_alerts(w, rule.alerts);
  }
}

void write_rule(base::JsonWriter& w, const rules::RuleStatus& rule, bool exclude_alerts) {
  w.begin_object();
  write_rule_head(w, rule, exclude_alerts);
  w.key("health");
  w.string(health_text(rule.health));
  if (!rule.last_error.empty()) {
    w.key("lastError");
    w.string(rule.last_error);
  }
  w.key("evaluationTime");
  w.number(rule.evaluation_s);
  w.key("lastEvaluation");
  w.string(go_time(rule.last_evaluation_ms));
  w.key("type");
  w.string(rule.alerting ? "alerting" : "recording");
  w.end_object();
}

void write_group(base::JsonWriter& w, const rules::GroupStatus& group, const RuleFilter& filter) {
  w.begin_object();
  w.key("name");
  w.string(group.name);
  w.key("file");
  w.string(group.file);
  w.key("rules");
  w.begin_array();
  for (const rules::RuleStatus& rule : group.rules) {
    if (filter.wants(rule)) write_rule(w, rule, filter.exclude_alerts);
  }
  w.end_array();
  w.key("interval");
  w.number(static_cast<double>(group.interval_ms) / 1000);
  w.key("limit");
  w.number(group.limit);
  w.key("evaluationTime");
  w.number(group.evaluation_s);
  w.key("lastEvaluation");
  w.string(go_time(group.last_evaluation_ms));
  w.end_object();
}

}  // namespace

Answer rules(Context& ctx, const Call& call) {
  const Result<RuleFilter> filter = read_filter(call.params);
  if (!filter) return filter.status();
  const std::vector<rules::GroupStatus> groups = ctx.rules->groups();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("groups");
  w.begin_array();
  bool token_found = filter->group_token.empty();
  size_t written = 0;
  std::string next_token;
  for (const rules::GroupStatus& group : groups) {
    // The token names the first group of the page.
    if (!token_found && group_token(group) != filter->group_token) continue;
    token_found = true;
    if (!filter->wants(group)) continue;
    const bool any =
        std::any_of(group.rules.begin(), group.rules.end(),
                    [&](const rules::RuleStatus& rule) { return filter->wants(rule); });
    if (!any) continue;  // filtered away, or no rules at all
    if (filter->group_limit > 0 && written == filter->group_limit) {
      next_token = group_token(group);
      break;
    }
    write_group(w, group, *filter);
    ++written;
  }
  w.end_array();
  if (!token_found) {
    return invalid_param("group_next_token",
                         fmt::format("invalid group_next_token '{}'. were rule groups changed?",
                                     filter->group_token));
  }
  if (!next_token.empty()) {
    w.key("groupNextToken");
    w.string(next_token);
  }
  w.end_object();
  return Answer(std::move(json));
}

Answer alerts(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("alerts");
  write_alerts(w, ctx.rules->active_alerts());
  w.end_object();
  return Answer(std::move(json));
}

Answer alertmanagers(Context& ctx, const Call& /*call*/) {
  const rules::AlertmanagersSnapshot snapshot = ctx.notifier->alertmanagers();
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  const auto list = [&w](const char* key, const std::vector<std::string>& urls) {
    w.key(key);
    w.begin_array();
    for (const std::string& url : urls) {
      w.begin_object();
      w.key("url");
      w.string(url);
      w.end_object();
    }
    w.end_array();
  };
  w.begin_object();
  list("activeAlertmanagers", snapshot.active);
  list("droppedAlertmanagers", snapshot.dropped);
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
