// Every field of Prometheus 3.14's configuration file: it is accepted and seen in the effective
// configuration, or it is refused with its name and line.
#include <algorithm>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "server/config.h"

namespace base = silverback::base;
namespace server = silverback::server;

namespace {

constexpr const char* kFile = "/etc/p/prometheus.yml";
constexpr const char* kRefused = nullptr;

struct Field {
  const char* text;   // the field with a value that is not its default
  const char* shown;  // what the effective configuration says of it; kRefused: not built
};

struct Section {
  const char* name;
  std::string before;  // text up to the field's line
  std::vector<Field> fields;
};

const std::vector<Field> kHttpFields = {
    {"basic_auth: {username: u, password: p}", "basic_auth:\n  username: u\n  password: <secret>"},
    {"basic_auth: {username_file: u, password_file: p}",
     "basic_auth:\n  username_file: /etc/p/u\n  password_file: /etc/p/p"},
    {"basic_auth: {username_ref: u}", kRefused},
    {"basic_auth: {password_ref: u}", kRefused},
    {"authorization: {type: T, credentials: c}",
     "authorization:\n  type: T\n  credentials: <secret>"},
    {"authorization: {credentials_file: c}", "credentials_file: /etc/p/c"},
    {"authorization: {credentials_ref: c}", kRefused},
    {"bearer_token: t", "authorization:\n  type: Bearer\n  credentials: <secret>"},
    {"bearer_token_file: t", "credentials_file: /etc/p/t"},
    {"oauth2: {client_id: i, client_secret: s, scopes: [a], token_url: 'http://t/', "
     "endpoint_params: {k: v}}",
     "oauth2:\n  client_id: i\n  client_secret: <secret>\n  scopes:\n  - a\n  token_url: "
     "http://t/\n  endpoint_params:\n    k: v"},
    {"oauth2: {client_id: i, client_secret_file: s, token_url: 'http://t/'}",
     "client_secret_file: /etc/p/s"},
    {"oauth2: {client_id: i, token_url: 'http://t/', tls_config: {server_name: sn}}",
     "  tls_config:\n    server_name: sn"},
    {"oauth2: {client_id: i, token_url: 'http://t/', proxy_url: 'http://p/'}",
     "  proxy_url: http://p/"},
    {"oauth2: {grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}", kRefused},
    {"oauth2: {client_certificate_key: k}", kRefused},
    {"oauth2: {client_certificate_key_file: k}", kRefused},
    {"oauth2: {client_certificate_key_id: k}", kRefused},
    {"oauth2: {signature_algorithm: RS512}", kRefused},
    {"oauth2: {iss: i}", kRefused},
    {"oauth2: {audience: a}", kRefused},
    {"oauth2: {claims: {a: b}}", kRefused},
    {"tls_config: {ca: x}", "tls_config:\n  ca: x"},
    {"tls_config: {ca_file: x}", "ca_file: /etc/p/x"},
    {"tls_config: {cert: x, key: y}", "cert: x\n  key: <secret>"},
    {"tls_config: {cert_file: x, key_file: y}", "cert_file: /etc/p/x\n  key_file: /etc/p/y"},
    {"tls_config: {server_name: x}", "server_name: x"},
    {"tls_config: {insecure_skip_verify: true}", "insecure_skip_verify: true"},
    {"tls_config: {min_version: TLS11, max_version: TLS12}",
     "min_version: TLS11\n  max_version: TLS12"},
    {"tls_config: {ca_ref: x}", kRefused},
    {"tls_config: {cert_ref: x}", kRefused},
    {"tls_config: {key_ref: x}", kRefused},
    {"follow_redirects: false", "follow_redirects: false"},
    {"enable_http2: false", "enable_http2: false"},
    {"proxy_url: http://u:p@x:1", "proxy_url: http://u:xxxxx@x:1"},
    {"proxy_url: socks5://x", kRefused},
    {"{proxy_url: 'http://x', no_proxy: 'a,b'}", "no_proxy: a,b"},
    {"proxy_from_environment: true", "proxy_from_environment: true"},
    {"{proxy_url: 'http://x', proxy_connect_header: {A: [b]}}",
     "proxy_connect_header:\n  A:\n  - <secret>"},
    {"http_headers: {X-A: {values: [v], secrets: [s], files: [f]}}",
     "http_headers:\n  X-A:\n    values:\n    - v\n    secrets:\n    - <secret>\n    files:\n    - "
     "/etc/p/f"},
};

std::vector<Field> with_http(std::vector<Field> fields) {
  fields.insert(fields.end(), kHttpFields.begin(), kHttpFields.end());
  return fields;
}

std::vector<Field> discoveries() {
  std::vector<Field> out = {
      {"static_configs: [{targets: ['a:1'], labels: {l: v}}]",
       "static_configs:\n- targets:\n  - a:1\n  labels:\n    l: v"},
      {"file_sd_configs: [{files: [t.json], refresh_interval: 1m}]",
       "file_sd_configs:\n- files:\n  - /etc/p/t.json\n  refresh_interval: 1m"},
      {"http_sd_configs: [{url: 'http://x/', refresh_interval: 2m}]",
       "refresh_interval: 2m\n  url: http://x/"},
      {"dns_sd_configs: [{names: [a], type: A, port: 1, refresh_interval: 3m}]",
       "dns_sd_configs:\n- names:\n  - a\n  refresh_interval: 3m\n  type: A\n  port: 1"},
  };
  for (const char* name : {"aws_sd_configs: [{a: b}]",         "azure_sd_configs: [{a: b}]",
                           "consul_sd_configs: [{a: b}]",      "digitalocean_sd_configs: [{a: b}]",
                           "docker_sd_configs: [{a: b}]",      "dockerswarm_sd_configs: [{a: b}]",
                           "ec2_sd_configs: [{a: b}]",         "ecs_sd_configs: [{a: b}]",
                           "elasticache_sd_configs: [{a: b}]", "eureka_sd_configs: [{a: b}]",
                           "gce_sd_configs: [{a: b}]",         "hetzner_sd_configs: [{a: b}]",
                           "ionos_sd_configs: [{a: b}]",       "kubernetes_sd_configs: [{a: b}]",
                           "kuma_sd_configs: [{a: b}]",        "lightsail_sd_configs: [{a: b}]",
                           "linode_sd_configs: [{a: b}]",      "marathon_sd_configs: [{a: b}]",
                           "msk_sd_configs: [{a: b}]",         "nerve_sd_configs: [{a: b}]",
                           "nomad_sd_configs: [{a: b}]",       "oci_sd_configs: [{a: b}]",
                           "openstack_sd_configs: [{a: b}]",   "outscale_sd_configs: [{a: b}]",
                           "ovhcloud_sd_configs: [{a: b}]",    "puppetdb_sd_configs: [{a: b}]",
                           "rds_sd_configs: [{a: b}]",         "scaleway_sd_configs: [{a: b}]",
                           "serverset_sd_configs: [{a: b}]",   "stackit_sd_configs: [{a: b}]",
                           "triton_sd_configs: [{a: b}]",      "uyuni_sd_configs: [{a: b}]",
                           "vultr_sd_configs: [{a: b}]"}) {
    out.push_back(Field{name, kRefused});
  }
  return out;
}

const std::vector<Field> kLimits = {
    {"body_size_limit: 1536KB", "body_size_limit: 1MiB512KiB"},
    {"sample_limit: 2", "sample_limit: 2"},
    {"target_limit: 3", "target_limit: 3"},
    {"label_limit: 4", "label_limit: 4"},
    {"label_name_length_limit: 5", "label_name_length_limit: 5"},
    {"label_value_length_limit: 6", "label_value_length_limit: 6"},
    {"keep_dropped_targets: 7", "keep_dropped_targets: 7"},
    {"metric_name_validation_scheme: legacy", "metric_name_validation_scheme: legacy"},
    {"metric_name_escaping_scheme: dots", "metric_name_escaping_scheme: dots"},
    {"scrape_native_histograms: true", "scrape_native_histograms: true"},
    {"convert_classic_histograms_to_nhcb: true", "convert_classic_histograms_to_nhcb: true"},
    {"always_scrape_classic_histograms: true", "always_scrape_classic_histograms: true"},
    {"extra_scrape_metrics: true", "extra_scrape_metrics: true"},
    {"scrape_interval: 7s", "scrape_interval: 7s"},
    {"scrape_timeout: 3s", "scrape_timeout: 3s"},
    {"scrape_protocols: [PrometheusProto, OpenMetricsText0.0.1]",
     "scrape_protocols:\n- PrometheusProto\n- OpenMetricsText0.0.1"},
    {"scrape_failure_log_file: f", "scrape_failure_log_file: /etc/p/f"},
};

std::vector<Field> with_limits(std::vector<Field> fields) {
  fields.insert(fields.end(), kLimits.begin(), kLimits.end());
  return fields;
}

std::vector<Section> sections() {
  std::vector<Section> out;
  out.push_back(Section{
      "top",
      "",
      {{"rule_files: [r.yml]", "rule_files:\n- /etc/p/r.yml"},
       {"scrape_config_files: [s/*.yml]", "scrape_config_files:\n- /etc/p/s/*.yml"},
       {"runtime: {gogc: 50}", "runtime:\n  gogc: 50"},
       {"storage: {tsdb: {retention: {time: 2d, size: 1GB, percentage: 5.5}}}",
        "retention:\n  time: 2d\n  size: 1GiB\n  percentage: 5.5"},
       {"storage: {tsdb: {chunk_encoding: {floats: xor2}}}", "chunk_encoding:\n  floats: xor2"},
       {"storage: {tsdb: {stale_series_compaction_threshold: 0.5}}", kRefused},
       {"storage: {exemplars: {max_exemplars: 5}}", "exemplars:\n  max_exemplars: 5"},
       {"remote_write: [{url: 'http://x/'}]", kRefused},
       {"remote_read: [{url: 'http://x/'}]", kRefused},
       {"otlp: {promote_resource_attributes: [a]}", kRefused},
       {"tracing: {endpoint: x}", kRefused}}});
  out.push_back(Section{"global", "global:\n  ",
                        with_limits({{"evaluation_interval: 5s", "evaluation_interval: 5s"},
                                     {"rule_query_offset: 6s", "rule_query_offset: 6s"},
                                     {"query_log_file: q", "query_log_file: /etc/p/q"},
                                     {"external_labels: {a: b}", "external_labels:\n  a: b"}})});
  out.push_back(Section{
      "job", "scrape_configs:\n- job_name: j\n  ",
      with_http(with_limits(
          {{"fallback_scrape_protocol: PrometheusProto",
            "fallback_scrape_protocol: PrometheusProto"},
           {"metrics_path: /m", "metrics_path: /m"},
           {"scheme: https", "scheme: https"},
           {"params: {a: [b, c]}", "params:\n  a:\n  - b\n  - c"},
           {"honor_labels: true", "honor_labels: true"},
           {"honor_timestamps: false", "honor_timestamps: false"},
           {"track_timestamps_staleness: true", "track_timestamps_staleness: true"},
           {"enable_compression: false", "enable_compression: false"},
           {"native_histogram_bucket_limit: 8", "native_histogram_bucket_limit: 8"},
           {"native_histogram_min_bucket_factor: 1.5", "native_histogram_min_bucket_factor: 1.5"},
           {"relabel_configs: [{source_labels: [a, b], separator: '-', regex: c, target_label: d, "
            "replacement: e, action: replace}]",
            "relabel_configs:\n- source_labels: [a, b]\n  separator: '-'\n  regex: c\n  "
            "target_label: d\n  replacement: e\n  action: replace"},
           {"metric_relabel_configs: [{source_labels: [a], modulus: 2, target_label: d, action: "
            "hashmod}]",
            "metric_relabel_configs:\n- source_labels: [a]\n  separator: ;\n  modulus: 2"}}))});
  out.push_back(Section{"discovery", "scrape_configs:\n- job_name: j\n  ", discoveries()});
  out.push_back(Section{"http_sd",
                        "scrape_configs:\n- job_name: j\n  http_sd_configs:\n  - url: "
                        "http://x/\n    ",
                        kHttpFields});
  out.push_back(
      Section{"alerting",
              "alerting:\n  ",
              {{"alert_relabel_configs: [{target_label: a}]", "alert_relabel_configs:\n"},
               {"alertmanagers: [{scheme: https}]", "scheme: https"},
               {"alertmanagers: [{path_prefix: /x}]", "path_prefix: /x"},
               {"alertmanagers: [{timeout: 3s}]", "timeout: 3s"},
               {"alertmanagers: [{api_version: v2}]", "api_version: v2"},
               {"alertmanagers: [{relabel_configs: [{target_label: a}]}]", "relabel_configs:\n"},
               {"alertmanagers: [{alert_relabel_configs: [{target_label: a}]}]",
                "alert_relabel_configs:\n"},
               {"alertmanagers: [{static_configs: [{targets: ['a:1']}]}]", "- a:1"},
               {"alertmanagers: [{sigv4: {region: r}}]", kRefused}}});
  out.push_back(
      Section{"alertmanager", "alerting:\n  alertmanagers:\n  - scheme: http\n    ", kHttpFields});
  return out;
}

// "{a: b, c: d}" is two fields of the section: they are taken out of their braces.
std::string spread(const std::string& before, const std::string& field) {
  if (field.front() != '{') return before + field + "\n";
  const std::string indent(before.size() - before.rfind('\n') - 1, ' ');
  std::string inside = field.substr(1, field.size() - 2);
  inside.replace(inside.find(", "), 2, "\n" + indent);
  return before + inside + "\n";
}

// Lines without the blanks in front, so that a row need not know its depth.
std::string flat(const std::string& text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    if (start && c == ' ') continue;
    start = c == '\n';
    out += c;
  }
  return out;
}

}  // namespace

