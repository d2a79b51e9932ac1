#include "server/router.h"

#include <algorithm>
#include <future>

#include <catch2/catch.hpp>

#include "base/compress.h"
#include "server/http_head.h"
#include "server/response_body.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace server = silverback::server;
namespace api = silverback::server::api;

namespace {

struct Fixture {
  explicit Fixture(const std::string& cors = "") {
    ctx.clock = &clock;
    ctx.logger = &base::Logger::null();
    ctx.registry = &registry;
    ctx.external_host = "prom.example:9090";
    ctx.request_reload = [this](base::UniqueFunction<void(base::Status)> done) {
      ++reloads;
      done(reload_status);
    };
    ctx.request_quit = [this] { ++quits; };
    pool.start();
    server::Router::Options options;
    options.status_pool = options.query_pool = options.ingest_pool = &pool;
    if (!cors.empty()) options.cors_origin = *model::Regex::compile(cors);
    router = std::make_unique<server::Router>(std::move(options), ctx);
  }
  ~Fixture() { pool.stop(); }

  server::HttpResponse send(server::HttpRequest request) {
    if (auto refusal = router->on_head(request).refusal) return std::move(*refusal);
    std::promise<server::HttpResponse> promise;
    auto answer = promise.get_future();
    router->handle(std::move(request),
                   [&promise](server::HttpResponse r) { promise.set_value(std::move(r)); });
    return answer.get();
  }
  server::HttpResponse send(const std::string& method, const std::string& path,
                            const base::HttpHeaders& headers = {}) {
    server::HttpRequest request;
    request.method = method;
    request.path = path;
    request.headers = headers;
    return send(std::move(request));
  }

  base::SystemClock clock;
  base::metrics::Registry registry;
  api::Context ctx;
  base::WorkerPool pool{base::WorkerPool::Options{"test", 1, 16, 0}};
  std::unique_ptr<server::Router> router;
  base::Status reload_status;
  int reloads = 0, quits = 0;
};

base::HttpHeaders headers(std::initializer_list<std::pair<const char*, const char*>> fields) {
  base::HttpHeaders out;
  for (const auto& [name, value] : fields) out.add(name, value);
  return out;
}

}  // namespace

TEST_CASE("Route table has unique rows with exactly one handler", "[server]") {
  const auto rows = api::routes();
  for (size_t i = 0; i < rows.size(); ++i) {
    INFO(rows[i].path);
    CHECK((rows[i].answer == nullptr) != (rows[i].respond == nullptr));
    CHECK(!rows[i].doc.empty());
    for (size_t k = 0; k < i; ++k) {
      CHECK((rows[k].path != rows[i].path || (rows[k].methods & rows[i].methods) == 0));
    }
  }
}

TEST_CASE("Router answers before storage is ready", "[server]") {
  Fixture f;
  CHECK(f.send("GET", "/-/healthy").body == "Prometheus Server is Healthy.\n");
  CHECK(f.send("HEAD", "/-/healthy").status == 200);
  CHECK(f.send("GET", "/metrics").status == 200);
  for (const char* path : {"/-/ready", "/api/v1/query", "/api/v1/status/buildinfo"}) {
    const auto response = f.send("GET", path);
    CHECK(response.status == 503);
    CHECK(response.body == "Service Unavailable");
    CHECK(response.headers.get("X-Prometheus-Stopping") == "false");
  }
  const auto page = f.send("GET", "/query");
  CHECK(page.status == 503);
  CHECK(page.body.find("Starting up") != std::string::npos);
  f.ctx.phase = api::Phase::kStopping;
  CHECK(f.send("GET", "/-/ready").headers.get("X-Prometheus-Stopping") == "true");
  f.ctx.phase = api::Phase::kReady;
  CHECK(f.send("GET", "/-/ready").body == "Prometheus Server is Ready.\n");
}

