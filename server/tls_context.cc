#include "server/tls_context.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/file.h"

namespace silverback::server {

using base::Errc;
using base::Result;
using base::Status;

namespace {

constexpr const char* kDefaultSuites = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL";
constexpr unsigned char kSessionContext[] = "silverback";

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

/// Says what OpenSSL complained of, and forgets it.
Status failure(const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return {Errc::kBadData, reason == nullptr ? what : what + ": " + reason};
}

/// An encrypted key must not make the library ask at the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

Bio reader(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> all;
  const Bio bio = reader(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    all.emplace_back(one);
  }
  ERR_clear_error();  // the end of the text is an error to the reader
  return all;
}

std::string text_of(const ASN1_STRING* value) {
  const auto* data = ASN1_STRING_get0_data(value);
  return std::string(reinterpret_cast<const char*>(data),
                     static_cast<size_t>(ASN1_STRING_length(value)));
}

/// "10.0.0.1" or "::1"; "" when the length is that of no address.
std::string address_of(const ASN1_OCTET_STRING* value) {
  const int size = ASN1_STRING_length(value);
  char text[INET6_ADDRSTRLEN] = {};
  if (size != 4 && size != 16) return {};
  const int family = size == 4 ? AF_INET : AF_INET6;
  return ::inet_ntop(family, ASN1_STRING_get0_data(value), text, sizeof(text)) == nullptr ? ""
                                                                                          : text;
}

std::string san_text(const GENERAL_NAME& name) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(&name, &type);
  switch (type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI: return text_of(static_cast<const ASN1_STRING*>(value));
    case GEN_IPADD: return address_of(static_cast<const ASN1_OCTET_STRING*>(value));
    default: return {};
  }
}

bool has_allowed_san(X509* certificate, const std::vector<std::string>& allowed) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string text = san_text(*sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty() && std::find(allowed.begin(), allowed.end(), text) != allowed.end()) {
      return true;
    }
  }
  return false;
}

/// How a client's certificate is judged. Owned by its SSL_CTX, which handshakes may keep alive
/// longer than we do.
struct ClientPolicy {
  bool verify = false;
  std::optional<std::vector<std::string>> sans;
};

void free_policy(void* /*parent*/, void* policy, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                 long /*argl*/, void* /*argp*/) {
  delete static_cast<ClientPolicy*>(policy);
}

int policy_index() {
  static const int index =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, free_policy);
  return index;
}

int verify_client(X509_STORE_CTX* store, void* data) {
  const auto& policy = *static_cast<const ClientPolicy*>(data);
  if (policy.verify && X509_verify_cert(store) != 1) return 0;
  if (!policy.sans || has_allowed_san(X509_STORE_CTX_get0_cert(store), *policy.sans)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}

/// HTTP/1.1 is what we speak; a client that offers other protocols only may try without.
int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void* /*arg*/) {
  static constexpr std::string_view kHttp11 = "http/1.1";
  for (unsigned int at = 0; at < in_size; at += in[at] + 1U) {
    const unsigned int size = in[at];
    if (at + 1 + size > in_size) break;
    if (size != kHttp11.size() || std::memcmp(in + at + 1, kHttp11.data(), size) != 0) continue;
    *out = in + at + 1;
    *out_size = static_cast<unsigned char>(size);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

Status set_protocol(SSL_CTX* ctx, const TlsServerConfig& config) {
  const bool only13 = config.min_version == TlsVersion::kTls13 || config.only_tls13_suites;
  const bool only12 = config.max_version == TlsVersion::kTls12;
  SSL_CTX_set_min_proto_version(ctx, only13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, only12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  const std::string suites = config.cipher_suites.empty()
                                 ? std::string(kDefaultSuites)
                                 : fmt::format("{}", fmt::join(config.cipher_suites, ":"));
  if (SSL_CTX_set_cipher_list(ctx, suites.c_str()) != 1) return failure("cipher_suites");
  if (!config.curves.empty()) {
    // SSL_CTX_set1_groups_list spelled out: the macro holds an old-style cast.
    std::string groups = fmt::format("{}", fmt::join(config.curves, ":"));
    if (SSL_CTX_ctrl(ctx, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) != 1) {
      return failure("curve_preferences");
    }
  }
  uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
  if (config.prefer_server_cipher_suites) options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(ctx, options);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);  // tickets do
  SSL_CTX_set_session_id_context(ctx, kSessionContext, sizeof(kSessionContext) - 1);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  return {};
}

Status set_certificate(SSL_CTX* ctx, const TlsServerConfig& config, const TlsMaterial& material) {
  const auto named = [](const std::string& file, const char* inline_name) {
    return file.empty() ? std::string(inline_name) : file;
  };
  const std::string cert_name = named(config.cert_file, "cert");
  const std::string key_name = named(config.key_file, "key");
  const std::vector<Certificate> chain = read_certificates(material.cert);
  if (chain.empty()) return failure(cert_name + " holds no PEM certificate");
  if (SSL_CTX_use_certificate(ctx, chain[0].get()) != 1) {
    return failure("unusable certificate in " + cert_name);
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(ctx, chain[i].get()) != 1) {
      return failure("unusable certificate chain in " + cert_name);
    }
  }
  const Bio bio = reader(material.key.reveal());
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return failure(key_name + " holds no usable PEM private key");
  if (X509_check_private_key(chain[0].get(), key.get()) != 1) {
    ERR_clear_error();
    return Status(Errc::kBadData, fmt::format("{}: private key does not match public key of {}",
                                              key_name, cert_name));
  }
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1) return failure("unusable key in " + key_name);
  return {};
}

