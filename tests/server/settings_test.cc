#include "server/settings.h"

#include <catch2/catch.hpp>

#include "server/listen_address.h"

namespace base = silverback::base;
namespace server = silverback::server;
namespace storage = silverback::storage;

namespace {

server::Flags flags_of(std::vector<std::string> args) {
  auto flags = server::Flags::parse(args);
  INFO((flags ? "" : flags.status().message()));
  REQUIRE(flags.is_ok());
  return *flags;
}

constexpr int64_t kDayMs = 24LL * 3600 * 1000;

}  // namespace

TEST_CASE("Retention follows the config file, then the flags, then 30 days", "[server]") {
  struct Row {
    std::vector<std::string> args;
    server::RetentionConfig config;
    std::string shown;
  };
  const std::vector<Row> rows = {
      {{}, {}, "30d"},
      {{"--storage.tsdb.retention.time=100y"}, {}, "100y"},
      {{"--storage.tsdb.retention.time=0s"}, {}, "30d"},
      {{"--storage.tsdb.retention.size=10GB"}, {}, "10GiB"},
      {{"--storage.tsdb.retention.size=10GB", "--storage.tsdb.retention.time=5d"},
       {},
       "5d or 10GiB"},
      {{"--storage.tsdb.retention.time=5d"}, {7 * kDayMs, std::nullopt, 0}, "1w"},
      {{"--storage.tsdb.retention.time=5d"}, {std::nullopt, 1 << 20, 0}, "1MiB"},
      {{}, {std::nullopt, 1 << 20, 50}, "512MiB"},
      {{}, {7 * kDayMs, std::nullopt, 100}, "1w or 1GiB"},
      {{}, {std::nullopt, 1 << 20, 0}, "1MiB"},
      {{}, {0, 0, 0}, "30d"},
      {{"--storage.tsdb.retention.size=10GB"}, {2 * kDayMs, 0, 0}, "2d"},
  };
  for (const Row& row : rows) {
    const server::Retention got =
        server::effective_retention(flags_of(row.args), row.config, 1 << 30);
    CHECK(got.to_string() == row.shown);
  }
  CHECK(server::filesystem_bytes("/tmp/not/there/yet") > 0);
}

TEST_CASE("Web location comes from the external URL and the route prefix", "[server]") {
  struct Row {
    std::vector<std::string> args;
    std::string url, host, prefix;
  };
  const std::vector<Row> rows = {
      {{"--web.external-url=https://p.example/"}, "https://p.example", "p.example", ""},
      {{"--web.external-url=https://p.example:1/a/b/"},
       "https://p.example:1/a/b",
       "p.example:1",
       "/a/b"},
      {{"--web.external-url=http://p/a", "--web.route-prefix=/"}, "http://p/a", "p", ""},
      {{"--web.external-url=http://p/a", "--web.route-prefix=x/"}, "http://p/a", "p", "/x"},
  };
  for (const Row& row : rows) {
    const auto location = server::web_location(flags_of(row.args), "9090");
    REQUIRE(location.is_ok());
    CHECK(location->external_url == row.url);
    CHECK(location->external_host == row.host);
    CHECK(location->route_prefix == row.prefix);
  }
  const auto derived = server::web_location(flags_of({}), "1234");
  REQUIRE(derived.is_ok());
  CHECK(derived->external_host.substr(derived->external_host.rfind(':')) == ":1234");
  CHECK(derived->external_url.rfind("http://", 0) == 0);
  CHECK(server::web_location(flags_of({}), "1234", true)->external_url.rfind("https://", 0) == 0);
  CHECK_FALSE(server::web_location(flags_of({"--web.external-url='http://x'"}), "1").is_ok());
  CHECK_FALSE(server::web_location(flags_of({"--web.external-url=nonsense"}), "1").is_ok());
}

TEST_CASE("Storage options are checked", "[server]") {
  const server::Retention retention;
  CHECK(server::db_options(flags_of({"--storage.wal.sync=interval"}), retention)->wal_sync ==
        silverback::tsdb::WalSync::kInterval);
  CHECK(server::db_options(flags_of({"--storage.tsdb.max-head-series=7"}), retention)
            ->max_head_series == 7);
  CHECK_FALSE(
      server::db_options(flags_of({"--storage.tsdb.min-block-duration=0s"}), retention).is_ok());
  CHECK_FALSE(
      server::db_options(flags_of({"--storage.tsdb.wal-segment-size=1KB"}), retention).is_ok());
}

TEST_CASE("Listen addresses are taken apart", "[server]") {
  struct Row {
    std::string text, host, port;
  };
  for (const Row& row : std::vector<Row>{{"0.0.0.0:9090", "0.0.0.0", "9090"},
                                         {":9090", "", "9090"},
                                         {"[::1]:0", "::1", "0"},
                                         {"localhost:80", "localhost", "80"}}) {
    const auto address = server::parse_listen_address(row.text);
    REQUIRE(address.is_ok());
    CHECK(address->host == row.host);
    CHECK(address->port == row.port);
  }
  for (const char* bad : {"", "nonsense", "a:", "a:x", "a:65536", "a:-1", "::1:80"}) {
    INFO(bad);
    CHECK_FALSE(server::parse_listen_address(bad).is_ok());
  }
}

TEST_CASE("Accepted remote write messages are named by a list or one by one", "[server]") {
  using storage::remote::WriteMessage;
  const std::string flag = "--web.remote-write-receiver.accepted-protobuf-messages=";
  const std::string v1 = "prometheus.WriteRequest", v2 = "io.prometheus.write.v2.Request";
  const auto accepted = [](std::vector<std::string> args) {
    return server::accepted_write_messages(flags_of(std::move(args)));
  };
  const std::vector<WriteMessage> both = {WriteMessage::kV1, WriteMessage::kV2};
  CHECK(*accepted({}) == both);
  CHECK(*accepted({flag + v1 + "," + v2}) == both);
  CHECK(*accepted({flag + v1, flag + v2}) == both);
  CHECK(*accepted({flag + v2}) == std::vector<WriteMessage>{WriteMessage::kV2});
  CHECK(accepted({flag + "x.Request"}).status().message() ==
        "unknown remote write protobuf message x.Request, supported: prometheus.WriteRequest, "
        "io.prometheus.write.v2.Request");
  CHECK(accepted({flag + v2 + "," + v2}).status().message() ==
        "duplicated io.prometheus.write.v2.Request flag value");
}
