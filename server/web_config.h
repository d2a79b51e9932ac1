#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace silverback::server {

/// What is asked of a client's certificate, by the names of Go's crypto/tls.
enum class ClientAuth : uint8_t {
  kNone,
  kRequest,
  kRequireAny,
  kVerifyIfGiven,
  kRequireAndVerify,
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

/// tls_server_config. Paths are absolute or relative to the working directory.
struct TlsServerConfig {
  std::string cert, cert_file;  // the file wins
  base::Secret key;
  std::string key_file;
  ClientAuth client_auth = ClientAuth::kNone;
  std::string client_ca, client_ca_file;
  std::optional<std::vector<std::string>> client_allowed_sans;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // OpenSSL's names, of TLS 1.2; empty: ours
  bool only_tls13_suites = false;          // cipher_suites named none of TLS 1.2
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curves;  // OpenSSL's names; empty: the library's
  bool operator==(const TlsServerConfig&) const = default;
};

/// The content of --web.config.file (spec 4.7), checked.
struct WebConfig {
  std::optional<TlsServerConfig> tls;
  bool http2 = true;  // accepted; HTTP/1.1 is spoken
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, base::Secret>> users;  // name, bcrypt hash; sorted
  bool operator==(const WebConfig&) const = default;
};

/// `file` is the name that errors carry; relative paths resolve against its folder.
base::Result<WebConfig> parse_web_config(std::string_view text, const std::string& file);

}  // namespace silverback::server
