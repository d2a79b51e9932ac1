#include "rules/notifier.h"

#include <atomic>
#include <string>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/metrics.h"
#include "base/yaml.h"
#include "rules/alertmanager_client.h"
#include "tests/support/http_test_server.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace rules = silverback::rules;
using silverback::testing::eventually;
using silverback::testing::HttpTestAnswer;
using silverback::testing::HttpTestRequest;
using silverback::testing::HttpTestServer;

rules::OutgoingAlert alert(const std::string& name) {
  rules::OutgoingAlert a;
  a.labels = model::Labels::from({{"alertname", name}, {"job", "x"}});
  a.annotations = {{"summary", "<" + name + ">"}};
  a.starts_at_ms = 1'700'000'000'123;
  a.ends_at_ms = 1'700'000'240'000;
  a.generator_url = "http://prom/graph?g0.expr=up&g0.tab=1";
  return a;
}

std::vector<rules::OutgoingAlert> alerts(size_t count) {
  std::vector<rules::OutgoingAlert> out;
  for (size_t i = 0; i < count; ++i) out.push_back(alert("A" + std::to_string(i)));
  return out;
}

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// A notifier and the runtime under it.
struct Fixture {
  explicit Fixture(size_t capacity = 10'000, size_t batch = 256, bool drain = true) {
    io.start();
    rules::Notifier::Options options;
    options.io = &io;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.queue_capacity = capacity;
    options.batch_size = batch;
    options.drain_on_stop = drain;
    notifier = std::make_unique<rules::Notifier>(options);
  }
  ~Fixture() {
    notifier.reset();
    io.stop();
  }
  void apply(const std::string& yaml, const model::Labels& external = {}) {
    const auto node = base::parse_yaml(yaml, "p.yml");
    REQUIRE(node.is_ok());
    const auto config = rules::parse_alerting(*node, "/etc");
    REQUIRE(config.status().message() == "");
    notifier->apply(*config, external);
  }
  void use(const HttpTestServer& server, const std::string& more = "") {
    apply("alertmanagers:\n- static_configs: [{targets: ['" + server.address() + "']}]\n" + more);
  }
  double metric(const std::string& name, const HttpTestServer& server,
                const std::string& path = "/api/v2/alerts") const {
    const std::string line =
        "\n" + name + "{alertmanager=\"http://" + server.address() + path + "\"} ";
    const std::string text = registry.render_text();
    const size_t at = text.find(line);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
  }

  base::SystemClock clock;
  base::metrics::Registry registry;
  base::IoRuntime io{1};
  std::unique_ptr<rules::Notifier> notifier;
};

HttpTestAnswer ok(const HttpTestRequest&) {
  return HttpTestAnswer{};
}

}  // namespace

TEST_CASE("Alerts are written as Alertmanager's API wants them", "[rules]") {
  CHECK(rules::alerts_json({alert("A")}) ==
        R"([{"annotations":{"summary":"\u003cA\u003e"},"endsAt":"2023-11-14T22:17:20.000Z",)"
        R"("startsAt":"2023-11-14T22:13:20.123Z",)"
        R"("generatorURL":"http://prom/graph?g0.expr=up\u0026g0.tab=1",)"
        R"("labels":{"alertname":"A","job":"x"}}])");
  CHECK(rules::alerts_json({}) == "[]");
}

