#include "base/http_credentials.h"

#include <string_view>

#include "base/file.h"

namespace silverback::base {
namespace {

std::string_view trim_space(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = s.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(kSpace) - begin + 1);
}

Result<std::string> read_secret_file(const std::string& path, const char* what) {
  Result<std::string> text = FileSystem::real().read_file(path);
  if (!text.is_ok()) {
    return text.status().with_context("unable to read " + std::string(what) + " " + path);
  }
  return std::string(trim_space(*text));
}

Status add_header(HttpHeaders& headers, const std::string& name, std::string value) {
  if (!is_valid_header_value(value)) {
    return {Errc::kBadData, "net/http: invalid header field value for \"" + name + "\""};
  }
  headers.add(name, std::move(value));
  return {};
}

Status add_basic_auth(const HttpClientConfig::BasicAuth& auth, HttpHeaders& headers) {
  std::string username = auth.username;
  std::string password = auth.password.reveal();
  if (!auth.username_file.empty()) {
    ASSIGN_OR_RETURN(username, read_secret_file(auth.username_file, "basic auth username file"));
  }
  if (!auth.password_file.empty()) {
    ASSIGN_OR_RETURN(password, read_secret_file(auth.password_file, "basic auth password file"));
  }
  return add_header(headers, "Authorization", "Basic " + base64_encode(username + ":" + password));
}

Status add_authorization(const HttpClientConfig::Authorization& auth, HttpHeaders& headers) {
  std::string credentials = auth.credentials.reveal();
  if (!auth.credentials_file.empty()) {
    ASSIGN_OR_RETURN(credentials,
                     read_secret_file(auth.credentials_file, "authorization credentials file"));
  }
  return add_header(headers, "Authorization", auth.type + " " + credentials);
}

Status add_custom_header(const HttpClientConfig::Header& header, HttpHeaders& headers) {
  for (const std::string& value : header.values) {
    RETURN_IF_ERROR(add_header(headers, header.name, value));
  }
  for (const Secret& secret : header.secrets) {
    RETURN_IF_ERROR(add_header(headers, header.name, secret.reveal()));
  }
  for (const std::string& file : header.files) {
    ASSIGN_OR_RETURN(std::string value, read_secret_file(file, "headers file"));
    RETURN_IF_ERROR(add_header(headers, header.name, std::move(value)));
  }
  return {};
}

Result<std::string> inline_or_file(const std::string& text, const std::string& path,
                                   const char* what) {
  if (path.empty()) return text;
  Result<std::string> content = FileSystem::real().read_file(path);
  if (content.is_ok()) return content;
  return content.status().with_context("unable to read " + std::string(what) + " " + path);
}

}  // namespace

bool reads_files(const HttpClientConfig& config) {
  if (config.basic_auth &&
      (!config.basic_auth->username_file.empty() || !config.basic_auth->password_file.empty())) {
    return true;
  }
  if (config.authorization && !config.authorization->credentials_file.empty()) return true;
  for (const HttpClientConfig::Header& header : config.http_headers) {
    if (!header.files.empty()) return true;
  }
  const TlsConfig& tls = config.tls;
  return !tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty();
}

Result<HttpCredentials> load_http_credentials(const HttpClientConfig& config) {
  HttpCredentials out;
  if (config.basic_auth) RETURN_IF_ERROR(add_basic_auth(*config.basic_auth, out.headers));
  if (config.authorization) RETURN_IF_ERROR(add_authorization(*config.authorization, out.headers));
  for (const HttpClientConfig::Header& header : config.http_headers) {
    RETURN_IF_ERROR(add_custom_header(header, out.headers));
  }
  const TlsConfig& tls = config.tls;
  ASSIGN_OR_RETURN(out.ca_pem, inline_or_file(tls.ca, tls.ca_file, "CA cert"));
  ASSIGN_OR_RETURN(out.cert_pem, inline_or_file(tls.cert, tls.cert_file, "client cert"));
  ASSIGN_OR_RETURN(out.key_pem, inline_or_file(tls.key.reveal(), tls.key_file, "client key"));
  return out;
}

std::string base64_encode(std::string_view in) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((in.size() + 2) / 3 * 4);
  for (size_t i = 0; i < in.size(); i += 3) {
    uint32_t word = 0;
    for (size_t j = 0; j < 3; ++j) {
      word = (word << 8) | (i + j < in.size() ? static_cast<unsigned char>(in[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      out += i + j > in.size() ? '=' : kDigits[(word >> (18 - 6 * j)) & 63];
    }
  }
  return out;
}

bool is_valid_header_value(std::string_view value) {
  for (const char c : value) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

}  // namespace silverback::base
