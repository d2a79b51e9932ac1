#include "server/pages/pages.h"

#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/memory_storage.h"
#include "tests/support/temp_dir.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
namespace scrape = silverback::scrape;
namespace server = silverback::server;
namespace storage = silverback::storage;
namespace pages = silverback::server::pages;
namespace api = silverback::server::api;

namespace {

// Whatever comes from outside holds this once.
const std::string kEvil = "<script>alert(1)</script>\"'&";

/// Every page over real services.
struct Fixture {
  Fixture() {
    io.start();
    pool.start();
    promql::EngineOptions engine_options;
    borrow(engine_options);
    engine = std::make_unique<promql::Engine>(engine_options);
    silverback::tsdb::DbOptions db_options;
    borrow(db_options);
    db_options.path = dir.path();
    db = std::move(*silverback::tsdb::Db::open(db_options));
    db->start();
    rules::Notifier::Options notifier_options;
    borrow(notifier_options);
    notifier_options.io = &io;
    notifier = std::make_unique<rules::Notifier>(notifier_options);
    rules::RuleManager::Options rule_options;
    borrow(rule_options);
    rule_options.io = &io;
    rule_options.rules_pool = &pool;
    rule_options.engine = engine.get();
    rule_options.queryable = &memory;
    rule_options.appendable = &memory;
    rule_options.notifier = notifier.get();
    manager = std::make_unique<rules::RuleManager>(rule_options);
    scrape::ScrapeManager::Options scrape_options;
    borrow(scrape_options);
    scrape_options.io = &io;
    scrape_options.ingest_pool = &pool;
    scrape_options.file_pool = &pool;
    scrape_options.storage = &memory;
    targets = std::make_unique<scrape::ScrapeManager>(scrape_options);
    fill_context();
  }
  ~Fixture() {
    targets->stop();
    manager->stop();
    notifier->stop();
    pool.stop();
    db->stop();
    io.stop();
  }
  template <typename Options>
  void borrow(Options& options) {
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
  }

