#include "server/basic_auth.h"

#include <future>

#include <catch2/catch.hpp>

#include "server/bcrypt.h"
#include "server/login_throttle.h"

namespace base = silverback::base;
namespace server = silverback::server;
using server::LoginVerdict;
using std::chrono::milliseconds;

namespace {

// bcrypt at its least cost; the texts were made by Python's crypt and by htpasswd.
constexpr const char* kAliceHash =
    "$2b$04$.grkSvX9eHjbkfX4N3XfcuN0jvwt3.CNtPYHGeaoa0qDMvlZwg/Lu";  // "rig-secret"
constexpr const char* kBobHash =
    "$2b$04$NIn.NcMxWSiNRWHJ2krFyekUKtF70QOOn3AcqpgFexSd1BVbTkx3K";  // "other-secret"

struct Fixture {
  explicit Fixture(milliseconds delay = milliseconds(0)) {
    io.start();
    server::BasicAuth::Options options;
    options.io = &io;
    options.clock = &clock;
    options.registry = &registry;
    options.refusal_delay = delay;
    auth = std::make_unique<server::BasicAuth>(options);
    server::BasicAuth::Users users;
    users.emplace_back("alice", base::Secret(kAliceHash));
    users.emplace_back("bob", base::Secret(kBobHash));
    auth->set_users(std::move(users));
  }
  ~Fixture() {
    auth->stop();
    io.stop();
  }

  std::future<LoginVerdict> ask(const std::string& header,
                                const std::string& address = "127.0.0.1:1") {
    auto promise = std::make_shared<std::promise<LoginVerdict>>();
    auto verdict = promise->get_future();
    auth->judge(header, address, [promise](LoginVerdict v) { promise->set_value(v); });
    return verdict;
  }
  LoginVerdict judge(const std::string& header, const std::string& address = "127.0.0.1:1") {
    return ask(header, address).get();
  }

  base::IoRuntime io{1};
  base::ManualClock clock{1'000'000};
  base::metrics::Registry registry;
  std::unique_ptr<server::BasicAuth> auth;
};

// Of user:password in base64.
const std::string kGood = "Basic YWxpY2U6cmlnLXNlY3JldA==";      // alice:rig-secret
const std::string kWrong = "Basic YWxpY2U6bm9wZQ==";             // alice:nope
const std::string kOthers = "Basic YWxpY2U6b3RoZXItc2VjcmV0";    // alice:other-secret
const std::string kUnknown = "Basic bWFsbG9yeTpyaWctc2VjcmV0";   // mallory:rig-secret
const std::string kWithZero = "Basic YWxpY2U6cmlnLXNlY3JldAB4";  // alice:rig-secret\0x
const std::string kBob = "Basic Ym9iOm90aGVyLXNlY3JldA==";       // bob:other-secret

}  // namespace

