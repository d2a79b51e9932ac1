#include "rules/rule_manager.h"

#include <algorithm>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "model/stale.h"
#include "promql/engine.h"
#include "tests/support/http_test_server.h"
#include "tests/support/memory_storage.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
using silverback::testing::eventually;
using silverback::testing::MemoryStorage;

constexpr int64_t kInterval = 40;

promql::EngineOptions engine_options(base::Clock& clock, base::metrics::Registry& registry) {
  promql::EngineOptions options;
  options.clock = &clock;
  options.logger = &base::Logger::null();
  options.registry = &registry;
  options.default_subquery_step_ms = [] { return int64_t{1000}; };
  return options;
}

rules::RuleConfig record(const std::string& name, const std::string& expr) {
  rules::RuleConfig rule;
  rule.record = name;
  rule.expr = expr;
  return rule;
}

rules::RuleConfig alert(const std::string& name, const std::string& expr) {
  rules::RuleConfig rule;
  rule.alert = name;
  rule.expr = expr;
  return rule;
}

rules::RuleGroupConfig group(const std::string& name, std::vector<rules::RuleConfig> list,
                             const std::string& file = "r.yml") {
  rules::RuleGroupConfig g;
  g.file = file;
  g.name = name;
  g.rules = std::move(list);
  return g;
}

/// A manager over storage in memory, the real engine and real timers.
struct Fixture {
  Fixture() {
    io.start();
    pool.start();
    rules::RuleManager::Options options;
    options.io = &io;
    options.rules_pool = &pool;
    options.engine = &engine;
    options.queryable = &storage;
    options.appendable = &storage;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.external_url = "http://prom";
    manager = std::make_unique<rules::RuleManager>(options);
  }
  ~Fixture() {
    manager.reset();
    pool.stop();
    io.stop();
  }
  void apply(const std::vector<rules::RuleGroupConfig>& groups,
             const model::Labels& external = {}) {
    manager->apply(groups, kInterval, 0, external);
  }
  std::vector<silverback::testing::StoredSample> samples(const std::string& name) const {
    return storage.samples(model::Labels::from({{"__name__", name}}));
  }
  bool ended(const std::string& name) const {
    const auto all = samples(name);
    return std::any_of(all.begin(), all.end(), [](const auto& s) { return model::is_stale(s.v); });
  }

  base::SystemClock clock;
  base::metrics::Registry registry;
  MemoryStorage storage;
  promql::Engine engine{engine_options(clock, registry)};
  base::IoRuntime io{1};
  base::WorkerPool pool{{"rules", 2, 64, 0}};
  std::unique_ptr<rules::RuleManager> manager;
};

}  // namespace

TEST_CASE("RuleManager evaluates on its grid once started", "[rules]") {
  Fixture f;
  f.apply({group("g", {record("one", "1"), alert("Always", "vector(1)")})});
  REQUIRE(f.manager->groups().size() == 1);
  CHECK(f.manager->groups()[0].last_evaluation_ms == 0);
  CHECK(f.manager->groups()[0].rules[0].health == rules::RuleHealth::kUnknown);
  CHECK(f.samples("one").empty());
  f.manager->start();
  REQUIRE(eventually([&] { return f.samples("one").size() >= 3; }));
  f.manager->stop();
  const auto samples = f.samples("one");
  for (size_t i = 1; i < samples.size(); ++i) {
    CHECK((samples[i].t - samples[i - 1].t) % kInterval == 0);
    CHECK(samples[i].t > samples[i - 1].t);
  }
  CHECK(f.manager->active_alerts().size() == 1);
  CHECK(f.manager->groups()[0].interval_ms == kInterval);
}

TEST_CASE("RuleManager restores after the second evaluation", "[rules]") {
  Fixture f;
  f.apply({group("g", {alert("Always", "vector(1)")})});
  f.manager->start();
  const auto series =
      model::Labels::from({{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "Always"}});
  REQUIRE(eventually([&] { return !f.storage.samples(series).empty(); }));
  f.manager->stop();
  const auto alerts = f.manager->active_alerts();
  REQUIRE(alerts.size() == 1);
  CHECK(f.storage.samples(series)[0].t - alerts[0].active_at_ms >= 2 * kInterval);
}

