#include "rules/group.h"

#include <cmath>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/metrics.h"
#include "model/stale.h"
#include "promql/engine.h"
#include "tests/support/memory_storage.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
using silverback::testing::MemoryStorage;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'000'040'000;  // a whole minute

promql::EngineOptions engine_options(base::Clock& clock, base::metrics::Registry& registry) {
  promql::EngineOptions options;
  options.clock = &clock;
  options.logger = &base::Logger::null();
  options.registry = &registry;
  options.default_subquery_step_ms = [] { return kMinute; };
  return options;
}

/// Groups over storage in memory and the real engine.
struct Fixture {
  Fixture() {
    services.engine = &engine;
    services.queryable = &storage;
    services.appendable = &storage;
    services.clock = &clock;
    services.logger = &base::Logger::null();
    services.metrics = &metrics;
    services.external_url = "http://prom";
    services.for_outage_tolerance_ms = 60 * kMinute;
    services.for_grace_period_ms = 10 * kMinute;
    services.resend_delay_ms = kMinute;
    config.file = "r.yml";
    config.name = "g";
    config.interval_ms = kMinute;
  }
  rules::RuleConfig& record(const std::string& name, const std::string& expr) {
    config.rules.emplace_back();
    config.rules.back().record = name;
    config.rules.back().expr = expr;
    return config.rules.back();
  }
  rules::RuleConfig& alert(const std::string& name, const std::string& expr, int64_t for_minutes) {
    config.rules.emplace_back();
    config.rules.back().alert = name;
    config.rules.back().expr = expr;
    config.rules.back().for_ms = for_minutes * kMinute;
    return config.rules.back();
  }
  std::unique_ptr<rules::Group> make(bool restore = false) {
    rules::Group::Options options;
    options.config = config;
    options.restore = restore;
    return std::make_unique<rules::Group>(services, options);
  }
  void put(const std::string& instance, int64_t minute, double v) {
    storage.add(model::Labels::from({{"__name__", "m"}, {"instance", instance}}), at(minute), v);
  }
  static int64_t at(int64_t minute) { return kStart + minute * kMinute; }
  void evaluate(rules::Group& group, int64_t minute) {
    clock.set_ms(at(minute));
    group.evaluate(at(minute));
  }
  /// "t=v" by minute, "S" for a stale marker.
  std::string samples(std::initializer_list<std::pair<std::string, std::string>> labels) const {
    std::string out;
    for (const auto& s : storage.samples(model::Labels::from(labels))) {
      if (!out.empty()) out += ' ';
      out += std::to_string((s.t - kStart) / kMinute) + "=";
      out += model::is_stale(s.v) ? "S" : std::to_string(std::lround(s.v));
    }
    return out;
  }
  std::string metric(const std::string& line_start) const {
    const std::string text = registry.render_text();
    const size_t at_pos = text.find("\n" + line_start);
    if (at_pos == std::string::npos) return "";
    const size_t space = text.find(' ', text.find('}', at_pos));
    return text.substr(space + 1, text.find('\n', space) - space - 1);
  }

  base::ManualClock clock{kStart};
  base::metrics::Registry registry;
  MemoryStorage storage;
  promql::Engine engine{engine_options(clock, registry)};
  rules::RuleMetrics metrics{registry};
  rules::GroupServices services;
  rules::RuleGroupConfig config;
};

const std::string kLabel = "{rule_group=\"r.yml;g\"}";

}  // namespace

TEST_CASE("Group stores results and rules see those before them", "[rules]") {
  Fixture f;
  f.config.labels = {{"kind", "group"}, {"team", "a"}};
  f.record("total", "sum(m)").labels = {{"kind", "rule"}};
  f.record("twice", "total * 2");
  f.record("answer", "42");
  f.put("a", 0, 1);
  f.put("b", 0, 2);
  const auto group = f.make();
  f.evaluate(*group, 0);
  CHECK(f.samples({{"__name__", "total"}, {"kind", "rule"}, {"team", "a"}}) == "0=3");
  CHECK(f.samples({{"__name__", "twice"}, {"kind", "group"}, {"team", "a"}}) == "0=6");
  CHECK(f.samples({{"__name__", "answer"}, {"kind", "group"}, {"team", "a"}}) == "0=42");
  CHECK(f.metric("prometheus_rule_evaluations_total" + kLabel) == "3");
  CHECK(f.metric("prometheus_rule_group_iterations_total" + kLabel) == "1");
  CHECK(f.metric("prometheus_rule_group_last_evaluation_samples" + kLabel) == "3");
  CHECK(f.metric("prometheus_rule_group_rules" + kLabel) == "3");
  CHECK(f.metric("prometheus_rule_group_interval_seconds" + kLabel) == "60");
}

