#include "base/http_client.h"

#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/compress.h"
#include "tests/support/fetch.h"
#include "tests/support/http_test_server.h"
#include "tests/support/temp_dir.h"

namespace silverback::base {
namespace {

using testing::fetch;
using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;

struct Running {
  Running() { io.start(); }
  ~Running() { io.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  IoRuntime io{2};
};

HttpClient::Request get(const std::string& url) {
  HttpClient::Request request;
  const Result<Url> parsed = parse_url(url);
  REQUIRE(parsed.is_ok());
  request.url = *parsed;
  return request;
}

HttpClient::Limits within(std::chrono::milliseconds timeout) {
  HttpClient::Limits limits;
  limits.timeout = timeout;
  return limits;
}

HttpTestAnswer ok(const HttpTestRequest&) {
  return HttpTestAnswer::text("body\n");
}

HttpTestAnswer raw(std::string bytes) {
  HttpTestAnswer answer;
  answer.raw = std::move(bytes);
  return answer;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("HttpClient fetches and keeps the connection", "[base]") {
  Running r;
  HttpTestServer server(ok);
  HttpClient client(r.io, {});
  for (int i = 0; i < 3; ++i) {
    const auto response = fetch(r.io, client, get(server.url("/metrics?a=b")));
    REQUIRE(response.is_ok());
    CHECK(response->status == 200);
    CHECK(response->reason == "OK");
    CHECK(response->body == "body\n");
    CHECK(response->headers.get("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  }
  CHECK(server.connection_count() == 1);
  CHECK(server.requests()[0].target == "/metrics?a=b");
  CHECK(server.requests()[0].header("host") == server.address());
}

TEST_CASE("HttpClient replaces a kept connection that the server closed", "[base]") {
  Running r;
  HttpTestServer server(ok);
  HttpClient client(r.io, {});
  REQUIRE(fetch(r.io, client, get(server.url())).is_ok());
  server.drop_connections();
  const auto again = fetch(r.io, client, get(server.url()));
  REQUIRE(again.is_ok());
  CHECK(again->body == "body\n");
  CHECK(server.connection_count() == 2);
}

TEST_CASE("HttpClient retries when a kept connection dies under the request", "[base]") {
  Running r;
  HttpTestServer server(ok);
  HttpClient client(r.io, {});
  REQUIRE(fetch(r.io, client, get(server.url())).is_ok());
  server.set_handler([&server](const HttpTestRequest& request) {
    if (request.connection == 1) {
      server.drop_connections();
      return HttpTestAnswer::error(500, "never arrives");
    }
    return ok(request);
  });
  const auto again = fetch(r.io, client, get(server.url()));
  REQUIRE(again.is_ok());
  CHECK(again->status == 200);
  CHECK(server.connection_count() == 2);
}

TEST_CASE("HttpClient sends a body with POST and obeys Connection: close", "[base]") {
  Running r;
  HttpTestServer server([](const HttpTestRequest&) {
    HttpTestAnswer answer = HttpTestAnswer::text("");
    answer.status = 204;
    answer.close = true;
    return answer;
  });
  HttpClient client(r.io, {});
  HttpClient::Request request = get(server.url("/api/v2/alerts"));
  request.method = "POST";
  request.body = "[1]";
  request.headers.add("Content-Type", "application/json");
  for (int i = 0; i < 2; ++i) CHECK(fetch(r.io, client, request).is_ok());
  CHECK(server.requests()[1].body == "[1]");
  CHECK(server.requests()[1].header("content-type") == "application/json");
  CHECK(server.connection_count() == 2);
}

TEST_CASE("HttpClient words errors as Go does", "[base]") {
  Running r;
  HttpClient client(r.io, {});
  SECTION("refused") {
    const auto response = fetch(r.io, client, get("http://127.0.0.1:1/metrics"));
    CHECK(response.status().code() == Errc::kIo);
    CHECK(response.status().message() ==
          "Get \"http://127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection refused");
  }
  SECTION("no such host") {
    const auto response = fetch(r.io, client, get("http://no-such-host.invalid/metrics"));
    CHECK(response.status().message().find("dial tcp: lookup no-such-host.invalid") !=
          std::string::npos);
  }
  SECTION("deadline before the head") {
    HttpTestServer server([](const HttpTestRequest&) {
      HttpTestAnswer answer;
      answer.hang = true;
      return answer;
    });
    const auto response =
        fetch(r.io, client, get(server.url()), within(std::chrono::milliseconds(50)));
    CHECK(response.status().code() == Errc::kTimeout);
    CHECK(response.status().message() == "Get \"" + server.url() + "\": context deadline exceeded");
  }
  SECTION("closed without an answer") {
    HttpTestServer server([](const HttpTestRequest&) { return raw("\r\n"); });
    const auto response = fetch(r.io, client, get(server.url()));
    CHECK(response.status().code() == Errc::kIo);
  }
  SECTION("body ends early") {
    HttpTestServer server([](const HttpTestRequest&) {
      return raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    });
    const auto response = fetch(r.io, client, get(server.url()));
    CHECK(response.status().message() == "unexpected EOF");
  }
  SECTION("not HTTP") {
    HttpTestServer server([](const HttpTestRequest&) { return raw("SSH-2.0-OpenSSH\r\n\r\n"); });
    const auto response = fetch(r.io, client, get(server.url()));
    CHECK(response.status().message().find("malformed HTTP response") != std::string::npos);
  }
}

TEST_CASE("HttpClient reads chunked bodies, bodies until close and skips 1xx", "[base]") {
  Running r;
  HttpClient client(r.io, {});
  const std::string answers[] = {
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbod\r\n2\r\ny\n\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nbody\n",
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "5\r\n\r\nbody\n"};
  for (const std::string& bytes : answers) {
    HttpTestServer server([&bytes](const HttpTestRequest&) { return raw(bytes); });
    const auto response = fetch(r.io, client, get(server.url()));
    INFO(bytes);
    REQUIRE(response.is_ok());
    CHECK(response->status == 200);
    CHECK(response->body == "body\n");
  }
}

TEST_CASE("HttpClient bounds the inflated body", "[base]") {
  Running r;
  const std::string plain(1000, 'x');
  bool zipped = false;
  HttpTestServer server([&](const HttpTestRequest&) {
    HttpTestAnswer answer = HttpTestAnswer::text(zipped ? gzip(plain) : plain);
    if (zipped) answer.headers.emplace_back("Content-Encoding", "gzip");
    return answer;
  });
  HttpClient client(r.io, {});
  for (const bool z : {false, true}) {
    zipped = z;
    HttpClient::Limits limits;
    limits.body_bytes = 1001;
    const auto fits = fetch(r.io, client, get(server.url()), limits);
    REQUIRE(fits.is_ok());
    CHECK(fits->body == plain);
    limits.body_bytes = 1000;  // of exactly the limit fails too
    const auto refused = fetch(r.io, client, get(server.url()), limits);
    CHECK(refused.status().code() == Errc::kLimit);
    CHECK(refused.status().message() == "body size limit exceeded");
  }
}

TEST_CASE("HttpClient leaves gzip to the caller when asked", "[base]") {
  Running r;
  HttpTestServer server([](const HttpTestRequest&) {
    HttpTestAnswer answer = HttpTestAnswer::text(gzip("hello"));
    answer.headers.emplace_back("Content-Encoding", "gzip");
    return answer;
  });
  HttpClient client(r.io, {});
  HttpClient::Limits limits;
  limits.inflate = false;
  const auto response = fetch(r.io, client, get(server.url()), limits);
  REQUIRE(response.is_ok());
  CHECK(response->headers.get("Content-Encoding") == "gzip");
  CHECK(gunzip(response->body, 0).value() == "hello");
}

TEST_CASE("HttpClient refuses an endless body and a huge head", "[base]") {
  Running r;
  HttpClient client(r.io, {});
  HttpClient::Limits limits;
  limits.body_bytes = 10'000;
  SECTION("body without length") {
    HttpTestServer server([](const HttpTestRequest&) {
      return raw("HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x'));
    });
    CHECK(fetch(r.io, client, get(server.url()), limits).status().code() == Errc::kLimit);
  }
  SECTION("declared length") {
    HttpTestServer server([](const HttpTestRequest&) {
      return raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
    });
    CHECK(fetch(r.io, client, get(server.url()), limits).status().code() == Errc::kLimit);
  }
  SECTION("head") {
    HttpTestServer server([](const HttpTestRequest&) {
      return raw("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x') + "\r\n\r\n");
    });
    CHECK(fetch(r.io, client, get(server.url()), limits).status().code() == Errc::kIo);
  }
}

TEST_CASE("HttpClient follows redirects within bounds", "[base]") {
  Running r;
  HttpTestServer server([](const HttpTestRequest& request) {
    if (request.target == "/loop") return HttpTestAnswer::redirect("/loop");
    if (request.target == "/file") return HttpTestAnswer::redirect("file:///etc/passwd");
    if (request.target == "/once") return HttpTestAnswer::redirect("metrics?x=1");
    return HttpTestAnswer::text(request.target);
  });
  HttpClient client(r.io, {});
  SECTION("relative") {
    const auto response = fetch(r.io, client, get(server.url("/once")));
    REQUIRE(response.is_ok());
    CHECK(response->body == "/metrics?x=1");
  }
  SECTION("a loop ends") {
    const auto response = fetch(r.io, client, get(server.url("/loop")));
    CHECK(response.status().message() ==
          "Get \"" + server.url("/loop") + "\": stopped after 5 redirects");
    CHECK(server.request_count() == 6);
  }
  SECTION("http only") {
    const auto response = fetch(r.io, client, get(server.url("/file")));
    CHECK(response.status().message() ==
          "Get \"file:///etc/passwd\": unsupported protocol scheme \"file\"");
  }
  SECTION("switched off") {
    HttpClientConfig config;
    config.follow_redirects = false;
    HttpClient strict(r.io, config);
    const auto response = fetch(r.io, strict, get(server.url("/once")));
    REQUIRE(response.is_ok());
    CHECK(response->status == 302);
  }
}

TEST_CASE("HttpClient sends credentials to the first origin only", "[base]") {
  Running r;
  HttpTestServer thief(ok);
  HttpTestServer server([&thief](const HttpTestRequest& request) {
    if (request.target == "/away") return HttpTestAnswer::redirect(thief.url("/steal"));
    if (request.target == "/home") return HttpTestAnswer::redirect("/metrics");
    return ok(request);
  });
  HttpClientConfig config;
  config.basic_auth.emplace();
  config.basic_auth->username = "user";
  config.basic_auth->password = Secret("pass");
  HttpClientConfig::Header header;
  header.name = "X-Token";
  header.secrets.emplace_back("s3cret");
  config.http_headers.push_back(header);
  HttpClient client(r.io, config);
  REQUIRE(fetch(r.io, client, get(server.url("/home"))).is_ok());
  for (const HttpTestRequest& request : server.requests()) {
    CHECK(request.header("authorization") == "Basic dXNlcjpwYXNz");
    CHECK(request.header("x-token") == "s3cret");
  }
  HttpClient::Request away = get(server.url("/away"));
  away.headers.add("Cookie", "c=1");
  REQUIRE(fetch(r.io, client, away).is_ok());
  REQUIRE(thief.request_count() == 1);
  CHECK(thief.requests()[0].target == "/steal");
  CHECK(thief.requests()[0].header("authorization").empty());
  CHECK(thief.requests()[0].header("x-token").empty());
  CHECK(thief.requests()[0].header("cookie").empty());
}

TEST_CASE("HttpClient refuses a redirect to a link-local address", "[base]") {
  Running r;
  HttpTestServer server([](const HttpTestRequest&) {
    return HttpTestAnswer::redirect("http://169.254.169.254/latest");
  });
  HttpClient client(r.io, {});
  const auto response = fetch(r.io, client, get(server.url()));
  CHECK(response.status().message() ==
        "Get \"http://169.254.169.254/latest\": dial tcp 169.254.169.254:80: redirect to a "
        "link-local "
        "address refused");
}

TEST_CASE("HttpClient reads credential files anew for each request", "[base]") {
  Running r;
  const tests::TempDir dir;
  WorkerPool::Options options;
  options.name = "files";
  WorkerPool pool(options);
  pool.start();
  HttpTestServer server(ok);
  HttpClientConfig config;
  config.authorization.emplace();
  config.authorization->credentials_file = dir.file("token");
  HttpClient client(r.io, config, &pool);
  const auto missing = fetch(r.io, client, get(server.url()));
  CHECK(missing.status().message().find("unable to read authorization credentials file " +
                                        dir.file("token")) != std::string::npos);
  write_file(dir.file("token"), "one\n");
  REQUIRE(fetch(r.io, client, get(server.url())).is_ok());
  write_file(dir.file("token"), " two \n");
  REQUIRE(fetch(r.io, client, get(server.url())).is_ok());
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].header("authorization") == "Bearer one");
  CHECK(requests[1].header("authorization") == "Bearer two");
  write_file(dir.file("token"), "a\r\nX-Evil: 1");
  CHECK(fetch(r.io, client, get(server.url())).status().code() == Errc::kBadData);
  pool.stop();
}

TEST_CASE("HttpClient takes credentials out of the URL", "[base]") {
  Running r;
  HttpTestServer server(ok);
  HttpClient client(r.io, {});
  REQUIRE(fetch(r.io, client, get("http://user:pa%20ss@" + server.address() + "/")).is_ok());
  CHECK(server.requests()[0].header("authorization") == "Basic dXNlcjpwYSBzcw==");
}

TEST_CASE("HttpClient ends a fetch that is cancelled", "[base]") {
  Running r;
  std::stop_source stop;
  HttpTestServer server([&stop](const HttpTestRequest&) {
    stop.request_stop();
    HttpTestAnswer answer;
    answer.hang = true;
    return answer;
  });
  HttpClient client(r.io, {});
  HttpClient::Limits limits;
  limits.timeout = std::chrono::minutes(10);
  limits.stop = stop.get_token();
  CHECK(fetch(r.io, client, get(server.url()), limits).status().code() == Errc::kCanceled);
  CHECK(fetch(r.io, client, get(server.url()), limits).status().code() == Errc::kCanceled);
}

TEST_CASE("HttpClient connects to a Unix socket", "[base]") {
  Running r;
  const tests::TempDir dir;
  HttpTestServer server(ok, dir.file("sock"));
  HttpClient client(r.io, {});
  HttpClient::Request request = get("http://target/metrics");
  request.unix_socket = dir.file("sock");
  const auto response = fetch(r.io, client, request);
  REQUIRE(response.is_ok());
  CHECK(response->body == "body\n");
  CHECK(server.requests()[0].header("host") == "target");
}

}  // namespace silverback::base
