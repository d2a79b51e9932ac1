#include "server/http_server.h"

#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "base/mutex.h"
#include "base/worker_pool.h"
#include "raw_client.h"

namespace base = silverback::base;
namespace server = silverback::server;
using silverback::testing::RawClient;
using std::chrono::milliseconds;

namespace {

/// Answers with what the test says; by default with method, path, query and body.
class EchoHandler final : public server::HttpHandler {
 public:
  server::HeadVerdict on_head(const server::HttpRequest& head) override {
    server::HeadVerdict verdict;
    verdict.body_limit = 1000;
    if (head.path == "/refused") verdict.refusal = server::text_response(403, "no");
    return verdict;
  }
  void handle(server::HttpRequest request, server::HttpReply reply) override {
    if (special && request.path == "/special") {
      special(std::move(request), std::move(reply));
      return;
    }
    server::HttpResponse response;
    response.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
    reply(std::move(response));
  }
  std::function<void(server::HttpRequest, server::HttpReply)> special;
};

struct Fixture {
  explicit Fixture(const std::function<void(server::HttpServer::Options&)>& change = {}) {
    server::HttpServer::Options options;
    options.io = &io;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.listen_addresses = {"127.0.0.1:0"};
    if (change) change(options);
    io.start();
    pool.start();
    http = std::make_unique<server::HttpServer>(std::move(options), handler);
    REQUIRE(http->bind().is_ok());
    http->start();
    address = http->bound_addresses().at(0);
  }
  ~Fixture() {
    http->stop(milliseconds(100));
    pool.stop();
    io.stop();
  }

  base::SystemClock clock;
  EchoHandler handler;
  base::IoRuntime io;
  base::WorkerPool pool{base::WorkerPool::Options{"pieces", 2, 64, 0}};
  std::unique_ptr<server::HttpServer> http;
  std::string address;
};

/// Answers in pieces; the test says what they are.
class Pieces final : public server::BodySource {
 public:
  explicit Pieces(std::function<Step(std::string&)> make) : make_(std::move(make)) {}
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces() override {
    if (on_end) on_end();
  }
  Step next(std::string& chunk) override { return make_(chunk); }
  void on_ready(base::UniqueFunction<void()> wake) override {
    if (on_wait) {
      on_wait(std::move(wake));
    } else {
      wake();
    }
  }
  std::function<void(base::UniqueFunction<void()>)> on_wait;
  std::function<void()> on_end;

 private:
  const std::function<Step(std::string&)> make_;
};

using Step = server::BodySource::Step;

std::string body_of(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("HttpServer keeps a connection and answers pipelined requests in order", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.get("/a?x=1");
  CHECK(body_of(client.read_response()) == "GET /a?x=1 ");
  std::string many;
  for (int i = 0; i < 200; ++i) {
    many += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi";
  }
  client.send(many);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(body_of(client.read_response()) == "POST /" + std::to_string(i) + "? hi");
  }
}

TEST_CASE("HttpServer ends the connection when asked to", "[server]") {
  Fixture f;
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    RawClient client(f.address);
    client.send(request);
    bool closed = false;
    const std::string response = client.read_to_end(&closed);
    CHECK(closed);
    CHECK(contains(response, "HTTP/1.1 200 OK\r\n"));
    CHECK(contains(response, "Connection: close\r\n"));
  }
}