TEST_CASE("Group ends series that a rule gives no more", "[rules]") {
  Fixture f;
  f.record("copy", "m");
  f.put("a", 0, 1);
  f.put("b", 0, 2);
  f.put("a", 1, 1);
  f.storage.add(model::Labels::from({{"__name__", "m"}, {"instance", "b"}}), f.at(1),
                model::stale_nan());
  const auto group = f.make();
  f.evaluate(*group, 0);
  f.evaluate(*group, 1);
  f.evaluate(*group, 2);
  CHECK(f.samples({{"__name__", "copy"}, {"instance", "a"}}) == "0=1 1=1 2=1");
  CHECK(f.samples({{"__name__", "copy"}, {"instance", "b"}}) == "0=2 1=S");
}

TEST_CASE("Group stores histograms", "[rules]") {
  Fixture f;
  f.record("copy", "h");
  model::Histogram h;
  h.count = 2;
  h.sum = 3;
  h.zero_count = 2;
  f.storage.add(model::Labels::from({{"__name__", "h"}}), f.at(0), h);
  const auto group = f.make();
  f.evaluate(*group, 0);
  const auto stored = f.storage.samples(model::Labels::from({{"__name__", "copy"}}));
  REQUIRE(stored.size() == 1);
  REQUIRE(stored[0].h != nullptr);
  CHECK(stored[0].h->sum == 3);
}

TEST_CASE("Group evaluates and stores at its query offset", "[rules]") {
  Fixture f;
  f.record("copy", "m");
  for (int64_t minute = 0; minute < 4; ++minute) f.put("a", minute, static_cast<double>(minute));
  SECTION("of its own") {
    f.config.query_offset_ms = 2 * kMinute;
    const auto group = f.make();
    group->set_default_query_offset(kMinute);
    f.evaluate(*group, 3);
    CHECK(f.samples({{"__name__", "copy"}, {"instance", "a"}}) == "1=1");
  }
  SECTION("or the global one") {
    const auto group = f.make();
    group->set_default_query_offset(kMinute);
    f.evaluate(*group, 3);
    CHECK(f.samples({{"__name__", "copy"}, {"instance", "a"}}) == "2=2");
  }
}

TEST_CASE("Queries in templates come by labels, unless they sort", "[rules]") {
  const std::pair<const char*, const char*> cases[] = {
      {"m", "a b c d "},        {"m > 1", "b c d "}, {"sort_desc(m)", "d c b a "},
      {"(topk(2, m))", "d c "}, {"-m", "a b c d "},
  };
  for (const auto& [expr, expected] : cases) {
    INFO(expr);
    Fixture f;
    f.alert("A", "vector(1)", 0).annotations = {
        {"list",
         std::string("{{ range query \"") + expr + "\" }}{{ .Labels.instance }} {{ end }}"}};
    for (int i = 0; i < 4; ++i) f.put(std::string(1, static_cast<char>('a' + i)), 0, i + 1);
    const auto group = f.make();
    f.evaluate(*group, 0);
    CHECK(group->active_alerts().at(0).annotations.at(0).second == expected);
  }
}

TEST_CASE("Group tells failing rules and goes on", "[rules]") {
  Fixture f;
  f.config.limit = 1;
  f.record("many", "m");
  f.record("bad", "m + on() m");
  f.record("good", "sum(m)");
  f.put("a", 0, 1);
  f.put("b", 0, 2);
  const auto group = f.make();
  f.evaluate(*group, 0);
  const rules::GroupStatus status = group->status();
  REQUIRE(status.rules.size() == 3);
  CHECK(status.rules[0].health == rules::RuleHealth::kErr);
  CHECK(status.rules[0].last_error == "exceeded limit of 1 with 2 series");
  CHECK(status.rules[1].health == rules::RuleHealth::kErr);
  CHECK(status.rules[2].health == rules::RuleHealth::kOk);
  CHECK(status.rules[2].last_evaluation_ms == f.at(0));
  CHECK(status.last_evaluation_ms == f.at(0));
  CHECK(f.samples({{"__name__", "good"}}) == "0=3");
  CHECK(f.metric("prometheus_rule_evaluation_failures_total" + kLabel) == "2");
}

