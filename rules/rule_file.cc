#include "rules/rule_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include "model/labels.h"
#include "promql/ast.h"
#include "rules/template/alert_template.h"

namespace silverback::rules {

namespace {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

/// Where a rule stands, for error texts.
struct RulePlace {
  std::string group;
  size_t index = 0;  // from 1
  std::string name;

  Status error(const YamlNode& at, const std::string& message) const {
    return at.error("group " + model::go_quote(group) + ", rule " + std::to_string(index) + ", " +
                    model::go_quote(name) + ": " + message);
  }
};

void read_pairs(YamlFields& fields, std::string_view key, StringPairs& out) {
  fields.read(key, out);
  std::sort(out.begin(), out.end());
}

/// Where the value of a field stands, or the whole map when it is not given.
YamlNode value_of(const YamlNode& map, std::string_view key) {
  for (const YamlNode::Entry& entry : map.entries()) {
    if (entry.key == key) return entry.value;
  }
  return map;
}

struct Mistake {
  YamlNode at;
  std::string message;
};

/// What is wrong with label names and values.
std::optional<Mistake> label_mistake(const StringPairs& labels, const YamlNode& owner,
                                     const RuleFileOptions& options) {
  const YamlNode node = value_of(owner, "labels");
  for (const auto& [name, value] : labels) {
    if (!options.is_valid_label(name) || name == model::kMetricName) {
      return Mistake{value_of(node, name), "invalid label name: " + name};
    }
    if (!base::is_valid_utf8(value)) {
      return Mistake{value_of(node, name), "invalid label value: " + value};
    }
  }
  return std::nullopt;
}

Status check_recording(const RuleConfig& rule, const RulePlace& place, const YamlNode& rule_node,
                       const RuleFileOptions& options) {
  const YamlNode node = value_of(rule_node, "record");
  const auto invalid = [&](const char* field) {
    return place.error(node, std::string("invalid field '") + field + "' in recording rule");
  };
  if (!rule.annotations.empty()) return invalid("annotations");
  if (rule.for_ms != 0) return invalid("for");
  if (rule.keep_firing_for_ms != 0) return invalid("keep_firing_for");
  if (!options.is_valid_metric(rule.record)) {
    return place.error(node, "invalid recording rule name: " + rule.record);
  }
  if (rule.record.find_first_of("{}") != std::string::npos) {
    return place.error(
        node, "braces present in the recording rule name; should it be in expr?: " + rule.record);
  }
  return {};
}

Status check_templates(const RuleConfig& rule, const RulePlace& place, const YamlNode& node) {
  const auto check = [&](const char* kind, const char* field, const StringPairs& pairs) -> Status {
    for (const auto& [name, text] : pairs) {
      const auto parsed = text_template::AlertTemplate::parse(rule.alert, text);
      if (!parsed.is_ok()) {
        return place.error(
            value_of(value_of(node, field), name),
            std::string(kind) + " " + model::go_quote(name) + ": " + parsed.status().message());
      }
    }
    return {};
  };
  RETURN_IF_ERROR(check("label", "labels", rule.labels));
  return check("annotation", "annotations", rule.annotations);
}

Status check_rule(const RuleConfig& rule, const RulePlace& place, const YamlNode& node,
                  const RuleFileOptions& options) {
  if (!rule.record.empty() && !rule.alert.empty()) {
    return place.error(node, "only one of 'record' and 'alert' must be set");
  }
  if (rule.record.empty() && rule.alert.empty()) {
    return place.error(node, "one of 'record' or 'alert' must be set");
  }
  const YamlNode expr = value_of(node, "expr");
  if (rule.expr.empty()) return place.error(expr, "field 'expr' must be set in rule");
  const auto parsed = promql::parse_expr(rule.expr, options.parser);
  if (!parsed.is_ok()) {
    return place.error(expr, "could not parse expression: " + parsed.status().message());
  }
  if (!rule.record.empty()) RETURN_IF_ERROR(check_recording(rule, place, node, options));
  if (const auto mistake = label_mistake(rule.labels, node, options)) {
    return place.error(mistake->at, mistake->message);
  }
  for (const auto& annotation : rule.annotations) {
    if (!options.is_valid_label(annotation.first)) {
      return place.error(value_of(value_of(node, "annotations"), annotation.first),
                         "invalid annotation name: " + annotation.first);
    }
  }
  if (!rule.alert.empty()) return check_templates(rule, place, node);
  return {};
}

Result<RuleConfig> parse_rule(const YamlNode& node, RulePlace place,
                              const RuleFileOptions& options) {
  RuleConfig rule;
  YamlFields fields(node, "rulefmt.Rule");
  fields.read("record", rule.record);
  fields.read("alert", rule.alert);
  fields.read("expr", rule.expr);
  fields.read_duration("for", rule.for_ms);
  fields.read_duration("keep_firing_for", rule.keep_firing_for_ms);
  read_pairs(fields, "labels", rule.labels);
  read_pairs(fields, "annotations", rule.annotations);
  RETURN_IF_ERROR(fields.finish());
  place.name = rule.alert.empty() ? rule.record : rule.alert;
  RETURN_IF_ERROR(check_rule(rule, place, node, options));
  return rule;
}

Result<RuleGroupConfig> parse_group(const YamlNode& node, const std::string& file,
                                    const RuleFileOptions& options) {
  RuleGroupConfig group;
  group.file = file;
  int64_t limit = 0;
  std::vector<YamlNode> rules;
  YamlFields fields(node, "rulefmt.RuleGroup");
  fields.read("name", group.name);
  fields.read_duration("interval", group.interval_ms);
  fields.read_duration("query_offset", group.query_offset_ms);
  fields.read("limit", limit);
  read_pairs(fields, "labels", group.labels);
  fields.read("rules", [&](const YamlNode& list) -> Status {
    if (!list.is_sequence()) return list.mismatch("[]rulefmt.Rule");
    rules = list.items();
    return {};
  });
  RETURN_IF_ERROR(fields.finish());
  group.limit = limit > 0 ? static_cast<uint64_t>(limit) : 0;
  if (group.name.empty()) return node.error("Groupname must not be empty");
  if (const auto mistake = label_mistake(group.labels, node, options)) {
    return mistake->at.error(mistake->message);
  }
  for (const YamlNode& item : rules) {
    if (item.is_null()) continue;  // as Go's YAML does
    const size_t index = group.rules.size() + 1;
    ASSIGN_OR_RETURN(RuleConfig rule, parse_rule(item, {group.name, index, ""}, options));
    group.rules.push_back(std::move(rule));
  }
  return group;
}

}  // namespace

bool RuleFileOptions::is_valid_metric(std::string_view name) const {
  return legacy_names ? model::is_legacy_metric_name(name) : model::is_valid_name(name);
}

bool RuleFileOptions::is_valid_label(std::string_view name) const {
  return legacy_names ? model::is_legacy_label_name(name) : model::is_valid_name(name);
}

Result<std::vector<RuleGroupConfig>> parse_rule_file(std::string_view text, const std::string& file,
                                                     const RuleFileOptions& options) {
  ASSIGN_OR_RETURN(const YamlNode root, base::parse_yaml(text, file));
  std::vector<YamlNode> nodes;
  YamlFields fields(root, "rulefmt.RuleGroups");
  fields.read("groups", [&](const YamlNode& list) -> Status {
    if (!list.is_sequence()) return list.mismatch("[]rulefmt.RuleGroup");
    nodes = list.items();
    return {};
  });
  RETURN_IF_ERROR(fields.finish());
  std::vector<RuleGroupConfig> groups;
  std::set<std::string> names;
  for (const YamlNode& node : nodes) {
    if (node.is_null()) continue;
    ASSIGN_OR_RETURN(RuleGroupConfig group, parse_group(node, file, options));
    if (!names.insert(group.name).second) {
      return node.error("groupname: \"" + group.name + "\" is repeated in the same file");
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<std::vector<RuleGroupConfig>> load_rule_files(const std::vector<std::string>& globs,
                                                     const RuleFileOptions& options) {
  base::FileSystem& files = base::FileSystem::real();
  std::vector<RuleGroupConfig> all;
  std::set<std::string> seen;  // two globs may name the same file
  for (const std::string& glob : globs) {
    for (const std::string& file : base::expand_glob(glob)) {
      // As a glob without matches: a path that names nothing is no error, the file may come later.
      if (!seen.insert(file).second || !files.exists(file)) continue;
      ASSIGN_OR_RETURN(const std::string text, files.read_file(file));
      ASSIGN_OR_RETURN(std::vector<RuleGroupConfig> groups, parse_rule_file(text, file, options));
      std::move(groups.begin(), groups.end(), std::back_inserter(all));
    }
  }
  return all;
}

}  // namespace silverback::rules
