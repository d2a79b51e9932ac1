#include <future>

#include <catch2/catch.hpp>

#include "server/api/api.h"
#include "tests/support/memory_storage.h"
#include "tests/support/write_request_v2.h"

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;
namespace scrape = silverback::scrape;
namespace server = silverback::server;
namespace storage = silverback::storage;
namespace api = silverback::server::api;

namespace {

constexpr const char* kRules =
    "groups:\n"
    "- name: one\n"
    "  interval: 15s\n"
    "  rules:\n"
    "  - record: a:b\n"
    "    expr: sum(up)\n"
    "    labels: {team: x}\n"
    "  - alert: Down\n"
    "    expr: up==0\n"
    "    for: 90s\n"
    "    labels: {severity: page}\n"
    "    annotations: {text: '<b>'}\n"
    "- name: two\n"
    "  rules:\n"
    "  - record: c:d\n"
    "    expr: '1'\n";

/// Real services that are not started: what they show is what they were given.
struct Fixture {
  Fixture() {
    io.start();
    pool.start();
    promql::EngineOptions engine_options;
    borrow(engine_options);
    engine = std::make_unique<promql::Engine>(engine_options);
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
    ctx.clock = &clock;
    ctx.engine = engine.get();
    ctx.queryable = &memory;
    ctx.rules = manager.get();
    ctx.notifier = notifier.get();
    ctx.scrape = targets.get();
    manager->apply(*rules::parse_rule_file(kRules, "/etc/r.yml", {}), 60'000, 0, {});
  }
  ~Fixture() {
    targets->stop();
    manager->stop();
    notifier->stop();
    pool.stop();
    io.stop();
  }
  template <typename Options>
  void borrow(Options& options) {
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
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
  // Without a body: a snappy block of nothing, an empty request.
  server::HttpResponse write(const base::HttpHeaders& headers,
                             const std::string& body = std::string("\0", 1)) {
    server::HttpRequest request;
    request.method = "POST";
    request.headers = headers;
    request.body = body;
    std::promise<server::HttpResponse> answer;
    api::remote_write(ctx, request,
                      [&answer](server::HttpResponse r) { answer.set_value(std::move(r)); });
    return answer.get_future().get();
  }

  base::ManualClock clock{1'000'000};
  base::metrics::Registry registry;
  base::IoRuntime io;
  base::WorkerPool pool{base::WorkerPool::Options{"test", 1, 64, 0}};
  silverback::testing::MemoryStorage memory;
  std::unique_ptr<promql::Engine> engine;
  std::unique_ptr<rules::Notifier> notifier;
  std::unique_ptr<rules::RuleManager> manager;
  std::unique_ptr<scrape::ScrapeManager> targets;
  api::Context ctx;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("API rules shows groups as Prometheus does", "[server]") {
  Fixture f;
  CHECK(
      f.get(api::rules, "rule_group[]=one") ==
      R"(200 {"status":"success","data":{"groups":[{"name":"one","file":"/etc/r.yml","rules":[)"
      R"x({"name":"a:b","query":"sum(up)","labels":{"team":"x"},"health":"unknown","evaluationTime":0,)x"
      R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"},)"
      R"({"state":"unknown","name":"Down","query":"up == 0","duration":90,"keepFiringFor":0,)"
      R"("labels":{"severity":"page"},"annotations":{"text":"<b>"},"alerts":[],"health":"unknown",)"
      R"("evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}],)"
      R"("interval":15,"limit":0,"evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}]}})");
}

TEST_CASE("API rules filters", "[server]") {
  Fixture f;
  struct Row {
    std::string query;
    bool record_ab, alert, record_cd;
  };
  for (const Row& row :
       std::vector<Row>{{"", true, true, true},
                        {"type=alert", false, true, false},
                        {"type=record", true, false, true},
                        {"rule_name[]=c:d&rule_name[]=Down", false, true, true},
                        {"rule_group[]=two", false, false, true},
                        {"file[]=/nope.yml", false, false, false},
                        {"match[]={team=\"x\"}", true, false, false},
                        {"type=ALERT", false, true, false},
                        {"match[]={team=\"x\"}&match[]={severity!=\"\"}", true, true, false},
                        {"group_limit=1", true, true, false}}) {
    INFO(row.query);
    const std::string body = f.get(api::rules, row.query);
    CHECK(contains(body, "\"a:b\"") == row.record_ab);
    CHECK(contains(body, "\"Down\"") == row.alert);
    CHECK(contains(body, "\"c:d\"") == row.record_cd);
  }
  CHECK(contains(f.get(api::rules, "exclude_alerts=True"), "\"alerts\":null"));
  CHECK(f.get(api::rules, "file[]=/nope.yml") ==
        R"(200 {"status":"success","data":{"groups":[]}})");
}

TEST_CASE("API rules pages by token", "[server]") {
  Fixture f;
  const std::string first = f.get(api::rules, "group_limit=1");
  const size_t at = first.find("\"groupNextToken\":\"");
  REQUIRE(at != std::string::npos);
  const std::string token = first.substr(at + 18, 64);
  const std::string second = f.get(api::rules, "group_limit=1&group_next_token=" + token);
  CHECK(contains(second, "\"c:d\""));
  CHECK_FALSE(contains(second, "groupNextToken"));
  CHECK_FALSE(contains(second, "\"a:b\""));
}

