#include "server/tls_context.h"

#include <functional>

#include <catch2/catch.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/certificates.h"

namespace base = silverback::base;
namespace server = silverback::server;
namespace tests = silverback::tests;

namespace {

using Context = std::shared_ptr<SSL_CTX>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

struct Pki {
  tests::TestCertificate authority = tests::make_authority("ca");
  tests::TestCertificate rogue = tests::make_authority("rogue");
  tests::TestCertificate server = tests::issue(authority, {"server", "DNS:localhost", false});
};

const Pki& pki() {
  static const Pki all;
  return all;
}

tests::TestCertificate client_cert(const std::string& sans, bool rogue = false) {
  return tests::issue(rogue ? pki().rogue : pki().authority, {"client", sans, true});
}

server::TlsServerConfig config_with(server::ClientAuth auth = server::ClientAuth::kNone) {
  server::TlsServerConfig config;
  config.cert = pki().server.cert;
  config.key = base::Secret(pki().server.key);
  config.client_auth = auth;
  if (auth != server::ClientAuth::kNone) config.client_ca = pki().authority.cert;
  return config;
}

base::Result<Context> make(const server::TlsServerConfig& config) {
  ASSIGN_OR_RETURN(const server::TlsMaterial material, server::read_tls_material(config));
  return server::make_tls_context(config, material);
}

struct Outcome {
  bool ok = false;  // both sides have shaken hands
  std::string version, suite;
};

void use_certificate(SSL_CTX* ctx, const tests::TestCertificate& identity) {
  BIO* cert_in = BIO_new_mem_buf(identity.cert.data(), static_cast<int>(identity.cert.size()));
  BIO* key_in = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
  X509* cert = PEM_read_bio_X509(cert_in, nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_in, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(ctx, cert);
  SSL_CTX_use_PrivateKey(ctx, key);
  X509_free(cert);
  EVP_PKEY_free(key);
  BIO_free(cert_in);
  BIO_free(key_in);
}

/// A handshake through memory between a server of `config` and a client that `shape` sets up.
Outcome shake_hands(const server::TlsServerConfig& config,
                    const std::function<void(SSL_CTX*)>& shape = {}) {
  const auto made = make(config);
  INFO((made ? "" : made.status().message()));
  REQUIRE(made.is_ok());
  const Context client_ctx(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (shape) shape(client_ctx.get());
  const Connection server_side(SSL_new(made->get()), SSL_free);
  const Connection client_side(SSL_new(client_ctx.get()), SSL_free);
  BIO* left = nullptr;
  BIO* right = nullptr;
  REQUIRE(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
  SSL_set_bio(server_side.get(), left, left);
  SSL_set_bio(client_side.get(), right, right);
  SSL_set_accept_state(server_side.get());
  SSL_set_connect_state(client_side.get());
  for (int i = 0; i < 20; ++i) {
    SSL_do_handshake(client_side.get());
    SSL_do_handshake(server_side.get());
  }
  ERR_clear_error();
  Outcome outcome;
  outcome.ok =
      SSL_is_init_finished(server_side.get()) == 1 && SSL_is_init_finished(client_side.get()) == 1;
  outcome.version = SSL_get_version(server_side.get());
  outcome.suite = SSL_CIPHER_get_name(SSL_get_current_cipher(server_side.get()));
  return outcome;
}

std::function<void(SSL_CTX*)> with_certificate(const std::string& sans, bool rogue = false) {
  return [identity = client_cert(sans, rogue)](SSL_CTX* ctx) { use_certificate(ctx, identity); };
}

}  // namespace

TEST_CASE("TLS context speaks 1.2 and 1.3 with forward secrecy and AEAD only", "[server]") {
  CHECK(shake_hands(config_with()).version == "TLSv1.3");
  const auto with_suites = [](const char* suites) {
    return shake_hands(config_with(), [suites](SSL_CTX* ctx) {
      SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
      SSL_CTX_set_cipher_list(ctx, suites);
    });
  };
  const Outcome good = with_suites("ALL:@SECLEVEL=0");
  CHECK(good.ok);
  CHECK(good.version == "TLSv1.2");
  CHECK(good.suite.find("ECDHE") == 0);
  for (const char* weak : {"ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "kRSA:@SECLEVEL=0",
                           "aNULL:@SECLEVEL=0", "eNULL:@SECLEVEL=0", "AES128-SHA256:@SECLEVEL=0"}) {
    INFO(weak);
    CHECK_FALSE(with_suites(weak).ok);
  }
  const auto old = shake_hands(config_with(), [](SSL_CTX* ctx) {
    SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
  });
  CHECK_FALSE(old.ok);
}

TEST_CASE("TLS context keeps to the configured versions, suites and curves", "[server]") {
  server::TlsServerConfig config = config_with();
  config.max_version = server::TlsVersion::kTls12;
  CHECK(shake_hands(config).version == "TLSv1.2");
  config.cipher_suites = {"ECDHE-ECDSA-AES256-GCM-SHA384"};
  CHECK(shake_hands(config).suite == "ECDHE-ECDSA-AES256-GCM-SHA384");
  config = config_with();
  config.only_tls13_suites = true;
  const auto tls12 = [](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION); };
  CHECK_FALSE(shake_hands(config, tls12).ok);
  config = config_with();
  config.curves = {"P-384"};
  CHECK(shake_hands(config).ok);
  CHECK_FALSE(shake_hands(config, [](SSL_CTX* ctx) {
                SSL_CTX_ctrl(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, std::string("X25519").data());
              }).ok);
}

TEST_CASE("TLS context asks for and verifies client certificates", "[server]") {
  using server::ClientAuth;
  struct Row {
    ClientAuth auth;
    bool none, rogue, good;
  };
  const Row rows[] = {{ClientAuth::kNone, true, true, true},
                      {ClientAuth::kRequest, true, true, true},
                      {ClientAuth::kRequireAny, false, true, true},
                      {ClientAuth::kVerifyIfGiven, true, false, true},
                      {ClientAuth::kRequireAndVerify, false, false, true}};
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.auth));
    CHECK(shake_hands(config_with(row.auth)).ok == row.none);
    CHECK(shake_hands(config_with(row.auth), with_certificate("DNS:a", true)).ok == row.rogue);
    CHECK(shake_hands(config_with(row.auth), with_certificate("DNS:a")).ok == row.good);
  }
}

