#include "scrape/scrape_config.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace silverback::scrape {
namespace {

base::Result<std::vector<ScrapeConfig>> parse(const std::string& yaml,
                                              const ScrapeDefaults& d = {}) {
  const base::Result<base::YamlNode> node = base::parse_yaml(yaml, "p.yml");
  REQUIRE(node.is_ok());
  return parse_scrape_configs(*node, d, "/etc/silverback");
}

ScrapeConfig parse_one(const std::string& yaml, const ScrapeDefaults& d = {}) {
  const auto list = parse(yaml, d);
  INFO(list.status().message());
  REQUIRE(list.is_ok());
  REQUIRE(list->size() == 1);
  return list->front();
}

base::Status parse_global(const std::string& yaml, ScrapeDefaults& out) {
  const base::Result<base::YamlNode> node = base::parse_yaml(yaml, "p.yml");
  REQUIRE(node.is_ok());
  base::YamlFields fields(*node, "config.GlobalConfig");
  parse_scrape_defaults(fields, "/etc/silverback", out);
  return fields.finish();
}

}  // namespace

TEST_CASE("parse_scrape_configs fills in the defaults", "[scrape]") {
  const ScrapeConfig c = parse_one("- job_name: a\n");
  CHECK(c.job_name == "a");
  CHECK(c.interval_ms == 60'000);
  CHECK(c.timeout_ms == 10'000);
  CHECK(c.metrics_path == "/metrics");
  CHECK(c.scheme == "http");
  CHECK(c.honor_timestamps);
  CHECK_FALSE(c.honor_labels);
  CHECK(c.enable_compression);
  CHECK(c.escaping_scheme == "allow-utf-8");
  CHECK(c.protocols == std::vector<std::string>{"OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                                                "PrometheusText1.0.0", "PrometheusText0.0.4"});
}

TEST_CASE("parse_scrape_configs reads every field", "[scrape]") {
  const ScrapeConfig c = parse_one(R"(
- job_name: a
  scrape_interval: 30s
  scrape_timeout: 5s
  scrape_protocols: [PrometheusProto]
  fallback_scrape_protocol: OpenMetricsText1.0.0
  scrape_native_histograms: true
  always_scrape_classic_histograms: true
  convert_classic_histograms_to_nhcb: true
  scrape_failure_log_file: fail.log
  native_histogram_bucket_limit: 7
  native_histogram_min_bucket_factor: 1.5
  metrics_path: /m
  scheme: https
  params: {module: [x, y], empty: []}
  honor_labels: true
  honor_timestamps: false
  track_timestamps_staleness: true
  enable_compression: false
  body_size_limit: 10MB
  sample_limit: 1
  label_limit: 2
  label_name_length_limit: 3
  label_value_length_limit: 4
  target_limit: 5
  keep_dropped_targets: 6
  metric_name_validation_scheme: legacy
  extra_scrape_metrics: true
  basic_auth: {username: u, password_file: pw}
  tls_config: {ca_file: ca.pem, insecure_skip_verify: true}
  relabel_configs: [{action: drop, regex: x, source_labels: [a]}]
  metric_relabel_configs: [{action: labeldrop, regex: y}]
  static_configs: [{targets: ['h:1', 'h:2'], labels: {env: prod}}]
  file_sd_configs: [{files: ['t/*.json', /abs.yml], refresh_interval: 1m}]
)");
  CHECK(c.interval_ms == 30'000);
  CHECK(c.timeout_ms == 5'000);
  CHECK(c.protocols == std::vector<std::string>{"PrometheusProto"});
  CHECK(c.fallback_protocol == "OpenMetricsText1.0.0");
  CHECK(c.scrape_native_histograms);
  CHECK(c.always_scrape_classic_histograms);
  CHECK(c.convert_classic_histograms_to_nhcb);
  CHECK(c.failure_log_file == "/etc/silverback/fail.log");
  CHECK(c.native_histogram_bucket_limit == 7);
  CHECK(c.native_histogram_min_bucket_factor == 1.5);
  CHECK(c.params.size() == 2);
  CHECK(c.params[0].second == std::vector<std::string>{"x", "y"});
  CHECK(c.body_size_limit == 10u << 20);
  CHECK(c.sample_limit == 1);
  CHECK(c.label_limit == 2);
  CHECK(c.label_name_length_limit == 3);
  CHECK(c.label_value_length_limit == 4);
  CHECK(c.target_limit == 5);
  CHECK(c.keep_dropped_targets == 6);
  CHECK(c.legacy_names);
  CHECK(c.escaping_scheme == "underscores");
  CHECK(c.extra_scrape_metrics);
  REQUIRE(c.http.basic_auth);
  CHECK(c.http.basic_auth->password_file == "/etc/silverback/pw");
  CHECK(c.http.tls.ca_file == "/etc/silverback/ca.pem");
  CHECK(c.relabel_configs.size() == 1);
  CHECK(c.metric_relabel_configs.size() == 1);
  REQUIRE(c.discovery.static_configs.size() == 1);
  CHECK(c.discovery.static_configs[0].targets.size() == 2);
  REQUIRE(c.discovery.file_sd_configs.size() == 1);
  CHECK(c.discovery.file_sd_configs[0].files ==
        std::vector<std::string>{"/etc/silverback/t/*.json", "/abs.yml"});
  CHECK(c.discovery.file_sd_configs[0].refresh_ms == 60'000);
}

TEST_CASE("parse_scrape_configs lets a job inherit from global", "[scrape]") {
  ScrapeDefaults d;
  REQUIRE(parse_global("scrape_interval: 5s\nsample_limit: 7\nbody_size_limit: 1KB\n", d).is_ok());
  CHECK(d.timeout_ms == 5'000);  // capped
  const ScrapeConfig c = parse_one("- job_name: a\n  sample_limit: 0\n", d);
  CHECK(c.interval_ms == 5'000);
  CHECK(c.timeout_ms == 5'000);
  CHECK(c.sample_limit == 7);
  CHECK(c.body_size_limit == 1024);
}

TEST_CASE("parse_scrape_configs inherits histograms, protocols, names and log file", "[scrape]") {
  ScrapeDefaults d;
  REQUIRE(parse_global("scrape_native_histograms: true\nalways_scrape_classic_histograms: true\n"
                       "convert_classic_histograms_to_nhcb: true\nscrape_failure_log_file: /f\n"
                       "metric_name_escaping_scheme: dots\nextra_scrape_metrics: true\n",
                       d)
              .is_ok());
  const ScrapeConfig c = parse_one("- job_name: a\n", d);
  CHECK(c.scrape_native_histograms);
  CHECK(c.always_scrape_classic_histograms);
  CHECK(c.convert_classic_histograms_to_nhcb);
  CHECK(c.failure_log_file == "/f");
  CHECK(c.escaping_scheme == "dots");
  CHECK(c.extra_scrape_metrics);
  CHECK(c.protocols.front() == "PrometheusProto");
  const ScrapeConfig own = parse_one(
      "- job_name: a\n  scrape_native_histograms: false\n  convert_classic_histograms_to_nhcb: "
      "false\n  metric_name_validation_scheme: legacy\n",
      d);
  CHECK_FALSE(own.scrape_native_histograms);
  CHECK_FALSE(own.convert_classic_histograms_to_nhcb);
  CHECK(own.protocols.front() == "OpenMetricsText1.0.0");
  CHECK(own.escaping_scheme == "underscores");
  ScrapeDefaults text;
  REQUIRE(parse_global("scrape_protocols: [PrometheusText0.0.4]\n", text).is_ok());
  CHECK(parse_one("- job_name: a\n  scrape_native_histograms: true\n", text).protocols ==
        std::vector<std::string>{"PrometheusText0.0.4"});
}

TEST_CASE("parse_scrape_configs refuses what Prometheus refuses", "[scrape]") {
  struct Row {
    const char* yaml;
    const char* message;
  };
  const Row row = GENERATE(values<Row>({
      {"- scrape_interval: 1s\n", "p.yml:1: job_name is empty"},
      {"- ~\n", "p.yml:1: empty or null scrape config section"},
      {"- job_name: a\n- job_name: a\n",
       "p.yml:2: found multiple scrape configs with job name \"a\""},
      {"- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 6s\n",
       "p.yml:1: scrape timeout greater than scrape interval for scrape config with job name "
       "\"a\""},
      {"- job_name: a\n  nonsense: 1\n",
       "p.yml:2: field nonsense not found in type config.ScrapeConfig"},
      {"- job_name: a\n  scrape_protocols: []\n",
       "p.yml:2: scrape_protocols cannot be empty for scrape config with job name \"a\""},
      {"- job_name: a\n  scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]\n",
       "p.yml:2: duplicated protocol in scrape_protocols, got [PrometheusText0.0.4 "
       "PrometheusText0.0.4] for scrape config with job name \"a\""},
      {"- job_name: a\n  scrape_protocols: [Foo]\n",
       "p.yml:2: scrape_protocols: unknown scrape protocol Foo, supported: [OpenMetricsText0.0.1 "
       "OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0] for scrape "
       "config with job name \"a\""},
      {"- job_name: a\n  fallback_scrape_protocol: Foo\n",
       "p.yml:2: invalid fallback_scrape_protocol for scrape config with job name \"a\": unknown "
       "scrape protocol Foo, supported: ["},
      {"- job_name: a\n  metric_name_escaping_scheme: odd\n",
       "p.yml:2: unknown scrape config name escaping method specified, must be one of "
       "'allow-utf-8', 'underscores', 'dots', or 'values', got \"odd\""},
      {"- job_name: a\n  static_configs:\n  - targets: ['http://x']\n",
       "p.yml:1: \"http://x\" is not a valid hostname"},
      {"- job_name: a\n  file_sd_configs: [{}]\n",
       "p.yml:2: file service discovery config must contain at least one path name"},
      {"- job_name: a\n  file_sd_configs: [{files: [x.txt]}]\n",
       "p.yml:2: path name \"x.txt\" is not valid for file discovery"},
      {"- job_name: a\n  metric_name_validation_scheme: odd\n",
       "p.yml:2: unrecognized ValidationScheme: \"odd\""},
      {"- job_name: a\n  metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: "
       "allow-utf-8\n",
       "p.yml:1: utf8 metric names requested but validation scheme is not set to UTF8"},
      {"- job_name: a\n  basic_auth: {username: u}\n  authorization: {credentials: x}\n",
       "p.yml:3: at most one of basic_auth, oauth2 & authorization must be configured"},
      {"- job_name: a\n  http_headers: {Authorization: {values: [x]}}\n",
       "p.yml:2: setting header \"Authorization\" is not allowed"},
      {"- job_name: a\n  tls_config: {cert_file: x}\n",
       "p.yml:2: exactly one of key or key_file must be configured"},
  }));
  const auto list = parse(row.yaml);
  INFO(row.yaml);
  CHECK(list.status().code() == base::Errc::kBadData);
  CHECK_THAT(list.status().message(), Catch::StartsWith(row.message));
}

TEST_CASE("parse_scrape_configs says what is not supported yet", "[scrape]") {
  const std::string field = GENERATE(as<std::string>{}, "consul_sd_configs: [{server: a}]",
                                     "kubernetes_sd_configs: [{role: pod}]",
                                     "oauth2: {grant_type: x}", "proxy_url: https://x");
  const auto list = parse("- job_name: a\n  " + field + "\n");
  INFO(field);
  CHECK(list.status().code() == base::Errc::kUnsupported);
  CHECK_THAT(list.status().message(), Catch::StartsWith("p.yml:2: "));
  CHECK_THAT(list.status().message(), Catch::EndsWith("not supported yet"));
}

TEST_CASE("parse_scrape_configs takes unbuilt fields at their defaults", "[scrape]") {
  parse_one(R"(
- job_name: a
  proxy_from_environment: false
  enable_http2: true
  consul_sd_configs: []
)");
}

TEST_CASE("Static targets may hold a path when relabelling takes it apart", "[scrape]") {
  parse_one(
      "- job_name: a\n  relabel_configs: [{target_label: __address__, replacement: x}]\n"
      "  static_configs: [{targets: ['http://x/y']}]\n");
}

TEST_CASE("parse_scrape_defaults refuses a timeout above the interval", "[scrape]") {
  ScrapeDefaults d;
  CHECK(parse_global("scrape_interval: 5s\nscrape_timeout: 6s\n", d).message() ==
        "p.yml:2: global scrape timeout greater than scrape interval");
}

TEST_CASE("ScrapeConfig prints as a config that reads back equal", "[scrape]") {
  const ScrapeConfig c = parse_one(R"(
- job_name: a
  params: {module: [x]}
  sample_limit: 3
  body_size_limit: 10MB
  honor_labels: true
  authorization: {credentials: s3cret}
  relabel_configs: [{action: drop, regex: x, source_labels: [a]}]
  static_configs: [{targets: ['h:1'], labels: {env: prod}}]
  file_sd_configs: [{files: [/x/*.json]}]
)");
  base::YamlWriter w;
  w.begin_list("scrape_configs");
  w.begin_item();
  c.write(w);
  w.end_item();
  w.end_list();
  const std::string text = w.take();
  INFO(text);
  CHECK(text.find("s3cret") == std::string::npos);
  const base::Result<base::YamlNode> node = base::parse_yaml(text, "q.yml");
  REQUIRE(node.is_ok());
  const auto again = parse_scrape_configs(node->entries()[0].value, {}, "/");
  INFO(again.status().message());
  REQUIRE(again.is_ok());
  ScrapeConfig masked = c;
  masked.http.authorization->credentials = base::Secret(base::kSecretMask);
  CHECK(again->front() == masked);
}

}  // namespace silverback::scrape
