#include "server/web_config.h"

#include <catch2/catch.hpp>

namespace server = silverback::server;

namespace {

// Of "secret", cost 4.
constexpr const char* kHash = "$2y$04$TkEz1piyKDX1LpQr6foz0up1f6VMbgz.5ptbpJaKbWj8tOJcu7JKm";
const std::string kTls = "tls_server_config:\n  cert_file: s.crt\n  key_file: /k/s.key\n";

std::string error_of(const std::string& text) {
  const auto config = server::parse_web_config(text, "dir/web.yml");
  return config ? "" : config.status().message();
}

}  // namespace

TEST_CASE("Web configuration is read whole", "[server]") {
  const auto config = server::parse_web_config(
      kTls +
          "  client_auth_type: RequireAndVerifyClientCert\n"
          "  client_ca_file: ca.crt\n"
          "  client_allowed_sans: [a.example, 10.0.0.1]\n"
          "  min_version: TLS13\n"
          "  max_version: TLS13\n"
          "  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n"
          "  prefer_server_cipher_suites: false\n"
          "  curve_preferences: [X25519, CurveP256]\n"
          "http_server_config:\n"
          "  http2: false\n"
          "  headers:\n"
          "    X-Frame-Options: deny\n"
          "    Strict-Transport-Security: max-age=1\n"
          "basic_auth_users:\n"
          "  bob: " +
          kHash + "\n  alice: " + kHash + "\n",
      "dir/web.yml");
  INFO((config ? "" : config.status().message()));
  REQUIRE(config.is_ok());
  REQUIRE(config->tls);
  CHECK(config->tls->cert_file == "dir/s.crt");
  CHECK(config->tls->key_file == "/k/s.key");
  CHECK(config->tls->client_ca_file == "dir/ca.crt");
  CHECK(config->tls->client_auth == server::ClientAuth::kRequireAndVerify);
  CHECK(config->tls->client_allowed_sans->size() == 2);
  CHECK(config->tls->min_version == server::TlsVersion::kTls13);
  CHECK(config->tls->cipher_suites == std::vector<std::string>{"ECDHE-RSA-AES128-GCM-SHA256"});
  CHECK(config->tls->curves == std::vector<std::string>{"X25519", "P-256"});
  CHECK_FALSE(config->tls->prefer_server_cipher_suites);
  CHECK_FALSE(config->http2);
  REQUIRE(config->headers.size() == 2);
  CHECK(config->headers[0].second == "deny");
  REQUIRE(config->users.size() == 2);
  CHECK(config->users[0].first == "alice");
  CHECK(config->users[0].second.reveal() == kHash);
}

TEST_CASE("Web configuration has defaults", "[server]") {
  for (const char* text : {"", "tls_server_config:\n", "tls_server_config:\n  min_version: TLS13\n",
                           "rate_limit:\n", "basic_auth_users:\n"}) {
    const auto config = server::parse_web_config(text, "web.yml");
    INFO(text);
    REQUIRE(config.is_ok());
    CHECK_FALSE(config->tls);
    CHECK(config->http2);
    CHECK(config->users.empty());
  }
  struct Row {
    const char* name;
    server::ClientAuth auth;
  };
  const Row rows[] = {{"NoClientCert", server::ClientAuth::kNone},
                      {"RequestClientCert", server::ClientAuth::kRequest},
                      {"RequireClientCert", server::ClientAuth::kRequireAny},
                      {"RequireAnyClientCert", server::ClientAuth::kRequireAny},
                      {"VerifyClientCertIfGiven", server::ClientAuth::kVerifyIfGiven},
                      {"RequireAndVerifyClientCert", server::ClientAuth::kRequireAndVerify}};
  for (const Row& row : rows) {
    const auto config =
        server::parse_web_config(kTls + "  client_auth_type: " + row.name + "\n", "w");
    REQUIRE(config.is_ok());
    CHECK(config->tls->client_auth == row.auth);
  }
}

TEST_CASE("Wrong web configurations are refused with file and line", "[server]") {
  struct Row {
    std::string text, error;
  };
  const std::vector<Row> rows = {
      {"basic_auth_user:\n  a: b\n",
       "dir/web.yml:1: field basic_auth_user not found in type web.Config"},
      {"basic_auth_users:\n  alice: rig-secret\n",
       "dir/web.yml:2: basic_auth_users: user \"alice\": hash too short to be a bcrypted password"},
      {"basic_auth_users:\n  a: $2z$" + std::string(kHash).substr(4) + "\n",
       "dir/web.yml:2: basic_auth_users: user \"a\": bcrypt hashes of the kinds 2a, 2b and 2y are "
       "known"},
      {"basic_auth_users:\n  a: $2y$03" + std::string(kHash).substr(6) + "\n",
       "dir/web.yml:2: basic_auth_users: user \"a\": bcrypt cost is outside allowed inclusive "
       "range 4..31"},
      {"basic_auth_users: [a]\n",
       "dir/web.yml:1: basic_auth_users must be a map of users to bcrypt hashes"},
      {"tls_server_config:\n  key_file: k\n", "dir/web.yml:2: missing one of cert or cert_file"},
      {"tls_server_config:\n  cert_file: k\n", "dir/web.yml:2: missing one of key or key_file"},
      {"tls_server_config:\n  client_auth_type: NoClientCert\n",
       "dir/web.yml:2: missing one of cert or cert_file"},
      {kTls + "  client_ca_file: ca\n",
       "dir/web.yml:2: client CA's have been configured without a Client Auth Policy"},
      {kTls + "  client_auth_type: Always\n", "dir/web.yml:4: invalid ClientAuth: Always"},
      {kTls + "  client_auth_type: RequestClientCert\n  client_allowed_sans: [a]\n",
       "dir/web.yml:2: client_allowed_sans requires client_auth_type to be one of "
       "RequireAnyClientCert or RequireAndVerifyClientCert"},
      {kTls + "  min_version: TLS13\n  max_version: TLS12\n",
       "dir/web.yml:2: max_version must not be below min_version"},
      {kTls + "  min_version: TLS11\n",
       "dir/web.yml:4: TLS11 is not offered: TLS12 is the oldest version"},
      {kTls + "  min_version: SSL3\n", "dir/web.yml:4: unknown TLS version: SSL3"},
      {kTls + "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n",
       "dir/web.yml:4: unknown cipher: TLS_RSA_WITH_AES_128_CBC_SHA"},
      {kTls + "  curve_preferences: [P-256]\n", "dir/web.yml:4: unknown curve: P-256"},
      {"http_server_config:\n  headers:\n    Server: x\n",
       "dir/web.yml:3: HTTP header \"Server\" can not be configured"},
      {"http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
       "dir/web.yml:3: invalid value for X-Frame-Options. Expected one of: [\"deny\" "
       "\"sameorigin\"], but got: \"allow\""},
      {"http_server_config:\n  headers:\n    X-XSS-Protection: \"a\\r\\nSet-Cookie: b\"\n",
       "dir/web.yml:3: invalid value for X-XSS-Protection"},
      {"rate_limit:\n  burst: 1\n", "dir/web.yml:2: rate_limit: not supported yet"},
  };
  for (const Row& row : rows) CHECK(error_of(row.text) == row.error);
  CHECK(error_of("basic_auth_users: [[[\n") != "");
  CHECK(error_of("basic_auth_users:\n  a: hunter2\n").find("hunter2") == std::string::npos);
}
