// What Alertmanagers are told, and when: the life of alerts with real times of a second or two.
#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/duration.h"
#include "base/yaml.h"
#include "tests/e2e/support/server.h"
#include "tests/support/http_test_server.h"

namespace silverback::e2e {
namespace {

using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

/// A target that exposes what the test wants.
class Target {
 public:
  void expose(const std::string& text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    text_ = text;
  }
  std::string address() const { return server_.address(); }

 private:
  std::mutex mutex_;
  std::string text_ = "steady 1\n";
  HttpTestServer server_{[this](const HttpTestRequest&) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return HttpTestAnswer::text(text_);
  }};
};

/// One alert of one POST.
struct Notice {
  std::map<std::string, std::string> labels, annotations;
  int64_t starts_ms = 0, ends_ms = 0;
  std::string generator_url;
};

std::map<std::string, std::string> string_map(const base::YamlNode& node) {
  std::map<std::string, std::string> out;
  for (const auto& entry : node.entries()) out[entry.key] = *entry.value.as_string();
  return out;
}

/// All that was posted of alerts with that name, in order.
std::vector<Notice> notices(const HttpTestServer& alertmanager, const std::string& name) {
  std::vector<Notice> out;
  for (const HttpTestRequest& request : alertmanager.requests()) {
    const auto document = base::parse_yaml(request.body, "post");
    REQUIRE(document.is_ok());
    for (const base::YamlNode& alert : document->items()) {
      Notice notice;
      for (const auto& entry : alert.entries()) {
        if (entry.key == "labels") notice.labels = string_map(entry.value);
        if (entry.key == "annotations") notice.annotations = string_map(entry.value);
        if (entry.key == "generatorURL") notice.generator_url = *entry.value.as_string();
        if (entry.key == "startsAt") {
          notice.starts_ms = *base::parse_rfc3339_ms(*entry.value.as_string());
        }
        if (entry.key == "endsAt") {
          notice.ends_ms = *base::parse_rfc3339_ms(*entry.value.as_string());
        }
      }
      if (notice.labels["alertname"] == name) out.push_back(std::move(notice));
    }
  }
  return out;
}

HttpTestAnswer accept(const HttpTestRequest&) {
  return HttpTestAnswer{};
}

HttpTestAnswer refuse(const HttpTestRequest&) {
  return HttpTestAnswer::error(500, "Internal Server Error");
}

constexpr const char* kRules =
    "groups:\n"
    "  - name: life\n"
    "    interval: 1s\n"
    "    labels: {team: a}\n"
    "    rules:\n"
    "      - alert: AtOnce\n"
    "        expr: load > 5\n"
    "        labels: {severity: '{{ if gt $value 8.0 }}page{{ else }}warn{{ end }}'}\n"
    "        annotations:\n"
    "          summary: '{{ $labels.host }} at {{ $value }} of {{ $externalLabels.cluster }}'\n"
    "      - {alert: Waits, expr: load > 5, for: 2s}\n"
    "      - {alert: Kept, expr: load > 5, keep_firing_for: 3s}\n"
    "      - {alert: Pending, expr: load > 5, for: 1h}\n";

std::string config(const Target& target, const std::vector<std::string>& alertmanagers) {
  std::string text =
      "global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {cluster: c1}}\n"
      "rule_files: [rules.yml]\n"
      "alerting:\n"
      "  alert_relabel_configs:\n"
      "    - {source_labels: [host], target_label: node, replacement: 'n-$1'}\n"
      "  alertmanagers:\n"
      "    - file_sd_configs: [{files: [am.json]}]\n"
      "      path_prefix: /am\n"
      "      relabel_configs:\n"
      "        - {source_labels: [drop], regex: 'yes', action: drop}\n"
      "    - static_configs: [{targets: [";
  for (const std::string& address : alertmanagers) text += "'" + address + "',";
  text.pop_back();
  text += "]}]\nscrape_configs:\n  - job_name: t\n    static_configs: [{targets: ['" +
          target.address() + "']}]\n";
  return text;
}

double metric(int port, const std::string& name, const std::string& address,
              const std::string& path = "/api/v2/alerts") {
  const std::string line = "\n" + name + "{alertmanager=\"http://" + address + path + "\"} ";
  const std::string text = http_get(port, "/metrics").body;
  const size_t at = text.find(line);
  return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size()));
}

}  // namespace

