// kill -9 at any moment: what was acknowledged is there, once, with its value.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/e2e/support/server.h"

namespace silverback::e2e {
namespace {

constexpr int kSeries = 200;
constexpr int64_t kStart = 1'700'000'000'000;  // ms
constexpr int64_t kStep = 15'000;

// A value that only this series and number have, exact in a double.
double value_of(int series, int64_t number) {
  return static_cast<double>(series * 1'000'000LL + number * 7 + 1);
}

std::vector<WireSeries> batch(int64_t number) {
  std::vector<WireSeries> out;
  for (int s = 0; s < kSeries; ++s) {
    out.push_back({{{"__name__", "crash_test"}, {"series", std::to_string(s)}},
                   {{kStart + number * kStep, value_of(s, number)}}});
  }
  return out;
}

// Writes batches until one is not acknowledged. Numbers up to the returned one (exclusive) were.
void write_until_dead(int port, std::atomic<int64_t>& next) {
  while (remote_write(port, batch(next)).status / 100 == 2) ++next;
}

// Every acknowledged sample there, once; at most the one in flight beyond.
void check_all_there(const Server& server, int64_t acknowledged) {
  const int64_t end_s = (kStart + (acknowledged + 2) * kStep) / 1000;
  const int64_t span_s = (acknowledged + 3) * kStep / 1000 + 1;
  const auto series =
      raw_samples(server.port(), "crash_test[" + std::to_string(span_s) + "s]", end_s);
  REQUIRE(series.size() == kSeries);
  int64_t missing = 0, wrong = 0;
  for (int s = 0; s < kSeries; ++s) {
    const auto& samples = series.at("crash_test{series=\"" + std::to_string(s) + "\"}");
    std::set<int64_t> numbers;
    for (const auto& [t, v] : samples) {
      const int64_t number = (t - kStart) / kStep;
      if (!numbers.insert(number).second || v != value_of(s, number) || number > acknowledged)
        ++wrong;
    }
    for (int64_t n = 0; n < acknowledged; ++n) missing += numbers.count(n) == 0;
  }
  CHECK(missing == 0);
  CHECK(wrong == 0);
}

TEST_CASE("kill -9 while writing loses nothing that was acknowledged", "[e2e]") {
  Server server("scrape_configs: []\n");
  std::mt19937 random(7);
  std::atomic<int64_t> next{0};
  for (int round = 0; round < 4; ++round) {
    const int64_t goal = next + 20 + static_cast<int64_t>(random() % 60);
    std::thread writer([&] { write_until_dead(server.port(), next); });
    CHECK(eventually(60, [&] { return next >= goal; }));
    server.kill();
    writer.join();
    server.start();
    check_all_there(server, next);
    // The batch in flight may or may not be there: either way writing goes on behind it.
    ++next;
    while (remote_write(server.port(), batch(next - 1)).status == 0) {
    }
  }
  CHECK(server.stop() == 0);
}

TEST_CASE("kill -9 inside a flush loses and doubles nothing", "[e2e]") {
  Server server("scrape_configs: []\n");
  std::atomic<int64_t> next{0};
  int inside = 0;
  for (int round = 0; round < 8 && inside < 3; ++round) {
    for (const int64_t goal = next + 60; next < goal; ++next) {
      REQUIRE(remote_write(server.port(), batch(next)).status / 100 == 2);
    }
    std::thread flusher([&] { http(server.port(), "POST", "/api/v1/admin/tsdb/flush"); });
    const std::string flush_dir = server.data_dir() + "/flush";
    // Either we catch SSTs being written, or the flush was quicker: both must survive.
    const bool caught = eventually(2, [&] {
      std::error_code ignored;
      return std::filesystem::exists(flush_dir, ignored) &&
             !std::filesystem::is_empty(flush_dir, ignored);
    });
    server.kill();
    flusher.join();
    inside += caught;
    server.start();
    check_all_there(server, next);
  }
  CHECK(server.stop() == 0);
}

TEST_CASE("kill -9 while scraping keeps what was scraped a moment before", "[e2e]") {
  const TempDir dir;
  const int exporter_port = free_port();
  Process exporter(
      {find_program("prometheus-node-exporter"), "--collector.disable-defaults", "--collector.time",
       "--web.listen-address=127.0.0.1:" + std::to_string(exporter_port)},
      dir.file("exporter.log"));
  Server server(
      "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: node\n    static_configs: "
      "[{targets: ['127.0.0.1:" +
      std::to_string(exporter_port) + "']}]\n");
  REQUIRE(eventually(
      30, [&] { return query(server.port(), "count_over_time(up[1m]) > 5").size() == 1; }));
  const double before = query(server.port(), "count_over_time(up[1h])").begin()->second;
  server.kill();
  server.start();
  // Scrapes do not wait for the disk: the last second may be gone, no more.
  CHECK(query(server.port(), "count_over_time(up[1h])").begin()->second >= before - 2);
  CHECK(eventually(30, [&] {
    return query(server.port(), "count_over_time(up[1h])").begin()->second > before;
  }));
  CHECK(server.stop() == 0);
}

}  // namespace
}  // namespace silverback::e2e