TEST_CASE("HttpServer answers HEAD without a body", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.send("HEAD /x HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string head = client.read_response(true);
  CHECK(contains(head, "Content-Length: 9\r\n"));
  CHECK(body_of(head).empty());
  client.get("/next");
  CHECK(body_of(client.read_response()) == "GET /next? ");
}

TEST_CASE("HttpServer reads bodies of both framings", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.send("POST /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.send("4;ext=1\r\ndefg\r\n0\r\n\r\n");
  CHECK(body_of(client.read_response()) == "POST /a? abcdefg");
  client.send("POST /b HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_response() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("xyz");
  CHECK(body_of(client.read_response()) == "POST /b? xyz");
}

TEST_CASE("HttpServer refuses bodies over the limit", "[server]") {
  Fixture f;
  const std::string head = "POST /a HTTP/1.1\r\nHost: t\r\n";
  for (const std::string& request :
       {head + "Content-Length: 10000000000\r\n\r\n", head + "Content-Length: 1001\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') +
            "\r\n0\r\n\r\n"}) {
    RawClient client(f.address);
    client.send(request);
    bool closed = false;
    const std::string response = client.read_to_end(&closed);
    CHECK(contains(response, "HTTP/1.1 413 "));
    CHECK(closed);
  }
  RawClient client(f.address);
  client.send(head + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'y'));
  CHECK(contains(client.read_response(), "HTTP/1.1 200 "));
}

TEST_CASE("HttpServer answers what is malformed with 400 and closes", "[server]") {
  Fixture f;
  for (const char* request :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\nHost: t\n\n", "GET / HTTP/1.1\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
        "chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"}) {
    INFO(request);
    RawClient client(f.address);
    client.send(request);
    bool closed = false;
    const std::string response = client.read_to_end(&closed);
    CHECK(contains(response, "HTTP/1.1 400 "));
    CHECK(closed);
  }
}

TEST_CASE("HttpServer answers a refusal without reading the body", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.send("POST /refused HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n");
  bool closed = false;
  CHECK(contains(client.read_to_end(&closed), "HTTP/1.1 403 "));
  CHECK(closed);
  RawClient keeps(f.address);
  keeps.get("/refused");
  CHECK(contains(keeps.read_response(), "HTTP/1.1 403 "));
  keeps.get("/a");
  CHECK(contains(keeps.read_response(), "HTTP/1.1 200 "));
}

TEST_CASE("HttpServer tells a running request that its client has gone", "[server]") {
  Fixture f;
  std::promise<void> started;
  std::promise<server::HttpReply> kept;
  std::stop_token token;
  f.handler.special = [&](server::HttpRequest request, server::HttpReply reply) {
    token = request.stop;
    kept.set_value(std::move(reply));
    started.set_value();
  };
  RawClient client(f.address);
  client.get("/special");
  started.get_future().wait();
  std::promise<void> stopped;
  const std::stop_callback on_stop(token, [&] { stopped.set_value(); });
  CHECK_FALSE(token.stop_requested());
  client.close();
  CHECK(stopped.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  kept.get_future().get()(server::text_response(499, "canceled"));
}

TEST_CASE("HttpServer keeps what a client pipelines while its request runs", "[server]") {
  Fixture f;
  std::promise<server::HttpReply> kept;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    kept.set_value(std::move(reply));
  };
  RawClient client(f.address);
  client.get("/special");
  server::HttpReply reply = kept.get_future().get();
  client.get("/after");
  reply(server::text_response(200, "done"));
  CHECK(body_of(client.read_response()) == "done\n");
  CHECK(body_of(client.read_response()) == "GET /after? ");
}

TEST_CASE("HttpServer answers 503 for a request that was dropped", "[server]") {
  Fixture f;
  f.handler.special = [](server::HttpRequest, server::HttpReply) {};
  RawClient client(f.address);
  client.get("/special");
  CHECK(contains(client.read_response(), "HTTP/1.1 503 "));
}

TEST_CASE("HttpServer sends large answers whole", "[server]") {
  Fixture f;
  std::string large;
  for (int i = 0; large.size() < (5u << 20); ++i) large += std::to_string(i) + "\n";
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    response.body = large;
    reply(std::move(response));
  };
  RawClient client(f.address);
  client.get("/special");
  CHECK((body_of(client.read_response()) == large));
}

TEST_CASE("HttpServer gives up heads and bodies that do not come", "[server]") {
  Fixture f([](server::HttpServer::Options& options) {
    options.head_timeout = milliseconds(50);
    options.body_grace = milliseconds(50);
  });
  for (const char* part :
       {"", "GET / HT", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"}) {
    RawClient client(f.address);
    client.send(part);
    bool closed = false;
    CHECK(client.read_to_end(&closed).empty());
    CHECK(closed);
  }
}

TEST_CASE("HttpServer drops the longest idle connection when slots run out", "[server]") {
  Fixture f([](server::HttpServer::Options& options) { options.max_connections = 4; });
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 12; ++i) {
    idle.push_back(std::make_unique<RawClient>(f.address));
    idle.back()->get("/" + std::to_string(i));
    REQUIRE(contains(idle.back()->read_response(), "200 OK"));
  }
  bool closed = false;
  idle.front()->read_to_end(&closed);
  CHECK(closed);
  idle.back()->get("/again");
  CHECK(contains(idle.back()->read_response(), "200 OK"));
  CHECK(f.http->connections() <= 4);
}

TEST_CASE("HttpServer stop asks running requests to end and delivers their answers", "[server]") {
  Fixture f;
  std::promise<void> started;
  std::thread worker;
  f.handler.special = [&](server::HttpRequest request, server::HttpReply reply) {
    worker = std::thread([&started, token = request.stop, reply = std::move(reply)]() mutable {
      std::promise<void> stopped;
      const std::stop_callback on_stop(token, [&] { stopped.set_value(); });
      started.set_value();
      stopped.get_future().wait();
      reply(server::text_response(503, "stopping"));
    });
  };
  RawClient idle(f.address);
  idle.get("/a");
  idle.read_response();
  RawClient client(f.address);
  client.get("/special");
  started.get_future().wait();
  f.http->stop(std::chrono::seconds(10));
  worker.join();
  const std::string response = client.read_to_end();
  CHECK(contains(response, "503"));
  CHECK(contains(response, "stopping"));
  bool closed = false;
  idle.read_to_end(&closed);
  CHECK(closed);
  CHECK(f.http->connections() == 0);
}

