#include "server/basic_auth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/http_types.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "server/bcrypt.h"
#include "server/login_throttle.h"

namespace silverback::server {

namespace {

constexpr size_t kMaxKnown = 1024;   // good logins remembered
constexpr size_t kMaxWaiting = 128;  // passwords waiting for their turn
constexpr size_t kKeyBytes = 32;
constexpr std::string_view kScheme = "Basic ";

using Digest = std::array<unsigned char, kKeyBytes>;

struct DigestHash {
  size_t operator()(const Digest& digest) const {
    size_t out = 0;
    std::memcpy(&out, digest.data(), sizeof(out));
    return out;
  }
};

/// Standard base64, padded, with nothing else in it.
std::optional<std::string> decode_base64(std::string_view text) {
  const size_t pad = text.size() - std::min(text.size(), text.find_last_not_of('=') + 1);
  const std::string_view digits = text.substr(0, text.size() - pad);
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  if (text.size() % 4 != 0 || pad > 2) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  if (n < 0 || static_cast<size_t>(n) != out.size()) return std::nullopt;
  out.resize(out.size() - pad);
  return out;
}

void append_with_length(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

}  // namespace

std::optional<Login> parse_basic_auth(std::string_view authorization) {
  if (!base::iequals(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const std::optional<std::string> text = decode_base64(authorization.substr(kScheme.size()));
  const size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return Login{text->substr(0, colon), text->substr(colon + 1)};
}

struct BasicAuth::Impl : std::enable_shared_from_this<BasicAuth::Impl> {
  /// A password on its way through bcrypt, and those that wait for its result.
  struct Check {
    std::vector<std::pair<std::string, Done>> waiters;  // address key of each
    std::chrono::nanoseconds began{0};
  };

  explicit Impl(Options o);

  Digest digest(std::string_view user, std::string_view hash, std::string_view password) const;
  /// The hash to compute for a user; that of another when there is no such user.
  std::string_view hash_for(const Users& all, const std::string& user, bool& known) const;
  void judge(const Users& all, Login login, const std::string& remote_address, Done done);
  void check(const Digest& key, const std::string& hash, const std::string& password, bool known);
  void finish(const Digest& key, LoginVerdict verdict);
  void refuse_later(std::vector<std::pair<std::string, Done>> waiters,
                    std::chrono::nanoseconds began);

  const Options options;
  LoginThrottle throttle;
  base::WorkerPool pool;
  base::metrics::Counter& wrong;
  base::metrics::Counter& throttled;
  Digest secret{};
  bool usable = false;  // there was randomness for `secret`
  std::atomic<bool> stopping{false};
  base::Mutex mutex;
  std::shared_ptr<const Users> users GUARDED_BY(mutex);
  std::unordered_set<Digest, DigestHash> known_good GUARDED_BY(mutex);
  std::unordered_map<Digest, Check, DigestHash> checks GUARDED_BY(mutex);
};

namespace {

base::WorkerPool::Options one_thread() {
  base::WorkerPool::Options options;
  options.name = "auth";
  options.threads = 1;  // so guessing never has more than one core
  options.queue_capacity = kMaxWaiting;
  options.nice = 5;
  return options;
}

base::metrics::Counter& refused_counter(base::metrics::Registry& registry, const char* reason) {
  return registry.counter("silverback_web_logins_refused_total",
                          "Requests refused for want of a right password.", {{"reason", reason}});
}

}  // namespace

BasicAuth::Impl::Impl(Options o)
    : options(o),
      throttle(*options.clock, options.failures_per_second),
      pool(one_thread()),
      wrong(refused_counter(*options.registry, "wrong")),
      throttled(refused_counter(*options.registry, "throttled")),
      users(std::make_shared<const Users>()) {
  usable = RAND_bytes(secret.data(), static_cast<int>(secret.size())) == 1;
  pool.start();
}

Digest BasicAuth::Impl::digest(std::string_view user, std::string_view hash,
                               std::string_view password) const {
  std::string text;
  append_with_length(text, user);
  append_with_length(text, hash);
  append_with_length(text, password);
  Digest out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return out;
}

std::string_view BasicAuth::Impl::hash_for(const Users& all, const std::string& user,
                                           bool& known) const {
  const auto at =
      std::lower_bound(all.begin(), all.end(), user,
                       [](const auto& entry, const auto& u) { return entry.first < u; });
  known = at != all.end() && at->first == user;
  if (known) return at->second.reveal();
  // Always the same one for the same name, so that repeating tells nothing.
  const Digest digits = digest(user, "", "");
  return all[DigestHash()(digits) % all.size()].second.reveal();
}

void BasicAuth::Impl::judge(const Users& all, Login login, const std::string& remote_address,
                            Done done) {
  bool known = false;
  const std::string hash(hash_for(all, login.user, known));
  const Digest key = digest(login.user, hash, login.password);
  const std::string address = address_key(remote_address);
  LoginVerdict at_once = LoginVerdict::kBusy;
  {
    const base::MutexLock lock(mutex);
    if (known_good.count(key) > 0) {
      at_once = LoginVerdict::kAllowed;
    } else if (const auto running = checks.find(key); running != checks.end()) {
      running->second.waiters.emplace_back(address, std::move(done));
      return;
    } else if (!throttle.take(address)) {
      at_once = LoginVerdict::kThrottled;
    } else if (!stopping) {
      Check& fresh = checks[key];
      fresh.began = options.clock->monotonic();
      fresh.waiters.emplace_back(address, std::move(done));
      done = {};
    }
  }
  if (done) {
    if (at_once == LoginVerdict::kThrottled) throttled.inc();
    done(at_once);
    return;
  }
  const bool posted = pool.post(
      [self = shared_from_this(), key, hash, known, password = std::move(login.password)] {
        self->check(key, hash, password, known);
      });
  if (!posted) finish(key, LoginVerdict::kBusy);
}

void BasicAuth::Impl::check(const Digest& key, const std::string& hash, const std::string& password,
                            bool known) {
  if (stopping) {
    finish(key, LoginVerdict::kBusy);
    return;
  }
  const bool good = bcrypt_matches(hash, password) && known;
  if (good) {
    const base::MutexLock lock(mutex);
    if (known_good.size() >= kMaxKnown) known_good.clear();
    known_good.insert(key);
  }
  finish(key, good ? LoginVerdict::kAllowed : LoginVerdict::kRefused);
}

void BasicAuth::Impl::finish(const Digest& key, LoginVerdict verdict) {
  Check ended;
  {
    const base::MutexLock lock(mutex);
    const auto it = checks.find(key);
    if (it == checks.end()) return;
    ended = std::move(it->second);
    checks.erase(it);
  }
  // Only the first one paid.
  if (verdict != LoginVerdict::kRefused) throttle.give_back(ended.waiters.front().first);
  if (verdict == LoginVerdict::kRefused) {
    refuse_later(std::move(ended.waiters), ended.began);
    return;
  }
  for (auto& waiter : ended.waiters) waiter.second(verdict);
}

void BasicAuth::Impl::refuse_later(std::vector<std::pair<std::string, Done>> waiters,
                                   std::chrono::nanoseconds began) {
  wrong.inc(static_cast<double>(waiters.size()));
  const auto used =
      std::chrono::duration_cast<std::chrono::milliseconds>(options.clock->monotonic() - began);
  const auto rest = std::max(std::chrono::milliseconds(0), options.refusal_delay - used);
  options.io->post_after(rest, [all = std::move(waiters)]() mutable {
    for (auto& waiter : all) waiter.second(LoginVerdict::kRefused);
  });
}

BasicAuth::BasicAuth(Options options) : impl_(std::make_shared<Impl>(options)) {}

BasicAuth::~BasicAuth() {
  stop();
}

void BasicAuth::set_users(Users users) {
  auto fresh = std::make_shared<const Users>(std::move(users));
  const base::MutexLock lock(impl_->mutex);
  impl_->users = std::move(fresh);
}

void BasicAuth::judge(std::string_view authorization, const std::string& remote_address,
                      Done done) {
  std::shared_ptr<const Users> users;
  {
    const base::MutexLock lock(impl_->mutex);
    users = impl_->users;
  }
  if (users->empty()) {
    done(LoginVerdict::kAllowed);
    return;
  }
  std::optional<Login> login = parse_basic_auth(authorization);
  if (!login) {
    done(LoginVerdict::kRefused);
  } else if (!impl_->usable) {
    done(LoginVerdict::kBusy);
  } else {
    impl_->judge(*users, std::move(*login), remote_address, std::move(done));
  }
}

void BasicAuth::stop() {
  impl_->stopping = true;
  impl_->pool.stop();
}

}  // namespace silverback::server
