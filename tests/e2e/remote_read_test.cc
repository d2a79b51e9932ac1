// Debian's Prometheus reads from us: by remote read, and by scraping /federate.
#include <chrono>
#include <memory>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A Prometheus without samples of its own but those of `scrapes`.
class Reader {
 public:
  Reader(int source, const std::string& scrapes) {
    const std::string self = "127.0.0.1:" + std::to_string(port_);
    dir_.write("prometheus.yml",
               "global: {scrape_interval: 1s}\nscrape_configs: " + scrapes +
                   "\nremote_read: [{url: 'http://127.0.0.1:" + std::to_string(source) +
                   "/api/v1/read', read_recent: true}]\n");
    process_ = std::make_unique<Process>(
        std::vector<std::string>{
            find_program("prometheus"), "--config.file=" + dir_.file("prometheus.yml"),
            "--storage.tsdb.path=" + dir_.file("data"), "--web.listen-address=" + self},
        dir_.file("prometheus.log"));
    REQUIRE(eventually(60, [&] { return http_get(port_, "/-/ready").status == 200; }));
  }
  int port() const { return port_; }

 private:
  const TempDir dir_;
  const int port_ = free_port();
  std::unique_ptr<Process> process_;
};

}  // namespace

TEST_CASE("Debian's Prometheus reads our samples remotely", "[e2e]") {
  const Server server(
      "global: {external_labels: {replica: r1}}\n"
      "scrape_configs: []\n");
  const int64_t end = now_s() / 10 * 10;
  std::vector<WireSeries> written;
  for (int s = 0; s < 3; ++s) {
    WireSeries series;
    series.labels = {{"__name__", "m"}, {"s", std::to_string(s)}};
    for (int i = 0; i < 400; ++i) {
      series.samples.emplace_back((end - 4000 + i * 10) * 1000 + s,
                                  i % 9 == 0 ? 0.1 * i * s : -7.5 * s);
    }
    written.push_back(std::move(series));
  }
  REQUIRE(remote_write(server.port(), written).status == 204);
  const Reader reader(server.port(), "[]");
  const auto ours = raw_samples(server.port(), "m[2h]", end);
  REQUIRE(ours.size() == 3);
  const auto theirs = raw_samples(reader.port(), "m[2h]", end);
  REQUIRE(theirs.size() == 3);
  for (const auto& [name, samples] : ours) {
    std::string read_as = name;
    read_as.insert(read_as.find("s="), "replica=\"r1\",");
    INFO(read_as);
    const auto at = theirs.find(read_as);
    REQUIRE(at != theirs.end());
    CHECK(at->second == samples);
  }
  // A selector of our external label reaches our series, another value does not.
  CHECK(query(reader.port(), "count(m{replica=\"r1\",s!=\"0\"})", std::to_string(end)).at("") == 2);
  CHECK(query(reader.port(), "m{replica=\"r2\"}", std::to_string(end)).empty());
}

TEST_CASE("Debian's Prometheus federates us", "[e2e]") {
  const Server server(
      "global: {external_labels: {replica: r1}}\n"
      "scrape_configs: []\n");
  const int64_t now = now_s();
  WireSeries series;
  series.labels = {{"__name__", "m"}, {"job", "ours"}};
  series.samples.emplace_back(now * 1000, 42.5);
  REQUIRE(remote_write(server.port(), {series}).status == 204);
  const Reader reader(server.port(),
                      "[{job_name: federate, honor_labels: true, metrics_path: /federate, params: "
                      "{'match[]': ['m']}, static_configs: [{targets: ['127.0.0.1:" +
                          std::to_string(server.port()) + "']}]}]");
  QueryAnswer answer;
  REQUIRE(eventually(30, [&] {
    answer = query(reader.port(), "timestamp(m{instance=\"\"})", std::to_string(now + 1));
    return !answer.empty();
  }));
  REQUIRE(answer.size() == 1);
  CHECK(answer.begin()->first == "{job=\"ours\",replica=\"r1\"}");
  CHECK(answer.begin()->second == static_cast<double>(now));
}

}  // namespace silverback::e2e
