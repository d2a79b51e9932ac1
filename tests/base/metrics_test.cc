#include "base/metrics.h"

#include <cmath>
#include <thread>

#include <catch2/catch.hpp>

#include "base/dial_metrics.h"
#include "base/process_metrics.h"

namespace silverback::base::metrics {

TEST_CASE("Registry renders families by name and children by labels", "[base]") {
  Registry registry;
  registry.counter("b_total", "Counts\nb\\.", {{"job", "z"}}).inc(2);
  registry.counter("b_total", "Counts b.", {{"job", "a\"\\\n"}}).inc();
  registry.gauge("a", "A \"gauge\".").set(-1.5e9);
  CHECK(registry.render_text() ==
        "# HELP a A \"gauge\".\n# TYPE a gauge\na -1.5e+09\n"
        "# HELP b_total Counts\\nb\\\\.\n# TYPE b_total counter\n"
        "b_total{job=\"a\\\"\\\\\\n\"} 1\nb_total{job=\"z\"} 2\n");
}

TEST_CASE("Registry gives the same child for the same name and labels", "[base]") {
  Registry registry;
  Counter& first = registry.counter("x_total", "x", {{"a", "1"}});
  CHECK(&first == &registry.counter("x_total", "x", {{"a", "1"}}));
  CHECK(&first != &registry.counter("x_total", "x", {{"a", "2"}}));
}

TEST_CASE("Registry removes the children that carry all labels", "[base]") {
  Registry registry;
  registry.gauge("g", "g", {{"a", "1"}, {"b", "1"}});
  registry.gauge("g", "g", {{"a", "1"}, {"b", "2"}});
  registry.gauge("g", "g", {{"a", "2"}, {"b", "1"}});
  registry.remove("g", {{"a", "1"}});
  CHECK(registry.render_text() == "# HELP g g\n# TYPE g gauge\ng{a=\"2\",b=\"1\"} 0\n");
  registry.remove("g", {{"b", "1"}});
  CHECK(registry.render_text().empty());
  registry.remove("nope", {});
}

TEST_CASE("Histograms render cumulative buckets", "[base]") {
  Registry registry;
  Histogram& h = registry.histogram("h", "h", {0.1, 1, 10}, {{"x", "y"}});
  for (const double v : {0.05, 0.1, 0.5, 100.0, 2.0}) h.observe(v);
  CHECK(registry.render_text() ==
        "# HELP h h\n# TYPE h histogram\n"
        "h_bucket{x=\"y\",le=\"0.1\"} 2\nh_bucket{x=\"y\",le=\"1\"} 3\nh_bucket{x=\"y\",le=\"10\"} "
        "4\n"
        "h_bucket{x=\"y\",le=\"+Inf\"} 5\nh_sum{x=\"y\"} 102.65\nh_count{x=\"y\"} 5\n");
}

TEST_CASE("Registry renders OpenMetrics", "[base]") {
  Registry registry;
  registry.counter("b_total", "Counts \"b\".", {{"job", "z"}}).inc(2);
  registry.counter("c", "No total.").inc();
  registry.histogram("h", "h", {0.5, 10}).observe(1);
  registry.summary("s", "s", {0.5, 1}).observe(2);
  const auto handle =
      registry.add_collector([](Sink& sink) { sink.counter("d_total", "Collected.", {}, 3); });
  CHECK(registry.render_openmetrics() ==
        "# HELP b Counts \\\"b\\\".\n# TYPE b counter\nb_total{job=\"z\"} 2\n"
        "# HELP c No total.\n# TYPE c unknown\nc 1\n"
        "# HELP d Collected.\n# TYPE d counter\nd_total 3\n"
        "# HELP h h\n# TYPE h histogram\n"
        "h_bucket{le=\"0.5\"} 0\nh_bucket{le=\"10.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\n"
        "h_count 1\n"
        "# HELP s s\n# TYPE s summary\ns{quantile=\"0.5\"} 2\ns{quantile=\"1.0\"} 2\ns_sum 2\n"
        "s_count 1\n# EOF\n");
}

TEST_CASE("Histograms keep NaN out of the finite buckets", "[base]") {
  Histogram h({1});
  h.observe(std::nan(""));
  CHECK(h.bucket(0) == 0);
  CHECK(h.bucket(1) == 1);
}

TEST_CASE("Summaries give quantiles of what was observed", "[base]") {
  Registry registry;
  Summary& s = registry.summary("s", "s", {0.5, 0.9, 0.99});
  CHECK(std::isnan(s.values()[0]));
  for (int i = 1; i <= 100; ++i) s.observe(i);
  CHECK(s.values() == std::vector<double>{50, 90, 99});
  CHECK(registry.render_text() ==
        "# HELP s s\n# TYPE s summary\ns{quantile=\"0.5\"} 50\ns{quantile=\"0.9\"} 90\n"
        "s{quantile=\"0.99\"} 99\ns_sum 5050\ns_count 100\n");
}

TEST_CASE("Summaries sample when there is too much to keep", "[base]") {
  Summary s({0.5});
  for (int i = 0; i < 100000; ++i) s.observe(i % 1000);
  CHECK(s.count() == 100000);
  CHECK(s.values()[0] > 350);
  CHECK(s.values()[0] < 650);
}

TEST_CASE("Collectors write at each render until their handle dies", "[base]") {
  Registry registry;
  int calls = 0;
  auto handle = registry.add_collector([&](Sink& sink) {
    ++calls;
    sink.gauge("from_collector", "c", {{"n", "1"}}, calls);
    sink.counter("also_total", "d", {}, 3);
    registry.counter("made_inside_total", "e").inc();
  });
  CHECK(registry.render_text() ==
        "# HELP also_total d\n# TYPE also_total counter\nalso_total 3\n"
        "# HELP from_collector c\n# TYPE from_collector gauge\nfrom_collector{n=\"1\"} 1\n"
        "# HELP made_inside_total e\n# TYPE made_inside_total counter\nmade_inside_total 1\n");
  handle.reset();
  CHECK(registry.render_text() ==
        "# HELP made_inside_total e\n# TYPE made_inside_total counter\nmade_inside_total 1\n");
  CHECK(calls == 1);
}

TEST_CASE("A collector's handle may outlive its registry", "[base]") {
  std::shared_ptr<void> handle;
  {
    Registry registry;
    handle = registry.add_collector([](Sink&) {});
  }
  handle.reset();
  SUCCEED();
}

TEST_CASE("Counters lose nothing between threads", "[base]") {
  Registry registry;
  Counter& counter = registry.counter("c_total", "c");
  Histogram& h = registry.histogram("h", "h", {1});
  Summary& s = registry.summary("s", "s", {0.5});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        counter.inc();
        h.observe(0.5);
        s.observe(1);
        if (i % 100 == 0) registry.gauge("g", "g", {{"i", std::to_string(i)}}).add(1);
      }
    });
  }
  const std::string during = registry.render_text();
  for (std::thread& thread : threads) thread.join();
  CHECK(counter.value() == 4000);
  CHECK(h.bucket(0) == 4000);
  CHECK(s.count() == 4000);
}

