#include "server/flags.h"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace std::string_literals;
namespace server = silverback::server;
using server::Flags;

namespace {

std::string parse_error(const std::vector<std::string>& args) {
  const auto flags = Flags::parse(args);
  return flags ? "" : flags.status().message();
}

}  // namespace

TEST_CASE("Flag table is sorted, unique, documented, and its defaults parse", "[server]") {
  std::string_view before;
  for (const server::FlagDef& def : server::flag_table()) {
    INFO(def.name);
    CHECK(before < def.name);
    CHECK(!def.doc.empty());
    CHECK(server::find_flag(def.name) == &def);
    if (def.kind != server::FlagKind::kBool) {
      CHECK(parse_error({"--" + std::string(def.name), std::string(def.default_value)}) == "");
    }
    before = def.name;
  }
  CHECK(server::find_flag("nope") == nullptr);
}

TEST_CASE("Flags take every spelling of kingpin", "[server]") {
  struct Row {
    std::vector<std::string> args;
    std::string name, shown;
  };
  const std::vector<Row> rows = {
      {{}, "storage.tsdb.path", "data/"},
      {{"--storage.tsdb.path=/x"}, "storage.tsdb.path", "/x"},
      {{"--storage.tsdb.path", "/x"}, "storage.tsdb.path", "/x"},
      {{"--storage.tsdb.path=/x", "--storage.tsdb.path=/y"}, "storage.tsdb.path", "/y"},
      {{"--storage.tsdb.path="}, "storage.tsdb.path", ""},
      {{}, "web.enable-lifecycle", "false"},
      {{"--web.enable-lifecycle"}, "web.enable-lifecycle", "true"},
      {{"--web.enable-lifecycle", "--no-web.enable-lifecycle"}, "web.enable-lifecycle", "false"},
      {{"--web.enable-lifecycle=true"}, "web.enable-lifecycle", "true"},
      {{"--no-storage.tsdb.no-lockfile"}, "storage.tsdb.no-lockfile", "false"},
      {{"--query.timeout=90s"}, "query.timeout", "1m30s"},
      {{"--storage.tsdb.retention.time=100y"}, "storage.tsdb.retention.time", "100y"},
      {{"--storage.tsdb.retention.size=512MB"}, "storage.tsdb.retention.size", "512MiB"},
      {{"--web.listen-address=:1", "--web.listen-address=:2"}, "web.listen-address", ":1,:2"},
      {{}, "web.listen-address", "0.0.0.0:9090"},
  };
  for (const Row& row : rows) {
    const auto flags = Flags::parse(row.args);
    INFO(row.name << " " << (flags ? "" : flags.status().message()));
    REQUIRE(flags.is_ok());
    CHECK(flags->effective().at(row.name) == row.shown);
  }
}

TEST_CASE("Flags refuse with kingpin's words", "[server]") {
  struct Row {
    std::vector<std::string> args;
    std::string error;
  };
  const std::vector<Row> rows = {
      {{"--nope"}, "unknown long flag '--nope'"},
      {{"--nope=1"}, "unknown long flag '--nope'"},
      {{"--no-query.timeout"}, "unknown long flag '--no-query.timeout'"},
      {{"-x"}, "unknown short flag '-x'"},
      {{"stray"}, "unexpected stray"},
      {{"--query.timeout"}, "expected argument for flag '--query.timeout'"},
      {{"--query.timeout", "--agent"}, "expected argument for flag '--query.timeout'"},
      {{"--query.timeout=abc"}, "not a valid duration string: \"abc\""},
      {{"--query.max-samples=many"}, "strconv.ParseInt: parsing \"many\": invalid syntax"},
      {{"--log.level=loud"}, "enum value must be one of debug,info,warn,error, got 'loud'"},
      {{"--agent"}, "flag '--agent': not supported yet"},
      {{"--web.enable-otlp-receiver"}, "flag '--web.enable-otlp-receiver': not supported yet"},
      {{"--storage.agent.path=x"},
       "flag '--storage.agent.path' can only be used in agent mode, which is not supported yet"},
      {{"--storage.tsdb.retention.size=5"}, "unknown or missing unit in size \"5\""},
  };
  for (const Row& row : rows) CHECK(parse_error(row.args) == row.error);
}

TEST_CASE("Flags that are not built pass with their default", "[server]") {
  CHECK(parse_error({"--no-agent", "--no-web.enable-otlp-receiver"}) == "");
}

TEST_CASE("Flags name what was set without effect", "[server]") {
  const auto flags = Flags::parse({"--web.console.libraries=/x", "--storage.tsdb.wal-compression",
                                   "--auto-gomemlimit.ratio=0.8"});
  REQUIRE(flags.is_ok());
  CHECK(flags->without_effect() == std::vector<std::string>{"auto-gomemlimit.ratio",
                                                            "storage.tsdb.wal-compression",
                                                            "web.console.libraries"});
}

TEST_CASE("Flags know help and version", "[server]") {
  CHECK(Flags::parse({"-h"})->help());
  CHECK(Flags::parse({"--version", "--agent"})->version());
  const std::string usage = server::usage();
  CHECK(usage.find("--config.file=prometheus.yml") != std::string::npos);
  CHECK(usage.find("--[no-]web.enable-lifecycle") != std::string::npos);
  CHECK(usage.find("web.port-file") == std::string::npos);
}

TEST_CASE("Features sorts names into built, not built and unknown", "[server]") {
  const server::Features features =
      server::parse_features({"promql-experimental-functions,old-ui,exemplar-storage",
                              "no-such-thing", "", "extra-scrape-metrics"});
  CHECK(features.promql_experimental_functions);
  CHECK(features.extra_scrape_metrics);
  CHECK(features.exemplar_storage);
  CHECK_FALSE(features.promql_delayed_name_removal);
  CHECK(features.not_built == std::vector<std::string>{"old-ui"});
  CHECK(features.unknown == std::vector<std::string>{"no-such-thing"});
}

TEST_CASE("Sizes parse and print in base 2", "[server]") {
  struct Row {
    std::string text;
    uint64_t bytes;
    std::string shown;
  };
  for (const Row& row : std::vector<Row>{{"0", 0, "0B"},
                                         {"1B", 1, "1B"},
                                         {"64MB", 64u << 20, "64MiB"},
                                         {"1.5GiB", 3u << 29, "1536MiB"},
                                         {"1KB", 1024, "1KiB"}}) {
    CHECK(*server::parse_bytes(row.text) == row.bytes);
    CHECK(server::format_bytes(row.bytes) == row.shown);
  }
  for (const char* bad : {"", "MB", "5", "5Q", "-1MB", "99999999999EB"}) {
    INFO(bad);
    CHECK_FALSE(server::parse_bytes(bad).is_ok());
  }
}
