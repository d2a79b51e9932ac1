#include "base/http_client_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"
#include "base/http_credentials.h"
#include "base/http_types.h"
#include "base/url.h"

namespace silverback::base {
namespace {

// Headers that the client sets itself or that would let a config fake a credential.
constexpr std::array<std::string_view, 18> kReservedHeaders = {
    "Accept-Encoding",
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Host",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "User-Agent",
    "Www-Authenticate",
    "X-Amz-Content-Sha256",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Scrape-Timeout-Seconds"};

bool is_token(std::string_view s) {
  if (s.empty()) return false;
  for (const char c : s) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

Status at_most_one(const YamlNode& node, bool first, bool second, const char* message) {
  return first && second ? node.error(message) : Status();
}

Result<HttpClientConfig::BasicAuth> parse_basic_auth(const YamlNode& node, const std::string& dir) {
  HttpClientConfig::BasicAuth auth;
  YamlFields f(node, "config.BasicAuth");
  f.read("username", auth.username);
  f.read("username_file", auth.username_file);
  f.read("password", auth.password);
  f.read("password_file", auth.password_file);
  f.unsupported("username_ref");
  f.unsupported("password_ref");
  RETURN_IF_ERROR(f.finish());
  RETURN_IF_ERROR(at_most_one(
      node, !auth.username.empty(), !auth.username_file.empty(),
      "at most one of basic_auth username, username_file & username_ref must be configured"));
  RETURN_IF_ERROR(at_most_one(
      node, !auth.password.empty(), !auth.password_file.empty(),
      "at most one of basic_auth password, password_file & password_ref must be configured"));
  auth.username_file = join_path(dir, auth.username_file);
  auth.password_file = join_path(dir, auth.password_file);
  return auth;
}

Result<HttpClientConfig::Authorization> parse_authorization(const YamlNode& node,
                                                            const std::string& dir) {
  HttpClientConfig::Authorization auth;
  YamlFields f(node, "config.Authorization");
  f.read("type", auth.type);
  f.read("credentials", auth.credentials);
  f.read("credentials_file", auth.credentials_file);
  f.unsupported("credentials_ref");
  RETURN_IF_ERROR(f.finish());
  RETURN_IF_ERROR(at_most_one(
      node, !auth.credentials.empty(), !auth.credentials_file.empty(),
      "at most one of authorization credentials & credentials_file must be configured"));
  const size_t begin = auth.type.find_first_not_of(" \t");
  auth.type = begin == std::string::npos
                  ? std::string("Bearer")
                  : auth.type.substr(begin, auth.type.find_last_not_of(" \t") - begin + 1);
  if (iequals(auth.type, "basic")) {
    return node.error("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
  }
  if (!is_token(auth.type)) return node.error("authorization type is not a valid token");
  auth.credentials_file = join_path(dir, auth.credentials_file);
  return auth;
}

bool known_tls_version(std::string_view v) {
  return v.empty() || v == "TLS10" || v == "TLS11" || v == "TLS12" || v == "TLS13";
}

Status parse_tls(const YamlNode& node, const std::string& dir, TlsConfig& tls) {
  YamlFields f(node, "config.TLSConfig");
  f.read("ca", tls.ca);
  f.read("ca_file", tls.ca_file);
  f.read("cert", tls.cert);
  f.read("cert_file", tls.cert_file);
  f.read("key", tls.key);
  f.read("key_file", tls.key_file);
  f.read("server_name", tls.server_name);
  f.read("insecure_skip_verify", tls.insecure_skip_verify);
  f.read("min_version", tls.min_version);
  f.read("max_version", tls.max_version);
  for (const char* ref : {"ca_ref", "cert_ref", "key_ref"}) f.unsupported(ref);
  RETURN_IF_ERROR(f.finish());
  RETURN_IF_ERROR(at_most_one(node, !tls.ca.empty(), !tls.ca_file.empty(),
                              "at most one of ca, ca_file & ca_ref must be configured"));
  RETURN_IF_ERROR(at_most_one(node, !tls.cert.empty(), !tls.cert_file.empty(),
                              "at most one of cert, cert_file & cert_ref must be configured"));
  RETURN_IF_ERROR(at_most_one(node, !tls.key.empty(), !tls.key_file.empty(),
                              "at most one of key and key_file must be configured"));
  const bool has_cert = !tls.cert.empty() || !tls.cert_file.empty();
  const bool has_key = !tls.key.empty() || !tls.key_file.empty();
  if (has_cert && !has_key) {
    return node.error(
        "exactly one of key or key_file must be configured when a client certificate is "
        "configured");
  }
  if (has_key && !has_cert) {
    return node.error(
        "exactly one of cert or cert_file must be configured when a client key is configured");
  }
  for (const std::string* version : {&tls.min_version, &tls.max_version}) {
    if (!known_tls_version(*version)) return node.error("unknown TLS version: " + *version);
  }
  if (!tls.min_version.empty() && !tls.max_version.empty() && tls.min_version > tls.max_version) {
    return node.error(
        "tls_config.max_version must be greater than or equal to tls_config.min_version if both "
        "are specified");
  }
  tls.ca_file = join_path(dir, tls.ca_file);
  tls.cert_file = join_path(dir, tls.cert_file);
  tls.key_file = join_path(dir, tls.key_file);
  return {};
}

Result<HttpClientConfig::Header> parse_header(const YamlNode::Entry& entry,
                                              const std::string& dir) {
  HttpClientConfig::Header header;
  header.name = entry.key;
  if (!is_token(header.name))
    return entry.key_node.error("invalid header name \"" + header.name + "\"");
  for (const std::string_view reserved : kReservedHeaders) {
    if (iequals(header.name, reserved)) {
      return entry.key_node.error("setting header \"" + header.name + "\" is not allowed");
    }
  }
  YamlFields f(entry.value, "config.Header");
  std::vector<std::string> secrets;
  f.read("values", header.values);
  f.read("secrets", secrets);
  f.read("files", header.files);
  RETURN_IF_ERROR(f.finish());
  for (std::string& secret : secrets) header.secrets.emplace_back(std::move(secret));
  for (std::string& file : header.files) file = join_path(dir, file);
  return header;
}

// What only the JWT grant uses: refused with it.
constexpr std::array<const char*, 9> kJwtFields = {"client_certificate_key_id",
                                                   "client_certificate_key",
                                                   "client_certificate_key_file",
                                                   "client_certificate_key_ref",
                                                   "signature_algorithm",
                                                   "iss",
                                                   "audience",
                                                   "claims",
                                                   "client_secret_ref"};

Result<OAuth2Config> parse_oauth2(const YamlNode& node, const std::string& dir) {
  OAuth2Config config;
  YamlFields f(node, "config.plain");
  f.read("client_id", config.client_id);
  f.read("client_secret", config.client_secret);
  f.read("client_secret_file", config.client_secret_file);
  f.read("scopes", config.scopes);
  f.read("token_url", config.token_url);
  f.read("endpoint_params", config.endpoint_params);
  f.unsupported("grant_type", {"", "client_credentials"});
  for (const char* name : kJwtFields) f.unsupported(name);
  f.read("tls_config", [&](const YamlNode& value) { return parse_tls(value, dir, config.tls); });
  config.proxy.parse(f, node);
  RETURN_IF_ERROR(f.finish());
  if (config.client_id.empty()) return node.error("oauth2 client_id must be configured");
  if (config.token_url.empty()) return node.error("oauth2 token_url must be configured");
  RETURN_IF_ERROR(at_most_one(
      node, !config.client_secret.empty(), !config.client_secret_file.empty(),
      "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
      "configured using grant-type=client_credentials"));
  const Result<Url> url = parse_url(config.token_url);
  if (!url.is_ok()) return node.error(url.status().message());
  config.client_secret_file = join_path(dir, config.client_secret_file);
  std::sort(config.endpoint_params.begin(), config.endpoint_params.end());
  return config;
}

// The two fields that `authorization` replaced.
Status parse_bearer(YamlFields& fields, const YamlNode& node, const std::string& dir,
                    HttpClientConfig& out) {
  Secret token;
  std::string token_file;
  fields.read("bearer_token", token);
  fields.read("bearer_token_file", token_file);
  if (token.empty() && token_file.empty()) return {};
  RETURN_IF_ERROR(
      at_most_one(node, !token.empty(), !token_file.empty(),
                  "at most one of bearer_token & bearer_token_file must be configured"));
  if (out.basic_auth || out.oauth2) {
    return node.error(
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
  }
  if (out.authorization) {
    return node.error("authorization is not compatible with bearer_token & bearer_token_file");
  }
  out.authorization.emplace();
  out.authorization->credentials = std::move(token);
  out.authorization->credentials_file = join_path(dir, token_file);
  return {};
}

// As it was written, unless it holds a password.
std::string masked_url(const Url& url, const std::string& text) {
  return url.userinfo.empty() ? text : url.to_string();
}

void write_tls(YamlWriter& w, const TlsConfig& tls) {
  w.begin_map("tls_config");
  if (!tls.ca.empty()) w.key_value("ca", tls.ca);
  if (!tls.cert.empty()) w.key_value("cert", tls.cert);
  w.key_value("key", tls.key);
  if (!tls.ca_file.empty()) w.key_value("ca_file", tls.ca_file);
  if (!tls.cert_file.empty()) w.key_value("cert_file", tls.cert_file);
  if (!tls.key_file.empty()) w.key_value("key_file", tls.key_file);
  if (!tls.server_name.empty()) w.key_value("server_name", tls.server_name);
  w.key_value("insecure_skip_verify", tls.insecure_skip_verify);
  if (!tls.min_version.empty()) w.key_value("min_version", tls.min_version);
  if (!tls.max_version.empty()) w.key_value("max_version", tls.max_version);
  w.end_map();
}

void write_oauth2(YamlWriter& w, const OAuth2Config& config) {
  w.begin_map("oauth2");
  w.key_value("client_id", config.client_id);
  w.key_value("client_secret", config.client_secret);
  if (!config.client_secret_file.empty())
    w.key_value("client_secret_file", config.client_secret_file);
  w.key_list("scopes", config.scopes);
  const Result<Url> url = parse_url(config.token_url);
  w.key_value("token_url", url.is_ok() ? masked_url(*url, config.token_url) : config.token_url);
  if (!config.endpoint_params.empty()) {
    w.begin_map("endpoint_params");
    for (const auto& param : config.endpoint_params) w.key_value(param.first, param.second);
    w.end_map();
  }
  if (!(config.tls == TlsConfig())) write_tls(w, config.tls);
  config.proxy.write(w);
  w.end_map();
}

void write_header(YamlWriter& w, const HttpClientConfig::Header& header) {
  w.begin_map(header.name);
  w.key_list("values", header.values);
  if (!header.secrets.empty()) {
    w.key_list("secrets", std::vector<std::string>(header.secrets.size(), kSecretMask));
  }
  w.key_list("files", header.files);
  w.end_map();
}

}  // namespace

void HttpClientConfig::parse(YamlFields& fields, const YamlNode& node,
                             const std::string& base_dir) {
  fields.read("basic_auth", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(basic_auth, parse_basic_auth(value, base_dir));
    return {};
  });
  fields.read("oauth2", [&](const YamlNode& value) -> Status {
    if (basic_auth) {
      return value.error("at most one of basic_auth, oauth2 & authorization must be configured");
    }
    ASSIGN_OR_RETURN(oauth2, parse_oauth2(value, base_dir));
    return {};
  });
  fields.read("authorization", [&](const YamlNode& value) -> Status {
    if (basic_auth || oauth2) {
      return value.error("at most one of basic_auth, oauth2 & authorization must be configured");
    }
    ASSIGN_OR_RETURN(authorization, parse_authorization(value, base_dir));
    return {};
  });
  if (const Status status = parse_bearer(fields, node, base_dir, *this); !status.is_ok()) {
    fields.fail(status);
  }
  fields.read("tls_config", [&](const YamlNode& value) { return parse_tls(value, base_dir, tls); });
  fields.read("follow_redirects", follow_redirects);
  fields.read("enable_http2", enable_http2);
  fields.read("http_headers", [&](const YamlNode& value) -> Status {
    if (!value.is_map()) return value.error("http_headers must be a map");
    for (const YamlNode::Entry& entry : value.entries()) {
      ASSIGN_OR_RETURN(Header header, parse_header(entry, base_dir));
      http_headers.push_back(std::move(header));
    }
    return {};
  });
  proxy.parse(fields, node);
}

void ProxyConfig::parse(YamlFields& fields, const YamlNode& node) {
  fields.read("proxy_url", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(url, value.as_string());
    if (url.empty()) return {};
    const size_t colon = url.find("://");
    const std::string scheme = colon == std::string::npos ? "" : url.substr(0, colon);
    if (scheme == "https" || scheme == "socks5" || scheme == "socks5h") {
      return value.unsupported("proxy_url of scheme " + scheme);
    }
    const Result<Url> parsed = parse_url(url);
    return parsed.is_ok() ? Status() : value.error(parsed.status().message());
  });
  fields.read("no_proxy", no_proxy);
  fields.read("proxy_from_environment", from_environment);
  fields.read("proxy_connect_header", [&](const YamlNode& value) -> Status {
    if (!value.is_map()) return value.mismatch("config.ProxyHeader");
    for (const YamlNode::Entry& entry : value.entries()) {
      if (!is_token(entry.key)) {
        return entry.key_node.error("invalid header name \"" + entry.key + "\"");
      }
      ASSIGN_OR_RETURN(const std::vector<std::string> texts, entry.value.as_string_list());
      std::vector<Secret> values;
      for (const std::string& text : texts) {
        if (!is_valid_header_value(text)) return entry.value.error("invalid header value");
        values.emplace_back(text);
      }
      connect_headers.emplace_back(entry.key, std::move(values));
    }
    return {};
  });
  if (!connect_headers.empty() && !from_environment && url.empty()) {
    fields.fail(node.error(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
        "configured"));
  }
  if (from_environment && !url.empty()) {
    fields.fail(
        node.error("if proxy_from_environment is configured, proxy_url must not be configured"));
  }
  if (from_environment && !no_proxy.empty()) {
    fields.fail(
        node.error("if proxy_from_environment is configured, no_proxy must not be configured"));
  }
  if (url.empty() && !no_proxy.empty()) {
    fields.fail(node.error("if no_proxy is configured, proxy_url must also be configured"));
  }
}

void ProxyConfig::write(YamlWriter& w) const {
  const Result<Url> parsed = parse_url(url);
  if (!url.empty()) w.key_value("proxy_url", parsed.is_ok() ? masked_url(*parsed, url) : url);
  if (!no_proxy.empty()) w.key_value("no_proxy", no_proxy);
  if (from_environment) w.key_value("proxy_from_environment", from_environment);
  if (connect_headers.empty()) return;
  w.begin_map("proxy_connect_header");
  for (const auto& header : connect_headers) {
    w.key_list(header.first, std::vector<std::string>(header.second.size(), kSecretMask));
  }
  w.end_map();
}

void HttpClientConfig::write(YamlWriter& w) const {
  if (basic_auth) {
    w.begin_map("basic_auth");
    if (!basic_auth->username.empty()) w.key_value("username", basic_auth->username);
    if (!basic_auth->username_file.empty()) w.key_value("username_file", basic_auth->username_file);
    w.key_value("password", basic_auth->password);
    if (!basic_auth->password_file.empty()) w.key_value("password_file", basic_auth->password_file);
    w.end_map();
  }
  if (authorization) {
    w.begin_map("authorization");
    w.key_value("type", authorization->type);
    w.key_value("credentials", authorization->credentials);
    if (!authorization->credentials_file.empty()) {
      w.key_value("credentials_file", authorization->credentials_file);
    }
    w.end_map();
  }
  if (oauth2) write_oauth2(w, *oauth2);
  if (!(tls == TlsConfig())) write_tls(w, tls);
  w.key_value("follow_redirects", follow_redirects);
  w.key_value("enable_http2", enable_http2);
  proxy.write(w);
  if (http_headers.empty()) return;
  w.begin_map("http_headers");
  for (const Header& header : http_headers) write_header(w, header);
  w.end_map();
}

}  // namespace silverback::base
