#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "server/web_config.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace silverback::server {

/// The PEM texts that a TlsServerConfig names.
struct TlsMaterial {
  std::string cert;
  base::Secret key;
  std::string client_ca;
  bool operator==(const TlsMaterial&) const = default;
};

/// Reads the files; blocking.
base::Result<TlsMaterial> read_tls_material(const TlsServerConfig& config);

/// A server's context: TLS 1.2 and 1.3, by default only suites with ECDHE and AEAD, no
/// renegotiation. Client certificates are verified, and their names held against
/// client_allowed_sans, during the handshake. Threads: any; what it makes is shared freely.
base::Result<std::shared_ptr<ssl_ctx_st>> make_tls_context(const TlsServerConfig& config,
                                                           const TlsMaterial& material);

}  // namespace silverback::server
