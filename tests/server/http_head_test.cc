#include "server/http_head.h"

#include <catch2/catch.hpp>

namespace server = silverback::server;

namespace {

int status_of(const std::string& head) {
  const server::HeadEnd end = server::find_head_end(head);
  if (end.problem) return end.problem->status;
  if (end.size == 0) return 0;  // would wait for more
  const auto problem = server::check_head(std::string_view(head).substr(0, end.size));
  return problem ? problem->status : 200;
}

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a:1\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("Request heads with other borders than ours are refused", "[server]") {
  struct Row {
    std::string head;
    int status;
  };
  const std::vector<Row> rows = {
      {get(""), 200},
      {get("Content-Length: 5\r\n"), 200},
      {get("Transfer-Encoding: chunked\r\n"), 200},
      {get("Transfer-Encoding: Chunked\r\n"), 200},
      {"GET / HTTP/1.0\r\n\r\n", 200},
      {"GET http://a:1/x?y=1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 200},
      {"GET /%zz HTTP/1.1\r\nHost: a:1\r\n\r\n", 200},  // judged when the target is split
      // length
      {get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {get("Content-Length: 5, 5\r\n"), 400},
      {get("Content-Length: +5\r\n"), 400},
      {get("Content-Length: -5\r\n"), 400},
      {get("Content-Length: 0x5\r\n"), 400},
      {get("Content-Length: 5 5\r\n"), 400},
      {get("Content-Length:\r\n"), 400},
      {get("Content-Length: 99999999999999999999\r\n"), 400},
      {get("Transfer-Encoding: xchunked\r\n"), 400},
      {get("Transfer-Encoding: gzip, chunked\r\n"), 400},
      {get("Transfer-Encoding: identity\r\n"), 400},
      {get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {get("Transfer-Encoding:\x0b"
           "chunked\r\n"),
       400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      // lines
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400},
      {get("X: a\r\n b\r\n"), 400},
      {get("X: a\r\n\tb\r\n"), 400},
      {get(" X: a\r\n"), 400},
      {get("X : a\r\n"), 400},
      {get("Content-Length : 5\r\n"), 400},
      {get("no colon\r\n"), 400},
      {get(": empty\r\n"), 400},
      {get(std::string("X: a\0b\r\n", 8)), 400},
      // request line
      {"GET /\r\nHost: a\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", 400},
      {"GE T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / HTTP/3\r\nHost: a\r\n\r\n", 505},
      // host
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {get("Host: b\r\n"), 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      // size
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(70'000, 'x'), 414},
      {get("X: " + std::string(20'000, 'x') + "\r\n"), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(70'000, 'x'), 431},
      // not finished
      {"GET / HTTP/1.1\r\nHost: a\r\n", 0},
      {"", 0},
  };
  for (const Row& row : rows) {
    INFO(row.head.substr(0, 120));
    CHECK(status_of(row.head) == row.status);
  }
}

TEST_CASE("A request may have 128 header fields", "[server]") {
  std::string fields;
  for (int i = 0; i < 127; ++i) fields += "X-" + std::to_string(i) + ": 1\r\n";
  CHECK(status_of(get(fields)) == 200);
  CHECK(status_of(get(fields + "Y: 1\r\n")) == 431);
}

TEST_CASE("Request targets are split and decoded", "[server]") {
  struct Row {
    std::string target, path, query;
    bool ok;
  };
  for (const Row& row : std::vector<Row>{{"/a/b?c=d%20e", "/a/b", "c=d%20e", true},
                                         {"/a%20b", "/a b", "", true},
                                         {"/a+b", "/a+b", "", true},
                                         {"/?", "/", "", true},
                                         {"http://h:1/x?y", "/x", "y", true},
                                         {"http://h", "/", "", true},
                                         {"HTTPS://h?x", "/", "x", true},
                                         {"//evil//x", "//evil//x", "", true},
                                         {"*", "*", "", true},
                                         {"h:443", "", "", false},
                                         {"a/b", "", "", false},
                                         {"?x", "", "", false},
                                         {"/a%00b", "", "", false},
                                         {"/a%0d%0ab", "", "", false},
                                         {"/%zz", "", "", false}}) {
    server::HttpRequest request;
    INFO(row.target);
    CHECK(server::split_target(row.target, request) == row.ok);
    if (!row.ok) continue;
    CHECK(request.path == row.path);
    CHECK(request.query == row.query);
  }
}

TEST_CASE("Response heads cannot be split by a header value", "[server]") {
  server::HttpResponse response;
  response.status = 302;
  response.headers.set("Location", "/x\r\nSet-Cookie: a=b");
  CHECK(server::response_head(response, {}) ==
        "HTTP/1.1 302 Found\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        "Location: /x  Set-Cookie: a=b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST_CASE("Response heads tell where the body ends", "[server]") {
  class Nothing final : public server::BodySource {
    Step next(std::string& /*chunk*/) override { return Step::kEnd; }
  };
  struct Row {
    bool http10, streamed, keep_alive;
    std::string fields;
  };
  for (const Row& row :
       std::vector<Row>{{false, false, true, "Content-Length: 2\r\n"},
                        {false, false, false, "Content-Length: 2\r\nConnection: close\r\n"},
                        {false, true, true, "Transfer-Encoding: chunked\r\n"},
                        {true, false, true, "Content-Length: 2\r\nConnection: keep-alive\r\n"},
                        {true, true, true, "Connection: close\r\n"}}) {
    server::HttpResponse response;
    response.body = "hi";
    if (row.streamed) response.source = std::make_unique<Nothing>();
    server::HeadTerms terms;
    terms.http10 = row.http10;
    terms.keep_alive = row.keep_alive;
    CHECK(server::response_head(response, terms) ==
          "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n" + row.fields + "\r\n");
  }
}
