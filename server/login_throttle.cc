#include "server/login_throttle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include <arpa/inet.h>

namespace silverback::server {

namespace {

constexpr size_t kMaxAddresses = 4096;
constexpr const char* kOthers = "";  // shared by those that find no room

}  // namespace

LoginThrottle::LoginThrottle(const base::Clock& clock, double per_second)
    : clock_(clock), per_second_(per_second) {}

void LoginThrottle::refill(Allowance& allowance) const {
  const std::chrono::nanoseconds now = clock_.monotonic();
  const std::chrono::duration<double> passed = now - allowance.at;
  allowance.left = std::min(per_second_, allowance.left + passed.count() * per_second_);
  allowance.at = now;
}

LoginThrottle::Allowance& LoginThrottle::of(const std::string& address) {
  const auto found = addresses_.find(address);
  if (found != addresses_.end()) {
    refill(found->second);
    return found->second;
  }
  if (addresses_.size() >= kMaxAddresses) {
    for (auto it = addresses_.begin(); it != addresses_.end();) {
      refill(it->second);
      it = it->second.left >= per_second_ ? addresses_.erase(it) : std::next(it);
    }
  }
  const bool room = addresses_.size() < kMaxAddresses;
  Allowance fresh;
  fresh.left = per_second_;
  fresh.at = clock_.monotonic();
  Allowance& allowance = addresses_.emplace(room ? address : kOthers, fresh).first->second;
  refill(allowance);
  return allowance;
}

bool LoginThrottle::take(const std::string& address) {
  const base::MutexLock lock(mutex_);
  Allowance& allowance = of(address);
  if (allowance.left < 1) return false;
  allowance.left -= 1;
  return true;
}

void LoginThrottle::give_back(const std::string& address) {
  const base::MutexLock lock(mutex_);
  Allowance& allowance = of(address);
  allowance.left = std::min(per_second_, allowance.left + 1);
}

std::string address_key(const std::string& remote_address) {
  std::string host = remote_address.substr(0, remote_address.rfind(':'));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  host = host.substr(0, host.find('%'));  // the zone of a link-local address
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return host;
  static constexpr std::array<char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    char text[INET_ADDRSTRLEN] = {};
    if (::inet_ntop(AF_INET, bytes.data() + kMapped.size(), text, sizeof(text)) != nullptr) {
      return text;
    }
  }
  return std::string(bytes.data(), 8);
}

}  // namespace silverback::server