TEST_CASE("Group tells that storing failed and tries again", "[rules]") {
  Fixture f;
  f.record("copy", "m");
  f.put("a", 0, 1);
  const auto group = f.make();
  f.storage.fail_commits(base::Status(base::Errc::kUnavailable, "disk full"));
  f.evaluate(*group, 0);
  CHECK(group->status().rules[0].last_error == "disk full");
  CHECK(f.metric("prometheus_rule_evaluation_failures_total" + kLabel) == "1");
  f.storage.fail_commits({});
  f.evaluate(*group, 1);
  CHECK(group->status().rules[0].health == rules::RuleHealth::kOk);
  CHECK(f.samples({{"__name__", "copy"}, {"instance", "a"}}) == "1=1");
}

TEST_CASE("Group tells refused samples", "[rules]") {
  Fixture f;
  f.record("copy", "m");
  f.put("a", 0, 1);
  f.storage.add(model::Labels::from({{"__name__", "copy"}, {"instance", "a"}}), f.at(5), 1);
  const auto group = f.make();
  f.evaluate(*group, 0);
  CHECK(group->status().rules[0].health == rules::RuleHealth::kErr);
  CHECK_FALSE(group->status().rules[0].last_error.empty());
  CHECK(f.metric("prometheus_rule_evaluation_failures_total" + kLabel) == "0");
}

TEST_CASE("Group writes ALERTS and ends it when the alert is over", "[rules]") {
  Fixture f;
  f.alert("High", "m > 5", 1);
  f.put("a", 0, 9);
  f.put("a", 3, 1);
  const auto group = f.make();
  for (int64_t minute = 0; minute < 5; ++minute) f.evaluate(*group, minute);
  CHECK(f.samples({{"__name__", "ALERTS"},
                   {"alertname", "High"},
                   {"alertstate", "pending"},
                   {"instance", "a"}}) == "0=1 1=S");
  CHECK(f.samples({{"__name__", "ALERTS"},
                   {"alertname", "High"},
                   {"alertstate", "firing"},
                   {"instance", "a"}}) == "1=1 2=1 3=S");
  CHECK(f.samples({{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "High"}, {"instance", "a"}}) ==
        "0=1700000040 1=1700000040 2=1700000040 3=S");
  CHECK(group->active_alerts().empty());
}

TEST_CASE("Group restores the for state", "[rules]") {
  struct Case {
    int64_t active_minute, last_minute;  // of the sample left by the former process
    bool stale;
    int64_t restored_ms;  // expected active_at, from kStart
  };
  // The rule waits 30 minutes; restore runs at minute 101.
  const Case cases[] = {
      {60, 95, false, 60 * kMinute},               // was firing
      {70, 95, false, (101 + 10 - 30) * kMinute},  // 5 minutes were left: the grace period's 10
      {90, 95, false, (90 + 6) * kMinute},         // 25 were left: shifted by the outage
      {60, 40, false, 100 * kMinute},              // too long ago
      {60, 95, true, 100 * kMinute},               // had ended
  };
  for (const Case& c : cases) {
    INFO(c.active_minute << " " << c.last_minute);
    Fixture f;
    f.alert("High", "m > 5", 30).labels = {{"severity", "page"}, {"v", "{{ $labels.instance }}"}};
    for (int64_t minute = 100; minute < 103; ++minute) f.put("a", minute, 9);
    f.storage.add(model::Labels::from({{"__name__", "ALERTS_FOR_STATE"},
                                       {"alertname", "High"},
                                       {"instance", "a"},
                                       {"severity", "page"},
                                       {"v", "a"}}),
                  f.at(c.last_minute),
                  c.stale ? model::stale_nan() : static_cast<double>(f.at(c.active_minute) / 1000));
    const auto group = f.make(true);
    CHECK(group->wants_restore());
    f.evaluate(*group, 100);
    f.evaluate(*group, 101);
    CHECK(f.samples({{"__name__", "ALERTS"},
                     {"alertname", "High"},
                     {"alertstate", "pending"},
                     {"instance", "a"},
                     {"severity", "page"},
                     {"v", "a"}}) == "");
    group->restore(f.at(101));
    CHECK_FALSE(group->wants_restore());
    REQUIRE(group->active_alerts().size() == 1);
    CHECK(group->active_alerts()[0].active_at_ms - kStart == c.restored_ms);
    f.evaluate(*group, 102);
    const bool fires = f.at(102) - group->active_alerts()[0].active_at_ms >= 30 * kMinute;
    CHECK((group->active_alerts()[0].state == rules::AlertState::kFiring) == fires);
  }
}

