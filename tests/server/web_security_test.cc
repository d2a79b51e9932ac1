#include "server/web_security.h"

#include <fstream>
#include <future>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace base = silverback::base;
namespace server = silverback::server;
namespace tests = silverback::tests;
using std::chrono::milliseconds;

namespace {

// Of "rig-secret" and "other-secret", cost 4.
constexpr const char* kRig = "$2b$04$.grkSvX9eHjbkfX4N3XfcuN0jvwt3.CNtPYHGeaoa0qDMvlZwg/Lu";
constexpr const char* kOther = "$2b$04$NIn.NcMxWSiNRWHJ2krFyekUKtF70QOOn3AcqpgFexSd1BVbTkx3K";
const std::string kRigLogin = "Basic YWxpY2U6cmlnLXNlY3JldA==";
const std::string kOtherLogin = "Basic YWxpY2U6b3RoZXItc2VjcmV0";

std::string users(const std::string& hash) {
  return "basic_auth_users:\n  alice: " + hash + "\n";
}

struct Fixture {
  Fixture() {
    pool.start();
    io.start();
  }
  ~Fixture() {
    security.reset();
    pool.stop();
    io.stop();
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir.file(name + ".new")) << text;
    std::filesystem::rename(dir.file(name + ".new"), dir.file(name));
  }
  base::Status open() {
    server::WebSecurity::Options options;
    options.path = dir.file("web.yml");
    options.io = &io;
    options.pool = &pool;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.check_interval = milliseconds(5);
    options.refusal_delay = milliseconds(0);
    ASSIGN_OR_RETURN(security, server::WebSecurity::open(options));
    security->start();
    return {};
  }
  /// 200 when let in.
  int ask(const std::string& authorization) {
    server::HttpRequest head;
    head.remote_address = "127.0.0.1:1";
    if (!authorization.empty()) head.headers.add("Authorization", authorization);
    std::promise<int> promise;
    auto status = promise.get_future();
    security->authorize(head, [&](std::optional<server::HttpResponse> refusal) {
      promise.set_value(refusal ? refusal->status : 200);
    });
    return status.get();
  }
  double healthy() {
    return registry.gauge("silverback_web_config_last_reload_successful", "").value();
  }
  static bool eventually(const std::function<bool()>& done) {
    for (int i = 0; i < 2000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }

  tests::TempDir dir;
  base::SystemClock clock;
  base::metrics::Registry registry;
  base::WorkerPool pool{{"files", 1}};
  base::IoRuntime io{1};
  std::unique_ptr<server::WebSecurity> security;
};

}  // namespace

TEST_CASE("WebSecurity asks for a password and says so", "[server]") {
  Fixture f;
  f.write("web.yml", users(kRig));
  REQUIRE(f.open().is_ok());
  CHECK_FALSE(f.security->tls());
  CHECK(f.security->tls_context() == nullptr);
  CHECK(f.ask(kRigLogin) == 200);
  CHECK(f.ask(kOtherLogin) == 401);
  std::optional<server::HttpResponse> answer;
  f.security->authorize({}, [&](std::optional<server::HttpResponse> r) { answer = std::move(r); });
  REQUIRE(answer);
  CHECK(answer->status == 401);
  CHECK(answer->headers.get("WWW-Authenticate") == "Basic");
  CHECK(answer->body == "Unauthorized\n");
}

TEST_CASE("WebSecurity takes over changed files, and keeps the last good ones", "[server]") {
  Fixture f;
  f.write("web.yml", users(kRig));
  REQUIRE(f.open().is_ok());
  f.write("web.yml",
          users(kOther) + "http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
  CHECK(f.eventually([&] { return f.security->headers()->size() == 1; }));
  CHECK(f.ask(kOtherLogin) == 200);
  CHECK(f.ask(kRigLogin) == 401);
  for (const char* broken : {"basic_auth_users: [[[\n", "", "http_server_config:\n",
                             "tls_server_config:\n  cert_file: none\n  key_file: none\n"}) {
    INFO(broken);
    f.write("web.yml", broken);
    CHECK(f.eventually([&] { return f.healthy() == 0; }));
    CHECK(f.ask("") == 401);
    CHECK(f.ask(kOtherLogin) == 200);
    f.write("web.yml", users(kOther));
    CHECK(f.eventually([&] { return f.healthy() == 1; }));
  }
  std::filesystem::remove(f.dir.file("web.yml"));
  CHECK(f.eventually([&] { return f.healthy() == 0; }));
  CHECK(f.ask("") == 401);
}

TEST_CASE("WebSecurity serves a renewed certificate", "[server]") {
  Fixture f;
  const tests::TestCertificate authority = tests::make_authority("ca");
  const auto renew = [&] {
    const tests::TestCertificate made = tests::issue(authority, {"server", "DNS:a", false});
    f.write("s.key", made.key);
    f.write("s.crt", made.cert);
  };
  renew();
  f.write("web.yml", "tls_server_config:\n  cert_file: s.crt\n  key_file: s.key\n");
  REQUIRE(f.open().is_ok());
  CHECK(f.security->tls());
  const auto first = f.security->tls_context();
  REQUIRE(first != nullptr);
  renew();
  CHECK(f.eventually([&] { return f.security->tls_context() != first && f.healthy() == 1; }));
  const auto second = f.security->tls_context();
  f.write("s.crt", "torn");
  CHECK(f.eventually([&] { return f.healthy() == 0; }));
  CHECK(f.security->tls_context() == second);
  f.write("web.yml", "");
  CHECK(f.eventually([&] {
    return f.registry.render_text().find("silverback_web_config_last_reload_successful 0") !=
           std::string::npos;
  }));
  CHECK(f.security->tls());
}

TEST_CASE("WebSecurity does not start with a wrong configuration", "[server]") {
  Fixture f;
  CHECK(f.open().message().find("web.yml") != std::string::npos);
  f.write("web.yml", "basic_auth_users: [[[\n");
  CHECK(f.open().message().find(f.dir.file("web.yml") + ":") == 0);
  f.write("web.yml", "tls_server_config:\n  cert_file: none\n  key_file: none\n");
  CHECK(f.open().message().find("failed to read cert_file (" + f.dir.file("none") + ")") == 0);
}