TEST_CASE("bcrypt hashes of other programs are matched", "[server]") {
  struct Row {
    const char* hash;
    const char* password;
  };
  // The first three are of the public bcrypt test vectors.
  const Row rows[] = {
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
      {"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
      {kAliceHash, "rig-secret"},
  };
  for (const Row& row : rows) {
    REQUIRE(server::check_bcrypt_hash(row.hash).is_ok());
    CHECK(server::bcrypt_matches(row.hash, row.password));
    CHECK_FALSE(server::bcrypt_matches(row.hash, std::string(row.password) + "x"));
    CHECK_FALSE(server::bcrypt_matches(row.hash, ""));
    std::string y_kind = row.hash;
    y_kind[2] = 'y';
    CHECK(server::bcrypt_matches(y_kind, row.password));
  }
  CHECK_FALSE(server::bcrypt_matches(kAliceHash, std::string_view("rig-secret\0x", 12)));
}

TEST_CASE("Basic credentials are taken apart", "[server]") {
  const auto login = server::parse_basic_auth("bAsIc YTpiOmM=");
  REQUIRE(login);
  CHECK(login->user == "a");
  CHECK(login->password == "b:c");
  for (const char* bad : {"", "Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U=", "Bearer YTpiOmM=",
                          "YTpiOmM=", "Basic YTpiOmM", "Basic YTpi OmM=", "Basic YTpiOmM=\n",
                          "Basic ====", "Basic Y===", "Basic YT=pYmM="}) {
    INFO(bad);
    CHECK_FALSE(server::parse_basic_auth(bad));
  }
}

TEST_CASE("BasicAuth lets the right password in and nothing else", "[server]") {
  Fixture f;
  CHECK(f.judge(kGood) == LoginVerdict::kAllowed);
  CHECK(f.judge(kGood) == LoginVerdict::kAllowed);
  CHECK(f.judge(kBob) == LoginVerdict::kAllowed);
  for (const std::string& bad : {kWrong, kOthers, kUnknown, kWithZero, std::string("Basic Og=="),
                                 std::string("nonsense"), std::string()}) {
    CHECK(f.judge(bad) == LoginVerdict::kRefused);
  }
}

TEST_CASE("BasicAuth follows changed users at once", "[server]") {
  Fixture f;
  CHECK(f.judge(kGood) == LoginVerdict::kAllowed);
  server::BasicAuth::Users users;
  users.emplace_back("alice", base::Secret(kBobHash));
  f.auth->set_users(users);
  CHECK(f.judge(kGood) == LoginVerdict::kRefused);
  CHECK(f.judge(kOthers) == LoginVerdict::kAllowed);
  f.auth->set_users({});
  CHECK(f.judge("") == LoginVerdict::kAllowed);
}

TEST_CASE("BasicAuth refuses an address that guesses, but not its known logins", "[server]") {
  Fixture f;
  CHECK(f.judge(kGood) == LoginVerdict::kAllowed);
  for (int i = 0; i < 10; ++i) CHECK(f.judge(kWrong) == LoginVerdict::kRefused);
  CHECK(f.judge(kWrong) == LoginVerdict::kThrottled);
  CHECK(f.judge(kBob) == LoginVerdict::kThrottled);
  CHECK(f.judge(kBob, "127.0.0.2:1") == LoginVerdict::kAllowed);
  CHECK(f.judge(kGood) == LoginVerdict::kAllowed);
  f.clock.advance(milliseconds(100));
  CHECK(f.judge(kWrong) == LoginVerdict::kRefused);
  CHECK(f.judge(kWrong) == LoginVerdict::kThrottled);
}

TEST_CASE("BasicAuth checks one password of many askers once", "[server]") {
  Fixture f;
  std::vector<std::future<LoginVerdict>> all;
  for (int i = 0; i < 50; ++i) all.push_back(f.ask(kGood));
  for (auto& one : all) CHECK(one.get() == LoginVerdict::kAllowed);
}

TEST_CASE("BasicAuth answers everybody when it stops", "[server]") {
  Fixture f;
  std::vector<std::future<LoginVerdict>> all;
  all.push_back(f.ask(kGood));
  all.push_back(f.ask(kBob));
  f.auth->stop();
  for (auto& one : all) {
    const LoginVerdict verdict = one.get();
    CHECK((verdict == LoginVerdict::kAllowed || verdict == LoginVerdict::kBusy));
  }
  CHECK(f.judge(kUnknown) == LoginVerdict::kBusy);
}

TEST_CASE("Addresses count by IPv4 host and IPv6 network", "[server]") {
  CHECK(server::address_key("10.0.0.1:4711") == "10.0.0.1");
  CHECK(server::address_key("[::ffff:10.0.0.1]:4711") == "10.0.0.1");
  CHECK(server::address_key("[2001:db8::1]:1") == server::address_key("[2001:db8::ffff:2]:9"));
  CHECK(server::address_key("[2001:db8::1]:1") != server::address_key("[2001:db8:0:1::1]:1"));
  CHECK(server::address_key("[fe80::1%eth0]:1") == server::address_key("[fe80::2]:1"));
}

TEST_CASE("LoginThrottle keeps a bounded number of addresses", "[server]") {
  base::ManualClock clock(1000);
  server::LoginThrottle throttle(clock, 2);
  for (int i = 0; i < 5000; ++i) throttle.take(std::to_string(i));
  CHECK(throttle.take("0"));
  CHECK_FALSE(throttle.take("0"));
  CHECK_FALSE(throttle.take("a new one"));  // shares what those without room have used up
  clock.advance(milliseconds(1000));
  CHECK(throttle.take("a new one"));
  CHECK(throttle.take("a new one"));
  CHECK_FALSE(throttle.take("a new one"));
  throttle.give_back("a new one");
  CHECK(throttle.take("a new one"));
}