TEST_CASE("RuleManager keeps unchanged groups, carries state and ends removed series", "[rules]") {
  Fixture f;
  const auto kept = group("kept", {record("kept", "1"), alert("Always", "vector(1)")});
  const auto removed = group("removed", {record("removed", "1")});
  auto changed = group("changed", {alert("Other", "vector(2)"), record("dropped", "1")});
  f.apply({kept, removed, changed});
  f.manager->start();
  REQUIRE(eventually([&] {
    return !f.samples("kept").empty() && !f.samples("removed").empty() &&
           !f.samples("dropped").empty() && f.manager->active_alerts().size() == 2;
  }));
  const auto active_at = [&](const std::string& name) {
    for (const auto& a : f.manager->active_alerts()) {
      if (a.labels.get("alertname") == name) return a.active_at_ms;
    }
    return int64_t{0};
  };
  const int64_t always = active_at("Always"), other = active_at("Other");
  changed.rules[0].expr = "vector(3)";
  changed.rules.pop_back();
  f.apply({changed, kept});
  CHECK(active_at("Always") == always);
  CHECK(active_at("Other") == other);
  REQUIRE(f.manager->groups().size() == 2);
  CHECK(f.manager->groups()[0].name == "changed");
  CHECK(f.manager->groups()[0].rules[0].query == "vector(3)");
  CHECK(eventually([&] { return f.ended("dropped"); }));
  CHECK(eventually([&] { return f.ended("removed"); }));
  CHECK_FALSE(f.ended("kept"));
  CHECK(f.registry.render_text().find("r.yml;removed") == std::string::npos);
  CHECK(f.registry.render_text().find("r.yml;kept") != std::string::npos);
}

TEST_CASE("RuleManager gives alerts new external labels", "[rules]") {
  Fixture f;
  auto rule = alert("Always", "vector(1)");
  rule.annotations = {{"cluster", "{{ $externalLabels.cluster }}"}};
  f.apply({group("g", {rule})}, model::Labels::from({{"cluster", "a"}}));
  f.manager->start();
  const auto cluster = [&] {
    const auto alerts = f.manager->active_alerts();
    return alerts.empty() ? std::string() : alerts[0].annotations.at(0).second;
  };
  REQUIRE(eventually([&] { return cluster() == "a"; }));
  f.apply({group("g", {rule})}, model::Labels::from({{"cluster", "b"}}));
  CHECK(eventually([&] { return cluster() == "b"; }));
}

TEST_CASE("RuleManager sorts groups by file and name", "[rules]") {
  Fixture f;
  f.apply({group("b", {}, "b.yml"), group("z", {}, "a.yml"), group("a", {}, "a.yml")});
  const auto groups = f.manager->groups();
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].name == "a");
  CHECK(groups[1].name == "z");
  CHECK(groups[2].name == "b");
}

TEST_CASE("RuleManager stops before it started, and stays stopped", "[rules]") {
  Fixture f;
  f.apply({group("g", {record("one", "1")})});
  f.manager->stop();
  f.manager->start();
  f.apply({group("g", {record("two", "1")})});
  CHECK(f.manager->groups()[0].rules[0].name == "one");
  CHECK(f.samples("one").empty());
}

TEST_CASE("RuleManager may go while removed groups wait to end their series", "[rules]") {
  Fixture f;
  auto slow = group("slow", {record("one", "1")});
  f.apply({slow});
  f.manager->start();
  REQUIRE(eventually([&] { return !f.samples("one").empty(); }));
  slow.interval_ms = 3'600'000;
  f.apply({slow});
  f.apply({});
  f.manager.reset();
  CHECK_FALSE(f.ended("one"));
}
