#pragma once

#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/yaml.h"
#include "scrape/scrape_ingest.h"
#include "tests/support/recording_appendable.h"

namespace silverback::scrape {

// One target's ingest into a storage that writes down what it gets.
struct IngestFixture {
  explicit IngestFixture(const std::string& yaml = "", ScrapeIngest::Options options = {}) {
    configure(yaml);
    ingest = std::make_unique<ScrapeIngest>(
        storage, metrics, clock, model::Labels::from({{"instance", "h:1"}, {"job", "j"}}), options);
  }

  void configure(const std::string& yaml) {
    const auto node = base::parse_yaml("- job_name: j\n" + yaml, "p.yml");
    REQUIRE(node.is_ok());
    auto list = parse_scrape_configs(*node, {}, "/");
    INFO(list.status().message());
    REQUIRE(list.is_ok());
    config = std::make_shared<const ScrapeConfig>(list->front());
  }

  ScrapeIngest::Page page(std::string body) {
    ScrapeIngest::Page out;
    out.config = config;
    out.body = std::move(body);
    out.content_type = "text/plain; version=0.0.4";
    out.t = (now += 1000);
    out.timeout_ms = 10'000;
    return out;
  }
  ScrapeIngest::Outcome scrape(std::string body) { return ingest->ingest(page(std::move(body))); }
  ScrapeIngest::Outcome fail() {
    ScrapeIngest::Page p = page("");
    p.fetched = base::Status(base::Errc::kIo, "connection refused");
    return ingest->ingest(std::move(p));
  }
  testing::RecordingAppendable::Batch last() const {
    REQUIRE(storage.batch_count() > 0);
    return storage.batches().back();
  }
  static std::string series(const std::string& name, const std::string& more = "") {
    return name + "{" + "instance=\"h:1\", job=\"j\"" + more + "}";
  }

  base::metrics::Registry registry;
  ScrapeMetrics metrics{registry};
  base::ManualClock clock{1'000'000};
  testing::RecordingAppendable storage;
  std::shared_ptr<const ScrapeConfig> config;
  int64_t now = 1'000'000;
  std::unique_ptr<ScrapeIngest> ingest;
};

}  // namespace silverback::scrape
