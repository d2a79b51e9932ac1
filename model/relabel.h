#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"
#include "model/labels.h"
#include "model/regex.h"

namespace silverback::model {

enum class RelabelAction : uint8_t {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};

/// "replace"...
std::string_view relabel_action_text(RelabelAction action);

/// One relabel_config (spec 4.3), checked and compiled.
struct RelabelRule {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  Regex regex = Regex::any();
  uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  bool legacy_names = false;  // targets must be names of the classic charset

  bool operator==(const RelabelRule& o) const;
  void write(base::YamlWriter& w) const;
};

/// A list of relabel_configs. Errors carry file and line; `null_rule` is that of an empty item.
base::Result<std::vector<RelabelRule>> parse_relabel_rules(
    const base::YamlNode& list, std::string_view null_rule = "empty or null relabeling rule",
    bool legacy_names = false);

/// The same under a key of a section, and its way back; nothing is written for no rules.
void read_relabel_rules(base::YamlFields& fields, std::string_view key, std::string_view null_rule,
                        std::vector<RelabelRule>& out, bool legacy_names = false);
void write_relabel_rules(base::YamlWriter& w, std::string_view key,
                         const std::vector<RelabelRule>& rules);

/// Applies the rules in order. False: the labels are dropped. Pure.
bool relabel(const std::vector<RelabelRule>& rules, LabelsBuilder& labels);

}  // namespace silverback::model