  void fill_context() {
    ctx.clock = &clock;
    ctx.engine = engine.get();
    ctx.queryable = &memory;
    ctx.db = db.get();
    ctx.rules = manager.get();
    ctx.notifier = notifier.get();
    ctx.scrape = targets.get();
    ctx.page_title = kEvil;
    ctx.flags = {{"web.page-title", kEvil}};
    ctx.retention_text = [] { return "30d"; };
    ctx.reload_state = [] { return api::Context::ReloadState{false, 5}; };
    const auto config = server::parse_config(
        "scrape_configs:\n"
        "- job_name: '" +
            quoted(kEvil) +
            "'\n"
            "  static_configs:\n"
            "  - targets: ['127.0.0.1:1', 'dropped:1']\n"
            "    labels: {x: '" +
            quoted(kEvil) +
            "'}\n"
            "  relabel_configs:\n"
            "  - source_labels: [__address__]\n"
            "    regex: dropped:1\n"
            "    action: drop\n",
        "c.yml");
    INFO((config ? "" : config.status().message()));
    REQUIRE(config.is_ok());
    in_force = std::make_shared<const server::Config>(*config);
    ctx.config = [this] { return in_force; };
    const auto groups = rules::parse_rule_file(
        "groups:\n"
        "- name: '" +
            quoted(kEvil) +
            "'\n"
            "  rules:\n"
            "  - alert: '" +
            quoted(kEvil) +
            "'\n"
            "    expr: absent(up{x=\"<script>\"})\n"
            "    for: 5m\n"
            "    annotations: {text: '" +
            quoted(kEvil) +
            "'}\n"
            "  - record: a:b\n"
            "    expr: vector(1)\n",
        "/r.yml", {});
    INFO((groups ? "" : groups.status().message()));
    REQUIRE(groups.is_ok());
    manager->apply(*groups, 60'000, 0, {});
    ctx.phase = api::Phase::kReady;
  }
  /// For a single-quoted YAML text.
  static std::string quoted(std::string text) {
    for (size_t at = text.find('\''); at != std::string::npos; at = text.find('\'', at + 2)) {
      text.insert(at, 1, '\'');
    }
    return text;
  }

  /// Applies the jobs and waits until discovery has told of their targets.
  void apply_targets() {
    targets->apply(in_force->scrape_configs, {});
    for (int i = 0; i < 10'000 && targets->targets().active.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    REQUIRE(targets->targets().active.size() == 1);
  }

  using Handler = void (*)(api::Context&, const server::HttpRequest&, server::HttpReply);
  server::HttpResponse ask(Handler handler, const std::string& query = "",
                           const std::string& path = "/") {
    server::HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    std::promise<server::HttpResponse> promise;
    auto answer = promise.get_future();
    handler(ctx, request,
            [&promise](server::HttpResponse response) { promise.set_value(std::move(response)); });
    return answer.get();
  }
  std::string page(Handler handler, const std::string& query = "") {
    return ask(handler, query).body;
  }

  silverback::tests::TempDir dir;
  base::ManualClock clock{1'714'564'800'000};
  base::metrics::Registry registry;
  base::IoRuntime io;
  base::WorkerPool pool{base::WorkerPool::Options{"test", 1, 64, 0}};
  silverback::testing::MemoryStorage memory;
  std::unique_ptr<silverback::tsdb::Db> db;
  std::unique_ptr<promql::Engine> engine;
  std::unique_ptr<rules::Notifier> notifier;
  std::unique_ptr<rules::RuleManager> manager;
  std::unique_ptr<scrape::ScrapeManager> targets;
  std::shared_ptr<const server::Config> in_force;
  api::Context ctx;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Named {
  const char* name;
  Fixture::Handler handler;
};
constexpr Named kPages[] = {{"query", pages::query},
                            {"targets", pages::targets},
                            {"service-discovery", pages::service_discovery},
                            {"alerts", pages::alerts},
                            {"rules", pages::rules},
                            {"config", pages::config},
                            {"flags", pages::flags},
                            {"status", pages::status},
                            {"tsdb-status", pages::tsdb_status},
                            {"alertmanager-discovery", pages::alertmanager_discovery}};

}  // namespace

TEST_CASE("Pages never hand out what came from outside as HTML", "[server]") {
  Fixture f;
  f.apply_targets();
  for (const int64_t ago : {60'000, 30'000, 0}) {
    f.memory.add(model::Labels::from({{"__name__", "evil"}, {"x", kEvil}}), f.clock.now_ms() - ago,
                 1);
  }
  const std::string evil = base::query_escape(kEvil);
  for (const Named& one : kPages) {
    for (const std::string& query : std::vector<std::string>{
             std::string(), "search=" + evil + "&pool=" + evil + "&state=" + evil,
             "g0.expr=evil&g0.tab=0", "g0.expr=evil&g0.tab=0&g0.stacked=1", "g0.expr=evil[1h]",
             "g0.expr=" + evil, "g0.expr=%22" + evil + "%22",
             "g0.expr=evil&g0.range_input=" + evil + "&g0.end_input=" + evil,
             "g0.expr=label_replace(evil,%22y%22,%22" + evil + "%22,%22%22,%22%22)",
             "g0.expr=1%0A" + evil}) {
      INFO(one.name << " " << query);
      const server::HttpResponse response = f.ask(one.handler, query);
      CHECK(response.status == 200);
      CHECK(response.body.rfind("<!DOCTYPE html>", 0) == 0);
      CHECK_FALSE(has(response.body, "<script"));
      CHECK_FALSE(has(response.body, " style="));
      CHECK_FALSE(has(response.body, "javascript:"));
      CHECK(has(std::string(response.headers.get("Content-Security-Policy")),
                "default-src 'self'; frame-ancestors 'none'"));
      CHECK(has(response.body, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
  }
}

TEST_CASE("Query page shows tables, graphs and errors", "[server]") {
  Fixture f;
  for (int i = 0; i <= 60; ++i) {
    for (const char* job : {"a", "b"}) {
      f.memory.add(model::Labels::from({{"__name__", "m"}, {"job", job}}),
                   f.clock.now_ms() - (60 - i) * 60'000, i);
    }
  }
  std::string text = f.page(pages::query, "g0.expr=m&g1.expr=scalar(sum(m))&g2.expr=%22hello%22");
  CHECK(has(text, "<b>m</b> <span class=\"label\"><i>job</i>=&#34;a&#34;</span>"));
  CHECK(has(text, "<td class=\"value\">60</td>"));
  CHECK(has(text, "<td class=\"value\">120</td>"));
  CHECK(has(text, "<td class=\"value\">hello</td>"));
  CHECK(has(text, "Remove panel"));
  text = f.page(pages::query, "g0.expr=m&g0.tab=graph&g0.range_input=30m");
  CHECK(has(text, "<svg class=\"graph\""));
  CHECK(has(text, "<path class=\"line c1\""));
  CHECK(has(text, ">11:45</text>"));
  CHECK(has(f.page(pages::query, "g0.expr=m&g0.tab=0&g0.stacked=1"), "<polygon"));
  text = f.page(pages::query, "g0.expr=sum(m&g0.tab=1");
  CHECK(has(text, "Error executing query: 1:"));
  CHECK(has(text, "parse error"));
  CHECK(has(text, "<pre class=\"plain soft\">sum(m\n"));
  CHECK(has(f.page(pages::query, "g0.expr=rate(m[5m])"), "rate"));
  CHECK(has(f.page(pages::query, "g0.expr=m&g0.tab=graph&g0.range_input=30d&g0.step_input=1"),
            "exceeded maximum resolution"));
  CHECK(has(f.page(pages::query, "g0.expr=nothing"), "no series"));
  CHECK(has(f.page(pages::query, ""), "No expression entered yet"));
  CHECK(f.ask(pages::query, "g0.expr=%zz").status == 400);
}

TEST_CASE("Query page cuts long results and says so", "[server]") {
  Fixture f;
  for (int i = 0; i < 1200; ++i) {
    f.memory.add(model::Labels::from({{"__name__", "m"}, {"i", std::to_string(i)}}),
                 f.clock.now_ms() - 60'000, i);
  }
  CHECK(has(f.page(pages::query, "g0.expr=m"), "The first 1000 of 1200 series are shown"));
  CHECK(has(f.page(pages::query, "g0.expr=m&g0.tab=0"), "100 of 1200 series are drawn"));
}

TEST_CASE("Graphs hold any number", "[server]") {
  Fixture f;
  for (const char* expr :
       {"1e308*(time()%252)-1e308", "NaN", "Inf", "-Inf", "0", "1e-320", "time()*0%2B5",
        "vector(1.7e308)%20or%20-vector(1.7e308)", "1e300*time()"}) {
    INFO(expr);
    const std::string text = f.page(
        pages::query, std::string("g0.expr=") + expr + "&g0.tab=0&g0.stacked=1&g1.expr=" + expr +
                          "&g1.tab=0&g2.tab=0&g2.range_input=100y&g2.expr=" + expr);
    CHECK(has(text, "<svg class=\"graph\""));
    CHECK_FALSE(has(text, "nan "));
    CHECK_FALSE(has(text, "inf "));
  }
}

TEST_CASE("Target pages show pools, filters and dropped targets", "[server]") {
  Fixture f;
  CHECK(has(f.page(pages::targets), "There is no scrape pool"));
  f.apply_targets();
  std::string text = f.page(pages::targets);
  CHECK(has(text, "http://127.0.0.1:1/metrics"));
  CHECK(has(text, "0 / 1 up"));
  CHECK(has(text, "1 discovered targets are dropped"));
  CHECK(has(f.page(pages::targets, "health=up"), "None matches the filter"));
  CHECK(has(f.page(pages::targets, "search=nowhere"), "None matches the filter"));
  text = f.page(pages::service_discovery);
  CHECK(has(text, "dropped due to relabeling rules"));
  CHECK(has(text, "1 / 2 active targets"));
}

TEST_CASE("Rule pages show rules, states and filters", "[server]") {
  Fixture f;
  std::string text = f.page(pages::rules);
  CHECK(has(text, "a:b"));
  CHECK(has(text, "for 5m"));
  CHECK(has(text, "href=\"query?g0.expr=vector%281%29&amp;g0.tab=table\""));
  CHECK(has(f.page(pages::rules, "search=nowhere"), "No rule matches"));
  text = f.page(pages::alerts);
  CHECK(has(text, "any state (1)"));
  CHECK_FALSE(has(text, "a:b"));
  CHECK(has(f.page(pages::alerts, "state=firing"), "No alerting rule matches"));
}

TEST_CASE("Status pages show what is in force", "[server]") {
  Fixture f;
  CHECK(has(f.page(pages::config), "scrape_configs:"));
  CHECK(has(f.page(pages::config), "The last reload failed"));
  CHECK(has(f.page(pages::flags), "--web.page-title"));
  CHECK_FALSE(has(f.page(pages::flags, "search=nowhere"), "--web.page-title"));
  CHECK(has(f.page(pages::status), "30d"));
  CHECK(has(f.page(pages::tsdb_status), "No datapoints yet"));
  CHECK(has(f.page(pages::alertmanager_discovery), "None."));
}

TEST_CASE("Pages answer before and after the server is ready", "[server]") {
  Fixture f;
  f.ctx.phase = api::Phase::kStarting;
  for (const Named& one : kPages) {
    const server::HttpResponse response = f.ask(one.handler);
    CHECK(response.status == 503);
    CHECK(has(response.body, "Starting up"));
    CHECK(has(response.body, "http-equiv=\"refresh\""));
    CHECK(response.headers.get("X-Prometheus-Stopping") == "false");
  }
  f.ctx.phase = api::Phase::kStopping;
  CHECK(has(f.page(pages::query), "Shutting down"));
}

TEST_CASE("The way home holds behind proxies", "[server]") {
  Fixture f;
  const auto location = [&](const std::string& path, const std::string& query = "") {
    return std::string(f.ask(pages::home, query, path).headers.get("Location"));
  };
  CHECK(location("/") == "/query");
  CHECK(location("/graph", "g0.expr=up&g0.tab=0") == "/query?g0.expr=up&g0.tab=0");
  f.ctx.route_prefix = "/x";
  CHECK(location("/x/") == "/x/query");
  f.ctx.browser_path = "/outside";
  CHECK(location("/x/graph", "a=b") == "/outside/query?a=b");
  const server::HttpResponse css = f.ask(pages::stylesheet);
  CHECK(css.headers.get("Content-Type") == "text/css; charset=utf-8");
  CHECK(has(css.body, "prefers-color-scheme: dark"));
  CHECK(has(f.ask(pages::favicon).body, "<svg"));
}
