#include <future>

#include <catch2/catch.hpp>
#include <openssl/ssl.h>

#include "base/mutex.h"
#include "base/worker_pool.h"
#include "raw_client.h"
#include "server/http_server.h"
#include "server/tls_context.h"
#include "tests/support/certificates.h"

namespace base = silverback::base;
namespace server = silverback::server;
namespace tests = silverback::tests;
using silverback::testing::RawClient;
using std::chrono::milliseconds;

namespace {

/// Answers with the path; "/large" in pieces.
class PathHandler final : public server::HttpHandler {
 public:
  explicit PathHandler(base::WorkerPool& pool) : pool_(pool) {}
  server::HeadVerdict on_head(const server::HttpRequest& /*head*/) override {
    server::HeadVerdict verdict;
    verdict.body_limit = 1 << 20;
    return verdict;
  }
  void handle(server::HttpRequest request, server::HttpReply reply) override {
    server::HttpResponse response;
    response.body = request.path + (request.tls ? " tls " : " plain ") + request.body;
    if (request.path == "/large") {
      response.source = std::make_unique<Zeros>();
      response.source_pool = &pool_;
    }
    reply(std::move(response));
  }

 private:
  class Zeros final : public server::BodySource {
    Step next(std::string& chunk) override {
      chunk.assign(100'000, '0');
      return ++made_ < 50 ? Step::kMore : Step::kEnd;
    }
    int made_ = 0;
  };
  base::WorkerPool& pool_;
};

std::shared_ptr<ssl_ctx_st> context_named(const std::string& name) {
  const tests::TestCertificate authority = tests::make_authority("ca");
  const tests::TestCertificate own = tests::issue(authority, {name, "DNS:" + name, false});
  server::TlsServerConfig config;
  config.cert = own.cert;
  config.key = base::Secret(own.key);
  const auto material = server::read_tls_material(config);
  REQUIRE(material.is_ok());
  const auto context = server::make_tls_context(config, *material);
  REQUIRE(context.is_ok());
  return *context;
}

struct Fixture {
  explicit Fixture(const std::function<void(server::HttpServer::Options&)>& change = {}) {
    context = context_named("first");
    io.start();
    pool.start();
    server::HttpServer::Options options;
    options.io = &io;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.listen_addresses = {"127.0.0.1:0"};
    options.tls_context = [this] {
      const base::MutexLock lock(mutex);
      return context;
    };
    if (change) change(options);
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
  base::IoRuntime io;
  base::WorkerPool pool{base::WorkerPool::Options{"pieces", 1, 16, 0}};
  PathHandler handler{pool};
  base::Mutex mutex;
  std::shared_ptr<ssl_ctx_st> context GUARDED_BY(mutex);
  std::unique_ptr<server::HttpServer> http;
  std::string address;
};

/// A client that has shaken hands, or failed to.
class TlsClient {
 public:
  explicit TlsClient(const std::string& address)
      : raw_(address),
        ctx_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        ssl_(SSL_new(ctx_.get()), SSL_free) {
    SSL_set_fd(ssl_.get(), raw_.fd());
    open_ = SSL_connect(ssl_.get()) == 1;
  }
  bool open() const { return open_; }
  std::string peer() const {
    std::unique_ptr<X509, decltype(&X509_free)> cert(SSL_get1_peer_certificate(ssl_.get()),
                                                     X509_free);
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName, name, sizeof name);
    return name;
  }
  void send(const std::string& text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  std::string read_until(const std::string& end) {
    std::string text;
    char buffer[16384];
    while (text.find(end) == std::string::npos) {
      const int n = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

 private:
  RawClient raw_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool open_ = false;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("HttpServer speaks TLS and keeps the connection", "[server]") {
  Fixture f;
  TlsClient client(f.address);
  REQUIRE(client.open());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc");
    CHECK(contains(client.read_until("/x tls abc"), "HTTP/1.1 200 OK"));
  }
  client.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\nGET /after HTTP/1.1\r\nHost: t\r\n\r\n");
  const std::string text = client.read_until("/after tls ");
  CHECK(text.size() > 5'000'000);
  client.send("GET /end HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  CHECK(contains(client.read_until("never"), "/end tls "));
}

TEST_CASE("HttpServer shakes hands with the certificate of the moment", "[server]") {
  Fixture f;
  CHECK(TlsClient(f.address).peer() == "first");
  {
    auto next = context_named("second");
    const base::MutexLock lock(f.mutex);
    f.context = std::move(next);
  }
  CHECK(TlsClient(f.address).peer() == "second");
}

TEST_CASE("HttpServer tells who speaks HTTP to its TLS port", "[server]") {
  Fixture f;
  RawClient client(f.address);
  client.get("/");
  CHECK(contains(client.read_to_end(), "Client sent an HTTP request to an HTTPS server."));
}

TEST_CASE("HttpServer gives up handshakes that do not come", "[server]") {
  Fixture f([](server::HttpServer::Options& o) { o.handshake_timeout = milliseconds(50); });
  for (const char* part : {"", "\x16\x03\x01"}) {
    RawClient client(f.address);
    client.send(part);
    bool closed = false;
    client.read_to_end(&closed);
    CHECK(closed);
  }
}

TEST_CASE("HttpServer is not shut by handshakes that hang", "[server]") {
  Fixture f([](server::HttpServer::Options& o) {
    o.max_connections = 8;
    o.max_handshakes = 8;
    o.handshake_timeout = std::chrono::seconds(30);
  });
  std::vector<std::unique_ptr<RawClient>> hanging;
  for (int i = 0; i < 40; ++i) hanging.push_back(std::make_unique<RawClient>(f.address));
  TlsClient client(f.address);
  REQUIRE(client.open());
  client.send("GET /x HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(contains(client.read_until("/x tls "), "200 OK"));
}
