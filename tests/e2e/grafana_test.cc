// The requests that Grafana's Prometheus data source sends, and what it needs to find in the
// answers.
#include <chrono>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

const HttpFields kForm = {{"Content-Type", "application/x-www-form-urlencoded"},
                          {"X-Dashboard-UID", "d"},
                          {"X-Panel-Id", "1"}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A server with two series of a minute, and a rule.
class Fixture {
 public:
  Fixture() {
    for (const char* job : {"a", "b"}) {
      WireSeries series;
      series.labels = {{"__name__", "m"}, {"job", job}};
      for (int64_t t = end_ - 60; t <= end_; t += 10) series.samples.emplace_back(t * 1000, 1);
      series_.push_back(std::move(series));
    }
    REQUIRE(remote_write(server_.port(), series_).status == 204);
  }
  HttpReply get(const std::string& path) const { return http_get(server_.port(), path); }
  HttpReply post(const std::string& path, const std::string& form) const {
    return http(server_.port(), "POST", path, form, kForm);
  }
  int64_t end() const { return end_; }

 private:
  const int64_t end_ = now_s() / 10 * 10;
  const TempDir rules_;
  const Server server_{
      "scrape_configs: []\nrule_files: ['" +
      rules_.write("rules.yml", "groups: [{name: g, rules: [{record: 'a:b', expr: 'sum(m)'}]}]\n") +
      "']\n"};
  std::vector<WireSeries> series_;
};

void check_success(const HttpReply& reply) {
  INFO(reply.body);
  CHECK(reply.status == 200);
  CHECK(reply.body.rfind(R"({"status":"success","data":)", 0) == 0);
}

}  // namespace

TEST_CASE("Grafana saves and tests its data source", "[e2e]") {
  const Fixture f;
  // A time long before any data.
  CHECK(f.post("/api/v1/query", "query=1%2B1&time=4").body ==
        R"({"status":"success","data":{"resultType":"scalar","result":[4,"2"]}})");
  CHECK(f.get("/api/v1/query?query=1%2B1&time=4").status == 200);
  const HttpReply build = f.get("/api/v1/status/buildinfo");
  check_success(build);
  CHECK(contains(build.body, R"("version":"3.)"));
  CHECK_FALSE(contains(build.body, "features"));
}

TEST_CASE("Grafana draws panels", "[e2e]") {
  const Fixture f;
  const std::string range = "start=" + std::to_string(f.end() - 45) +
                            ".000&end=" + std::to_string(f.end()) + ".000&step=15.000";
  const HttpReply matrix = f.post("/api/v1/query_range", "query=sum+by+%28job%29+%28m%29&" + range);
  check_success(matrix);
  // The reader streams: the type comes first.
  CHECK(matrix.body.rfind(R"({"status":"success","data":{"resultType":"matrix","result":[)", 0) ==
        0);
  CHECK(contains(matrix.body, R"({"metric":{"job":"a"},"values":[[)"));
  const HttpReply instant =
      f.post("/api/v1/query", "query=m&time=" + std::to_string(f.end()) + ".5&timeout=60s");
  check_success(instant);
  CHECK(contains(instant.body, R"("resultType":"vector")"));
  const HttpReply points = f.post("/api/v1/query_range", "query=m&start=0&end=11001&step=1");
  CHECK(points.status == 400);
  CHECK(contains(points.body,
                 "exceeded maximum resolution of 11,000 points per timeseries. Try "
                 "decreasing the query resolution (?step=XX)"));
}

TEST_CASE("Grafana looks for exemplars", "[e2e]") {
  const Fixture f;
  // The probe gives milliseconds where seconds are meant.
  const HttpReply probe =
      f.post("/api/v1/query_exemplars", "query=test&start=1795287439764&end=1795287439764");
  check_success(probe);
  CHECK(contains(probe.body, R"("data":[])"));
}

TEST_CASE("Grafana reads metadata and completes labels", "[e2e]") {
  const Fixture f;
  const std::string range =
      "start=" + std::to_string(f.end() - 3600) + "&end=" + std::to_string(f.end());
  CHECK(contains(f.get("/api/v1/label/__name__/values?" + range).body, R"("m")"));
  CHECK(f.get("/api/v1/label/job/values?" + range + "&match[]=m&limit=40000").body ==
        R"({"status":"success","data":["a","b"]})");
  CHECK(f.post("/api/v1/labels", range + "&match%5B%5D=m").body ==
        R"({"status":"success","data":["__name__","job"]})");
  CHECK(contains(f.post("/api/v1/series", range + "&match%5B%5D=%7Bjob%3D%22a%22%7D").body,
                 R"([{"__name__":"m","job":"a"}])"));
  CHECK(f.get("/api/v1/metadata?limit=40000").body == R"({"status":"success","data":{}})");
  CHECK(f.post("/api/v1/format_query", "query=foo%2Fbar").body ==
        R"({"status":"success","data":"foo / bar"})");
  check_success(f.post("/api/v1/parse_query", "query=foo%2Fbar"));
}

TEST_CASE("Grafana asks for rules twice and for what is running", "[e2e]") {
  const Fixture f;
  for (int i = 0; i < 2; ++i) {
    const HttpReply rules = f.get("/api/v1/rules");
    check_success(rules);
    CHECK(contains(rules.body, R"x("name":"a:b","query":"sum(m)")x"));
  }
  for (const char* path :
       {"/api/v1/alerts", "/api/v1/alertmanagers", "/api/v1/targets?state=active",
        "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/runtimeinfo",
        "/api/v1/status/tsdb", "/api/v1/status/walreplay", "/api/v1/notifications"}) {
    INFO(path);
    check_success(f.get(path));
  }
  // A POST to what is GET only is 405 with Allow; the client then repeats it by GET.
  const HttpReply refused = f.post("/api/v1/metadata", "limit=1");
  CHECK(refused.status == 405);
  CHECK(contains(refused.headers, "Allow: GET, OPTIONS"));
}

}  // namespace silverback::e2e
