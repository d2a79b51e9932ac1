#include "model/relabel.h"

#include <locale.h>
#include <wctype.h>

#include <array>

#include <openssl/evp.h>

#include "base/go_quote.h"
#include "base/utf8.h"

namespace silverback::model {
namespace {

struct ActionName {
  RelabelAction action;
  std::string_view name;
};
constexpr std::array<ActionName, 11> kActions{{{RelabelAction::kReplace, "replace"},
                                               {RelabelAction::kKeep, "keep"},
                                               {RelabelAction::kDrop, "drop"},
                                               {RelabelAction::kKeepEqual, "keepequal"},
                                               {RelabelAction::kDropEqual, "dropequal"},
                                               {RelabelAction::kHashMod, "hashmod"},
                                               {RelabelAction::kLabelMap, "labelmap"},
                                               {RelabelAction::kLabelDrop, "labeldrop"},
                                               {RelabelAction::kLabelKeep, "labelkeep"},
                                               {RelabelAction::kLowercase, "lowercase"},
                                               {RelabelAction::kUppercase, "uppercase"}}};
constexpr std::string_view kDefaultPattern = "(.*)";
constexpr std::string_view kDefaultSeparator = ";";
constexpr std::string_view kDefaultReplacement = "$1";

bool has_variable(std::string_view s) {
  return s.find('$') != std::string_view::npos;
}
bool has_default_regex(const RelabelRule& r) {
  return r.regex.pattern() == kDefaultPattern;
}

// Unicode's simple case mapping, rune by rune, whatever the process's locale.
std::string change_case(std::string_view s, bool upper) {
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  std::string out;
  while (!s.empty()) {
    const base::Rune rune = base::decode_rune(s);
    auto c = static_cast<wint_t>(rune.code);
    if (rune.code < 0x80) {
      if (upper && c >= 'a' && c <= 'z') c -= 'a' - 'A';
      if (!upper && c >= 'A' && c <= 'Z') c += 'a' - 'A';
    } else if (unicode != nullptr) {
      c = upper ? towupper_l(c, unicode) : towlower_l(c, unicode);
    }
    base::append_rune(out, static_cast<uint32_t>(c));
    s.remove_prefix(rune.size);
  }
  return out;
}

// The last 8 bytes of the MD5, big-endian: what Prometheus shards by.
uint64_t hash_of(std::string_view value) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  EVP_Digest(value.data(), value.size(), digest.data(), nullptr, EVP_md5(), nullptr);
  uint64_t hash = 0;
  for (size_t i = 8; i < 16; ++i) hash = hash << 8 | digest[i];
  return hash;
}

bool needs_target(RelabelAction a) {
  switch (a) {
    case RelabelAction::kReplace:
    case RelabelAction::kHashMod:
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual: return true;
    default: return false;
  }
}

bool is_valid_target(const RelabelRule& r, std::string_view name) {
  return r.legacy_names ? is_legacy_label_name(name) : is_valid_name(name);
}

// A name of the classic charset that may hold $1 and ${1}.
bool is_legacy_template(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  bool first = true;
  for (size_t i = 0; i < text.size(); first = false) {
    if (text[i] == '$') {
      const bool braced = i + 1 < text.size() && text[i + 1] == '{';
      const size_t begin = i + (braced ? 2 : 1);
      size_t end = begin;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end == begin || (braced && (end == text.size() || text[end] != '}'))) return false;
      i = end + (braced ? 1 : 0);
    } else if (is_word(text[i]) && !(first && text[i] >= '0' && text[i] <= '9')) {
      ++i;
    } else {
      return false;
    }
  }
  return !text.empty();
}

bool is_valid_template(const RelabelRule& r, std::string_view text) {
  return r.legacy_names ? is_legacy_template(text) : is_valid_name(text);
}

