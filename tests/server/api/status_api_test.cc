#include <limits>

#include <catch2/catch.hpp>

#include "server/api/api.h"
#include "tests/support/memory_storage.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace server = silverback::server;
namespace api = silverback::server::api;

namespace {

constexpr const char* kConfig =
    "scrape_configs:\n"
    "- job_name: one\n"
    "  basic_auth: {username: u, password: hidden}\n"
    "  relabel_configs:\n"
    "  - source_labels: [a, b]\n"
    "    regex: x(.*)\n"
    "    target_label: c\n"
    "    replacement: <$1>\n"
    "  - source_labels: [drop]\n"
    "    regex: yes|no\n"
    "    action: drop\n"
    "  - source_labels: [c]\n"
    "    modulus: 4\n"
    "    target_label: shard\n"
    "    action: hashmod\n"
    "  static_configs: [{targets: ['h:1']}]\n";

struct Fixture {
  Fixture() {
    promql::EngineOptions options;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    engine = std::make_unique<promql::Engine>(std::move(options));
    ctx.clock = &clock;
    ctx.registry = &registry;
    ctx.engine = engine.get();
    ctx.notifications = &notifications;
    ctx.replay = &replay;
    ctx.config = [this] { return std::make_shared<const server::Config>(config); };
    const base::Result<server::Config> parsed = server::parse_config(kConfig, "/etc/p.yml");
    REQUIRE(parsed.is_ok());
    config = *parsed;
  }
  std::string get(api::Answer (*handler)(api::Context&, const api::Call&),
                  const std::string& query = "") {
    server::HttpRequest request;
    request.method = "GET";
    request.query = query;
    const api::Call call{request, *api::Params::parse(request), ""};
    const server::HttpResponse response = api::to_response(handler(ctx, call));
    return std::to_string(response.status) + " " + response.body;
  }

