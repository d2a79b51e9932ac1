#include <string>

#include <catch2/catch.hpp>

#include "base/yaml.h"
#include "rules/notifier.h"

namespace {

namespace base = silverback::base;
namespace rules = silverback::rules;

base::Result<rules::AlertingConfig> parse(const std::string& text) {
  const auto node = base::parse_yaml(text, "p.yml");
  REQUIRE(node.is_ok());
  return rules::parse_alerting(*node, "/etc/p");
}

}  // namespace

TEST_CASE("Alerting config is read with its defaults", "[rules]") {
  const auto config = parse(R"(
alert_relabel_configs:
  - {action: labeldrop, regex: tmp}
alertmanagers:
  - static_configs:
      - targets: ["a:9093", "b:9093"]
        labels: {zone: x}
  - scheme: https
    path_prefix: /am
    timeout: 3s
    api_version: v2
    basic_auth: {username: u, password: p}
    relabel_configs:
      - {source_labels: [zone], regex: x, action: keep}
    alert_relabel_configs:
      - {target_label: via, replacement: two}
)");
  REQUIRE(config.status().message() == "");
  CHECK(config->alert_relabel_configs.size() == 1);
  REQUIRE(config->alertmanagers.size() == 2);
  const rules::AlertmanagerConfig& first = config->alertmanagers[0];
  CHECK(first.scheme == "http");
  CHECK(first.path_prefix == "/");
  CHECK(first.timeout_ms == 10'000);
  CHECK(first.discovery.static_configs[0].targets == std::vector<std::string>{"a:9093", "b:9093"});
  const rules::AlertmanagerConfig& second = config->alertmanagers[1];
  CHECK(second.scheme == "https");
  CHECK(second.timeout_ms == 3'000);
  CHECK(second.http.basic_auth->password.reveal() == "p");
  CHECK(second.relabel_configs.size() == 1);
  CHECK(second.alert_relabel_configs.size() == 1);
}

TEST_CASE("Alerting config is written without secrets and reads back", "[rules]") {
  const auto config = parse(R"(
alert_relabel_configs:
  - {action: labeldrop, regex: tmp}
alertmanagers:
  - path_prefix: /am
    authorization: {credentials: hush}
    static_configs:
      - targets: ["a:9093"]
        labels: {zone: x}
    file_sd_configs:
      - files: [am/*.yml]
)");
  REQUIRE(config.is_ok());
  base::YamlWriter writer;
  config->write(writer);
  const std::string text = writer.take();
  INFO(text);
  CHECK(text.find("hush") == std::string::npos);
  CHECK(text.find("<secret>") != std::string::npos);
  const auto again = parse(text);
  REQUIRE(again.status().message() == "");
  CHECK(again->alertmanagers[0].discovery == config->alertmanagers[0].discovery);
  CHECK(again->alert_relabel_configs == config->alert_relabel_configs);
  CHECK(again->alertmanagers[0].path_prefix == "/am");
}

TEST_CASE("Alerting config mistakes and what is not built are refused by line", "[rules]") {
  struct Case {
    std::string text, message;
    base::Errc code;
  };
  const Case cases[] = {
      {"alertmanagers:\n- api_version: v1\n",
       "p.yml:2: expected Alertmanager api version to be one of [v2] but got v1",
       base::Errc::kBadData},
      {"alertmanagers:\n- static_configs:\n  - targets: ['http://a:9093']\n",
       "p.yml:2: \"http://a:9093\" is not a valid hostname", base::Errc::kBadData},
      {"alertmanagers:\n- port: 1\n",
       "p.yml:2: field port not found in type config.AlertmanagerConfig", base::Errc::kBadData},
      {"alertmanager: []\n", "p.yml:1: field alertmanager not found in type config.AlertingConfig",
       base::Errc::kBadData},
      {"alertmanagers:\n- timeout: 1s\n  consul_sd_configs:\n  - server: a\n",
       "p.yml:4: consul_sd_configs: not supported yet", base::Errc::kUnsupported},
      {"alertmanagers:\n- sigv4: {region: eu}\n", "p.yml:2: sigv4: not supported yet",
       base::Errc::kUnsupported},
      {"alertmanagers:\n- oauth2: {client_id: a}\n", "p.yml:2: oauth2 token_url must be configured",
       base::Errc::kBadData},
      {"alertmanagers:\n- proxy_url: socks5://p\n",
       "p.yml:2: proxy_url of scheme socks5: not supported yet", base::Errc::kUnsupported},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto config = parse(c.text);
    REQUIRE(!config.is_ok());
    CHECK(config.status().message() == c.message);
    CHECK(config.status().code() == c.code);
  }
}