// What is wrong with the rule; "" if nothing.
std::string complaint(const RelabelRule& r) {
  const std::string action(relabel_action_text(r.action));
  const bool equal = r.action == RelabelAction::kKeepEqual || r.action == RelabelAction::kDropEqual;
  const bool changes_case =
      r.action == RelabelAction::kLowercase || r.action == RelabelAction::kUppercase;
  const bool plain_replacement = r.replacement == kDefaultReplacement;
  const bool plain_rest = r.modulus == 0 && r.separator == kDefaultSeparator && plain_replacement;
  if (r.action == RelabelAction::kHashMod && r.modulus == 0) {
    return "relabel configuration for hashmod requires non-zero modulus";
  }
  if (needs_target(r.action) && r.target_label.empty()) {
    return "relabel configuration for " + action + " action requires 'target_label' value";
  }
  const bool variable = r.action == RelabelAction::kReplace && has_variable(r.target_label);
  if (needs_target(r.action) &&
      !(variable ? is_valid_template(r, r.target_label) : is_valid_target(r, r.target_label))) {
    return base::go_quote(r.target_label) + " is invalid 'target_label' for " + action + " action";
  }
  if ((equal || changes_case) && !plain_replacement)
    return "'replacement' can not be set for " + action + " action";
  if (r.action == RelabelAction::kLabelMap && !is_valid_template(r, r.replacement)) {
    return base::go_quote(r.replacement) + " is invalid 'replacement' for " + action + " action";
  }
  if (equal && (!has_default_regex(r) || !plain_rest)) {
    return action + " action requires only 'source_labels' and `target_label`, and no other fields";
  }
  const bool by_name =
      r.action == RelabelAction::kLabelDrop || r.action == RelabelAction::kLabelKeep;
  if (by_name && (!r.source_labels.empty() || !r.target_label.empty() || !plain_rest)) {
    return action + " action requires only 'regex', and no other fields";
  }
  return "";
}

base::Status parse_action(const base::YamlNode& node, RelabelAction& out) {
  ASSIGN_OR_RETURN(const std::string text, node.as_string());
  const std::string name = change_case(text, false);
  for (const ActionName& row : kActions) {
    if (row.name != name) continue;
    out = row.action;
    return {};
  }
  return node.error("unknown relabel action " + base::go_quote(text));
}

base::Status parse_regex(const base::YamlNode& node, Regex& out) {
  ASSIGN_OR_RETURN(const std::string pattern, node.as_string());
  base::Result<Regex> regex = Regex::compile(pattern);
  if (!regex.is_ok()) return node.error(regex.status().message());
  out = *regex;
  return {};
}

base::Status parse_source_labels(const base::YamlNode& node, std::vector<std::string>& out) {
  ASSIGN_OR_RETURN(out, node.as_string_list());
  for (const std::string& name : out) {
    if (!is_valid_name(name))
      return node.error(base::go_quote(name) + " is not a valid label name");
  }
  return {};
}

// Go's YAML empties a field whose value is null; the default stays only for one that is absent.
void empty_null_fields(const base::YamlNode& map, RelabelRule& rule) {
  for (const auto& entry : map.entries()) {
    if (!entry.value.is_null()) continue;
    if (entry.key == "regex") rule.regex = Regex::compile("").value();
    if (entry.key == "separator") rule.separator.clear();
    if (entry.key == "replacement") rule.replacement.clear();
  }
}

base::Result<RelabelRule> parse_rule(const base::YamlNode& node, bool legacy_names) {
  RelabelRule rule;
  rule.legacy_names = legacy_names;
  base::YamlFields fields(node, "relabel.plain");
  fields.read("source_labels",
              [&](const base::YamlNode& n) { return parse_source_labels(n, rule.source_labels); });
  fields.read("separator", rule.separator);
  fields.read("regex", [&](const base::YamlNode& n) { return parse_regex(n, rule.regex); });
  fields.read("modulus", rule.modulus);
  fields.read("target_label", rule.target_label);
  fields.read("replacement", rule.replacement);
  fields.read("action", [&](const base::YamlNode& n) { return parse_action(n, rule.action); });
  RETURN_IF_ERROR(fields.finish());
  empty_null_fields(node, rule);
  const std::string wrong = complaint(rule);
  if (!wrong.empty()) return node.error(wrong);
  return rule;
}

void replace(const RelabelRule& rule, std::string_view value, LabelsBuilder& labels) {
  const bool constant = !has_variable(rule.target_label) && !has_variable(rule.replacement);
  if (value.empty() && constant && has_default_regex(rule)) {
    labels.set(rule.target_label, rule.replacement);
    return;
  }
  const auto captures = rule.regex.captures(value);
  if (!captures) return;
  const std::string target = rule.regex.expand(rule.target_label, *captures);
  if (is_valid_target(rule, target))
    labels.set(target, rule.regex.expand(rule.replacement, *captures));
}

