#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/yaml.h"

namespace silverback::base {

struct TlsConfig {
  std::string ca, ca_file;
  std::string cert, cert_file;
  Secret key;
  std::string key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
  std::string min_version, max_version;  // TLS10..TLS13, "" = default
  bool operator==(const TlsConfig&) const = default;
};

/// Through whom requests go. Proxies speak HTTP; https URLs go through by CONNECT.
struct ProxyConfig {
  std::string url, no_proxy;
  bool from_environment = false;  // HTTP_PROXY, HTTPS_PROXY, NO_PROXY
  std::vector<std::pair<std::string, std::vector<Secret>>> connect_headers;
  bool operator==(const ProxyConfig&) const = default;

  void parse(YamlFields& fields, const YamlNode& node);
  void write(YamlWriter& w) const;
};

/// Tokens by client credentials (RFC 6749, 4.4).
struct OAuth2Config {
  std::string client_id;
  Secret client_secret;
  std::string client_secret_file;
  std::vector<std::string> scopes;
  std::string token_url;
  std::vector<std::pair<std::string, std::string>> endpoint_params;
  TlsConfig tls;
  ProxyConfig proxy;
  bool operator==(const OAuth2Config&) const = default;
};

/// The http_config part of scrape, discovery and Alertmanager sections (spec 4.4).
/// At most one kind of auth. Files are re-read per request.
struct HttpClientConfig {
  struct BasicAuth {
    std::string username, username_file;
    Secret password;
    std::string password_file;
    bool operator==(const BasicAuth&) const = default;
  };
  struct Authorization {
    std::string type = "Bearer";
    Secret credentials;
    std::string credentials_file;
    bool operator==(const Authorization&) const = default;
  };
  struct Header {
    std::string name;
    std::vector<std::string> values;
    std::vector<Secret> secrets;
    std::vector<std::string> files;
    bool operator==(const Header&) const = default;
  };
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2Config> oauth2;
  TlsConfig tls;
  bool follow_redirects = true;
  bool enable_http2 = true;  // accepted; HTTP/1.1 is spoken
  ProxyConfig proxy;
  std::vector<Header> http_headers;

  bool operator==(const HttpClientConfig&) const = default;

  /// Reads the inline http_config fields out of `fields` (the caller finishes them). Relative file
  /// paths resolve against `base_dir`.
  void parse(YamlFields& fields, const YamlNode& node, const std::string& base_dir);
  /// Effective fields with secrets masked.
  void write(YamlWriter& w) const;
};

}  // namespace silverback::base