TEST_CASE("Group does not restore a for below the grace period", "[rules]") {
  Fixture f;
  f.alert("High", "m > 5", 5);
  f.put("a", 100, 9);
  f.storage.add(model::Labels::from(
                    {{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "High"}, {"instance", "a"}}),
                f.at(99), static_cast<double>(f.at(90) / 1000));
  const auto group = f.make(true);
  f.evaluate(*group, 100);
  group->restore(f.at(100));
  CHECK(group->active_alerts().at(0).active_at_ms == f.at(100));
}

TEST_CASE("Group restores nothing when storage fails, but goes on", "[rules]") {
  Fixture f;
  f.alert("High", "m > 5", 30);
  f.put("a", 0, 9);
  const auto group = f.make(true);
  f.evaluate(*group, 0);
  f.storage.fail_queries(base::Status(base::Errc::kIo, "no"));
  group->restore(f.at(0));
  f.storage.fail_queries({});
  f.evaluate(*group, 1);
  CHECK(f.samples({{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "High"}, {"instance", "a"}}) ==
        "1=1700000040");
}

TEST_CASE("Group hands state over to its next edition", "[rules]") {
  Fixture f;
  f.alert("High", "m > 5", 10);
  f.record("kept", "sum(m)");
  f.record("old", "sum(m)");
  f.put("a", 0, 9);
  const auto first = f.make();
  f.evaluate(*first, 0);

  f.config.rules.pop_back();
  f.config.rules[0].expr = "m > 3";  // same name and labels
  f.record("new", "sum(m)");
  const auto second = f.make();
  second->copy_state(*first);
  CHECK(second->status().last_evaluation_ms == f.at(0));
  f.evaluate(*second, 1);
  REQUIRE(second->active_alerts().size() == 1);
  CHECK(second->active_alerts()[0].active_at_ms == f.at(0));
  CHECK(f.samples({{"__name__", "kept"}}) == "0=9 1=9");
  CHECK(f.samples({{"__name__", "old"}}) == "0=9 1=S");
  CHECK(f.samples({{"__name__", "new"}}) == "1=9");
}

TEST_CASE("Group ends all its series when it is removed", "[rules]") {
  Fixture f;
  f.alert("High", "m > 5", 10);
  f.record("rec", "sum(m)");
  f.put("a", 0, 9);
  const auto group = f.make();
  f.evaluate(*group, 0);
  group->write_all_stale(f.at(1));
  CHECK(f.samples({{"__name__", "rec"}}) == "0=9 1=S");
  CHECK(f.samples({{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "High"}, {"instance", "a"}}) ==
        "0=1700000040 1=S");
}

TEST_CASE("Group removed in the ms of its evaluation still ends its series", "[rules]") {
  Fixture f;
  f.record("rec", "sum(m)");
  f.put("a", 0, 9);
  const auto group = f.make();
  f.evaluate(*group, 0);
  group->write_all_stale(f.at(0));
  CHECK(f.samples({{"__name__", "rec"}}).find("=S") != std::string::npos);
}

TEST_CASE("Group's grid is stable and spread", "[rules]") {
  Fixture f;
  const auto group = f.make();
  const int64_t point = group->grid_point(kStart);
  CHECK(point <= kStart);
  CHECK(point > kStart - kMinute);
  CHECK(group->grid_point(point) == point);
  CHECK(group->grid_point(point - 1) == point - kMinute);
  CHECK(group->grid_point(point + kMinute) == point + kMinute);
  CHECK(f.make()->grid_point(kStart) == point);
  f.config.name = "other";
  CHECK(f.make()->grid_point(kStart) != point);
}

TEST_CASE("Group ends early when asked", "[rules]") {
  Fixture f;
  f.record("a", "1");
  const auto group = f.make();
  std::stop_source stop;
  stop.request_stop();
  group->evaluate(f.at(0), stop.get_token());
  CHECK(f.samples({{"__name__", "a"}}) == "");
}

TEST_CASE("Group counts missed iterations", "[rules]") {
  Fixture f;
  const auto group = f.make();
  group->count_missed(0);
  group->count_missed(3);
  CHECK(f.metric("prometheus_rule_group_iterations_missed_total" + kLabel) == "3");
  CHECK(f.metric("prometheus_rule_group_iterations_total" + kLabel) == "3");
}
