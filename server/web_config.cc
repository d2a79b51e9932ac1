#include "server/web_config.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/file.h"
#include "base/yaml.h"
#include "server/bcrypt.h"

namespace silverback::server {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

namespace {

struct Name {
  std::string_view ours;     // Go's name, as in the file
  std::string_view openssl;  // empty: of TLS 1.3, where all are always on
};

constexpr std::array<Name, 13> kCipherSuites = {{
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
}};

constexpr std::array<Name, 4> kCurves = {{
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
    {"X25519", "X25519"},
}};

struct AuthType {
  std::string_view name;
  ClientAuth value;
};
constexpr std::array<AuthType, 6> kAuthTypes = {{
    {"NoClientCert", ClientAuth::kNone},
    {"RequestClientCert", ClientAuth::kRequest},
    {"RequireAnyClientCert", ClientAuth::kRequireAny},
    {"RequireClientCert", ClientAuth::kRequireAny},  // its older name
    {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
    {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerify},
}};

/// Response headers that may be set, and their values where only few make sense.
struct HeaderRule {
  std::string_view name;
  std::array<std::string_view, 2> values;
};
constexpr std::array<HeaderRule, 5> kHeaders = {{
    {"Content-Security-Policy", {}},
    {"Strict-Transport-Security", {}},
    {"X-Content-Type-Options", {"nosniff", ""}},
    {"X-Frame-Options", {"deny", "sameorigin"}},
    {"X-XSS-Protection", {}},
}};

template <size_t N>
const Name* find_name(const std::array<Name, N>& table, std::string_view wanted) {
  const auto* it = std::find_if(table.begin(), table.end(),
                                [&](const Name& name) { return name.ours == wanted; });
  return it == table.end() ? nullptr : it;
}

/// Translates a list of names into OpenSSL's; `kind` is for the error.
template <size_t N>
Status translate(const YamlNode& node, const std::array<Name, N>& table, std::string_view kind,
                 std::vector<std::string>& out) {
  if (!node.is_sequence()) return node.mismatch("[]" + std::string(kind));
  for (const YamlNode& item : node.items()) {
    ASSIGN_OR_RETURN(const std::string text, item.as_string());
    const Name* name = find_name(table, text);
    if (name == nullptr) return item.error(fmt::format("unknown {}: {}", kind, text));
    if (!name->openssl.empty()) out.emplace_back(name->openssl);
  }
  return {};
}

Status read_version(const YamlNode& node, TlsVersion& out) {
  ASSIGN_OR_RETURN(const std::string text, node.as_string());
  if (text == "TLS12") {
    out = TlsVersion::kTls12;
  } else if (text == "TLS13") {
    out = TlsVersion::kTls13;
  } else if (text == "TLS10" || text == "TLS11") {
    return node.error(text + " is not offered: TLS12 is the oldest version");
  } else {
    return node.error("unknown TLS version: " + text);
  }
  return {};
}

Status read_client_auth(const YamlNode& node, ClientAuth& out) {
  ASSIGN_OR_RETURN(const std::string text, node.as_string());
  if (text.empty()) return {};
  for (const AuthType& type : kAuthTypes) {
    if (type.name != text) continue;
    out = type.value;
    return {};
  }
  return node.error("invalid ClientAuth: " + text);
}

/// As exporters have it: a section without any of these leaves TLS off.
bool asks_for_tls(const TlsServerConfig& tls, bool has_client_auth) {
  return !tls.cert.empty() || !tls.cert_file.empty() || !tls.key.empty() || !tls.key_file.empty() ||
         !tls.client_ca.empty() || !tls.client_ca_file.empty() || has_client_auth;
}

Status check_tls(const YamlNode& node, const TlsServerConfig& tls) {
  if (tls.cert.empty() && tls.cert_file.empty()) {
    return node.error("missing one of cert or cert_file");
  }
  if (tls.key.empty() && tls.key_file.empty()) {
    return node.error("missing one of key or key_file");
  }
  const bool has_ca = !tls.client_ca.empty() || !tls.client_ca_file.empty();
  if (has_ca && tls.client_auth == ClientAuth::kNone) {
    return node.error("client CA's have been configured without a Client Auth Policy");
  }
  const bool certain = tls.client_auth == ClientAuth::kRequireAny ||
                       tls.client_auth == ClientAuth::kRequireAndVerify;
  if (tls.client_allowed_sans && !certain) {
    return node.error(
        "client_allowed_sans requires client_auth_type to be one of RequireAnyClientCert or "
        "RequireAndVerifyClientCert");
  }
  if (tls.min_version > tls.max_version) {
    return node.error("max_version must not be below min_version");
  }
  if (tls.only_tls13_suites && tls.max_version < TlsVersion::kTls13) {
    return node.error("cipher_suites names none of TLS 1.2, and max_version is TLS12");
  }
  return {};
}

Status parse_tls(const YamlNode& node, const std::string& dir,
                 std::optional<TlsServerConfig>& out) {
  TlsServerConfig tls;
  bool has_client_auth = false;
  YamlFields fields(node, "web.TLSConfig");
  fields.read("cert", tls.cert);
  fields.read("key", tls.key);
  fields.read("client_ca", tls.client_ca);
  fields.read("cert_file", tls.cert_file);
  fields.read("key_file", tls.key_file);
  fields.read("client_auth_type", [&](const YamlNode& value) {
    has_client_auth = true;
    return read_client_auth(value, tls.client_auth);
  });
  fields.read("client_ca_file", tls.client_ca_file);
  fields.read("cipher_suites", [&](const YamlNode& value) -> Status {
    RETURN_IF_ERROR(translate(value, kCipherSuites, "cipher", tls.cipher_suites));
    tls.only_tls13_suites = tls.cipher_suites.empty() && !value.items().empty();
    return {};
  });
  fields.read("curve_preferences", [&](const YamlNode& value) {
    return translate(value, kCurves, "curve", tls.curves);
  });
  fields.read("min_version",
              [&](const YamlNode& value) { return read_version(value, tls.min_version); });
  fields.read("max_version",
              [&](const YamlNode& value) { return read_version(value, tls.max_version); });
  fields.read("prefer_server_cipher_suites", tls.prefer_server_cipher_suites);
  fields.read("client_allowed_sans", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(tls.client_allowed_sans, value.as_string_list());
    return {};
  });
  RETURN_IF_ERROR(fields.finish());
  if (!asks_for_tls(tls, has_client_auth)) return {};
  RETURN_IF_ERROR(check_tls(node, tls));
  tls.cert_file = base::join_path(dir, tls.cert_file);
  tls.key_file = base::join_path(dir, tls.key_file);
  tls.client_ca_file = base::join_path(dir, tls.client_ca_file);
  out = std::move(tls);
  return {};
}

Status check_header(const YamlNode::Entry& entry, const std::string& value) {
  const auto* rule = std::find_if(kHeaders.begin(), kHeaders.end(),
                                  [&](const HeaderRule& r) { return r.name == entry.key; });
  if (rule == kHeaders.end()) {
    return entry.key_node.error(fmt::format("HTTP header \"{}\" can not be configured", entry.key));
  }
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return entry.value.error(fmt::format("invalid value for {}", entry.key));
  }
  const auto& values = rule->values;
  if (values[0].empty() || value == values[0] || (!values[1].empty() && value == values[1])) {
    return {};
  }
  const std::string other = values[1].empty() ? "" : fmt::format(" \"{}\"", values[1]);
  return entry.value.error(
      fmt::format("invalid value for {}. Expected one of: [\"{}\"{}], but got: \"{}\"", entry.key,
                  values[0], other, value));
}

Status parse_http(const YamlNode& node, WebConfig& config) {
  YamlFields fields(node, "web.HTTPConfig");
  fields.read("http2", config.http2);
  fields.read("headers", [&](const YamlNode& headers) -> Status {
    if (!headers.is_map()) return headers.mismatch("map[string]string");
    for (const YamlNode::Entry& entry : headers.entries()) {
      ASSIGN_OR_RETURN(std::string value, entry.value.as_string());
      RETURN_IF_ERROR(check_header(entry, value));
      config.headers.emplace_back(entry.key, std::move(value));
    }
    return {};
  });
  return fields.finish();
}

/// Errors never show what stands for the hash: it may be a password in clear.
Status parse_users(const YamlNode& node, WebConfig& config) {
  if (!node.is_map()) return node.error("basic_auth_users must be a map of users to bcrypt hashes");
  for (const YamlNode::Entry& entry : node.entries()) {
    if (!entry.value.is_scalar() && !entry.value.is_null()) {
      return entry.value.error(
          fmt::format("basic_auth_users: the hash of \"{}\" must be a text", entry.key));
    }
    ASSIGN_OR_RETURN(std::string hash, entry.value.as_string());
    if (const Status status = check_bcrypt_hash(hash); !status.is_ok()) {
      return entry.value.error(
          fmt::format("basic_auth_users: user \"{}\": {}", entry.key, status.message()));
    }
    config.users.emplace_back(entry.key, base::Secret(std::move(hash)));
  }
  std::sort(config.users.begin(), config.users.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return {};
}

}  // namespace

Result<WebConfig> parse_web_config(std::string_view text, const std::string& file) {
  WebConfig config;
  ASSIGN_OR_RETURN(const YamlNode root, base::parse_yaml(text, file));
  YamlFields fields(root, "web.Config");
  const std::string dir = base::dir_name(file);
  fields.read("tls_server_config",
              [&](const YamlNode& value) { return parse_tls(value, dir, config.tls); });
  fields.read("http_server_config",
              [&](const YamlNode& value) { return parse_http(value, config); });
  fields.read("basic_auth_users",
              [&](const YamlNode& value) { return parse_users(value, config); });
  fields.unsupported("rate_limit");
  RETURN_IF_ERROR(fields.finish());
  return config;
}

}  // namespace silverback::server