TEST_CASE("API rules refuses with Prometheus's words", "[server]") {
  Fixture f;
  struct Row {
    std::string query, error;
  };
  for (
      const Row& row : std::vector<Row>{
          {"type=x", R"(invalid parameter \"type\": not supported value \"x\")"},
          {"exclude_alerts=x",
           R"(invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax)"},
          {"exclude_alerts=X",
           R"(invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax)"},
          {"match[]=%7B%7D", R"(match[] must contain at least one non-empty matcher)"},
          {"match[]=%7B", R"(1:2: parse error: unexpected end of input inside braces)"},
          {"group_limit=x",
           R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax)"},
          {"group_limit=3000000000",
           R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"3000000000\": value out of range)"},
          {"group_limit=0",
           R"(invalid parameter \"group_limit\": group_limit needs to be greater than 0)"},
          {"group_next_token=a",
           R"(invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups)"},
          {"group_limit=1&group_next_token=a",
           R"(invalid parameter \"group_next_token\": invalid group_next_token 'a'. were rule groups changed?)"}}) {
    CHECK(f.get(api::rules, row.query) ==
          R"(400 {"status":"error","errorType":"bad_data","error":")" + row.error + "\"}");
  }
}

TEST_CASE("API shows empty services as empty lists", "[server]") {
  Fixture f;
  CHECK(f.get(api::alerts) == R"(200 {"status":"success","data":{"alerts":[]}})");
  CHECK(f.get(api::alertmanagers) ==
        R"(200 {"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}})");
  CHECK(
      f.get(api::targets) ==
      R"(200 {"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}})");
  CHECK(
      f.get(api::targets, "state=active") ==
      R"(200 {"status":"success","data":{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}})");
  CHECK(f.get(api::scrape_pools) == R"(200 {"status":"success","data":{"scrapePools":[]}})");
  CHECK(f.get(api::metadata) == R"(200 {"status":"success","data":{}})");
  CHECK(f.get(api::metadata, "limit=x") ==
        R"(400 {"status":"error","errorType":"bad_data","error":"limit must be a number"})");
}

TEST_CASE("API buildinfo says a version and no features", "[server]") {
  Fixture f;
  const std::string body = f.get(api::status_buildinfo);
  CHECK(contains(body, R"("version":"3.14.0")"));
  CHECK_FALSE(contains(body, "features"));
}

TEST_CASE("API write takes remote write 1.0 and 2.0 and nothing else", "[server]") {
  Fixture f;
  const auto headers = [](const char* type, const char* encoding) {
    base::HttpHeaders out;
    if (*type != '\0') out.add("Content-Type", type);
    if (*encoding != '\0') out.add("Content-Encoding", encoding);
    return out;
  };
  CHECK(f.write(headers("application/x-protobuf", "snappy")).status == 404);  // not enabled
  storage::remote::WriteReceiver receiver(f.memory, f.clock, f.registry);
  f.ctx.receiver = &receiver;
  struct Row {
    const char *type, *encoding;
    int status;
  };
  for (const Row& row :
       {Row{"application/x-protobuf", "snappy", 204}, Row{"", "", 204},
        Row{"application/x-protobuf;proto=prometheus.WriteRequest", "Snappy", 204},
        Row{"application/x-protobuf; proto=\"prometheus.WriteRequest\"", "", 204},
        Row{"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", 204},
        Row{"application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", 415},
        Row{"application/x-protobuf;version=1;proto=io.prometheus.write.v2.Request", "", 204},
        Row{"application/json", "snappy", 415}, Row{"application/x-protobuf", "gzip", 415}}) {
    INFO(row.type << " " << row.encoding);
    const server::HttpResponse response = f.write(headers(row.type, row.encoding));
    CHECK(response.status == row.status);
    if (row.status == 204)
      CHECK(response.headers.get("X-Prometheus-Remote-Write-Samples-Written") == "0");
  }
}

TEST_CASE("API write tells a 2.0 sender what was written", "[server]") {
  Fixture f;
  storage::remote::WriteReceiver receiver(f.memory, f.clock, f.registry);
  f.ctx.receiver = &receiver;
  base::HttpHeaders v2;
  v2.add("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
  v2.add("X-Prometheus-Remote-Write-Version", "2.0.0");
  silverback::testing::WriteRequestV2 request;
  request.series({{"__name__", "a"}}).sample(1'000'000, 1).sample(1'000'001, 2);
  request.exemplar({}, 1'000'000, 1);
  request.series({{"__name__", "h"}}).histogram(1'000'000, {});
  const auto written = [](const server::HttpResponse& response) {
    std::string all;
    for (const char* kind : {"Samples", "Histograms", "Exemplars"}) {
      all += response.headers.get(std::string("X-Prometheus-Remote-Write-") + kind + "-Written");
      all += " ";
    }
    return all;
  };
  const server::HttpResponse good = f.write(v2, request.body());
  CHECK(good.status == 204);
  CHECK(written(good) == "2 1 1 ");
  request.series({{"no", "name"}}).sample(1'000'000, 1);
  const server::HttpResponse partly = f.write(v2, request.body());
  CHECK(partly.status == 400);
  CHECK(partly.body.find("metric name is missing") != std::string::npos);
  f.memory.fail_commits({base::Errc::kIo, "disk"});
  const server::HttpResponse failed = f.write(v2, request.body());
  CHECK(failed.status == 503);
  CHECK(written(failed) == "0 0 0 ");

  f.ctx.accepted_messages = {storage::remote::WriteMessage::kV1};
  const server::HttpResponse refused = f.write(v2, request.body());
  CHECK(refused.status == 415);
  CHECK(refused.body.find("io.prometheus.write.v2.Request protobuf message is not accepted by this "
                          "server; only accepts [prometheus.WriteRequest]") != std::string::npos);
}