TEST_CASE("Router knows paths and methods", "[server]") {
  Fixture f;
  f.ctx.phase = api::Phase::kReady;
  struct Row {
    std::string method, path;
    int status;
  };
  for (const Row& row : std::vector<Row>{{"GET", "/nope", 404},
                                         {"GET", "/api/v1/nope", 404},
                                         {"GET", "/api/v1/label/a/b/values", 404},
                                         {"GET", "/api/v1/label//values", 404},
                                         {"DELETE", "/api/v1/query", 405},
                                         {"POST", "/api/v1/targets", 405},
                                         {"GET", "/api/v1/write", 405},
                                         {"GET", "/api/v1/admin/tsdb/flush", 405},
                                         {"OPTIONS", "/api/v1/query", 204},
                                         {"OPTIONS", "/metrics", 200},
                                         {"GET", "/", 302},
                                         {"GET", "/-/reload", 405},
                                         {"GET", "/-/quit", 405},
                                         {"POST", "/-/reload", 403},
                                         {"PUT", "/-/quit", 403},
                                         {"POST", "/api/v1/write", 404},
                                         {"POST", "/api/v1/admin/tsdb/flush", 500}}) {
    INFO(row.method << " " << row.path);
    const auto response = f.send(row.method, row.path);
    CHECK(response.status == row.status);
    CHECK(response.headers.get("X-Content-Type-Options") == "nosniff");
  }
  CHECK(f.send("DELETE", "/api/v1/query").headers.get("Allow") == "GET, OPTIONS, POST");
  CHECK(f.send("POST", "/-/healthy").headers.get("Allow") == "GET, HEAD, OPTIONS");
  CHECK(f.send("OPTIONS", "/metrics").headers.get("Allow") == "GET, OPTIONS");
  CHECK(f.send("POST", "/-/quit").body == "Lifecycle API is not enabled.");
  CHECK(f.send("GET", "/-/quit").body == "Only POST or PUT requests allowed");
  CHECK(f.send("POST", "/api/v1/admin/tsdb/flush").body ==
        R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
}

TEST_CASE("Router redirects the old paths", "[server]") {
  Fixture f;
  CHECK(f.send("GET", "/").headers.get("Location") == "/query");
  server::HttpRequest request;
  request.method = "GET";
  request.path = "/graph";
  request.query = "g0.expr=up";
  CHECK(f.send(std::move(request)).headers.get("Location") == "/query?g0.expr=up");
  f.ctx.route_prefix = "/prom";
  f.ctx.external_url = "https://h:1/prom";
  CHECK(f.send("GET", "/").headers.get("Location") == "/prom/query");
  CHECK(f.send("GET", "/prom/-/healthy").status == 200);
  CHECK(f.send("GET", "/-/healthy").status == 404);
  CHECK(f.send("GET", "/prometheus/-/healthy").status == 404);
}

TEST_CASE("Router redirects other spellings of a path", "[server]") {
  Fixture f;
  f.ctx.phase = api::Phase::kReady;
  struct Row {
    std::string method, target;
    int status;
    std::string location;
  };
  for (const Row& row : std::vector<Row>{{"GET", "//-/healthy?a=b", 301, "/-/healthy?a=b"},
                                         {"GET", "/-//healthy", 301, "/-/healthy"},
                                         {"GET", "/x/../-/healthy", 301, "/-/healthy"},
                                         {"GET", "/-/./healthy", 301, "/-/healthy"},
                                         {"GET", "/../../etc/passwd", 301, "/etc/passwd"},
                                         {"GET", "//evil.example/..//x/", 301, "/x/"},
                                         {"POST", "//-/reload", 307, "/-/reload"},
                                         {"GET", "/a%2F%2Fb", 404, ""},
                                         {"GET", "/%2e%2e/etc", 404, ""},
                                         {"GET", "/-/healthy", 200, ""}}) {
    INFO(row.target);
    server::HttpRequest request;
    request.method = row.method;
    REQUIRE(server::split_target(row.target, request));
    const auto response = f.send(std::move(request));
    CHECK(response.status == row.status);
    CHECK(response.headers.get("Location") == row.location);
  }
}

TEST_CASE("Router tells browsers what an answer may do", "[server]") {
  Fixture f;
  for (const char* path : {"/-/healthy", "/metrics", "/api/v1/query", "/nope", "/"}) {
    const auto response = f.send("GET", path);
    CHECK(response.headers.get("X-Content-Type-Options") == "nosniff");
    CHECK(response.headers.get("Content-Security-Policy").find("frame-ancestors 'none'") !=
          std::string::npos);
  }
}

TEST_CASE("Router runs the lifecycle when enabled", "[server]") {
  Fixture f;
  f.ctx.lifecycle_enabled = true;
  CHECK(f.send("POST", "/-/reload").status == 200);
  f.reload_status = base::Status(base::Errc::kBadData, "x.yml:3: nope");
  const auto failed = f.send("PUT", "/-/reload");
  CHECK(failed.status == 500);
  CHECK(failed.body == "failed to reload config: x.yml:3: nope\n");
  CHECK(f.reloads == 2);
  CHECK(f.send("POST", "/-/quit").body == "Requesting termination... Goodbye!\n");
  CHECK(f.quits == 1);
}

TEST_CASE("Router refuses changes that come across sites", "[server]") {
  Fixture f;
  f.ctx.lifecycle_enabled = true;
  struct Row {
    base::HttpHeaders headers;
    int status;
  };
  const std::vector<Row> rows = {
      {headers({{"Host", "a:1"}}), 200},
      {headers({{"Host", "a:1"}, {"Origin", "http://a:1"}}), 200},
      {headers({{"Host", "a:1"}, {"Origin", "https://prom.example:9090"}}), 200},
      {headers({{"Host", "a:1"}, {"Origin", "http://evil"}}), 403},
      {headers({{"Host", "a:1"}, {"Origin", "null"}}), 403},
      {headers({{"Host", "a:1"}, {"Sec-Fetch-Site", "cross-site"}}), 403},
      {headers({{"Host", "a:1"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://b.a:1"}}),
       403},
      {headers({{"Host", "a:1"}, {"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://proxy"}}),
       200},
  };
  for (const Row& row : rows) CHECK(f.send("POST", "/-/reload", row.headers).status == row.status);
  f.ctx.phase = api::Phase::kReady;
  CHECK(f.send("POST", "/api/v1/write", headers({{"Origin", "http://evil"}})).status == 403);
}

TEST_CASE("Router gives CORS headers only where they are asked for", "[server]") {
  const auto origin_of = [](Fixture& f, const char* origin) {
    const auto response = f.send("OPTIONS", "/api/v1/query", headers({{"Origin", origin}}));
    return std::string(response.headers.get("Access-Control-Allow-Origin"));
  };
  Fixture none;
  CHECK(origin_of(none, "http://a") == "");
  Fixture some("https?://a|http://b");
  CHECK(origin_of(some, "http://a") == "http://a");
  CHECK(origin_of(some, "http://ab") == "");
  Fixture all(".*");
  CHECK(origin_of(all, "http://a") == "*");
  CHECK(all.send("GET", "/metrics", headers({{"Origin", "http://a"}}))
            .headers.get("Access-Control-Allow-Origin") == "");
}

TEST_CASE("Router compresses as the client asks", "[server]") {
  CHECK(server::pick_encoding("gzip, deflate") == "gzip");
  CHECK(server::pick_encoding("br;q=1.0, deflate;q=0.1, gzip") == "deflate");
  CHECK(server::pick_encoding("identity") == "");
  CHECK(server::pick_encoding("") == "");
  Fixture f;
  for (int i = 0; i < 100; ++i)
    f.registry.counter("c" + std::to_string(i) + "_total", "Help text.").inc();
  const auto plain = f.send("GET", "/metrics");
  CHECK(plain.headers.get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK_FALSE(plain.headers.has("Content-Encoding"));
  const auto zipped = f.send("GET", "/metrics", headers({{"Accept-Encoding", "gzip"}}));
  CHECK(zipped.headers.get("Content-Encoding") == "gzip");
  CHECK(zipped.headers.get("Vary") == "Accept-Encoding");
  CHECK(base::gunzip(zipped.body, 0)->find("c99_total 1\n") != std::string::npos);
}

TEST_CASE("Router limits bodies by row", "[server]") {
  Fixture f;
  server::HttpRequest request;
  request.method = "POST";
  f.ctx.phase = api::Phase::kReady;
  request.path = "/api/v1/query";
  CHECK(f.router->on_head(request).body_limit == size_t{1} << 20);
  request.path = "/api/v1/write";
  CHECK(f.router->on_head(request).body_limit == size_t{32} << 20);
}

TEST_CASE("Router counts requests by handler", "[server]") {
  Fixture f;
  f.send("GET", "/-/healthy");
  f.send("GET", "/-/ready");
  const std::string text = f.registry.render_text();
  CHECK(text.find("prometheus_http_requests_total{handler=\"/-/healthy\",code=\"200\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("prometheus_http_requests_total{handler=\"/-/ready\",code=\"503\"} 1\n") !=
        std::string::npos);
  CHECK(
      text.find(
          "prometheus_http_request_duration_seconds_bucket{handler=\"/-/healthy\",le=\"0.1\"} ") !=
      std::string::npos);
  CHECK(text.find("prometheus_http_response_size_bytes_count{handler=\"/-/healthy\"} 1\n") !=
        std::string::npos);
}
