#include "rules/alerting_rule.h"

#include <map>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "model/histogram.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
using rules::AlertState;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'000'000'000;

promql::Sample sample(const std::string& instance, double v) {
  promql::Sample s;
  s.labels = model::Labels::from({{"__name__", "up"}, {"instance", instance}, {"job", "node"}});
  s.v = v;
  return s;
}

/// An alerting rule whose expression gives what the test puts into `result`.
struct Fixture {
  explicit Fixture(int64_t for_minutes = 0, int64_t keep_minutes = 0) {
    options.config.alert = "Down";
    options.config.for_ms = for_minutes * kMinute;
    options.config.keep_firing_for_ms = keep_minutes * kMinute;
    options.config.labels = {{"severity", "page"}};
    options.config.annotations = {{"summary", "{{ $labels.instance }}: {{ $value }}"}};
    options.query = "up == 0";
    options.external_url = "http://prom:9090";
    options.external_labels = model::Labels::from({{"cluster", "eu"}});
  }
  void make() { rule = std::make_unique<rules::AlertingRule>(options); }

  base::Result<rules::RuleOutput> eval(int64_t minute, uint64_t limit = 0, int64_t offset_ms = 0) {
    if (!rule) make();
    rules::Evaluation evaluation;
    evaluation.ts = kStart + minute * kMinute;
    evaluation.query_offset_ms = offset_ms;
    evaluation.limit = limit;
    evaluation.query = [this](const std::string& expr,
                              model::TimestampMs t) -> base::Result<promql::Vector> {
      queries.emplace_back(expr, t);
      if (!failure.is_ok()) return failure;
      return result;
    };
    return rule->eval(evaluation);
  }
  /// "pending", "firing" or "inactive" of the only alert; "" when there is none.
  std::string state() const {
    const auto alerts = rule->alerts();
    if (alerts.empty()) return "";
    REQUIRE(alerts.size() == 1);
    return alerts[0].state == AlertState::kPending  ? "pending"
           : alerts[0].state == AlertState::kFiring ? "firing"
                                                    : "inactive";
  }
  rules::Alert alert() const { return rule->alerts().at(0); }
  std::vector<rules::OutgoingAlert> due(int64_t minute) {
    return rule->take_due(kStart + minute * kMinute, kMinute, 30'000);
  }

  rules::AlertingRule::Options options;
  std::unique_ptr<rules::AlertingRule> rule;
  promql::Vector result;
  base::Status failure;
  std::vector<std::pair<std::string, int64_t>> queries;
};

std::map<std::string, double> series(const rules::RuleOutput& output) {
  std::map<std::string, double> out;
  for (const promql::Sample& s : output.samples) out[s.labels.to_string()] = s.v;
  return out;
}

}  // namespace