Status trust_clients_of(SSL_CTX* ctx, const TlsServerConfig& config, const TlsMaterial& material) {
  if (config.client_ca.empty() && config.client_ca_file.empty()) {
    return SSL_CTX_set_default_verify_paths(ctx) == 1 ? Status() : failure("system certificates");
  }
  const std::vector<Certificate> authorities = read_certificates(material.client_ca);
  if (authorities.empty()) {
    return failure((config.client_ca_file.empty() ? "client_ca" : config.client_ca_file) +
                   " holds no PEM certificate");
  }
  for (const Certificate& authority : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(ctx, authority.get()) != 1) {
      return failure("unusable client CA");
    }
  }
  return {};
}

Status set_client_auth(SSL_CTX* ctx, const TlsServerConfig& config, const TlsMaterial& material) {
  if (config.client_auth == ClientAuth::kNone) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  const bool required = config.client_auth == ClientAuth::kRequireAny ||
                        config.client_auth == ClientAuth::kRequireAndVerify;
  auto policy = std::make_unique<ClientPolicy>();
  policy->verify = config.client_auth == ClientAuth::kVerifyIfGiven ||
                   config.client_auth == ClientAuth::kRequireAndVerify;
  policy->sans = config.client_allowed_sans;
  RETURN_IF_ERROR(trust_clients_of(ctx, config, material));
  if (SSL_CTX_set_ex_data(ctx, policy_index(), policy.get()) != 1) return failure("client policy");
  SSL_CTX_set_cert_verify_callback(ctx, verify_client, policy.release());
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  return {};
}

}  // namespace

Result<TlsMaterial> read_tls_material(const TlsServerConfig& config) {
  const auto read = [](const char* what, const std::string& file,
                       const std::string& text) -> Result<std::string> {
    if (file.empty()) return text;
    Result<std::string> content = base::FileSystem::real().read_file(file);
    if (content) return content;
    return Status(Errc::kIo, fmt::format("failed to read {} ({}): {}", what, file,
                                         content.status().message()));
  };
  TlsMaterial material;
  ASSIGN_OR_RETURN(material.cert, read("cert_file", config.cert_file, config.cert));
  ASSIGN_OR_RETURN(std::string key, read("key_file", config.key_file, config.key.reveal()));
  material.key = base::Secret(std::move(key));
  ASSIGN_OR_RETURN(material.client_ca,
                   read("client_ca_file", config.client_ca_file, config.client_ca));
  return material;
}

Result<std::shared_ptr<ssl_ctx_st>> make_tls_context(const TlsServerConfig& config,
                                                     const TlsMaterial& material) {
  ERR_clear_error();
  std::shared_ptr<ssl_ctx_st> ctx(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!ctx) return failure("TLS");
  RETURN_IF_ERROR(set_protocol(ctx.get(), config));
  RETURN_IF_ERROR(set_certificate(ctx.get(), config, material));
  RETURN_IF_ERROR(set_client_auth(ctx.get(), config, material));
  return ctx;
}

}  // namespace silverback::server
