#include "base/oauth2.h"

#include <atomic>
#include <fstream>

#include <catch2/catch.hpp>

#include "base/http_client.h"
#include "tests/support/fetch.h"
#include "tests/support/http_test_server.h"
#include "tests/support/temp_dir.h"

namespace silverback::base {
namespace {

using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

HttpTestAnswer json(std::string body, int status = 200) {
  HttpTestAnswer answer;
  answer.status = status;
  answer.headers = {{"Content-Type", "application/json"}};
  answer.body = std::move(body);
  return answer;
}

struct Fixture {
  Fixture() { io.start(); }
  ~Fixture() { io.stop(); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  OAuth2Config oauth2() const {
    OAuth2Config config;
    config.client_id = "me:1";
    config.client_secret = Secret("s3 cret");
    config.scopes = {"read", "write"};
    config.endpoint_params = {{"aud", "x&y"}};
    config.token_url = tokens.url("/token");
    return config;
  }
  Result<HttpClient::Response> get(HttpClient& client) {
    HttpClient::Request request;
    request.url = *parse_url(target.url());
    return testing::fetch(io, client, request);
  }
  std::unique_ptr<HttpClient> client(const OAuth2Config& config) {
    HttpClientConfig http;
    http.oauth2 = config;
    return std::make_unique<HttpClient>(io, http);
  }

  IoRuntime io{1};
  std::atomic<int> given{0};
  HttpTestServer tokens{[this](const HttpTestRequest&) {
    return json(R"({"access_token": "t)" + std::to_string(++given) +
                R"(", "token_type": "bearer", "expires_in": 3600})");
  }};
  HttpTestServer target{[](const HttpTestRequest&) { return HttpTestAnswer::text("x\n"); }};
};

}  // namespace

TEST_CASE("HttpClient fetches a token once and sends it", "[base]") {
  Fixture f;
  const auto client = f.client(f.oauth2());
  for (int i = 0; i < 3; ++i) REQUIRE(f.get(*client).is_ok());
  REQUIRE(f.tokens.request_count() == 1);
  const HttpTestRequest asked = f.tokens.requests().front();
  CHECK(asked.method == "POST");
  CHECK(asked.target == "/token");
  CHECK(asked.header("content-type") == "application/x-www-form-urlencoded");
  CHECK(asked.header("authorization") == "Basic bWUlM0ExOnMzK2NyZXQ=");  // me%3A1:s3+cret
  CHECK(asked.body == "grant_type=client_credentials&scope=read+write&aud=x%26y");
  for (const HttpTestRequest& seen : f.target.requests()) {
    CHECK(seen.header("authorization") == "Bearer t1");
  }
}

TEST_CASE("HttpClient puts the credentials into the body for servers that want that", "[base]") {
  Fixture f;
  f.tokens.set_handler([](const HttpTestRequest& request) {
    if (!request.header("authorization").empty()) return json("{}", 401);
    return json(R"({"access_token": "t", "expires_in": "1"})");
  });
  const auto client = f.client(f.oauth2());
  REQUIRE(f.get(*client).is_ok());
  CHECK(f.tokens.requests().at(1).body ==
        "grant_type=client_credentials&scope=read+write&aud=x%26y&client_id=me%3A1&"
        "client_secret=s3+cret");
  REQUIRE(f.get(*client).is_ok());       // a second from its end it is not used again
  CHECK(f.tokens.request_count() == 3);  // and what worked is known
}

TEST_CASE("HttpClient tells what a token server refused", "[base]") {
  struct Row {
    int status;
    std::string body, error;
  };
  const Row row = GENERATE(values<Row>({
      {401, R"({"error": "invalid_client", "error_description": "no such"})",
       "oauth2: \"invalid_client\" \"no such\""},
      {503, "busy", "oauth2: cannot fetch token: 503 OK\nResponse: busy"},
      {200, "{}", "oauth2: server response missing access_token"},
      {200, "[", "oauth2: cannot parse json: invalid JSON at byte 1: unexpected end of input"},
      {200, R"({"access_token": "a\nb"})", "oauth2: the token is no header value"},
  }));
  Fixture f;
  f.tokens.set_handler([&](const HttpTestRequest&) { return json(row.body, row.status); });
  const auto client = f.client(f.oauth2());
  CHECK(f.get(*client).status().message() == "Get \"" + f.target.url() + "\": " + row.error);
  CHECK(f.target.request_count() == 0);
}

TEST_CASE("HttpClient asks for another token when the secret's file changes", "[base]") {
  Fixture f;
  const tests::TempDir dir;
  OAuth2Config config = f.oauth2();
  config.client_secret = Secret();
  config.client_secret_file = dir.file("secret");
  const auto client = f.client(config);
  CHECK_THAT(f.get(*client).status().message(),
             Catch::Contains("unable to read oauth2 client secret"));
  std::ofstream(config.client_secret_file, std::ios::trunc) << "one\n";
  REQUIRE(f.get(*client).is_ok());
  REQUIRE(f.get(*client).is_ok());
  std::ofstream(config.client_secret_file, std::ios::trunc) << "two\n";
  REQUIRE(f.get(*client).is_ok());
  CHECK(f.given == 2);
  CHECK(f.target.requests().back().header("authorization") == "Bearer t2");
}

}  // namespace silverback::base
