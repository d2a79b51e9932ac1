#include "scrape/discovery/static_sd.h"

#include <string>
#include <utility>

namespace silverback::scrape {
namespace {

class StaticSd final : public Discoverer {
 public:
  explicit StaticSd(const std::vector<StaticTargetGroup>& groups) {
    for (const StaticTargetGroup& group : groups) {
      groups_.push_back(to_target_group(group, std::to_string(groups_.size())));
    }
  }
  void start(Update update) override { update(groups_); }
  void stop() override {}

 private:
  std::vector<TargetGroup> groups_;
};

}  // namespace

base::Result<StaticTargetGroup> parse_target_group(const base::YamlNode& node) {
  if (node.is_null()) return node.error("empty or null target group");
  StaticTargetGroup group;
  base::YamlFields f(node, "targetgroup.Group");
  f.read("targets", group.targets);
  f.read("labels", group.labels);
  RETURN_IF_ERROR(f.finish());
  for (const auto& [name, value] : group.labels) {
    if (!model::is_valid_name(name)) {
      return node.error(model::go_quote(name) + " is not a valid label name");
    }
  }
  return group;
}

base::Status parse_static_configs(const base::YamlNode& list, std::vector<StaticTargetGroup>& out) {
  if (!list.is_sequence()) return list.error("static_configs must be a list");
  for (const base::YamlNode& node : list.items()) {
    ASSIGN_OR_RETURN(StaticTargetGroup group, parse_target_group(node));
    out.push_back(std::move(group));
  }
  return {};
}

void write_static_configs(base::YamlWriter& w, const std::vector<StaticTargetGroup>& groups) {
  if (groups.empty()) return;
  w.begin_list("static_configs");
  for (const StaticTargetGroup& group : groups) {
    w.begin_item();
    w.key_list("targets", group.targets);
    if (!group.labels.empty()) {
      w.begin_map("labels");
      for (const auto& [name, value] : group.labels) w.key_value(name, value);
      w.end_map();
    }
    w.end_item();
  }
  w.end_list();
}

TargetGroup to_target_group(const StaticTargetGroup& group, std::string source) {
  TargetGroup out;
  out.source = std::move(source);
  out.labels = model::Labels::from(group.labels);
  for (const std::string& target : group.targets) {
    out.targets.push_back(model::Labels::from({{"__address__", target}}));
  }
  return out;
}

std::unique_ptr<Discoverer> make_static_sd(const std::vector<StaticTargetGroup>& groups) {
  return std::make_unique<StaticSd>(groups);
}

}  // namespace silverback::scrape
