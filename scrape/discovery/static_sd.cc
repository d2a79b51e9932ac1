#include "scrape/discovery/static_sd.h"

#include <string>
#include <utility>

namespace silverback::scrape {
namespace {

class StaticSd final : public Discoverer {
 public:
  explicit StaticSd(const std::vector<model::StaticTargetGroup>& groups) {
    for (const model::StaticTargetGroup& group : groups) {
      groups_.push_back(model::to_target_group(group, std::to_string(groups_.size())));
    }
  }
  void start(Update update) override { update(groups_); }
  void stop() override {}

 private:
  std::vector<model::TargetGroup> groups_;
};

}  // namespace

std::unique_ptr<Discoverer> make_static_sd(const std::vector<model::StaticTargetGroup>& groups) {
  return std::make_unique<StaticSd>(groups);
}

}  // namespace silverback::scrape
