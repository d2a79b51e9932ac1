// Programs that users point at a Prometheus: promtool, client libraries, push gateways and other
// servers' remote writers, all from Debian's packages.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

// Runs a program to its end.
Outcome run(const TempDir& dir, std::vector<std::string> command) {
  static int number = 0;
  command.front() = find_program(command.front());
  Process process(command, dir.file("run" + std::to_string(number++) + ".log"));
  Outcome out;
  out.status = process.wait(30);
  out.output = process.log();
  return out;
}

std::string job(const std::string& name, int port, const std::string& more = "") {
  return "  - {job_name: " + name + ", scrape_interval: 200ms, " + more +
         "static_configs: [{targets: ['127.0.0.1:" + std::to_string(port) + "']}]}\n";
}

std::string data_file(const std::string& name) {
  return std::string(SILVERBACK_SOURCE) + "/tests/e2e/data/" + name;
}

// A Debian push gateway that holds one group of fixed values.
class Pushgateway {
 public:
  Pushgateway() : port_(free_port()) {
    process_ = std::make_unique<Process>(
        std::vector<std::string>{find_program("prometheus-pushgateway"),
                                 "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
        dir_.file("pushgateway.log"));
    REQUIRE(eventually(30, [this] { return http_get(port_, "/-/ready").status == 200; }));
    const HttpReply pushed = http(port_, "PUT", "/metrics/job/batch/instance/night",
                                  "# TYPE pushed_rows_total counter\n"
                                  "pushed_rows_total{table=\"a \\\"b\\\"\"} 65537\n"
                                  "# TYPE pushed_ratio gauge\npushed_ratio -0.001953125\n"
                                  "# TYPE pushed_nan gauge\npushed_nan NaN\n"
                                  "# TYPE pushed_inf gauge\npushed_inf +Inf\n");
    REQUIRE(pushed.status == 200);
  }
  int port() const { return port_; }

 private:
  TempDir dir_;
  int port_;
  std::unique_ptr<Process> process_;
};

// What a gateway's group must read as wherever it has gone; `more` are labels of the way.
void check_pushed(int port, const std::string& more = "") {
  const std::string where = "{job=\"batch\",instance=\"night\"" + more;
  const auto value = [&](const std::string& selector) {
    INFO(selector);
    const QueryAnswer answer = query(port, selector);
    REQUIRE(answer.size() == 1);
    return answer.begin()->second;
  };
  CHECK(value("pushed_rows_total" + where + ",table=\"a \\\"b\\\"\"}") == 65537.0);
  CHECK(value("pushed_ratio" + where + "}") == -0.001953125);
  CHECK(std::isnan(value("pushed_nan" + where + "}")));
  CHECK(value("pushed_inf" + where + "}") == INFINITY);
}

TEST_CASE("promtool asks us as it asks Prometheus", "[e2e]") {
  const Server server("global: {scrape_interval: 200ms}\nscrape_configs: []\n");
  const TempDir dir;
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  const int64_t now = static_cast<int64_t>(query(server.port(), "time()").begin()->second);
  REQUIRE(remote_write(server.port(), {{{{"__name__", "m"}, {"a", "1"}}, {{now * 1000, 4.5}}},
                                       {{{"__name__", "m"}, {"a", "2"}}, {{now * 1000, 5}}}})
              .status == 204);
  const std::string time = std::to_string(now);
  const Outcome instant =
      run(dir, {"promtool", "query", "instant", "--time=" + time, url, "sum(m) + 1"});
  CHECK(instant.output == "{} => 10.5 @[" + time + "]\n");
  CHECK(instant.status == 0);
  const Outcome range =
      run(dir, {"promtool", "query", "range", "--start=" + time, "--end=" + std::to_string(now + 1),
                "--step=1s", url, "m{a=\"1\"}"});
  INFO(range.output);
  CHECK(range.output.find("4.5 @[" + time + "]\n4.5 @[" + std::to_string(now + 1) + "]\n") !=
        std::string::npos);
  const Outcome series = run(dir, {"promtool", "query", "series", "--match=m", url});
  CHECK(series.output == "{__name__=\"m\", a=\"1\"}\n{__name__=\"m\", a=\"2\"}\n");
  const Outcome labels = run(dir, {"promtool", "query", "labels", url, "a"});
  CHECK(labels.output == "1\n2\n");
  const Outcome wrong = run(dir, {"promtool", "query", "instant", url, "sum("});
  CHECK(wrong.status == 1);
  CHECK(wrong.output.find("bad_data: invalid parameter \"query\": 1:5: parse error") !=
        std::string::npos);
  CHECK(run(dir, {"promtool", "query", "series", "--match={", url}).status == 1);
}

TEST_CASE("promtool finds nothing wrong with the files we ship", "[e2e]") {
  const TempDir dir;
  const std::string configs = fmt::format("{}/configs/", SILVERBACK_SOURCE);
  for (const char* name : {"prometheus.yml", "docker.yml"}) {
    const Outcome checked =
        run(dir, {"promtool", "check", "config", "--syntax-only", configs + name});
    INFO(checked.output);
    CHECK(checked.status == 0);
  }
  const Outcome rules = run(dir, {"promtool", "check", "rules", configs + "rules/example.yml"});
  INFO(rules.output);
  CHECK(rules.status == 0);
  CHECK(rules.output.find("SUCCESS") != std::string::npos);
}

TEST_CASE("a target of the Python client arrives whole", "[e2e]") {
  const int port = free_port();
  const TempDir dir;
  const Process target({"/usr/bin/python3", data_file("python_target.py"), std::to_string(port)},
                       dir.file("python.log"));
  const bool up = eventually(30, [&] { return http_get(port, "/metrics").status == 200; });
  INFO(target.log());
  REQUIRE(up);
  const Server server("scrape_configs:\n" +
                      job("text", port, "scrape_protocols: [PrometheusText0.0.4], ") +
                      job("open", port, "scrape_protocols: [OpenMetricsText1.0.0], "));
  REQUIRE(eventually(30, [&] { return query(server.port(), "up == 1").size() == 2; }));
  for (const char* name : {"text", "open"}) {
    const std::string of = std::string("job=\"") + name + "\"";
    const auto value = [&](const std::string& metric, const std::string& labels) {
      const std::string selector = metric + "{" + labels + (labels.empty() ? "" : ",") + of + "}";
      INFO(selector);
      const QueryAnswer answer = query(server.port(), selector);
      REQUIRE(answer.size() == 1);
      return answer.begin()->second;
    };
    CHECK(value("py_requests_total", "path=\"/a\\\"b\\\\c\\n\"") == 3);
    CHECK(value("py_requests_total", "path=\"/\u00fc\"") == 0.5);
    CHECK(value("py_temperature_celsius", "") == -7.25);
    CHECK(value("py_latency_seconds_bucket", "le=\"0.1\"") == 1);
    CHECK(value("py_latency_seconds_bucket", "le=\"10.0\"") == 4);
    CHECK(value("py_latency_seconds_bucket", "le=\"+Inf\"") == 5);
    CHECK(value("py_latency_seconds_sum", "") == 56.05);
    CHECK(value("py_size_bytes_count", "") == 2);
    CHECK(value("py_build_info", "version=\"1.2.3\"") == 1);
    CHECK(value("py_state", "py_state=\"off\"") == 1);
    CHECK(value("py_state", "py_state=\"on\"") == 0);
  }
  const std::string metadata = http_get(server.port(), "/api/v1/metadata").body;
  CHECK(metadata.find("Requests, with \\\"quotes\\\" and a \\\\ in the help.") !=
        std::string::npos);
}

TEST_CASE("a push gateway is scraped with the labels it honors", "[e2e]") {
  const Pushgateway gateway;
  const Server server("scrape_configs:\n" + job("push", gateway.port(), "honor_labels: true, "));
  REQUIRE(eventually(30, [&] { return query(server.port(), "pushed_ratio").size() == 1; }));
  check_pushed(server.port());
  CHECK(query(server.port(), "push_time_seconds{job=\"batch\"}").size() == 1);
}

TEST_CASE("vmagent writes into us what it has scraped", "[e2e]") {
  const Pushgateway gateway;
  const Server server("scrape_configs: []\n");
  const TempDir dir;
  const std::string config =
      dir.write("vmagent.yml",
                "global: {scrape_interval: 1s, external_labels: {via: vmagent}}\n"
                "scrape_configs:\n"
                "  - {job_name: push, honor_labels: true, static_configs: [{targets: "
                "['127.0.0.1:" +
                    std::to_string(gateway.port()) + "']}]}\n");
  const int port = free_port();
  const Process agent(
      {find_program("vmagent"), "-promscrape.config=" + config,
       "-httpListenAddr=127.0.0.1:" + std::to_string(port),
       "-remoteWrite.url=http://127.0.0.1:" + std::to_string(server.port()) + "/api/v1/write",
       "-remoteWrite.tmpDataPath=" + dir.file("data"), "-remoteWrite.flushInterval=200ms"},
      dir.file("vmagent.log"));
  const bool arrived = eventually(
      60, [&] { return query(server.port(), "pushed_ratio{via=\"vmagent\"}").size() == 1; });
  INFO(agent.log());
  REQUIRE(arrived);
  check_pushed(server.port(), ",via=\"vmagent\"");
  CHECK(query(server.port(), "up{job=\"push\",via=\"vmagent\"} == 1").size() == 1);
}

}  // namespace
}  // namespace silverback::e2e
