#include "scrape/discovery/dns_sd.h"

#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/scrape/discovery_fixture.h"
#include "tests/support/dns_test_server.h"
#include "tests/support/temp_dir.h"

namespace silverback::scrape {
namespace {

using testing::DnsTestAnswer;
using testing::DnsTestServer;
using testing::eventually;

DnsTestAnswer with(std::vector<testing::DnsTestRecord> records) {
  DnsTestAnswer answer;
  answer.records = std::move(records);
  return answer;
}
DnsTestAnswer refuse(int rcode) {
  DnsTestAnswer answer;
  answer.rcode = rcode;
  return answer;
}

struct DnsFixture : DiscoveryFixture {
  explicit DnsFixture(const DnsTestServer& server, const std::string& more = "") {
    resolv_conf = dir.file("resolv.conf");
    std::ofstream(resolv_conf) << "nameserver 127.0.0.1\n" << more;
    dns_port = server.port();
  }
  tests::TempDir dir;
};

}  // namespace

TEST_CASE("DnsSd makes targets of every record type", "[scrape]") {
  struct Row {
    std::string fields;
    uint16_t type;
    std::vector<testing::DnsTestRecord> records;
    std::vector<std::string> targets;
  };
  const std::vector<Row> rows = {
      {"names: [n.test.]",
       33,
       {testing::dns_srv("a.test.", 90), testing::dns_srv("b.test.", 91)},
       {R"({__address__="a.test:90", __meta_dns_name="n.test.", __meta_dns_srv_record_port="90", __meta_dns_srv_record_target="a.test."})",
        R"({__address__="b.test:91", __meta_dns_name="n.test.", __meta_dns_srv_record_port="91", __meta_dns_srv_record_target="b.test."})"}},
      {"names: [n.test.], type: a, port: 80",
       1,
       {testing::dns_cname("m.test."), testing::dns_a("10.0.0.1")},
       {R"({__address__="10.0.0.1:80", __meta_dns_name="n.test."})"}},
      {"names: [n.test.], type: AAAA, port: 80",
       28,
       {testing::dns_aaaa("fd00::1")},
       {R"({__address__="[fd00::1]:80", __meta_dns_name="n.test."})"}},
      {"names: [n.test.], type: MX, port: 25",
       15,
       {testing::dns_mx("m.test.")},
       {R"({__address__="m.test:25", __meta_dns_mx_record_target="m.test.", __meta_dns_name="n.test."})"}},
      {"names: [n.test.], type: NS, port: 53",
       2,
       {testing::dns_ns("s.test.")},
       {R"({__address__="s.test:53", __meta_dns_name="n.test.", __meta_dns_ns_record_target="s.test."})"}},
  };
  for (const Row& row : rows) {
    INFO(row.fields);
    DnsTestServer server([&](const std::string& name, uint16_t type) {
      return name == "n.test." && type == row.type ? with(row.records) : refuse(3);
    });
    DnsFixture f(server);
    f.apply("dns_sd_configs: [{" + row.fields + "}]\n");
    CHECK(f.become(row.targets));
    CHECK(f.metric("prometheus_sd_dns_lookups_total 1"));
    CHECK(f.metric("prometheus_sd_dns_lookup_failures_total 0"));
  }
}

TEST_CASE("DnsSd takes the long way when an answer is cut", "[scrape]") {
  DnsTestServer server([](const std::string&, uint16_t) {
    DnsTestAnswer answer;
    for (int i = 0; i < 200; ++i) answer.records.push_back(testing::dns_a("10.0.0.1"));
    answer.truncate_udp = true;
    return answer;
  });
  DnsFixture f(server);
  f.apply("dns_sd_configs: [{names: [n.test], type: A, port: 1}]\n");
  REQUIRE(eventually([&] { return f.set->target_count() == 200; }));
}

TEST_CASE("DnsSd keeps the targets of a name that no server answers for", "[scrape]") {
  DnsTestServer server(
      [](const std::string&, uint16_t) { return with({testing::dns_a("10.0.0.1")}); });
  DnsFixture f(server);
  f.apply(
      "dns_sd_configs: [{names: [n.test, m.test], type: A, port: 1, refresh_interval: 50ms}]\n");
  REQUIRE(eventually([&] { return f.set->target_count() == 2; }));
  server.set_handler([](const std::string& name, uint16_t) {
    return name == "n.test." ? refuse(2) : refuse(3);  // SERVFAIL: unknown; NXDOMAIN: none
  });
  REQUIRE(f.become({R"({__address__="10.0.0.1:1", __meta_dns_name="n.test"})"}));
  REQUIRE(eventually([&] { return !f.metric("prometheus_sd_dns_lookup_failures_total 0"); }));
}

TEST_CASE("DnsSd walks the search list as the resolver's settings say", "[scrape]") {
  DnsTestServer server([](const std::string& name, uint16_t) {
    return name == "db.two." ? with({testing::dns_a("10.0.0.2")}) : refuse(3);
  });
  DnsFixture f(server, "search one two\noptions ndots:1\n");
  f.apply("dns_sd_configs: [{names: [db], type: A, port: 5}]\n");
  REQUIRE(f.become({R"({__address__="10.0.0.2:5", __meta_dns_name="db"})"}));
  CHECK(server.names_asked() == std::vector<std::string>{"db.one.", "db.two."});
}

TEST_CASE("DnsSd counts a lookup without a resolver's settings as failed", "[scrape]") {
  DnsTestServer server([](const std::string&, uint16_t) { return refuse(3); });
  DnsFixture f(server);
  f.resolv_conf = f.dir.file("not-there");
  f.apply("dns_sd_configs: [{names: [n.test], type: A, port: 1}]\n");
  REQUIRE(eventually([&] { return f.metric("prometheus_sd_dns_lookup_failures_total 1"); }));
}

}  // namespace silverback::scrape