TEST_CASE("TLS context lets only clients of an allowed name in", "[server]") {
  for (const auto auth : {server::ClientAuth::kRequireAny, server::ClientAuth::kRequireAndVerify}) {
    server::TlsServerConfig config = config_with(auth);
    config.client_allowed_sans = {"a.example", "10.0.0.1", "::1", "me@a.example", "spiffe://a/b"};
    struct Row {
      std::string sans;
      bool ok;
    };
    const Row rows[] = {{"DNS:a.example", true},      {"DNS:x,DNS:a.example", true},
                        {"IP:10.0.0.1", true},        {"IP:::1", true},
                        {"email:me@a.example", true}, {"URI:spiffe://a/b", true},
                        {"DNS:b.example", false},     {"DNS:A.example", false},
                        {"IP:10.0.0.2", false},       {"", false}};
    for (const Row& row : rows) {
      INFO(row.sans);
      CHECK(shake_hands(config, with_certificate(row.sans)).ok == row.ok);
    }
  }
}

TEST_CASE("TLS context refuses unusable certificates and keys", "[server]") {
  const tests::TestCertificate other = tests::issue(pki().authority, {"other", "", false});
  const auto error_of = [](const server::TlsServerConfig& config) {
    const auto made = make(config);
    return made ? std::string() : made.status().message();
  };
  server::TlsServerConfig config = config_with();
  config.key = base::Secret(other.key);
  CHECK(error_of(config) == "key: private key does not match public key of cert");
  config.key = base::Secret("nothing");
  CHECK(error_of(config).find("key holds no usable PEM private key") == 0);
  config.cert = "nothing";
  CHECK(error_of(config) == "cert holds no PEM certificate");
  config.cert_file = "/nonexistent/s.crt";
  CHECK(error_of(config).find("failed to read cert_file (/nonexistent/s.crt): ") == 0);
  config = config_with(server::ClientAuth::kRequireAndVerify);
  config.client_ca = "nothing";
  CHECK(error_of(config) == "client_ca holds no PEM certificate");
  config = config_with();
  config.cert += pki().authority.cert;  // a chain
  CHECK(shake_hands(config).ok);
}