void map_names(const RelabelRule& rule, LabelsBuilder& labels) {
  const auto before = labels.pairs();
  for (const auto& pair : before) {
    const auto captures = rule.regex.captures(pair.first);
    if (!captures) continue;
    const std::string name = rule.regex.expand(rule.replacement, *captures);
    if (is_valid_name(name)) labels.set(name, pair.second);
  }
}

void drop_names(const RelabelRule& rule, bool matching, LabelsBuilder& labels) {
  const auto before = labels.pairs();
  for (const auto& pair : before) {
    if (rule.regex.matches(pair.first) == matching) labels.del(pair.first);
  }
}

// False: dropped.
bool apply(const RelabelRule& rule, LabelsBuilder& labels) {
  std::string value;
  for (size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) value += rule.separator;
    value += labels.get(rule.source_labels[i]);
  }
  switch (rule.action) {
    case RelabelAction::kReplace: replace(rule, value, labels); return true;
    case RelabelAction::kKeep: return rule.regex.matches(value);
    case RelabelAction::kDrop: return !rule.regex.matches(value);
    case RelabelAction::kKeepEqual: return labels.get(rule.target_label) == value;
    case RelabelAction::kDropEqual: return labels.get(rule.target_label) != value;
    case RelabelAction::kHashMod:
      labels.set(rule.target_label, std::to_string(hash_of(value) % rule.modulus));
      return true;
    case RelabelAction::kLabelMap: map_names(rule, labels); return true;
    case RelabelAction::kLabelDrop: drop_names(rule, true, labels); return true;
    case RelabelAction::kLabelKeep: drop_names(rule, false, labels); return true;
    case RelabelAction::kLowercase:
      labels.set(rule.target_label, change_case(value, false));
      return true;
    case RelabelAction::kUppercase:
      labels.set(rule.target_label, change_case(value, true));
      return true;
  }
  return true;
}

}  // namespace

std::string_view relabel_action_text(RelabelAction action) {
  for (const ActionName& row : kActions) {
    if (row.action == action) return row.name;
  }
  return "";
}

bool RelabelRule::operator==(const RelabelRule& o) const {
  return source_labels == o.source_labels && separator == o.separator &&
         regex.pattern() == o.regex.pattern() && modulus == o.modulus &&
         target_label == o.target_label && replacement == o.replacement && action == o.action &&
         legacy_names == o.legacy_names;
}

void RelabelRule::write(base::YamlWriter& w) const {
  w.key_flow_list("source_labels", source_labels);
  if (!separator.empty()) w.key_value("separator", separator);
  if (!has_default_regex(*this)) w.key_value("regex", regex.pattern());
  if (modulus != 0) w.key_value("modulus", modulus);
  if (!target_label.empty()) w.key_value("target_label", target_label);
  if (!replacement.empty()) w.key_value("replacement", replacement);
  w.key_value("action", relabel_action_text(action));
}

base::Result<std::vector<RelabelRule>> parse_relabel_rules(const base::YamlNode& list,
                                                           std::string_view null_rule,
                                                           bool legacy_names) {
  std::vector<RelabelRule> rules;
  if (list.is_null()) return rules;
  if (!list.is_sequence()) return list.mismatch("[]*relabel.Config");
  for (const base::YamlNode& item : list.items()) {
    if (item.is_null()) return item.error(null_rule);
    ASSIGN_OR_RETURN(RelabelRule rule, parse_rule(item, legacy_names));
    rules.push_back(std::move(rule));
  }
  return rules;
}

void read_relabel_rules(base::YamlFields& fields, std::string_view key, std::string_view null_rule,
                        std::vector<RelabelRule>& out, bool legacy_names) {
  fields.read(key, [&](const base::YamlNode& list) -> base::Status {
    ASSIGN_OR_RETURN(out, parse_relabel_rules(list, null_rule, legacy_names));
    return {};
  });
}

void write_relabel_rules(base::YamlWriter& w, std::string_view key,
                         const std::vector<RelabelRule>& rules) {
  if (rules.empty()) return;
  w.begin_list(key);
  for (const RelabelRule& rule : rules) {
    w.begin_item();
    rule.write(w);
    w.end_item();
  }
  w.end_list();
}

bool relabel(const std::vector<RelabelRule>& rules, LabelsBuilder& labels) {
  for (const RelabelRule& rule : rules) {
    if (!apply(rule, labels)) return false;
  }
  return true;
}

}  // namespace silverback::model