TEST_CASE("Config knows every field of Prometheus", "[server]") {
  for (const Section& section : sections()) {
    const auto line = std::count(section.before.begin(), section.before.end(), '\n') + 1;
    for (const Field& field : section.fields) {
      const std::string text = spread(section.before, field.text);
      INFO(section.name << "\n" << text);
      const auto config = server::parse_config(text, kFile);
      if (field.shown != kRefused) {
        INFO((config ? "" : config.status().message()));
        REQUIRE(config.is_ok());
        const std::string yaml = config->to_yaml();
        INFO(yaml);
        CHECK(flat(yaml).find(flat(field.shown)) != std::string::npos);
        const auto again = server::parse_config(yaml, kFile);
        INFO((again ? "" : again.status().message()));
        REQUIRE(again.is_ok());
        CHECK(again->to_yaml() == yaml);
      } else {
        REQUIRE_FALSE(config.is_ok());
        const std::string message = config.status().message();
        INFO(message);
        CHECK(config.status().code() == base::Errc::kUnsupported);
        const std::string start = fmt::format("{}:{}: ", kFile, line);
        CHECK(message.compare(0, start.size(), start) == 0);
        CHECK(message.find("not supported yet") != std::string::npos);
      }
    }
  }
}

TEST_CASE("Config refuses a field that Prometheus does not know, wherever it stands", "[server]") {
  for (const Section& section : sections()) {
    const std::string text = section.before + "no_such_field: 1\n";
    INFO(text);
    const auto config = server::parse_config(text, kFile);
    REQUIRE_FALSE(config.is_ok());
    CHECK_THAT(config.status().message(), Catch::Contains("field no_such_field not found in type"));
  }
}