TEST_CASE("AlertingRule without for fires at once", "[rules]") {
  Fixture f;
  f.result = {sample("a", 0)};
  const auto output = f.eval(0);
  REQUIRE(output.is_ok());
  CHECK(output->state_changed);
  CHECK(f.state() == "firing");
  CHECK(f.alert().labels.to_string() ==
        R"({alertname="Down", instance="a", job="node", severity="page"})");
  CHECK(f.alert().annotations == rules::StringPairs{{"summary", "a: 0"}});
  CHECK(f.alert().active_at == kStart);
  CHECK(f.alert().fired_at == kStart);
  CHECK(
      series(*output) ==
      std::map<std::string, double>{
          {R"(ALERTS{alertname="Down", alertstate="firing", instance="a", job="node", severity="page"})",
           1},
          {R"(ALERTS_FOR_STATE{alertname="Down", instance="a", job="node", severity="page"})",
           1'700'000'000}});
  CHECK_FALSE(f.eval(1)->state_changed);
}

TEST_CASE("AlertingRule waits for its for", "[rules]") {
  Fixture f(5);
  f.result = {sample("a", 1)};
  for (int64_t minute = 0; minute < 5; ++minute) {
    INFO(minute);
    const auto output = f.eval(minute);
    CHECK(f.state() == "pending");
    CHECK(output->state_changed == (minute == 0));
    CHECK(output->samples.at(1).labels.get("alertstate") == "pending");
    CHECK(f.due(minute).empty());
  }
  CHECK(f.eval(5)->state_changed);
  CHECK(f.state() == "firing");
  CHECK(f.alert().active_at == kStart);
  CHECK(f.alert().fired_at == kStart + 5 * kMinute);
}

TEST_CASE("AlertingRule forgets a pending alert whose condition is gone", "[rules]") {
  Fixture f(5);
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  f.result = {};
  const auto output = f.eval(1);
  CHECK(output->state_changed);
  CHECK(output->samples.empty());
  CHECK(f.state() == "");
}

TEST_CASE("AlertingRule keeps a resolved alert for 15 minutes", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  f.result = {};
  CHECK(f.eval(1)->samples.empty());
  CHECK(f.state() == "inactive");
  CHECK(f.alert().resolved_at == kStart + kMinute);
  REQUIRE(f.eval(16).is_ok());
  CHECK(f.state() == "inactive");
  REQUIRE(f.eval(17).is_ok());
  CHECK(f.state() == "");
}

TEST_CASE("AlertingRule starts anew after a resolution", "[rules]") {
  Fixture f(1);
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  REQUIRE(f.eval(1).is_ok());
  f.result = {};
  REQUIRE(f.eval(2).is_ok());
  f.result = {sample("a", 7)};
  REQUIRE(f.eval(3).is_ok());
  CHECK(f.state() == "pending");
  CHECK(f.alert().active_at == kStart + 3 * kMinute);
  CHECK(f.alert().resolved_at == 0);
  CHECK(f.alert().value == 7);
}

TEST_CASE("AlertingRule keeps firing for as long as told", "[rules]") {
  Fixture f(0, 5);
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  f.result = {};
  for (int64_t minute = 1; minute < 6; ++minute) {
    INFO(minute);
    CHECK(f.eval(minute)->samples.size() == 2);
    CHECK(f.state() == "firing");
    CHECK(f.alert().keep_firing_since == kStart + kMinute);
    CHECK(f.rule->status().alerts.at(0).keep_firing_since_ms == kStart + kMinute);
  }
  SECTION("resolves then") {
    CHECK(f.eval(6)->samples.empty());
    CHECK(f.state() == "inactive");
  }
  SECTION("forgets that clock when the condition returns") {
    f.result = {sample("a", 1)};
    REQUIRE(f.eval(5).is_ok());
    CHECK(f.alert().keep_firing_since == 0);
    f.result = {};
    REQUIRE(f.eval(6).is_ok());
    REQUIRE(f.eval(10).is_ok());
    CHECK(f.state() == "firing");
  }
}

TEST_CASE("AlertingRule refreshes value and annotations", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  f.result = {sample("a", 2.5)};
  REQUIRE(f.eval(1).is_ok());
  CHECK(f.alert().value == 2.5);
  CHECK(f.alert().annotations[0].second == "a: 2.5");
  CHECK(f.alert().active_at == kStart);
}

TEST_CASE("AlertingRule goes back to pending when its for was raised", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  CHECK(f.due(0).size() == 1);
  Fixture longer(10);
  longer.result = f.result;
  longer.make();
  longer.rule->copy_alerts(*f.rule);
  REQUIRE(longer.eval(1).is_ok());
  CHECK(longer.state() == "pending");
  CHECK(longer.alert().active_at == kStart);
  CHECK(longer.alert().last_sent_at == 0);
  REQUIRE(longer.eval(10).is_ok());
  CHECK(longer.state() == "firing");
}

TEST_CASE("AlertingRule expands label templates: another value is another alert", "[rules]") {
  Fixture f;
  f.options.config.labels = {{"level", "{{ if gt $value 5.0 }}high{{ else }}low{{ end }}"},
                             {"nothing", "{{ $labels.none }}"},
                             {"alertname", "other"}};
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  CHECK(f.alert().labels.to_string() ==
        R"({alertname="Down", instance="a", job="node", level="low"})");
  f.result = {sample("a", 9)};
  REQUIRE(f.eval(1).is_ok());
  const auto alerts = f.rule->alerts();
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].labels.get("level") == "high");
  CHECK(alerts[0].state == AlertState::kFiring);
  CHECK(alerts[1].labels.get("level") == "low");
  CHECK(alerts[1].state == AlertState::kInactive);
}

TEST_CASE("AlertingRule shows template errors in place", "[rules]") {
  Fixture f;
  f.options.config.annotations = {{"a", "x {{ first (query \"none\") }}"},
                                  {"b", "{{ $externalLabels.cluster }} {{ externalURL }}"}};
  f.result = {sample("a", 1)};
  f.make();
  // The condition's own query answers; the template's finds nothing.
  rules::Evaluation evaluation;
  evaluation.ts = kStart;
  evaluation.query = [&](const std::string& expr, model::TimestampMs) {
    return base::Result<promql::Vector>(expr == "none" ? promql::Vector{} : f.result);
  };
  REQUIRE(f.rule->eval(evaluation).is_ok());
  CHECK(f.alert().annotations[0].second ==
        "<error expanding template: error executing template __alert_Down: template: "
        "__alert_Down:1:117: executing \"__alert_Down\" at <first (query \"none\")>: error "
        "calling first: first() called on vector with no elements>");
  CHECK(f.alert().annotations[1].second == "eu http://prom:9090");
}

TEST_CASE("AlertingRule gives histograms to templates", "[rules]") {
  Fixture f;
  f.options.config.annotations = {{"a", "{{ $value.Count }} {{ .Value.Sum }}"}};
  auto h = std::make_shared<model::Histogram>();
  h->count = 3;
  h->sum = 1.5;
  f.result = {sample("a", 0)};
  f.result[0].h = h;
  REQUIRE(f.eval(0).is_ok());
  CHECK(f.alert().annotations[0].second == "3 1.5");
  CHECK(f.alert().value == 0);
}

TEST_CASE("AlertingRule refuses alerts that fall together", "[rules]") {
  Fixture f;
  f.options.config.labels = {{"instance", "all"}};
  f.result = {sample("a", 1), sample("b", 1)};
  const auto output = f.eval(0);
  CHECK(output.status().message() ==
        "vector contains metrics with the same labelset after applying alert labels");
  CHECK(f.state() == "");
}

TEST_CASE("AlertingRule keeps its alerts when the query fails", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  f.failure = base::Status(base::Errc::kTimeout, "query timed out");
  CHECK(f.eval(1).status().message() == "query timed out");
  CHECK(f.state() == "firing");
}

TEST_CASE("AlertingRule drops all alerts beyond its limit", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1), sample("b", 1), sample("c", 1)};
  CHECK(f.eval(0, 3).is_ok());
  CHECK(f.eval(1, 2).status().message() == "exceeded limit of 2 with 3 alerts");
  CHECK(f.state() == "");
}

