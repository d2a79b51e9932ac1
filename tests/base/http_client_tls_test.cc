#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/http_client.h"
#include "tests/support/connect_proxy.h"
#include "tests/support/fetch.h"
#include "tests/support/http_test_server.h"
#include "tests/support/temp_dir.h"

namespace silverback::base {
namespace {

using testing::fetch;

struct KeyPair {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> cert;

  std::string cert_pem() const {
    return pem([this](BIO* bio) { PEM_write_bio_X509(bio, cert.get()); });
  }
  std::string key_pem() const {
    return pem([this](BIO* bio) {
      PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

 private:
  template <typename Write>
  static std::string pem(Write write) {
    BIO* const bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    BIO_free(bio);
    return out;
  }
};

void add_extension(X509* cert, int id, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  REQUIRE(extension != nullptr);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself.
KeyPair make_cert(const std::string& name, const std::string& alt_names, const KeyPair* issuer,
                  int64_t valid_from_s = -3600, int64_t valid_to_s = 3600) {
  KeyPair out;
  out.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
  out.cert.reset(X509_new(), X509_free);
  X509* const cert = out.cert.get();
  static std::atomic<int> serial{1};
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_set_version(cert, 2);
  X509_gmtime_adj(X509_getm_notBefore(cert), valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(cert), valid_to_s);
  X509_set_pubkey(cert, out.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert, X509_get_subject_name(issuer != nullptr ? issuer->cert.get() : cert));
  if (issuer == nullptr) add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
  if (!alt_names.empty()) add_extension(cert, NID_subject_alt_name, alt_names);
  X509_sign(cert, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256());
  return out;
}

// Answers each connection's requests with "who" the client's certificate names.
class TlsServer {
 public:
  TlsServer(const KeyPair& identity, const KeyPair* client_ca, int max_version = 0) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX_use_certificate(context_.get(), identity.cert.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    if (max_version != 0) SSL_CTX_set_max_proto_version(context_.get(), max_version);
    if (client_ca != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), client_ca->cert.get());
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_, generic, length) == 0);
    REQUIRE(::getsockname(listener_, generic, &length) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TlsServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(open_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string url(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(port_) + "/metrics";
  }
  int connections() const { return connections_; }

 private:
  // One connection at a time is enough.
  void run() {
    while (!stopping_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      open_ = fd;
      const std::shared_ptr<SSL> ssl(SSL_new(context_.get()), SSL_free);
      SSL_set_fd(ssl.get(), fd);
      if (SSL_accept(ssl.get()) == 1) {
        ++connections_;
        serve(ssl.get());
      }
      open_ = -1;
      ::close(fd);
    }
  }
  void serve(SSL* ssl) {
    char buffer[4096];
    std::string who = "nobody";
    const std::shared_ptr<X509> peer(SSL_get1_peer_certificate(ssl), X509_free);
    if (peer) {
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, buffer,
                                sizeof buffer);
      who = buffer;
    }
    while (SSL_read(ssl, buffer, sizeof buffer) > 0) {
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(who.size()) + "\r\n\r\n" + who;
      if (SSL_write(ssl, answer.data(), static_cast<int>(answer.size())) <= 0) return;
    }
  }

  std::shared_ptr<SSL_CTX> context_;
  int listener_ = -1;
  std::atomic<int> open_{-1};
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

struct Running {
  Running() { io.start(); }
  ~Running() { io.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Result<HttpClient::Response> get(const TlsConfig& tls, const std::string& url) {
    HttpClientConfig config;
    config.tls = tls;
    HttpClient client(io, config);
    return get(client, url);
  }
  Result<HttpClient::Response> get(HttpClient& client, const std::string& url) {
    HttpClient::Request request;
    const Result<Url> parsed = parse_url(url);
    REQUIRE(parsed.is_ok());
    request.url = *parsed;
    return fetch(io, client, request);
  }

  IoRuntime io{1};
};

const KeyPair& authority() {
  static const KeyPair ca = make_cert("test authority", "", nullptr);
  return ca;
}

}  // namespace

TEST_CASE("HttpClient verifies who it talks to", "[base]") {
  Running r;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1,DNS:metrics.example", &authority());
  TlsServer server(identity, nullptr);
  TlsConfig tls;
  SECTION("unknown authority") {
    CHECK(
        r.get(tls, server.url()).status().message() ==
        "Get \"" + server.url() +
            "\": tls: failed to verify certificate: x509: certificate signed by unknown authority");
  }
  SECTION("known authority, address in the certificate") {
    tls.ca = authority().cert_pem();
    const auto response = r.get(tls, server.url());
    INFO(response.status().message());
    REQUIRE(response.is_ok());
    CHECK(response->body == "nobody");
  }
  SECTION("name not in the certificate") {
    tls.ca = authority().cert_pem();
    CHECK_THAT(r.get(tls, server.url("localhost")).status().message(),
               Catch::EndsWith("x509: certificate is not valid for localhost"));
  }
  SECTION("server_name stands for the host") {
    tls.ca = authority().cert_pem();
    tls.server_name = "metrics.example";
    CHECK(r.get(tls, server.url("localhost")).is_ok());
    tls.server_name = "other.example";
    CHECK_THAT(r.get(tls, server.url()).status().message(),
               Catch::EndsWith("x509: certificate is not valid for other.example"));
  }
  SECTION("verification switched off") {
    tls.insecure_skip_verify = true;
    CHECK(r.get(tls, server.url("localhost")).is_ok());
  }
}

TEST_CASE("HttpClient refuses an expired certificate", "[base]") {
  Running r;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1", &authority(), -7200, -3600);
  TlsServer server(identity, nullptr);
  TlsConfig tls;
  tls.ca = authority().cert_pem();
  CHECK_THAT(r.get(tls, server.url()).status().message(),
             Catch::EndsWith("x509: certificate has expired or is not yet valid"));
}

TEST_CASE("HttpClient keeps to the TLS versions it is given", "[base]") {
  Running r;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1", &authority());
  TlsServer server(identity, nullptr, TLS1_2_VERSION);
  TlsConfig tls;
  tls.ca = authority().cert_pem();
  CHECK(r.get(tls, server.url()).is_ok());
  tls.min_version = "TLS13";
  CHECK_THAT(r.get(tls, server.url()).status().message(), Catch::Contains("\": tls: "));
}

TEST_CASE("HttpClient shows its certificate and follows a changed file", "[base]") {
  Running r;
  const tests::TempDir dir;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1", &authority());
  const KeyPair alice = make_cert("alice", "", &authority()),
                bob = make_cert("bob", "", &authority());
  TlsServer server(identity, &authority());
  HttpClientConfig config;
  config.tls.ca = authority().cert_pem();
  config.tls.cert_file = dir.file("cert.pem");
  config.tls.key_file = dir.file("key.pem");
  HttpClient client(r.io, config);
  CHECK_THAT(r.get(client, server.url()).status().message(),
             Catch::Contains("unable to read client cert " + dir.file("cert.pem")));
  const auto write = [&dir](const KeyPair& pair) {
    std::ofstream(dir.file("cert.pem"), std::ios::trunc) << pair.cert_pem();
    std::ofstream(dir.file("key.pem"), std::ios::trunc) << pair.key_pem();
  };
  write(alice);
  for (int i = 0; i < 2; ++i) {
    const auto response = r.get(client, server.url());
    INFO(response.status().message());
    REQUIRE(response.is_ok());
    CHECK(response->body == "alice");
  }
  CHECK(server.connections() == 1);  // kept alive
  // A second server, for the first is busy with the kept connection.
  TlsServer second(identity, &authority());
  write(bob);
  const auto response = r.get(client, second.url());
  REQUIRE(response.is_ok());
  CHECK(response->body == "bob");
}

TEST_CASE("HttpClient keeps its certificate from other origins", "[base]") {
  Running r;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1", &authority());
  const KeyPair alice = make_cert("alice", "", &authority());
  TlsServer other(identity, &authority());
  testing::HttpTestServer first([&other](const testing::HttpTestRequest&) {
    return testing::HttpTestAnswer::redirect(other.url());
  });
  HttpClientConfig config;
  config.tls.ca = authority().cert_pem();
  config.tls.cert = alice.cert_pem();
  config.tls.key = Secret(alice.key_pem());
  HttpClient client(r.io, config);
  const auto response = r.get(client, first.url());
  INFO(response.status().message());
  REQUIRE(response.is_ok());
  CHECK(response->body == "nobody");
}

TEST_CASE("HttpClient goes through a proxy to https servers", "[base]") {
  Running r;
  const KeyPair identity = make_cert("server", "IP:127.0.0.1", &authority());
  TlsServer server(identity, nullptr);
  HttpClientConfig config;
  config.tls.ca = authority().cert_pem();
  SECTION("by CONNECT, with its credentials and headers") {
    testing::ConnectProxy proxy;
    config.proxy.url = "http://u:p@" + proxy.address();
    config.proxy.connect_headers = {{"X-Key", {Secret("k1"), Secret("k2")}}};
    HttpClient client(r.io, config);
    for (int i = 0; i < 2; ++i) {
      const auto response = r.get(client, server.url());
      INFO(response.status().message());
      REQUIRE(response.is_ok());
      CHECK(response->body == "nobody");
    }
    const std::string target = server.url().substr(8, server.url().rfind('/') - 8);
    CHECK(proxy.heads() ==
          std::vector<std::string>{"CONNECT " + target + " HTTP/1.1\r\nHost: " + target +
                                   "\r\nX-Key: k1\r\nX-Key: k2\r\n"
                                   "Proxy-Authorization: Basic dTpw\r\n\r\n"});
  }
  SECTION("and tells when that refuses") {
    testing::ConnectProxy proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
    config.proxy.url = "http://" + proxy.address();
    HttpClient client(r.io, config);
    CHECK(r.get(client, server.url()).status().message() ==
          "Get \"" + server.url() + "\": Forbidden");
  }
  SECTION("and tells when that is not there") {
    config.proxy.url = "http://127.0.0.1:1";
    HttpClient client(r.io, config);
    CHECK(r.get(client, server.url()).status().message() ==
          "Get \"" + server.url() +
              "\": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused");
  }
}

}  // namespace silverback::base