TEST_CASE("HttpServer names the address it cannot bind", "[server]") {
  Fixture f;
  for (const std::string& address :
       {f.address, std::string("nonsense"), std::string("127.0.0.1:99999")}) {
    server::HttpServer::Options options;
    options.io = &f.io;
    options.clock = &f.clock;
    options.logger = &base::Logger::null();
    options.listen_addresses = {address};
    server::HttpServer second(std::move(options), f.handler);
    const base::Status status = second.bind();
    REQUIRE_FALSE(status.is_ok());
    CHECK(contains(status.message(), address));
  }
}

TEST_CASE("HttpServer streams an answer in chunks and keeps the connection", "[server]") {
  Fixture f;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    response.body = "first";
    response.source = std::make_unique<Pieces>([n = 0](std::string& chunk) mutable {
      if (++n != 2) chunk = "piece " + std::to_string(n);  // the second is empty
      return n < 3 ? Step::kMore : Step::kEnd;
    });
    response.source_pool = &f.pool;
    reply(std::move(response));
  };
  RawClient client(f.address);
  client.get("/special");
  client.get("/after");
  const std::string text = client.read_until("GET /after? ");
  CHECK(contains(text, "Transfer-Encoding: chunked\r\n"));
  CHECK_FALSE(contains(text.substr(0, text.find("\r\n\r\n")), "Content-Length"));
  CHECK(contains(text,
                 "\r\n\r\n5\r\nfirst\r\n7\r\npiece 1\r\n7\r\npiece 3\r\n0\r\n\r\nHTTP/1.1 200"));
  RawClient head(f.address);
  head.send("HEAD /special HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  CHECK(body_of(head.read_to_end()).empty());
  RawClient old(f.address);
  old.send("GET /special HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(body_of(old.read_to_end()) == "firstpiece 1piece 3");
}

TEST_CASE("HttpServer makes no more of a streamed answer than its client takes", "[server]") {
  Fixture f;
  std::atomic<int> made{0};
  std::promise<void> ended;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    auto source = std::make_unique<Pieces>([&](std::string& chunk) {
      chunk.assign(100'000, 'x');
      return ++made < 2000 ? Step::kMore : Step::kEnd;
    });
    source->on_end = [&] { ended.set_value(); };
    response.source = std::move(source);
    response.source_pool = &f.pool;
    reply(std::move(response));
  };
  {
    RawClient client(f.address);
    client.get("/special");
    client.read_until("xxxx");
    // 200 MB do not fit into the socket's buffers: the client that leaves ends the answer.
  }
  REQUIRE(ended.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(made < 2000);
}

TEST_CASE("HttpServer waits for a source that has nothing to tell", "[server]") {
  Fixture f;
  base::UniqueFunction<void()> wake;
  std::promise<void> waiting, ended;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    auto source = std::make_unique<Pieces>([n = 0](std::string& chunk) mutable {
      chunk = "event " + std::to_string(++n) + ".";
      return Step::kWait;
    });
    source->on_wait = [&, n = 0](base::UniqueFunction<void()> w) mutable {
      wake = std::move(w);
      if (++n == 1) waiting.set_value();
    };
    source->on_end = [&] { ended.set_value(); };
    response.source = std::move(source);
    response.source_pool = &f.pool;
    reply(std::move(response));
  };
  RawClient client(f.address);
  client.get("/special");
  client.read_until("event 1.");
  waiting.get_future().wait();
  base::UniqueFunction<void()> first = std::move(wake);
  first();
  client.read_until("event 2.");
  client.close();
  CHECK(ended.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
}

TEST_CASE("HttpServer cuts the connection when a streamed answer fails", "[server]") {
  Fixture f;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    response.source = std::make_unique<Pieces>([n = 0](std::string& chunk) mutable {
      chunk = "half";
      return ++n < 2 ? Step::kMore : Step::kFailed;
    });
    response.source_pool = &f.pool;
    reply(std::move(response));
  };
  RawClient client(f.address);
  client.get("/special");
  bool closed = false;
  const std::string text = client.read_to_end(&closed);
  CHECK(closed);
  CHECK_FALSE(contains(text, "0\r\n\r\n"));
}

TEST_CASE("HttpServer closes readers that make no progress", "[server]") {
  Fixture f([](server::HttpServer::Options& options) { options.write_timeout = milliseconds(50); });
  std::promise<void> ended;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    server::HttpResponse response;
    auto source = std::make_unique<Pieces>([](std::string& chunk) {
      chunk.assign(1 << 20, 'x');
      return Step::kMore;
    });
    source->on_end = [&] { ended.set_value(); };
    response.source = std::move(source);
    response.source_pool = &f.pool;
    reply(std::move(response));
  };
  RawClient client(f.address);
  client.get("/special");
  CHECK(ended.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
}

TEST_CASE("HttpServer gives every answer a request id", "[server]") {
  Fixture f;
  std::string seen;
  f.handler.special = [&](server::HttpRequest request, server::HttpReply reply) {
    seen = request.request_id;
    reply(server::HttpResponse());
  };
  RawClient client(f.address);
  client.get("/special", "X-Request-Id: abc-1\r\n");
  CHECK(contains(client.read_response(), "X-Request-Id: abc-1\r\n"));
  CHECK(seen == "abc-1");
  client.get("/special", "X-Request-Id: a b\r\n");
  CHECK_FALSE(contains(client.read_response(), "a b"));
  CHECK(seen.size() == 16);
}

TEST_CASE("HttpServer asks who may come in before anything else", "[server]") {
  class Guarded final : public server::HttpHandler {
   public:
    void admit(const server::HttpRequest& head, Admitted done) override {
      const bool known = head.headers.get("Authorization") == "yes";
      worker = std::thread([known, done = std::move(done)]() mutable {
        done(known ? std::nullopt : std::make_optional(server::text_response(401, "who?")));
      });
    }
    server::HeadVerdict on_head(const server::HttpRequest& /*head*/) override {
      worker.join();
      server::HeadVerdict verdict;
      verdict.body_limit = 1000;
      return verdict;
    }
    void handle(server::HttpRequest request, server::HttpReply reply) override {
      reply(server::text_response(200, request.body));
    }
    std::thread worker;
  };
  Fixture f;
  Guarded guarded;
  server::HttpServer::Options options;
  options.io = &f.io;
  options.clock = &f.clock;
  options.logger = &base::Logger::null();
  options.listen_addresses = {"127.0.0.1:0"};
  server::HttpServer http(std::move(options), guarded);
  REQUIRE(http.bind().is_ok());
  http.start();
  RawClient client(http.bound_addresses().at(0));
  const std::string post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n";
  client.send(post + "Authorization: yes\r\n\r\nabc");
  CHECK(body_of(client.read_response()) == "abc\n");
  client.send(post + "\r\n");  // the body is not waited for
  CHECK(contains(client.read_to_end(), "HTTP/1.1 401 "));
  guarded.worker.join();
  http.stop(milliseconds(100));
}

TEST_CASE("HttpServer bounds the bodies of all requests together", "[server]") {
  Fixture f([](server::HttpServer::Options& options) { options.body_bytes_limit = 300; });
  const std::string head = "POST /special HTTP/1.1\r\nHost: t\r\nContent-Length: 200\r\n\r\n";
  std::promise<server::HttpReply> kept;
  f.handler.special = [&](server::HttpRequest, server::HttpReply reply) {
    kept.set_value(std::move(reply));
  };
  RawClient first(f.address);
  first.send(head + std::string(200, 'x'));
  server::HttpReply reply = kept.get_future().get();
  RawClient second(f.address);
  second.send(head + std::string(200, 'x'));
  CHECK(contains(second.read_to_end(), "HTTP/1.1 503 "));
  reply(server::text_response(200, "done"));
  CHECK(contains(first.read_response(), "done"));
  RawClient third(f.address);
  third.send("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'x'));
  CHECK(contains(third.read_response(), "HTTP/1.1 200 "));
}

TEST_CASE("HttpServer does not ask for a body that it would refuse", "[server]") {
  Fixture f;
  for (const char* path : {"/a", "/refused"}) {
    RawClient client(f.address);
    client.send(std::string("POST ") + path +
                " HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n");
    const std::string response = client.read_to_end();
    CHECK_FALSE(contains(response, "100 Continue"));
    CHECK(contains(response, "HTTP/1.1 4"));
  }
}

TEST_CASE("HttpServer keeps HTTP/1.0 connections that ask for it", "[server]") {
  Fixture f;
  RawClient client(f.address);
  for (int i = 0; i < 2; ++i) {
    client.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const std::string response = client.read_response();
    CHECK(contains(response, "Connection: keep-alive\r\n"));
    CHECK(body_of(response) == "GET /x? ");
  }
}

TEST_CASE("HttpServer goes on with HTTP/1.1 when asked for HTTP/2", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.get("/x",
             "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n");
  CHECK(body_of(client.read_response()) == "GET /x? ");
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  CHECK(contains(client.read_to_end(), "HTTP/1.1 505 "));
}
