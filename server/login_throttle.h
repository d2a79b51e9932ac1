#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"

namespace silverback::server {

/// Allows each client address so many logins a second that fail. Every attempt takes from the
/// address's allowance, and gets it back when it was a good one: what runs at the same time counts
/// too. Threads: any.
class LoginThrottle {
 public:
  /// `per_second` is also how many may come at once.
  LoginThrottle(const base::Clock& clock, double per_second);

  /// False: too many failed. `address` is a key as address_key() gives it.
  bool take(const std::string& address);
  void give_back(const std::string& address);

 private:
  struct Allowance {
    double left = 0;
    std::chrono::nanoseconds at{0};  // when `left` was true
  };
  void refill(Allowance& allowance) const;
  Allowance& of(const std::string& address) REQUIRES(mutex_);

  const base::Clock& clock_;
  const double per_second_;
  base::Mutex mutex_;
  std::unordered_map<std::string, Allowance> addresses_ GUARDED_BY(mutex_);
};

/// What counts as one client of "127.0.0.1:4711" or "[2001:db8::1]:4711": the IPv4 address, or the
/// /64 network of an IPv6 one.
std::string address_key(const std::string& remote_address);

}  // namespace silverback::server
