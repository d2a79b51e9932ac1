#include "scrape/discovery/http_sd.h"

#include <atomic>

#include <catch2/catch.hpp>

#include "tests/scrape/discovery_fixture.h"

namespace silverback::scrape {
namespace {

using testing::eventually;
using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

HttpTestAnswer json(std::string body, std::string type = "application/json") {
  HttpTestAnswer answer;
  answer.headers = {{"Content-Type", std::move(type)}};
  answer.body = std::move(body);
  return answer;
}

std::string target(const std::string& address, const std::string& url, const std::string& more) {
  return "{__address__=\"" + address + "\", __meta_url=\"" + url + "\"" + more + "}";
}

constexpr const char* kTwo =
    R"([{"targets": ["a:1", "b:2"], "labels": {"env": "x\u00e9"}}, {"targets": ["c:3"]}])";

}  // namespace

TEST_CASE("HttpSd reads groups, and follows when they change", "[scrape]") {
  DiscoveryFixture f;
  HttpTestServer server([](const HttpTestRequest&) { return json(kTwo); });
  const std::string url = server.url("/sd");
  f.apply("http_sd_configs: [{url: '" + url +
          "', refresh_interval: 1500ms, basic_auth: {username: u, password: p}}]\n");
  const std::string env = ", env=\"x\xc3\xa9\"";
  REQUIRE(f.become({target("a:1", url, env), target("b:2", url, env), target("c:3", url, "")}));
  CHECK(f.set->settled());
  const HttpTestRequest request = server.requests().front();
  CHECK(request.method == "GET");
  CHECK(request.target == "/sd");
  CHECK(request.header("accept") == "application/json");
  CHECK(request.header("user-agent") == "Prometheus/3.14.0");
  CHECK(request.header("x-prometheus-refresh-interval-seconds") == "1.5");
  CHECK(request.header("authorization") == "Basic dTpw");
  server.set_handler([](const HttpTestRequest&) {
    return json(R"([{"targets": ["a:1"]}])", "Application/JSON; charset=UTF-8");
  });
  REQUIRE(f.become({target("a:1", url, "")}));
  server.set_handler([](const HttpTestRequest&) { return json("[]"); });
  REQUIRE(f.become({}));
}

TEST_CASE("HttpSd keeps its targets when a refresh fails", "[scrape]") {
  const auto failing = GENERATE(as<std::string>{}, "status", "type", "body", "labels", "null item",
                                "unknown field", "204");
  DiscoveryFixture f;
  std::atomic<int> answered{0};
  HttpTestServer server([&](const HttpTestRequest&) {
    if (answered++ == 0) return json(R"([{"targets": ["a:1"]}])");
    if (failing == "status") return HttpTestAnswer::error(500, "Internal Server Error");
    if (failing == "type") return json("[]", "text/plain");
    if (failing == "body") return json("[{]");
    if (failing == "labels") return json(R"([{"labels": {"": "x"}}])");
    if (failing == "null item") return json("[null]");
    if (failing == "unknown field") return json(R"([{"target": []}])");
    return HttpTestAnswer::error(204, "No Content");
  });
  const std::string url = server.url("/sd");
  f.apply("http_sd_configs: [{url: '" + url + "', refresh_interval: 40ms}]\n");
  REQUIRE(eventually([&] { return answered >= 4; }));
  CHECK(f.targets() == std::vector<std::string>{target("a:1", url, "")});
  REQUIRE(eventually([&] {
    return !f.metric("prometheus_sd_http_failures_total 0") &&
           !f.metric("prometheus_sd_refresh_failures_total{config=\"job\",mechanism=\"http\"} 0");
  }));
}

TEST_CASE("parse_http_sd_body words what is wrong", "[scrape]") {
  struct Row {
    const char* body;
    const char* message;
  };
  const Row row = GENERATE(values<Row>({
      {"{}", "a list of target groups is expected"},
      {"[1]", "a target group must be an object"},
      {"[null]", "nil target group item found"},
      {R"([{"targets": "a:1"}])", "targets must be a list of strings"},
      {R"([{"targets": [1]}])", "targets must be a list of strings"},
      {R"([{"labels": []}])", "labels must be a map of strings"},
      {R"([{"labels": {"a": 1}}])", "labels must be a map of strings"},
      {R"([{"labels": {"": "x"}}])", "\"\" is not a valid label name"},
      {R"([{"x": 1}])", "unknown field \"x\" in a target group"},
      {"[", "invalid JSON at byte 1: unexpected end of input"},
  }));
  INFO(row.body);
  const auto groups = parse_http_sd_body("http://x/", row.body);
  REQUIRE_FALSE(groups.is_ok());
  CHECK(groups.status().message() == row.message);
}

TEST_CASE("DiscoverySet goes on with what a reload leaves alone", "[scrape]") {
  DiscoveryFixture f;
  std::atomic<int> answered{0};
  HttpTestServer server([&](const HttpTestRequest&) {
    ++answered;
    return json(R"([{"targets": ["a:1"]}])");
  });
  const std::string sd = "http_sd_configs: [{url: '" + server.url("/sd") + "'}]\n";
  const std::string found = target("a:1", server.url("/sd"), "");
  f.apply(sd + "static_configs: [{targets: ['s:1']}]\n");
  REQUIRE(f.become({found, "{__address__=\"s:1\"}"}));
  f.apply(sd + "static_configs: [{targets: ['s:2']}]\n");
  CHECK(f.targets() == std::vector<std::string>{found, "{__address__=\"s:2\"}"});
  CHECK(answered == 1);
  f.apply("static_configs: [{targets: ['s:2']}]\n");
  CHECK(f.targets() == std::vector<std::string>{"{__address__=\"s:2\"}"});
}

}  // namespace silverback::scrape
