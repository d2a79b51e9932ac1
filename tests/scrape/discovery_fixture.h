#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "base/yaml.h"
#include "scrape/discovery/discovery_set.h"
#include "tests/support/http_test_server.h"

namespace silverback::scrape {

/// Discoveries over real threads, and what they have told.
struct DiscoveryFixture {
  DiscoveryFixture() {
    io.start();
    pool.start();
  }
  ~DiscoveryFixture() {
    set.reset();
    pool.stop();
    io.stop();
  }
  DiscoveryFixture(const DiscoveryFixture&) = delete;
  DiscoveryFixture& operator=(const DiscoveryFixture&) = delete;

  static model::DiscoveryConfigs parse(const std::string& yaml) {
    const auto node = base::parse_yaml(yaml, "p.yml");
    REQUIRE(node.is_ok());
    base::YamlFields fields(*node, "test");
    model::DiscoveryConfigs configs;
    configs.parse(fields, "/");
    const base::Status status = fields.finish();
    INFO(status.message());
    REQUIRE(status.is_ok());
    return configs;
  }
  void apply(const std::string& yaml) {
    if (!set) {
      DiscoveryContext context;
      context.io = &io;
      context.file_pool = &pool;
      context.clock = &clock;
      context.logger = &base::Logger::null();
      context.registry = &registry;
      context.config = "job";
      context.resolv_conf = resolv_conf;
      context.dns_port = dns_port;
      set = std::make_unique<DiscoverySet>(context, [this](bool) { ++updates; });
    }
    set->apply(parse(yaml));
  }
  /// Every target with its group's labels, sorted.
  std::vector<std::string> targets() const {
    std::vector<std::string> out;
    for (const model::TargetGroup& group : set->groups()) {
      for (const model::Labels& target : group.targets) {
        model::LabelsBuilder labels(group.labels);
        for (const model::Label& label : target) labels.set(label.name, label.value);
        out.push_back(labels.build().to_string());
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  bool become(const std::vector<std::string>& wanted) const {
    return testing::eventually([&] { return targets() == wanted; });
  }
  bool metric(const std::string& line) const {
    return registry.render_text().find(line + "\n") != std::string::npos;
  }

  base::IoRuntime io{1};
  base::WorkerPool pool{[] {
    base::WorkerPool::Options options;
    options.name = "files";
    options.threads = 1;
    return options;
  }()};
  base::SystemClock clock;
  base::metrics::Registry registry;
  std::string resolv_conf;
  uint16_t dns_port = 0;
  std::atomic<int> updates{0};
  std::unique_ptr<DiscoverySet> set;
};

}  // namespace silverback::scrape