TEST_CASE("Process metrics tell about this process", "[base]") {
  Registry registry;
  const auto handle = add_process_metrics(registry);
  const std::string text = registry.render_text();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_open_fds", "process_max_fds",
                           "process_start_time_seconds"}) {
    INFO(name);
    const size_t at = text.find(std::string("\n") + name + " ");
    REQUIRE(at != std::string::npos);
    const double v = std::stod(text.substr(at + std::string(name).size() + 2));
    CHECK(v >= 0);
  }
  const size_t at = text.find("\nprocess_start_time_seconds ");
  CHECK(std::stod(text.substr(at + 28)) > 1.6e9);
}

TEST_CASE("DialMetrics count a connection from its attempt to its end", "[base]") {
  Registry registry;
  DialMetrics dials(registry, "job");
  const auto value = [&](const char* what, LabelPairs more = {}) {
    LabelPairs labels = {{"dialer_name", "job"}};
    labels.insert(labels.end(), more.begin(), more.end());
    return registry.counter(std::string("net_conntrack_dialer_conn_") + what + "_total", "", labels)
        .value();
  };
  dials.attempted();
  std::shared_ptr<void> connection = dials.established();
  CHECK(value("attempted") == 1);
  CHECK(value("established") == 1);
  CHECK(value("closed") == 0);
  connection.reset();
  CHECK(value("closed") == 1);
  dials.failed({Errc::kIo, "dial tcp 127.0.0.1:1: connect: connection refused"});
  dials.failed({Errc::kIo, "dial tcp: lookup nowhere: no such host"});
  dials.failed({Errc::kTimeout, "context deadline exceeded"});
  dials.failed({Errc::kIo, "something else"});
  for (const char* reason : {"refused", "resolution", "timeout", "unknown"}) {
    INFO(reason);
    CHECK(value("failed", {{"reason", reason}}) == 1);
  }
}

}  // namespace silverback::base::metrics
