#include "base/http_proxy.h"

#include <map>

#include <catch2/catch.hpp>

#include "base/http_client.h"
#include "tests/support/fetch.h"
#include "tests/support/http_test_server.h"

namespace silverback::base {
namespace {

using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

Url url_of(const std::string& text) {
  const Result<Url> url = parse_url(text);
  REQUIRE(url.is_ok());
  return *url;
}

}  // namespace

TEST_CASE("matches_no_proxy reads its list as Go does", "[base]") {
  struct Row {
    std::string list, url;
    bool matches;
  };
  const Row row = GENERATE(values<Row>({
      {"", "http://localhost/", true},
      {"", "http://127.3.2.1/", true},
      {"", "http://[::1]/", true},
      {"", "http://a.test/", false},
      {"*", "http://a.test/", true},
      {"a.test", "http://a.test/", true},
      {"a.test", "http://b.A.test/", true},
      {"a.test", "http://ba.test/", false},
      {".a.test", "http://a.test/", false},
      {".a.test", "http://b.a.test/", true},
      {"*.a.test", "http://b.a.test/", true},
      {"x, a.test:81", "http://a.test/", false},
      {"x, a.test:80", "http://a.test/", true},
      {"a.test:443", "https://a.test/", true},
      {"10.0.0.0/8", "http://10.9.8.7/", true},
      {"10.0.0.0/8", "http://11.9.8.7/", false},
      {"10.0.0.1", "http://10.0.0.1:99/", true},
      {"10.0.0.1:98", "http://10.0.0.1:99/", false},
      {"fd00::/8", "http://[fd12::1]/", true},
      {"fd00::1", "http://[fd00::1]/", true},
      {"[fd00::1]:80", "http://[fd00::1]/", true},
      {"10.0.0.0/99", "http://10.0.0.1/", false},
  }));
  INFO(row.list << " " << row.url);
  CHECK(matches_no_proxy(row.list, url_of(row.url)) == row.matches);
}

TEST_CASE("proxy_for chooses by configuration or environment", "[base]") {
  const std::map<std::string, std::string> variables = {{"http_proxy", "plain.test:3128"},
                                                        {"HTTPS_PROXY", "http://tls.test"},
                                                        {"NO_PROXY", "b.test"}};
  const Environment environment = [&](const char* name) -> std::string {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  };
  const auto host = [&](const ProxyConfig& config, const std::string& url) -> std::string {
    const auto proxy = proxy_for(config, url_of(url), environment);
    REQUIRE(proxy.is_ok());
    return proxy->has_value() ? (*proxy)->host_port() : "none";
  };
  ProxyConfig config;
  CHECK(host(config, "http://a.test/") == "none");
  config.url = "http://p.test:8080";
  CHECK(host(config, "http://127.0.0.1/") == "p.test:8080");  // no list: everything
  config.no_proxy = "a.test";
  CHECK(host(config, "http://a.test/") == "none");
  CHECK(host(config, "http://127.0.0.1/") == "none");
  CHECK(host(config, "https://c.test/") == "p.test:8080");
  config = ProxyConfig();
  config.from_environment = true;
  CHECK(host(config, "http://a.test/") == "plain.test:3128");
  CHECK(host(config, "https://a.test/") == "tls.test");
  CHECK(host(config, "https://b.test/") == "none");
}

TEST_CASE("HttpClient names the whole URL to a proxy", "[base]") {
  IoRuntime io{1};
  io.start();
  HttpTestServer proxy([](const HttpTestRequest&) { return HttpTestAnswer::text("through\n"); });
  HttpClientConfig config;
  config.proxy.url = "http://u:p@" + proxy.address();
  HttpClient client(io, config);
  HttpClient::Request request;
  request.url = url_of("http://target.test:9100/metrics?x=1");
  const auto response = testing::fetch(io, client, request);
  INFO(response.status().message());
  REQUIRE(response.is_ok());
  CHECK(response->body == "through\n");
  const HttpTestRequest seen = proxy.requests().front();
  CHECK(seen.target == "http://target.test:9100/metrics?x=1");
  CHECK(seen.header("host") == "target.test:9100");
  CHECK(seen.header("proxy-authorization") == "Basic dTpw");
  io.stop();
}

}  // namespace silverback::base
