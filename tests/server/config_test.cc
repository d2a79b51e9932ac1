#include "server/config.h"

#include <cstdlib>

#include <catch2/catch.hpp>

namespace base = silverback::base;
namespace server = silverback::server;

namespace {

base::Result<server::Config> parse(const std::string& text) {
  return server::parse_config(text, "/etc/p/prometheus.yml");
}

}  // namespace

TEST_CASE("Config of nothing has Prometheus's defaults", "[server]") {
  for (const char* text :
       {"", "# only a comment\n", "global:\n", "global:\nscrape_configs:\nrule_files:\n",
        "global: {}\nscrape_configs: []\nrule_files: []\nalerting: {}\nstorage: {}\n"}) {
    INFO(text);
    const auto config = parse(text);
    REQUIRE(config.is_ok());
    CHECK(config->scrape_defaults.interval_ms == 60'000);
    CHECK(config->scrape_defaults.timeout_ms == 10'000);
    CHECK(config->evaluation_interval_ms == 60'000);
    CHECK(config->rule_query_offset_ms == 0);
    CHECK(config->scrape_configs.empty());
    CHECK(config->external_labels.empty());
    CHECK_FALSE(config->storage.retention.time_ms.has_value());
  }
}

TEST_CASE("Config takes every built section", "[server]") {
  const auto config = parse(
      "global:\n"
      "  scrape_interval: 15s\n"
      "  scrape_timeout: 5s\n"
      "  evaluation_interval: 30s\n"
      "  rule_query_offset: 1m\n"
      "  external_labels: {cluster: prod, replica: a}\n"
      "  sample_limit: 1000\n"
      "  body_size_limit: 10MB\n"
      "runtime:\n  gogc: 75\n"
      "rule_files: [rules/*.yml, /abs/x.yml]\n"
      "alerting:\n"
      "  alertmanagers:\n"
      "    - static_configs: [{targets: ['localhost:9093']}]\n"
      "scrape_configs:\n"
      "  - job_name: node\n"
      "    static_configs: [{targets: ['localhost:9100']}]\n"
      "storage:\n"
      "  tsdb:\n"
      "    out_of_order_time_window: 0s\n"
      "    retention: {time: 90d, size: 10GB}\n"
      "  exemplars: {max_exemplars: 100000}\n");
  INFO((config ? "" : config.status().message()));
  REQUIRE(config.is_ok());
  CHECK(config->scrape_defaults.interval_ms == 15'000);
  CHECK(config->storage.max_exemplars == 100'000);
  CHECK(config->to_yaml().find("  exemplars:\n    max_exemplars: 100000\n") != std::string::npos);
  CHECK(config->evaluation_interval_ms == 30'000);
  CHECK(config->rule_query_offset_ms == 60'000);
  CHECK(config->external_labels.get("replica") == "a");
  CHECK(config->rule_files == std::vector<std::string>{"/etc/p/rules/*.yml", "/abs/x.yml"});
  REQUIRE(config->alerting.alertmanagers.size() == 1);
  REQUIRE(config->scrape_configs.size() == 1);
  CHECK(config->scrape_configs[0].interval_ms == 15'000);
  CHECK(config->scrape_configs[0].sample_limit == 1000);
  CHECK(config->storage.retention.time_ms == 90LL * 24 * 3600 * 1000);
  CHECK(config->storage.retention.size_bytes == 10ull << 30);
}

TEST_CASE("Config paths resolve against the file's folder", "[server]") {
  const char* text = "rule_files: [r.yml, /a/b.yml]\n";
  const auto files = [&](const char* file) { return server::parse_config(text, file)->rule_files; };
  CHECK(files("p.yml") == std::vector<std::string>{"r.yml", "/a/b.yml"});
  CHECK(files("x/p.yml") == std::vector<std::string>{"x/r.yml", "/a/b.yml"});
  CHECK(files("/p.yml") == std::vector<std::string>{"/r.yml", "/a/b.yml"});
}

TEST_CASE("Config refuses by file and line", "[server]") {
  struct Row {
    std::string text, error;
  };
  const std::vector<Row> rows = {
      {"global:\n  scrape_intervall: 1s\n", "/etc/p/prometheus.yml:2: "},
      {"nope: 1\n", "/etc/p/prometheus.yml:1: "},
      {"global:\n  evaluation_interval: soon\n", "/etc/p/prometheus.yml:2: "},
      {"global:\n  external_labels:\n    '': x\n",
       "/etc/p/prometheus.yml:3: \"\" is not a valid label name"},
      {"global:\n  external_labels: [a]\n", "/etc/p/prometheus.yml:2: "},
      {"rule_files:\n  - ok.yml\n  - a*/b.yml\n",
       "/etc/p/prometheus.yml:3: invalid rule file path \"a*/b.yml\""},
      {"rule_files: x.yml\n", "/etc/p/prometheus.yml:1: "},
      {"storage:\n  tsdb:\n    retention:\n      time: never\n", "/etc/p/prometheus.yml:4: "},
      {"storage:\n  tsdb:\n    retention: {percentage: 101}\n",
       "/etc/p/prometheus.yml:3: 'storage.tsdb.retention.percentage' must be in the range [0, "
       "100], "
       "got 101"},
      {"storage:\n  tsdb:\n    chunk_encoding: {floats: odd}\n",
       "/etc/p/prometheus.yml:3: 'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or "
       "the field must be omitted entirely, got \"odd\""},
      {"scrape_config_files: [a*/b.yml]\n",
       "/etc/p/prometheus.yml:1: invalid scrape config file path \"a*/b.yml\""},
      {"storage:\n  tsdbb: {}\n", "/etc/p/prometheus.yml:2: "},
      {"- a\n- b\n", "/etc/p/prometheus.yml:1: "},
      {"scrape_configs:\n  - job_name: a\n  - job_name: a\n", "/etc/p/prometheus.yml:3: "},
      {"global:\n  scrape_interval: 5s\n  scrape_timeout: 10s\n", "/etc/p/prometheus.yml:"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto config = parse(row.text);
    REQUIRE_FALSE(config.is_ok());
    CHECK(config.status().code() == base::Errc::kBadData);
    INFO(config.status().message());
    CHECK(config.status().message().rfind(row.error, 0) == 0);
  }
}

// Each field of Prometheus 3.14's top level, global, runtime and storage that is not built: refused
// by its name unless it has its default.
TEST_CASE("Config refuses what is not built, by name", "[server]") {
  struct Row {
    std::string text, name;
    int line;
  };
  const std::vector<Row> rows = {
      {"remote_write:\n  - url: http://x\n", "remote_write", 2},
      {"remote_read:\n  - url: http://x\n", "remote_read", 2},
      {"otlp:\n  promote_resource_attributes: [a]\n", "otlp", 2},
      {"tracing:\n  endpoint: x\n", "tracing", 2},
      {"storage:\n  tsdb:\n    out_of_order_time_window: 30m\n", "out_of_order_time_window", 3},
      {"storage:\n  tsdb:\n    stale_series_compaction_threshold: 0.5\n",
       "stale_series_compaction_threshold", 3},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const auto config = parse(row.text);
    REQUIRE_FALSE(config.is_ok());
    INFO(config.status().message());
    CHECK(config.status().code() == base::Errc::kUnsupported);
    const std::string start = "/etc/p/prometheus.yml:" + std::to_string(row.line) + ": ";
    CHECK(config.status().message().rfind(start, 0) == 0);
    CHECK(config.status().message().find(row.name) != std::string::npos);
    CHECK(config.status().message().find("not supported yet") != std::string::npos);
  }
}

TEST_CASE("Config takes the defaults of what is not built", "[server]") {
  for (const char* text :
       {"remote_write: []\nremote_read:\n", "runtime: {gogc: 75}\n",
        "global: {query_log_file: '', scrape_native_histograms: false}\n",
        "storage: {tsdb: {out_of_order_time_window: 0s, chunk_encoding: {floats: xor}}}\n"}) {
    const auto config = parse(text);
    INFO(text << (config ? "" : config.status().message()));
    CHECK(config.is_ok());
  }
}

TEST_CASE("Config resolves the query log against its folder", "[server]") {
  const auto config = parse("global: {query_log_file: q.log}\n");
  REQUIRE(config.is_ok());
  CHECK(config->query_log_file == "/etc/p/q.log");
  CHECK(config->to_yaml().find("query_log_file: /etc/p/q.log\n") != std::string::npos);
  CHECK(parse("global: {query_log_file: /var/log/q.log}\n")->query_log_file == "/var/log/q.log");
  CHECK(parse("{}")->to_yaml().find("query_log_file") == std::string::npos);
}

TEST_CASE("Config expands the environment in external labels only", "[server]") {
  REQUIRE(setenv("SB_CONFIG_TEST", "val ue", 1) == 0);  // NOLINT(concurrency-mt-unsafe): one thread
  struct Row {
    std::string text, expanded;
  };
  for (const Row& row : std::vector<Row>{{"$SB_CONFIG_TEST", "val ue"},
                                         {"a${SB_CONFIG_TEST}b", "aval ueb"},
                                         {"$SB_NOT_THERE.x", ".x"},
                                         {"$$HOME", "$HOME"},
                                         {"plain", "plain"},
                                         {"100%$", "100%$"},
                                         {"$-x", "x"}}) {
    INFO(row.text);
    CHECK(server::expand_environment(row.text) == row.expanded);
  }
  const auto config = parse(
      "global:\n  external_labels: {a: $SB_CONFIG_TEST, gone: $SB_NOT_THERE}\n"
      "scrape_configs: [{job_name: $SB_CONFIG_TEST}]\n");
  REQUIRE(config.is_ok());
  CHECK(config->external_labels.to_string() == "{a=\"val ue\"}");
  CHECK(config->scrape_configs.at(0).job_name == "$SB_CONFIG_TEST");
}

TEST_CASE("Config shows itself with defaults and without secrets", "[server]") {
  const auto config = parse(
      "global: {external_labels: {cluster: 'a: b'}}\n"
      "rule_files: [r.yml]\n"
      "alerting:\n"
      "  alertmanagers:\n"
      "    - static_configs: [{targets: ['am:9093']}]\n"
      "      basic_auth: {username: u, password: hunter2}\n"
      "scrape_configs:\n"
      "  - job_name: a\n"
      "    authorization: {credentials: hunter2}\n"
      "    static_configs: [{targets: ['x:1']}]\n"
      "  - job_name: b\n"
      "    basic_auth: {username: u, password: hunter2}\n"
      "storage: {tsdb: {retention: {time: 10d, size: 1GB}}}\n");
  INFO((config ? "" : config.status().message()));
  REQUIRE(config.is_ok());
  const std::string yaml = config->to_yaml();
  INFO(yaml);
  CHECK(yaml.find("hunter2") == std::string::npos);
  CHECK(yaml.find("<secret>") != std::string::npos);
  for (const char* part : {"scrape_interval: 1m\n", "evaluation_interval: 1m\n", "job_name: a\n",
                           "alerting:\n  alertmanagers:\n", "/etc/p/r.yml\n", "time: 10d\n"}) {
    INFO(part);
    CHECK(yaml.find(part) != std::string::npos);
  }
  // What is shown can be read again and means the same, but for the secrets.
  const auto again = parse(yaml);
  INFO((again ? "" : again.status().message()));
  REQUIRE(again.is_ok());
  CHECK(again->to_yaml() == yaml);
  CHECK(again->storage.retention == config->storage.retention);
}