TEST_CASE("AlertingRule looks and stores at the offset time, templates at the grid's", "[rules]") {
  Fixture f;
  f.options.config.annotations = {{"a", "{{ query \"x\" | len }}"}};
  f.result = {sample("a", 1)};
  const auto output = f.eval(0, 0, 30'000);
  REQUIRE(output.is_ok());
  REQUIRE(f.queries.size() == 2);
  CHECK(f.queries[0] == std::pair<std::string, int64_t>("up == 0", kStart - 30'000));
  CHECK(f.queries[1] == std::pair<std::string, int64_t>("x", kStart));
  CHECK(output->samples[0].t == kStart - 30'000);
}

TEST_CASE("AlertingRule sends firing and resolved alerts when due", "[rules]") {
  Fixture f;
  f.result = {sample("a", 1)};
  REQUIRE(f.eval(0).is_ok());
  const auto first = f.due(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].starts_at_ms == kStart);
  CHECK(first[0].ends_at_ms == kStart + 4 * kMinute);
  CHECK(first[0].generator_url == "http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
  CHECK(first[0].labels.get("alertname") == "Down");
  CHECK(f.due(1).empty());  // the resend delay has not passed
  CHECK(f.due(2).size() == 1);
  f.result = {};
  REQUIRE(f.eval(2).is_ok());  // resolved in the minute of the last sending
  CHECK(f.due(2).empty());
  REQUIRE(f.eval(3).is_ok());
  Fixture g;
  g.result = {sample("a", 1)};
  REQUIRE(g.eval(0).is_ok());
  CHECK(g.due(0).size() == 1);
  g.result = {};
  REQUIRE(g.eval(1).is_ok());
  const auto resolved = g.due(1);
  REQUIRE(resolved.size() == 1);
  CHECK(resolved[0].starts_at_ms == kStart);
  CHECK(resolved[0].ends_at_ms == kStart + kMinute);
  CHECK(g.due(2).empty());
  CHECK(g.due(3).size() == 1);
}

TEST_CASE("AlertingRule writes no series before its state is restored", "[rules]") {
  Fixture f(30);
  f.options.restored = false;
  f.result = {sample("a", 1)};
  CHECK(f.eval(0)->samples.empty());
  f.rule->restore([](const rules::Alert& alert) { return alert.active_at - 20 * kMinute; });
  f.rule->set_restored();
  const auto output = f.eval(1);
  CHECK(output->samples.size() == 2);
  CHECK(f.alert().active_at == kStart - 20 * kMinute);
  REQUIRE(f.eval(10).is_ok());
  CHECK(f.state() == "firing");
}

TEST_CASE("AlertingRule tells its status", "[rules]") {
  Fixture f(5);
  f.make();
  CHECK_FALSE(f.rule->status().state_known);
  f.result = {sample("a", 1), sample("b", 2)};
  REQUIRE(f.eval(0).is_ok());
  f.rule->set_evaluated(kStart, 0.25);
  f.rule->set_health(base::Status(base::Errc::kExecution, "no"));
  rules::RuleStatus status = f.rule->status();
  CHECK(status.alerting);
  CHECK(status.state_known);
  CHECK(status.state == AlertState::kPending);
  CHECK(status.alerts.size() == 2);
  CHECK(status.for_ms == 5 * kMinute);
  CHECK(status.query == "up == 0");
  CHECK(status.health == rules::RuleHealth::kErr);
  CHECK(status.last_error == "no");
  f.result = {};
  REQUIRE(f.eval(1).is_ok());
  f.rule->set_health({});
  status = f.rule->status();
  CHECK(status.state == AlertState::kInactive);
  CHECK(status.alerts.empty());
  CHECK(status.last_error.empty());
}
