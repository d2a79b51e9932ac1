#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "base/unique_function.h"

namespace silverback::server {

/// User and password of an Authorization header.
struct Login {
  std::string user, password;
};
/// nullopt unless the scheme is Basic (in any case) and what follows is base64 of "user:password".
std::optional<Login> parse_basic_auth(std::string_view authorization);

enum class LoginVerdict : uint8_t {
  kAllowed,
  kRefused,    // wrong or no password
  kThrottled,  // too many wrong ones from this address
  kBusy,       // too many are being checked, or we stop
};

/// Checks passwords against bcrypt hashes on one thread of its own. Good logins are remembered by
/// HMAC(random key, user, hash, password). Unknown users take as long as known ones.
/// Threads: any; nothing blocks but stop().
class BasicAuth {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;  // borrowed, as all
    base::Clock* clock = nullptr;
    base::metrics::Registry* registry = nullptr;
    std::chrono::milliseconds refusal_delay{120};  // a wrong login is told so no sooner
    double failures_per_second = 10;               // of one address
  };
  /// Name and bcrypt hash, sorted by name.
  using Users = std::vector<std::pair<std::string, base::Secret>>;
  using Done = base::UniqueFunction<void(LoginVerdict)>;

  explicit BasicAuth(Options options);
  ~BasicAuth();  // stop()

  /// Whom to let in from now on; nobody's password is asked for when empty.
  void set_users(Users users);
  /// Calls `done` once; see WebSecurity::authorize.
  void judge(std::string_view authorization, const std::string& remote_address, Done done);
  void stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace silverback::server