TEST_CASE("alerts are told to every Alertmanager from pending to resolved", "[e2e]") {
  Target target;
  HttpTestServer good(accept), found(accept), bad(refuse);
  const std::string down = "127.0.0.1:" + std::to_string(free_port());
  Server server("scrape_configs: []\n", {"--rules.alert.resend-delay=2s"});
  const int port = server.port();
  server.dir().write("rules.yml", kRules);
  server.dir().write("am.json", "[{\"targets\": [\"" + found.address() +
                                    "\"]}, {\"targets\": [\"gone:1\"], \"labels\": {\"drop\": "
                                    "\"yes\"}}]");
  server.write_config(config(target, {good.address(), bad.address(), down}));
  REQUIRE(http(port, "POST", "/-/reload").status == 200);
  REQUIRE(eventually(20, [&] { return query(port, "steady").size() == 1; }));
  const std::string known = http_get(port, "/api/v1/alertmanagers").body;
  CHECK(known.find("http://" + found.address() + "/am/api/v2/alerts") != std::string::npos);
  CHECK(known.find("\"droppedAlertmanagers\":[{\"url\":\"http://gone:1/am/api/v2/alerts\"}]") !=
        std::string::npos);
  CHECK(good.request_count() == 0);

  // Firing: what has no `for` in the evaluation that saw it, the other when its time has come.
  target.expose("steady 1\nload{host=\"h1\"} 9\n");
  REQUIRE(eventually(20, [&] { return notices(good, "AtOnce").size() >= 1; }));
  REQUIRE(eventually(20, [&] { return notices(good, "Waits").size() >= 1; }));
  const Notice first = notices(good, "AtOnce")[0], waited = notices(good, "Waits")[0];
  CHECK(first.labels == std::map<std::string, std::string>{{"alertname", "AtOnce"},
                                                           {"cluster", "c1"},
                                                           {"host", "h1"},
                                                           {"instance", target.address()},
                                                           {"job", "t"},
                                                           {"node", "n-h1"},
                                                           {"severity", "page"},
                                                           {"team", "a"}});
  CHECK(first.annotations.at("summary") == "h1 at 9 of c1");
  CHECK(first.generator_url.find("/graph?g0.expr=load+%3E+5&g0.tab=1") != std::string::npos);
  CHECK(first.ends_ms - first.starts_ms == 4 * 2000);  // sent by the evaluation that fired it
  CHECK(waited.starts_ms - first.starts_ms >= 2000);

  // Again and again, with the same start and a later end.
  REQUIRE(eventually(20, [&] { return notices(good, "AtOnce").size() >= 3; }));
  const std::vector<Notice> again = notices(good, "AtOnce");
  for (size_t i = 1; i < again.size(); ++i) {
    CHECK(again[i].starts_ms == first.starts_ms);
    CHECK(again[i].ends_ms - again[i - 1].ends_ms >= 3000);
  }
  CHECK(
      query(port, "ALERTS{alertname=\"AtOnce\",alertstate=\"firing\",severity=\"page\"}").size() ==
      1);
  CHECK(query(port, "ALERTS{alertname=\"Pending\",alertstate=\"pending\"}").size() == 1);
  CHECK(query(port, "ALERTS_FOR_STATE{alertname=\"AtOnce\"}").begin()->second ==
        static_cast<double>(first.starts_ms / 1000));

  // Gone: resolved at once, or after keep_firing_for; the end is told more than once.
  target.expose("steady 1\n");
  REQUIRE(eventually(20, [&] {
    return http_get(port, "/api/v1/alerts").body == R"({"status":"success","data":{"alerts":[]}})";
  }));
  CHECK(query(port, "ALERTS").empty());
  const size_t so_far = notices(good, "AtOnce").size();
  CHECK(eventually(20, [&] { return notices(good, "AtOnce").size() > so_far; }));
  const Notice over = notices(good, "AtOnce").back();
  CHECK(over.starts_ms == first.starts_ms);
  CHECK(static_cast<double>(over.ends_ms) / 1000 <= query(port, "time()").at(""));
  CHECK(eventually(20, [&] {  // so much later, unless an iteration was missed
    const int64_t later_ms = notices(good, "Kept").back().ends_ms - over.ends_ms;
    return later_ms >= 3000 && later_ms < 8000;
  }));
  CHECK(notices(good, "Pending").empty());

  // One that is down or refuses disturbs nobody; the discovered one heard the same.
  CHECK(notices(found, "AtOnce").size() >= again.size());
  CHECK(found.requests()[0].target == "/am/api/v2/alerts");
  CHECK(found.requests()[0].header("content-type") == "application/json");
  for (const std::string& address : {bad.address(), down}) {
    INFO(address);
    CHECK(eventually(
        20, [&] { return metric(port, "prometheus_notifications_errors_total", address) >= 1; }));
    CHECK(metric(port, "prometheus_notifications_dropped_total", address) >= 1);
    CHECK(metric(port, "prometheus_notifications_sent_total", address) == 0);
  }
  CHECK(metric(port, "prometheus_notifications_errors_total", good.address()) == 0);
  CHECK(metric(port, "prometheus_notifications_sent_total", good.address()) >= 5);
  CHECK(server.stop() == 0);
}

