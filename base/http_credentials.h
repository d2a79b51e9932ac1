#pragma once

#include <string>

#include "base/http_client_config.h"
#include "base/http_types.h"
#include "base/result.h"

namespace silverback::base {

/// What an HttpClientConfig comes to for one request, its files read.
struct HttpCredentials {
  HttpHeaders headers;  // Authorization and http_headers
  std::string ca_pem, cert_pem, key_pem;

  bool same_tls(const HttpCredentials& o) const {
    return ca_pem == o.ca_pem && cert_pem == o.cert_pem && key_pem == o.key_pem;
  }
};

/// True when load_http_credentials reads files, so that it must not run on an I/O thread.
bool reads_files(const HttpClientConfig& config);

/// Reads every *_file. Blocks. kIo names the file; kBadData refuses header values that would break
/// the request.
Result<HttpCredentials> load_http_credentials(const HttpClientConfig& config);

/// Standard base64 with padding.
std::string base64_encode(std::string_view in);

/// A header value holds no control characters but tab.
bool is_valid_header_value(std::string_view value);

}  // namespace silverback::base
