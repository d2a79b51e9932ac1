#pragma once

#include <string>

namespace silverback::tests {

/// A certificate and its key, both PEM.
struct TestCertificate {
  std::string cert, key;
};

struct TestCertificateRequest {
  std::string name = "test";  // common name
  std::string sans;           // as openssl's config has them: "DNS:localhost,IP:127.0.0.1"
  bool client = false;        // for clients instead of servers
};

/// A fresh authority (P-256, valid for a day).
TestCertificate make_authority(const std::string& name);
/// A certificate signed by it. Aborts the test program when OpenSSL fails.
TestCertificate issue(const TestCertificate& authority, const TestCertificateRequest& request);

}  // namespace silverback::tests