TEST_CASE("Notifier posts alerts with external labels and relabelling", "[rules]") {
  HttpTestServer server(ok);
  Fixture f;
  f.apply(
      "alert_relabel_configs:\n"
      "- {source_labels: [alertname], regex: Drop, action: drop}\n"
      "- {regex: replica, action: labeldrop}\n"
      "alertmanagers:\n"
      "- static_configs: [{targets: ['" +
          server.address() +
          "']}]\n"
          "  path_prefix: /am/\n"
          "  basic_auth: {username: u, password: p}\n"
          "  alert_relabel_configs: [{target_label: via, replacement: first}]\n",
      model::Labels::from({{"cluster", "eu"}, {"job", "external"}, {"replica", "1"}}));
  CHECK(f.notifier->alertmanagers().active ==
        std::vector<std::string>{"http://" + server.address() + "/am/api/v2/alerts"});
  f.notifier->send({alert("Keep"), alert("Drop")});
  REQUIRE(eventually([&] { return server.request_count() == 1; }));
  const HttpTestRequest request = server.requests()[0];
  CHECK(request.method == "POST");
  CHECK(request.target == "/am/api/v2/alerts");
  CHECK(request.header("content-type") == "application/json");
  CHECK(request.header("authorization") == "Basic dTpw");
  CHECK(request.body.find(
            R"("labels":{"alertname":"Keep","cluster":"eu","job":"x","via":"first"})") !=
        std::string::npos);
  CHECK(occurrences(request.body, "alertname") == 1);
  CHECK(eventually([&] {
    return f.metric("prometheus_notifications_sent_total", server, "/am/api/v2/alerts") == 1;
  }));
}

TEST_CASE("Notifier sends to every Alertmanager", "[rules]") {
  HttpTestServer one(ok), two(ok);
  Fixture f;
  f.apply("alertmanagers:\n- static_configs: [{targets: ['" + one.address() + "', '" +
          one.address() + "']}]\n- static_configs: [{targets: ['" + two.address() + "']}]\n");
  CHECK(f.notifier->alertmanagers().active.size() == 2);
  CHECK(f.registry.render_text().find("prometheus_notifications_alertmanagers_discovered 2") !=
        std::string::npos);
  f.notifier->send({alert("A")});
  CHECK(eventually([&] { return one.request_count() == 1 && two.request_count() == 1; }));
}

