#include "tests/support/certificates.h"

#include <memory>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace silverback::tests {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

void require(bool ok) {
  if (!ok) throw std::runtime_error("making a test certificate failed");
}

Bio memory() {
  return Bio(BIO_new(BIO_s_mem()), BIO_free);
}

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
}

std::string content(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, &data);
  return std::string(data, static_cast<size_t>(size));
}

void extend(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr && X509_add_ext(cert, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate blank(const std::string& name, EVP_PKEY* key) {
  Certificate cert(X509_new(), X509_free);
  uint32_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), uint64_t{serial} + 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return cert;
}

TestCertificate finish(X509* cert, EVP_PKEY* key, EVP_PKEY* signer) {
  require(X509_sign(cert, signer, EVP_sha256()) > 0);
  const Bio cert_out = memory();
  const Bio key_out = memory();
  require(PEM_write_bio_X509(cert_out.get(), cert) == 1);
  require(PEM_write_bio_PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {content(cert_out.get()), content(key_out.get())};
}

Key fresh_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  require(key != nullptr);
  return key;
}

}  // namespace

TestCertificate make_authority(const std::string& name) {
  const Key key = fresh_key();
  const Certificate cert = blank(name, key.get());
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  extend(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  return finish(cert.get(), key.get(), key.get());
}

TestCertificate issue(const TestCertificate& authority, const TestCertificateRequest& request) {
  const Bio cert_in = reader(authority.cert);
  const Bio key_in = reader(authority.key);
  const Certificate issuer(PEM_read_bio_X509(cert_in.get(), nullptr, nullptr, nullptr), X509_free);
  const Key signer(PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  require(issuer != nullptr && signer != nullptr);
  const Key key = fresh_key();
  const Certificate cert = blank(request.name, key.get());
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  extend(cert.get(), issuer.get(), NID_ext_key_usage, request.client ? "clientAuth" : "serverAuth");
  if (!request.sans.empty()) {
    extend(cert.get(), issuer.get(), NID_subject_alt_name, request.sans);
  }
  return finish(cert.get(), key.get(), signer.get());
}

}  // namespace silverback::tests
