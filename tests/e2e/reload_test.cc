// Reloads of the real binary: by signal, by request and by itself; all or nothing.
#include <signal.h>

#include <cstdio>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

std::string config_with(const std::string& more) {
  return "global: {scrape_interval: 1s}\nrule_files: ['rules/*.yml']\nscrape_config_files: "
         "['jobs/*.yml']\n" +
         more;
}

// One line of /metrics: the value, "" when it is not there.
std::string metric(int port, const std::string& name) {
  const std::string page = "\n" + http_get(port, "/metrics").body;
  const size_t at = page.find("\n" + name + " ");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 2;
  return page.substr(begin, page.find('\n', begin) - begin);
}

bool has_job(int port, const std::string& name) {
  return http_get(port, "/api/v1/targets").body.find("\"scrapePool\":\"" + name + "\"") !=
         std::string::npos;
}

std::string job(const std::string& name) {
  return "scrape_configs: [{job_name: " + name +
         ", static_configs: [{targets: ['127.0.0.1:1']}]}]\n";
}

void make_dirs(const Server& server) {
  REQUIRE(mkdir(server.dir().file("rules").c_str(), 0700) == 0);
  REQUIRE(mkdir(server.dir().file("jobs").c_str(), 0700) == 0);
}

// Written aside and renamed, so that no half of it is ever read.
void put(const Server& server, const std::string& name, const std::string& text) {
  const std::string aside = server.dir().write("aside", text);
  REQUIRE(std::rename(aside.c_str(), server.dir().file(name).c_str()) == 0);
}

TEST_CASE("a watched configuration is read again when any of its files changes", "[e2e]") {
  Server server(config_with(""), {"--config.auto-reload", "--config.auto-reload-interval=1s"});
  make_dirs(server);
  const int port = server.port();
  CHECK(metric(port, "prometheus_config_last_reload_successful") == "1");

  put(server, "jobs/a.yml", job("from-file"));
  REQUIRE(eventually(20, [&] { return has_job(port, "from-file"); }));

  put(server, "rules/r.yml", "groups: [{name: g, rules: [{record: x, expr: vector(1)}]}]\n");
  REQUIRE(eventually(20, [&] {
    return http_get(port, "/api/v1/rules").body.find("\"name\":\"g\"") != std::string::npos;
  }));

  put(server, "prometheus.yml", config_with(job("main")));
  REQUIRE(eventually(20, [&] { return has_job(port, "main") && has_job(port, "from-file"); }));

  // A bad file changes nothing, and is told.
  put(server, "rules/r.yml", "groups: [{name: g, rules: [{record: x, expr: 'vector('}]}]\n");
  put(server, "jobs/a.yml", job("never"));
  REQUIRE(eventually(
      20, [&] { return metric(port, "prometheus_config_last_reload_successful") == "0"; }));
  CHECK(has_job(port, "from-file"));
  CHECK_FALSE(has_job(port, "never"));

  put(server, "rules/r.yml", "groups: []\n");
  REQUIRE(eventually(20, [&] { return has_job(port, "never"); }));
  CHECK(metric(port, "prometheus_config_last_reload_successful") == "1");
  CHECK(server.stop() == 0);
}

TEST_CASE("a signal and a request reload, and a refusal says where", "[e2e]") {
  Server server(config_with(""));
  make_dirs(server);
  const int port = server.port();
  server.write_config(config_with(job("one")));
  REQUIRE(::kill(server.pid(), SIGHUP) == 0);
  REQUIRE(eventually(20, [&] { return has_job(port, "one"); }));

  put(server, "jobs/a.yml", job("one"));
  const HttpReply refused = http(port, "POST", "/-/reload");
  CHECK(refused.status == 500);
  CHECK_THAT(refused.body, Catch::Contains(server.dir().file("jobs/a.yml") +
                                           ":1: found multiple scrape configs with job name"));
  CHECK(metric(port, "prometheus_config_last_reload_successful") == "0");

  put(server, "jobs/a.yml", job("two"));
  CHECK(http(port, "POST", "/-/reload").status == 200);
  REQUIRE(eventually(20, [&] { return has_job(port, "two"); }));
  CHECK(metric(port, "prometheus_config_last_reload_successful") == "1");
  CHECK(server.stop() == 0);
}

}  // namespace
}  // namespace silverback::e2e