TEST_CASE("Notifier sends batches and keeps the order", "[rules]") {
  HttpTestServer server(ok);
  Fixture f(10'000, 2);
  f.use(server);
  f.notifier->send(alerts(5));
  REQUIRE(eventually([&] { return server.request_count() == 3; }));
  const auto requests = server.requests();
  CHECK(occurrences(requests[0].body, "startsAt") == 2);
  CHECK(requests[0].body.find("\"A0\"") != std::string::npos);
  CHECK(requests[2].body.find("\"A4\"") != std::string::npos);
  CHECK(server.connection_count() == 1);
}

TEST_CASE("Notifier drops the oldest alerts of a full queue", "[rules]") {
  HttpTestServer server(ok);
  Fixture f(3);
  f.use(server);
  f.notifier->send(alerts(5));
  REQUIRE(eventually([&] { return server.request_count() == 1; }));
  CHECK(f.metric("prometheus_notifications_dropped_total", server) == 2);
  const std::string body = server.requests()[0].body;
  CHECK(body.find("\"A1\"") == std::string::npos);
  CHECK(body.find("\"A2\"") != std::string::npos);
  CHECK(f.registry.render_text().find("prometheus_notifications_queue_capacity 3") !=
        std::string::npos);
}

TEST_CASE("Notifier counts and drops what an Alertmanager refuses", "[rules]") {
  HttpTestServer server([](const HttpTestRequest&) { return HttpTestAnswer::error(500, "Oops"); });
  Fixture f;
  f.use(server);
  f.notifier->send(alerts(3));
  REQUIRE(
      eventually([&] { return f.metric("prometheus_notifications_errors_total", server) == 3; }));
  CHECK(f.metric("prometheus_notifications_dropped_total", server) == 3);
  CHECK(f.metric("prometheus_notifications_sent_total", server) == 0);
  server.set_handler(ok);
  f.notifier->send(alerts(1));
  CHECK(eventually([&] { return f.metric("prometheus_notifications_sent_total", server) == 1; }));
  CHECK(f.metric("prometheus_notifications_queue_length", server) == 0);
}

TEST_CASE("Notifier counts an Alertmanager that does not answer in time", "[rules]") {
  HttpTestServer server([](const HttpTestRequest&) {
    HttpTestAnswer answer;
    answer.hang = true;
    return answer;
  });
  Fixture f;
  f.use(server, "  timeout: 50ms\n");
  f.notifier->send(alerts(1));
  CHECK(eventually([&] { return f.metric("prometheus_notifications_errors_total", server) == 1; }));
}

TEST_CASE("Notifier empties its queues when it stops", "[rules]") {
  HttpTestServer server(ok);
  Fixture f(10'000, 1);
  f.use(server);
  f.notifier->send(alerts(20));
  f.notifier->stop();
  CHECK(server.request_count() == 20);
  f.notifier->send(alerts(1));
  f.notifier->stop();
  CHECK(server.request_count() == 20);
}

TEST_CASE("Notifier drops its queues when told not to drain", "[rules]") {
  HttpTestServer server([](const HttpTestRequest&) {
    HttpTestAnswer answer;
    answer.hang = true;
    return answer;
  });
  Fixture f(10'000, 1, false);
  f.use(server, "  timeout: 100ms\n");
  f.notifier->send(alerts(5));
  REQUIRE(eventually([&] { return server.request_count() == 1; }));
  f.notifier->stop();
  CHECK(f.metric("prometheus_notifications_dropped_total", server) == 5);
  CHECK(server.request_count() == 1);
}

TEST_CASE("Notifier stops in time though an Alertmanager hangs", "[rules]") {
  HttpTestServer server([](const HttpTestRequest&) {
    HttpTestAnswer answer;
    answer.hang = true;
    return answer;
  });
  Fixture f(10'000, 1);
  f.use(server, "  timeout: 100ms\n");
  f.notifier->send(alerts(500));
  f.notifier->stop();
  CHECK(f.metric("prometheus_notifications_queue_length", server) == 0);
  CHECK(f.metric("prometheus_notifications_dropped_total", server) > 490);
}

TEST_CASE("Notifier keeps unchanged Alertmanagers and forgets removed ones", "[rules]") {
  HttpTestServer one(ok), two(ok);
  Fixture f;
  f.use(one);
  f.notifier->send(alerts(1));
  REQUIRE(eventually([&] { return f.metric("prometheus_notifications_sent_total", one) == 1; }));
  f.use(one);
  CHECK(f.metric("prometheus_notifications_sent_total", one) == 1);
  f.use(two);
  CHECK(f.metric("prometheus_notifications_sent_total", one) == -1);
  CHECK(f.metric("prometheus_notifications_sent_total", two) == 0);
  f.notifier->send(alerts(1));
  CHECK(eventually([&] { return two.request_count() == 1; }));
  CHECK(one.request_count() == 1);
  f.apply("{}");
  CHECK(f.notifier->alertmanagers().active.empty());
  f.notifier->send(alerts(1));
}

TEST_CASE("Notifier relabels its targets", "[rules]") {
  Fixture f;
  f.apply(R"(alertmanagers:
- static_configs:
  - targets: ["a:1", "b:2"]
    labels: {zone: x, __alerts_path__: /own}
  relabel_configs:
  - {source_labels: [__address__], regex: "a:1", action: drop}
  - {source_labels: [zone], regex: x, target_label: __scheme__, replacement: https}
)");
  const auto snapshot = f.notifier->alertmanagers();
  CHECK(snapshot.active == std::vector<std::string>{"https://b:2/own"});
  CHECK(snapshot.dropped == std::vector<std::string>{"http://a:1/own"});
}

TEST_CASE("Notifier sends to what discovery finds, beside the configured ones", "[rules]") {
  HttpTestServer one(ok), two(ok), three(ok);
  Fixture f;
  const auto group = [](const HttpTestServer& server, const model::Labels& labels = {}) {
    silverback::model::TargetGroup g;
    g.source = "s";
    g.targets = {model::Labels::from({{"__address__", server.address()}, {"__meta_zone", "z"}})};
    g.labels = labels;
    return g;
  };
  const std::string text =
      "alertmanagers:\n- path_prefix: /am/\n  relabel_configs:\n"
      "  - {source_labels: [__meta_zone, drop], regex: 'z;yes', action: drop}\n"
      "- static_configs: [{targets: ['" +
      one.address() + "']}]\n";
  f.apply(text);
  const auto endpoint = [](const HttpTestServer& server, const std::string& path) {
    return "http://" + server.address() + path;
  };
  CHECK(f.notifier->alertmanagers().active.size() == 1);

  f.notifier->set_endpoints(
      0, {group(two), group(two), group(three, model::Labels::from({{"drop", "yes"}}))});
  CHECK(f.notifier->alertmanagers().active ==
        std::vector<std::string>{endpoint(two, "/am/api/v2/alerts"),
                                 endpoint(one, "/api/v2/alerts")});
  CHECK(f.notifier->alertmanagers().dropped ==
        std::vector<std::string>{endpoint(three, "/am/api/v2/alerts")});
  CHECK(f.registry.render_text().find("\nprometheus_notifications_alertmanagers_discovered 2\n") !=
        std::string::npos);
  f.notifier->send(alerts(1));
  CHECK(eventually([&] { return one.request_count() == 1 && two.request_count() == 1; }));

  // An unchanged entry keeps them over a reload, and their counters.
  f.apply(text);
  CHECK(f.notifier->alertmanagers().active.size() == 2);
  CHECK(eventually([&] {
    return f.metric("prometheus_notifications_sent_total", two, "/am/api/v2/alerts") == 1;
  }));

  // A path of its own wins, and is escaped; a source that is gone takes its Alertmanagers away.
  f.notifier->set_endpoints(0, {group(three, model::Labels::from({{"__alerts_path__", "x/ y?"}}))});
  CHECK(f.notifier->alertmanagers().active[0] == endpoint(three, "/x/%20y%3F"));
  CHECK(f.metric("prometheus_notifications_sent_total", two, "/am/api/v2/alerts") == -1);
  f.notifier->set_endpoints(0, {});
  f.notifier->set_endpoints(7, {group(three)});
  CHECK(f.notifier->alertmanagers().active.size() == 1);
}

TEST_CASE("Notifier relabels alerts for all, then for one entry", "[rules]") {
  HttpTestServer one(ok), two(ok);
  Fixture f;
  f.apply(
      "alert_relabel_configs:\n"
      "- {source_labels: [job], target_label: team, replacement: 'all-$1'}\n"
      "- {source_labels: [alertname], regex: A1, action: drop}\n"
      "alertmanagers:\n- static_configs: [{targets: ['" +
          one.address() + "']}]\n- static_configs: [{targets: ['" + two.address() +
          "']}]\n  alert_relabel_configs:\n"
          "  - {source_labels: [team], regex: 'all-(.*)', target_label: team, replacement: "
          "'two-$1'}\n"
          "  - {source_labels: [alertname], regex: A0, action: drop}\n",
      model::Labels::from({{"job", "external"}, {"cluster", "c"}}));
  f.notifier->send(alerts(3));
  REQUIRE(eventually([&] { return one.request_count() == 1 && two.request_count() == 1; }));
  const std::string first = one.requests()[0].body, second = two.requests()[0].body;
  CHECK(occurrences(first, "\"alertname\"") == 2);
  CHECK(occurrences(first, "\"team\":\"all-x\"") == 2);
  CHECK(occurrences(first, "\"cluster\":\"c\"") == 2);
  CHECK(occurrences(first, "\"job\":\"x\"") == 2);
  CHECK(occurrences(second, "\"alertname\"") == 1);
  CHECK(occurrences(second, "\"team\":\"two-x\"") == 1);
}
