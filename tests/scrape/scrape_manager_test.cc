#include "scrape/scrape_manager.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/support/http_test_server.h"
#include "tests/support/recording_appendable.h"
#include "tests/support/temp_dir.h"

namespace silverback::scrape {
namespace {

using testing::eventually;
using testing::HttpTestAnswer;
using testing::HttpTestRequest;
using testing::HttpTestServer;
using Batch = testing::RecordingAppendable::Batch;

base::WorkerPool::Options pool_options(const char* name, size_t threads) {
  base::WorkerPool::Options options;
  options.name = name;
  options.threads = threads;
  return options;
}

struct Fixture {
  Fixture() {
    io.start();
    ingest_pool.start();
    file_pool.start();
    ScrapeManager::Options options;
    options.io = &io;
    options.ingest_pool = &ingest_pool;
    options.file_pool = &file_pool;
    options.storage = &storage;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    options.discovery_reload_ms = 20;
    manager = std::make_unique<ScrapeManager>(options);
  }
  ~Fixture() {
    manager.reset();
    ingest_pool.stop();
    file_pool.stop();
    io.stop();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  void apply(const std::string& yaml) {
    const auto node = base::parse_yaml(yaml, "p.yml");
    REQUIRE(node.is_ok());
    const auto list = parse_scrape_configs(*node, {}, "/");
    INFO(list.status().message());
    REQUIRE(list.is_ok());
    manager->apply(*list, {});
  }
  /// A job that scrapes `address` each 100 ms.
  static std::string job(const std::string& address, const std::string& more = "",
                         const std::string& name = "j") {
    return "- job_name: " + name + "\n  scrape_interval: 400ms\n  scrape_timeout: 350ms\n" + more +
           "  static_configs: [{targets: ['" + address + "']}]\n";
  }
  static std::string series(const std::string& name, const std::string& address) {
    return name + "{instance=\"" + address + "\", job=\"j\"}";
  }
  bool any_batch(const std::function<bool(const Batch&)>& wanted) const {
    const auto all = storage.batches();
    return std::any_of(all.begin(), all.end(), wanted);
  }
  bool seen(const std::string& name, double value) const {
    return any_batch([&](const Batch& b) { return b.value(name) == value; });
  }
  bool seen_stale(const std::string& name) const {
    return any_batch([&](const Batch& b) { return b.stale(name); });
  }

  base::IoRuntime io{2};
  base::WorkerPool ingest_pool{pool_options("ingest", 2)};
  base::WorkerPool file_pool{pool_options("files", 1)};
  base::SystemClock clock;
  base::metrics::Registry registry;
  testing::RecordingAppendable storage;
  std::unique_ptr<ScrapeManager> manager;
};

HttpTestAnswer page(const HttpTestRequest&) {
  return HttpTestAnswer::text("# HELP a x\na 5\n");
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new", std::ios::trunc) << text;
  std::rename((path + ".new").c_str(), path.c_str());
}

}  // namespace

TEST_CASE("ScrapeManager scrapes a static target on its grid", "[scrape]") {
  Fixture f;
  HttpTestServer server(page);
  f.apply(Fixture::job(server.address()));
  REQUIRE(eventually([&] { return f.storage.batch_count() >= 3; }));
  const Batch first = f.storage.batches().front();
  CHECK(first.value(Fixture::series("a", server.address())) == 5);
  CHECK(first.value(Fixture::series("up", server.address())) == 1);
  const HttpTestRequest request = server.requests().front();
  CHECK(request.header("accept") ==
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
        "*;q=0.2");
  CHECK(request.header("accept-encoding") == "identity");
  CHECK(request.header("user-agent") == "Prometheus/3.14.0");
  CHECK(request.header("x-prometheus-scrape-timeout-seconds") == "0.35");
  CHECK(server.connection_count() == 1);

  const TargetsSnapshot snapshot = f.manager->targets();
  REQUIRE(snapshot.active.size() == 1);
  CHECK(snapshot.active[0].health == TargetHealth::kUp);
  CHECK(snapshot.active[0].scrape_url == server.url());
  CHECK(snapshot.active[0].scrape_pool == "j");
  CHECK(snapshot.active[0].last_error.empty());
  CHECK(snapshot.active[0].discovered_labels.get("__address__") == server.address());
  CHECK(f.manager->pools() == std::vector<std::string>{"j"});
  const auto metadata = f.manager->metadata("a");
  REQUIRE(metadata.size() == 1);
  CHECK(metadata[0].metadata.help == "x");
  CHECK(f.manager->metadata("b").empty());
  const std::string own = f.registry.render_text();
  CHECK(own.find("prometheus_sd_discovered_targets{config=\"j\",name=\"scrape\"} 1\n") !=
        std::string::npos);
  CHECK(own.find("prometheus_target_interval_length_seconds_count{interval=\"400ms\"}") !=
        std::string::npos);
  CHECK(own.find("prometheus_target_scrape_pool_targets{scrape_job=\"j\"} 1\n") !=
        std::string::npos);
  CHECK(own.find("prometheus_target_metadata_cache_entries{scrape_job=\"j\"} 1\n") !=
        std::string::npos);
}

TEST_CASE("ScrapeManager tells why a target is down", "[scrape]") {
  struct Row {
    const char* more;
    HttpTestAnswer answer;
    const char* error;
  };
  HttpTestAnswer hanging;
  hanging.hang = true;
  HttpTestAnswer html = HttpTestAnswer::text("<html>");
  html.headers[0].second = "text/html";
  const std::vector<Row> rows = {
      {"", HttpTestAnswer::error(404, "Not Found"), "server returned HTTP status 404 Not Found"},
      {"", HttpTestAnswer::text("a x\n"),
       "line 1, column 3: strconv.ParseFloat: parsing \"x\": invalid syntax"},
      {"", hanging, "Get \"@\": context deadline exceeded"},
      {"", html, "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol"},
      {"  body_size_limit: 4B\n", HttpTestAnswer::text("a 1\n"), "body size limit exceeded"},
      {"  target_limit: 1\n  file_sd_configs: []\n", HttpTestAnswer::text("a 1\n"), ""},
      {"  follow_redirects: false\n", HttpTestAnswer::redirect("/x"),
       "server returned HTTP status 302 Found"},
      {"", HttpTestAnswer::error(204, "No Content"), "server returned HTTP status 204 No Content"},
      {"", HttpTestAnswer::error(304, "Not Modified"),
       "server returned HTTP status 304 Not Modified"},
  };
  for (const Row& row : rows) {
    Fixture f;
    HttpTestServer server([&row](const HttpTestRequest&) { return row.answer; });
    f.apply(Fixture::job(server.address(), row.more));
    REQUIRE(eventually([&] { return f.storage.batch_count() >= 1; }));
    REQUIRE(eventually([&] { return f.manager->targets().active.at(0).last_scrape_ms != 0; }));
    std::string expected = row.error;
    if (const size_t at = expected.find('@'); at != std::string::npos) {
      expected.replace(at, 1, server.url());
    }
    const TargetStatus status = f.manager->targets().active.at(0);
    CHECK_THAT(status.last_error, Catch::StartsWith(expected));
    CHECK(status.health == (expected.empty() ? TargetHealth::kUp : TargetHealth::kDown));
    CHECK(f.seen(Fixture::series("up", server.address()), expected.empty() ? 1 : 0));
  }
}

TEST_CASE("ScrapeManager writes failed scrapes to a file that a reload opens anew", "[scrape]") {
  const tests::TempDir dir;
  const std::string path = dir.path() + "/failures.log";
  Fixture f;
  HttpTestServer server([](const HttpTestRequest&) { return HttpTestAnswer::error(500, "No"); });
  const std::string job =
      Fixture::job(server.address(), "  scrape_failure_log_file: " + path + "\n");
  const auto contents = [&path] {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  f.apply(job);
  REQUIRE(eventually([&] { return contents().find('\n') != std::string::npos; }));
  const std::string line = contents();
  CHECK(line.find("\"level\":\"ERROR\"") != std::string::npos);
  CHECK(line.find("\"msg\":\"server returned HTTP status 500 No\"") != std::string::npos);
  CHECK(line.find("\"job_name\":\"j\"") != std::string::npos);
  CHECK(line.find("\"target\":\"" + server.url() + "\"") != std::string::npos);
  REQUIRE(std::rename(path.c_str(), (path + ".old").c_str()) == 0);
  f.apply(job);
  CHECK(eventually([&] { return contents().find('\n') != std::string::npos; }));
}

TEST_CASE("ScrapeManager asks for the protocols that a job lists, in its escaping", "[scrape]") {
  Fixture f;
  HttpTestServer server(page);
  f.apply(Fixture::job(server.address(),
                       "  scrape_protocols: [PrometheusText1.0.0, PrometheusProto, "
                       "OpenMetricsText1.0.0]\n  metric_name_escaping_scheme: underscores\n"));
  REQUIRE(eventually([&] { return server.request_count() >= 1; }));
  CHECK(server.requests().front().header("accept") ==
        "text/plain;version=1.0.0;escaping=underscores;q=0.6,"
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.5,"
        "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.4,*/*;q=0.3");
}

TEST_CASE("ScrapeManager reports every target of a job over its target_limit", "[scrape]") {
  Fixture f;
  HttpTestServer server(page);
  f.apply(
      "- job_name: j\n  scrape_interval: 100ms\n  target_limit: 1\n  static_configs:\n"
      "  - targets: ['" +
      server.address() + "', '127.0.0.1:1']\n");
  REQUIRE(eventually([&] {
    const auto active = f.manager->targets().active;
    return active.size() == 2 && active[0].health == TargetHealth::kDown &&
           active[1].health == TargetHealth::kDown;
  }));
  for (const TargetStatus& status : f.manager->targets().active) {
    CHECK(status.last_error == "target_limit exceeded (number of targets: 2, limit: 1)");
  }
  CHECK(server.request_count() == 0);
}

TEST_CASE("ScrapeManager ends the series of a removed target, after its successor's chance",
          "[scrape]") {
  Fixture f;
  HttpTestServer server(page);
  f.apply(Fixture::job(server.address()));
  REQUIRE(eventually([&] { return f.seen(Fixture::series("a", server.address()), 5); }));
  f.apply("[]");
  CHECK(f.manager->targets().active.empty());
  CHECK(eventually([&] {
    return f.seen_stale(Fixture::series("a", server.address())) &&
           f.seen_stale(Fixture::series("up", server.address()));
  }));
  CHECK(eventually([&] { return f.storage.open_targets() == 0; }));
}

TEST_CASE("ScrapeManager stops without stale markers and without waiting for targets", "[scrape]") {
  Fixture f;
  std::atomic<bool> hang{false};
  HttpTestServer server([&hang](const HttpTestRequest& request) {
    HttpTestAnswer answer = page(request);
    answer.hang = hang;
    return answer;
  });
  f.apply(
      "- job_name: j\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n"
      "  static_configs: [{targets: ['" +
      server.address() + "']}]\n");
  REQUIRE(eventually([&] { return f.seen(Fixture::series("a", server.address()), 5); }));
  hang = true;
  const size_t before = server.request_count();
  REQUIRE(eventually([&] { return server.request_count() > before + 1; }));
  f.manager->stop();
  for (const Batch& batch : f.storage.batches()) {
    if (batch.value(Fixture::series("up", server.address())) == 0) continue;  // timed out before
    CHECK_FALSE(batch.stale(Fixture::series("up", server.address())));
  }
  CHECK(f.storage.open_targets() == 0);
  CHECK(f.manager->targets().active.size() == 1);
}

TEST_CASE("ScrapeManager goes on without a gap when a job stays the same", "[scrape]") {
  Fixture f;
  HttpTestServer server(page);
  const std::string job = Fixture::job(server.address());
  f.apply(job);
  REQUIRE(eventually([&] { return f.storage.batch_count() >= 2; }));
  f.apply(job);
  f.apply(job + Fixture::job("127.0.0.1:1", "", "other"));
  const size_t before = f.storage.batch_count();
  REQUIRE(eventually([&] { return f.storage.batch_count() >= before + 3; }));
  CHECK(server.connection_count() == 1);
  CHECK_FALSE(f.seen_stale(Fixture::series("a", server.address())));
  CHECK(f.registry.render_text().find("prometheus_target_scrape_pool_reloads_total 0\n") !=
        std::string::npos);
}

TEST_CASE("ScrapeManager takes new relabelling rules without losing staleness", "[scrape]") {
  Fixture f;
  HttpTestServer server([](const HttpTestRequest&) { return HttpTestAnswer::text("a 5\nb 6\n"); });
  f.apply(Fixture::job(server.address()));
  REQUIRE(eventually([&] { return f.seen(Fixture::series("a", server.address()), 5); }));
  f.apply(Fixture::job(
      server.address(),
      "  metric_relabel_configs: [{source_labels: [__name__], regex: a, action: drop}]\n"));
  REQUIRE(eventually([&] { return f.seen_stale(Fixture::series("a", server.address())); }));
  CHECK_FALSE(f.seen_stale(Fixture::series("b", server.address())));
  CHECK(server.connection_count() == 1);
}

TEST_CASE("ScrapeManager keeps targets that a changed discovery still finds", "[scrape]") {
  Fixture f;
  const tests::TempDir dir;
  HttpTestServer server(page), second(page);
  write_file(dir.file("t.json"), "[{\"targets\": [\"" + second.address() + "\"]}]");
  f.apply(Fixture::job(server.address()));
  REQUIRE(eventually([&] { return f.storage.batch_count() >= 2; }));
  f.apply(Fixture::job(server.address(),
                       "  file_sd_configs: [{files: ['" + dir.file("t.json") + "']}]\n"));
  REQUIRE(eventually([&] { return f.seen(Fixture::series("a", second.address()), 5); }));
  const size_t before = server.request_count();
  REQUIRE(eventually([&] { return server.request_count() > before + 2; }));
  CHECK_FALSE(f.seen_stale(Fixture::series("a", server.address())));
  CHECK(server.connection_count() == 1);
}

TEST_CASE("File discovery follows its files and keeps the last good content", "[scrape]") {
  Fixture f;
  const tests::TempDir dir;
  HttpTestServer server(page), second(page);
  const std::string path = dir.file("t.yml");
  const auto addresses = [&f] {
    std::vector<std::string> out;
    for (const TargetStatus& t : f.manager->targets().active)
      out.emplace_back(t.labels.get("instance"));
    std::sort(out.begin(), out.end());
    return out;
  };
  write_file(path, "- targets: ['" + server.address() + "']\n  labels: {env: x}\n");
  f.apply(
      "- job_name: j\n  scrape_interval: 100ms\n"
      "  relabel_configs: [{source_labels: [__meta_filepath], target_label: file}]\n"
      "  file_sd_configs: [{files: ['" +
      dir.path() + "/*.yml']}]\n");
  REQUIRE(eventually([&] { return addresses() == std::vector<std::string>{server.address()}; }));
  const TargetStatus target = f.manager->targets().active.at(0);
  CHECK(target.labels.get("file") == path);
  CHECK(target.labels.get("env") == "x");

  std::vector<std::string> both{server.address(), second.address()};
  std::sort(both.begin(), both.end());
  write_file(path,
             "- targets: ['" + server.address() + "']\n- targets: ['" + second.address() + "']\n");
  REQUIRE(eventually([&] { return addresses() == both; }));

  write_file(path, "- targets: 'not a list\n");
  REQUIRE(eventually([&] {
    return f.registry.render_text().find("prometheus_sd_file_read_errors_total 1\n") !=
           std::string::npos;
  }));
  CHECK(addresses() == both);

  write_file(path, "[]\n");
  REQUIRE(eventually([&] { return addresses().empty(); }));
  write_file(dir.file("u.yml"), "- targets: ['" + second.address() + "']\n");
  REQUIRE(eventually([&] { return addresses() == std::vector<std::string>{second.address()}; }));
  std::remove(dir.file("u.yml").c_str());
  CHECK(eventually([&] { return addresses().empty(); }));
}

TEST_CASE("ScrapeManager shows dropped targets, bounded", "[scrape]") {
  Fixture f;
  f.apply(
      "- job_name: j\n  keep_dropped_targets: 1\n"
      "  relabel_configs: [{action: drop, source_labels: [__address__], regex: 'x.*'}]\n"
      "  static_configs: [{targets: ['x1', 'x2', 'x3']}]\n");
  REQUIRE(eventually([&] { return f.manager->targets().dropped_counts["j"] == 3; }));
  CHECK(f.manager->targets().dropped.size() == 1);
  CHECK(f.manager->targets().active.empty());
}

TEST_CASE("A hanging target does not make another one late", "[scrape]") {
  Fixture f;
  HttpTestServer good(page);
  HttpTestServer bad([](const HttpTestRequest&) {
    HttpTestAnswer answer;
    answer.hang = true;
    return answer;
  });
  std::string targets = "'" + good.address() + "'";
  for (int i = 0; i < 20; ++i) targets += ", '" + bad.address() + "'";
  f.apply(
      "- job_name: j\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n  static_configs: "
      "[{targets: [" +
      targets + "]}]\n");
  REQUIRE(eventually([&] { return good.request_count() >= 10; }));
  CHECK(f.seen(Fixture::series("up", good.address()), 1));
}

}  // namespace silverback::scrape