TEST_CASE("an alert that was pending briefly is never told", "[e2e]") {
  Target target;
  HttpTestServer alertmanager(accept);
  Server server("scrape_configs: []\n", {"--rules.alert.resend-delay=1s"});
  const int port = server.port();
  server.dir().write("rules.yml",
                     "groups:\n  - name: g\n    interval: 1s\n    rules:\n"
                     "      - {alert: Brief, expr: load > 5, for: 1m}\n"
                     "      - {alert: Steady, expr: steady == 1}\n");
  server.write_config(config(target, {alertmanager.address()}));
  REQUIRE(http(port, "POST", "/-/reload").status == 200);
  target.expose("steady 1\nload 9\n");
  REQUIRE(eventually(20, [&] { return query(port, "ALERTS{alertname=\"Brief\"}").size() == 1; }));
  target.expose("steady 1\n");
  REQUIRE(eventually(20, [&] { return query(port, "ALERTS{alertname=\"Brief\"}").empty(); }));

  // A reload that changes a rule keeps its alerts; one that removes it ends them.
  const int64_t active =
      static_cast<int64_t>(query(port, "ALERTS_FOR_STATE{alertname=\"Steady\"}").begin()->second);
  server.dir().write("rules.yml",
                     "groups:\n  - name: g\n    interval: 1s\n    rules:\n"
                     "      - {alert: Steady, expr: steady > 0, annotations: {new: 'yes'}}\n");
  REQUIRE(http(port, "POST", "/-/reload").status == 200);
  REQUIRE(eventually(20, [&] {
    const auto told = notices(alertmanager, "Steady");
    return !told.empty() && told.back().annotations.count("new") == 1;
  }));
  const auto told = notices(alertmanager, "Steady");
  CHECK(told.back().starts_ms == told.front().starts_ms);
  CHECK(told.front().starts_ms / 1000 == active);
  server.dir().write("rules.yml", "groups: []\n");
  REQUIRE(http(port, "POST", "/-/reload").status == 200);
  CHECK(eventually(20, [&] { return query(port, "ALERTS").empty(); }));
  CHECK(notices(alertmanager, "Brief").empty());
  CHECK(server.stop() == 0);
}

}  // namespace silverback::e2e