  base::ManualClock clock{1'000'500};
  base::metrics::Registry registry;
  server::Notifications notifications{1, clock, registry};
  silverback::tsdb::ReplayProgress replay;
  std::unique_ptr<promql::Engine> engine;
  server::Config config;
  api::Context ctx;
};

std::string bad(const std::string& error) {
  return R"(400 {"status":"error","errorType":"bad_data","error":")" + error + "\"}";
}
std::string good(const std::string& data) {
  return R"(200 {"status":"success","data":)" + data + "}";
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("API walreplay tells three numbers", "[server]") {
  Fixture f;
  f.replay.first = 3;
  f.replay.last = 9;
  f.replay.current = 4;
  CHECK(f.get(api::status_walreplay) == good(R"({"min":3,"max":9,"current":4})"));
}

TEST_CASE("API notifications lists what is going on", "[server]") {
  Fixture f;
  CHECK(f.get(api::notifications) == good("[]"));
  f.notifications.add(server::Notifications::kReloadFailed);
  CHECK(
      f.get(api::notifications) ==
      good(
          R"([{"text":"Configuration reload has failed.","date":"1970-01-01T00:16:40.5Z","active":true}])"));
}

TEST_CASE("API scrape_pools/config shows one job without its secrets", "[server]") {
  Fixture f;
  CHECK(f.get(api::scrape_pool_config) == bad("no scrapePool parameter provided"));
  CHECK(f.get(api::scrape_pool_config, "scrapePool=x") ==
        bad(R"(error retrieving scrape config: scrape pool \"x\" not found)"));
  const std::string body = f.get(api::scrape_pool_config, "scrapePool=one");
  CHECK(contains(body, R"({"yaml":"job_name: one\n)"));
  CHECK(contains(body, R"(password: \u003csecret\u003e\n)"));
  CHECK_FALSE(contains(body, "hidden"));
}

TEST_CASE("API relabel_steps follows a label set through the rules", "[server]") {
  Fixture f;
  CHECK(f.get(api::target_relabel_steps) == bad("no scrapePool parameter provided"));
  CHECK(f.get(api::target_relabel_steps, "scrapePool=one") == bad("no labels parameter provided"));
  CHECK(f.get(api::target_relabel_steps, "scrapePool=x&labels={}") ==
        bad(R"(error retrieving scrape config: scrape pool \"x\" not found)"));
  CHECK(contains(f.get(api::target_relabel_steps, "scrapePool=one&labels=[1"),
                 "error parsing labels: "));
  CHECK(f.get(api::target_relabel_steps, "scrapePool=one&labels=[1]") ==
        bad("error parsing labels: not an object"));
  const std::string replace =
      R"x({"source_labels":["a","b"],"separator":";","regex":"x(.*)","target_label":"c","replacement":"\u003c$1\u003e","action":"replace"})x";
  const std::string drop =
      R"x({"source_labels":["drop"],"separator":";","regex":"yes|no","replacement":"$1","action":"drop"})x";
  const std::string shard =
      R"x({"source_labels":["c"],"separator":";","regex":"(.*)","modulus":4,"target_label":"shard","replacement":"$1","action":"hashmod"})x";
  CHECK(f.get(api::target_relabel_steps,
              R"(scrapePool=one&labels={"a":"x1","b":"2","drop":"yes"})") ==
        good(R"({"steps":[{"rule":)" + replace +
             R"(,"output":{"a":"x1","b":"2","c":"<1;2>","drop":"yes"},"keep":true},{"rule":)" +
             drop + R"(,"output":{},"keep":false},{"rule":)" + shard +
             R"(,"output":{},"keep":false}]})"));
}

TEST_CASE("API self_metrics gives ProtoJSON", "[server]") {
  Fixture f;
  base::metrics::Registry own;
  f.ctx.registry = &own;
  own.counter("c_total", "Counts.", {{"a", "<x>"}}).inc(2);
  own.gauge("g", "").set(-std::numeric_limits<double>::infinity());
  own.histogram("h", "Spread.", {0.5}).observe(0.25);
  own.summary("s", "Sum.", {0.5}).observe(3);
  CHECK(
      f.get(api::status_self_metrics, "metric_name_pattern=c_.*") ==
      good(
          R"([{"name":"c_total","help":"Counts.","type":"COUNTER","metric":[{"label":[{"name":"a","value":"\u003cx\u003e"}],"counter":{"value":2}}]}])"));
  CHECK(
      f.get(api::status_self_metrics, "metric_name_pattern=h") ==
      good(
          R"([{"name":"h","help":"Spread.","type":"HISTOGRAM","metric":[{"histogram":{"sampleCount":"1","sampleSum":0.25,"bucket":[{"cumulativeCount":"1","upperBound":0.5}]}}]}])"));
  CHECK(
      f.get(api::status_self_metrics, "metric_name_pattern=s") ==
      good(
          R"([{"name":"s","help":"Sum.","type":"SUMMARY","metric":[{"summary":{"sampleCount":"1","sampleSum":3,"quantile":[{"quantile":0.5,"value":3}]}}]}])"));
  CHECK(contains(f.get(api::status_self_metrics), R"("gauge":{"value":"-Infinity"})"));
  CHECK(f.get(api::status_self_metrics, "metric_name_pattern=c") == good("[]"));
  CHECK(contains(f.get(api::status_self_metrics, "metric_name_pattern=("),
                 "invalid metric_name_pattern: error parsing regexp: "));
}

TEST_CASE("API features tells what is on", "[server]") {
  Fixture f;
  f.ctx.flags["enable-feature"] = "exemplar-storage, concurrent-rule-eval";
  f.ctx.lifecycle_enabled = true;
  const std::string body = f.get(api::features);
  CHECK(contains(body, R"({"api":{"admin":false,)"));
  CHECK(contains(body, R"("lifecycle":true)"));
  CHECK(contains(body, R"("promql_functions":{"abs":true,)"));
  CHECK(contains(body, R"("limitk":false)"));
  CHECK(contains(body, R"(">=":true)"));
  CHECK(contains(body, R"("humanizeTimestamp":true)"));
  CHECK(contains(body, R"("concurrent_rule_eval":true)"));
  CHECK(contains(body, R"("exemplar_storage":true)"));
}
