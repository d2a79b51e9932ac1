#include "scrape/scrape_ingest.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/compress.h"
#include "model/stale.h"
#include "tests/scrape/ingest_fixture.h"

namespace silverback::scrape {
namespace {

using Batch = testing::RecordingAppendable::Batch;
using Fixture = IngestFixture;

}  // namespace

TEST_CASE("ScrapeIngest stores a page and its report as one column", "[scrape]") {
  Fixture f;
  const auto out = f.scrape("# TYPE a counter\n# HELP a Things.\na{x=\"1\"} 5\nb 7\n");
  CHECK(out.error.is_ok());
  CHECK(out.stored.is_ok());
  const Batch batch = f.last();
  CHECK(batch.value("a{instance=\"h:1\", job=\"j\", x=\"1\"}") == 5);
  CHECK(batch.value(Fixture::series("b")) == 7);
  CHECK(batch.value(Fixture::series("up")) == 1);
  CHECK(batch.value(Fixture::series("scrape_samples_scraped")) == 2);
  CHECK(batch.value(Fixture::series("scrape_samples_post_metric_relabeling")) == 2);
  CHECK(batch.value(Fixture::series("scrape_series_added")) == 2);
  CHECK(batch.has(Fixture::series("scrape_duration_seconds")));
  CHECK(batch.samples.size() == 7);
  for (const auto& sample : batch.samples) {
    CHECK(sample.t == f.now);
    CHECK(sample.target == 1);
  }
  std::vector<std::string> names;
  f.ingest->metadata().for_each([&](const std::string& name, const model::Metadata& m) {
    names.push_back(name + "/" + m.help);
    CHECK(m.type == model::MetricType::kCounter);
  });
  CHECK(names == std::vector<std::string>{"a/Things."});
}

TEST_CASE("ScrapeIngest resolves a line once, in any order of lines", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 2\nc 3\n");
  const uint64_t resolves = f.storage.resolves();
  f.scrape("a 4\nb 5\nc 6\n");
  f.scrape("c 7\na 8\nb 9\n");
  f.scrape("c 1\na 2\nb 3\n");
  CHECK(f.storage.resolves() == resolves);
  CHECK(f.last().value(Fixture::series("a")) == 2);
  CHECK(f.last().value(Fixture::series("b")) == 3);
  CHECK(f.last().value(Fixture::series("c")) == 1);
  CHECK(f.last().value(Fixture::series("scrape_series_added")) == 0);
}

TEST_CASE("ScrapeIngest ends series that vanish", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 2\n");
  f.scrape("b 3\n");
  CHECK(f.last().stale(Fixture::series("a")));
  CHECK(f.last().value(Fixture::series("b")) == 3);
  f.scrape("b 4\n");
  CHECK_FALSE(f.last().has(Fixture::series("a")));
  f.scrape("a 5\nb 4\n");
  CHECK(f.last().value(Fixture::series("a")) == 5);
  CHECK(f.last().value(Fixture::series("scrape_series_added")) == 1);
}

TEST_CASE("ScrapeIngest ends all series of a failed scrape", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 2\n");
  SECTION("not fetched") {
    const auto out = f.fail();
    CHECK(out.error.message() == "connection refused");
  }
  SECTION("not parsed: nothing before the error counts") {
    const auto out = f.scrape("a 5\nc 6\nb x\n");
    CHECK_THAT(out.error.message(), Catch::StartsWith("line 3, column 3: "));
    CHECK_FALSE(f.last().has(Fixture::series("c")));
    CHECK(f.last().value(Fixture::series("scrape_samples_scraped")) == 2);
  }
  SECTION("wrong type") {
    ScrapeIngest::Page p = f.page("a 1\nb 2\n");
    p.content_type = "application/openmetrics-text; version=1.0.0";
    const auto out = f.ingest->ingest(std::move(p));
    CHECK(out.error.message() == "line 3, column 1: data does not end with # EOF");
  }
  SECTION("no type and no fallback") {
    ScrapeIngest::Page p = f.page("a 1\nb 2\n");
    p.content_type = "";
    const auto out = f.ingest->ingest(std::move(p));
    CHECK_THAT(out.error.message(),
               Catch::StartsWith("non-compliant scrape target sending blank Content-Type"));
  }
  CHECK(f.last().stale(Fixture::series("a")));
  CHECK(f.last().stale(Fixture::series("b")));
  CHECK(f.last().value(Fixture::series("up")) == 0);
  f.scrape("a 1\nb 2\n");
  CHECK(f.last().value(Fixture::series("a")) == 1);
  CHECK(f.last().value(Fixture::series("up")) == 1);
}

TEST_CASE("ScrapeIngest reads an unknown type as the fallback protocol", "[scrape]") {
  Fixture f("  fallback_scrape_protocol: PrometheusText0.0.4\n");
  ScrapeIngest::Page p = f.page("a 1\n");
  p.content_type = "application/octet-stream";
  CHECK(f.ingest->ingest(std::move(p)).error.is_ok());
  CHECK(f.last().value(Fixture::series("a")) == 1);
}

TEST_CASE("ScrapeIngest keeps explicit timestamps out of the column and of staleness", "[scrape]") {
  Fixture f;
  f.scrape("a 1 5000\nb 2\n");
  CHECK(f.last().value(Fixture::series("a")) == 1);
  for (const auto& sample : f.last().samples) {
    if (sample.series == Fixture::series("a")) CHECK(sample.t == 5000);
  }
  f.scrape("b 2\n");
  CHECK_FALSE(f.last().has(Fixture::series("a")));
}

TEST_CASE("ScrapeIngest tracks explicit timestamps when told to", "[scrape]") {
  Fixture f("  track_timestamps_staleness: true\n");
  f.scrape("a 1 5000\n");
  f.scrape("b 2\n");
  CHECK(f.last().stale(Fixture::series("a")));
}

TEST_CASE("ScrapeIngest ignores timestamps without honor_timestamps", "[scrape]") {
  Fixture f("  honor_timestamps: false\n");
  f.scrape("a 1 5000\n");
  CHECK(f.last().samples[0].t == f.now);
}

TEST_CASE("ScrapeIngest resolves label conflicts", "[scrape]") {
  SECTION("target labels win, the others are exported") {
    Fixture f;
    f.scrape("a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n");
    CHECK(f.last().value(
              "a{exported_exported_job=\"x\", exported_job=\"y\", instance=\"h:1\", job=\"j\"}") ==
          1);
  }
  SECTION("honor_labels: even an empty one wins") {
    Fixture f("  honor_labels: true\n");
    f.scrape("a{job=\"x\",instance=\"\"} 1\nb 1\n");
    CHECK(f.last().value("a{job=\"x\"}") == 1);
    CHECK(f.last().value(Fixture::series("b")) == 1);
  }
}

TEST_CASE("ScrapeIngest relabels once and remembers what it dropped", "[scrape]") {
  Fixture f(
      "  metric_relabel_configs:\n"
      "  - {source_labels: [__name__], regex: go_.*, action: drop}\n"
      "  - {regex: secret, action: labeldrop}\n");
  for (int i = 0; i < 2; ++i) {
    f.scrape("go_x 1\na{secret=\"s\"} 2\n");
    CHECK(f.last().value(Fixture::series("a")) == 2);
    CHECK_FALSE(f.last().has(Fixture::series("go_x")));
    CHECK(f.last().value(Fixture::series("scrape_samples_scraped")) == 2);
    CHECK(f.last().value(Fixture::series("scrape_samples_post_metric_relabeling")) == 1);
  }
}

TEST_CASE("ScrapeIngest drops the second sample of a series", "[scrape]") {
  Fixture f("  metric_relabel_configs: [{regex: x, action: labeldrop}]\n");
  const auto out = f.scrape("a{x=\"1\"} 1\na{x=\"2\"} 2\na{x=\"1\"} 3\n");
  CHECK(out.error.is_ok());
  CHECK(f.last().value(Fixture::series("a")) == 1);
  CHECK(f.last().value(Fixture::series("scrape_samples_post_metric_relabeling")) == 3);
  CHECK(f.metrics.sample_duplicate.value() == 2);
  // One text goes, the other stays: the series goes on.
  f.scrape("a{x=\"2\"} 5\n");
  CHECK(f.last().value(Fixture::series("a")) == 5);
}

TEST_CASE("ScrapeIngest keeps a target's own up", "[scrape]") {
  Fixture f;
  f.scrape("up 7\n");
  CHECK(f.last().value(Fixture::series("up")) == 7);
  f.fail();
  CHECK(f.last().value(Fixture::series("up")) == 0);
}

TEST_CASE("ScrapeIngest enforces limits on the whole page", "[scrape]") {
  struct Row {
    const char* yaml;
    const char* error;
  };
  const Row row = GENERATE(values<Row>({
      {"  sample_limit: 1\n", "sample limit exceeded"},
      {"  label_limit: 3\n", "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"},
      {"  label_name_length_limit: 8\n",
       "label_name_length_limit exceeded (metric: a, label name: long_name, length: 9, limit: 8)"},
      {"  label_value_length_limit: 5\n",
       "label_value_length_limit exceeded (metric: a, label name: long_name, value: \"123456\", "
       "length: 6, limit: 5)"},
      {"  metric_name_validation_scheme: legacy\n", "invalid metric name or label names: "},
      {"  metric_relabel_configs: [{target_label: __name__, replacement: ''}]\n",
       "missing metric name (__name__ label)"},
  }));
  Fixture f(row.yaml);
  const auto out = f.scrape("a{long_name=\"123456\"} 1\n{\"b.c\"} 2\n");
  CHECK_THAT(out.error.message(), Catch::StartsWith(row.error));
  CHECK(f.last().value(Fixture::series("up")) == 0);
  CHECK(f.last().samples.size() == 5);
}

TEST_CASE("ScrapeIngest inflates within the body limit", "[scrape]") {
  Fixture f("  body_size_limit: 100B\n  extra_scrape_metrics: true\n");
  ScrapeIngest::Page p = f.page(base::gzip("a 1\n"));
  p.gzipped = true;
  CHECK(f.ingest->ingest(std::move(p)).error.is_ok());
  CHECK(f.last().value(Fixture::series("scrape_body_size_bytes")) == 4);
  p = f.page(base::gzip("a 1\n# " + std::string(1 << 20, 'x')));
  p.gzipped = true;
  CHECK(f.ingest->ingest(std::move(p)).error.message() == "body size limit exceeded");
  CHECK(f.last().value(Fixture::series("scrape_body_size_bytes")) == -1);
  CHECK(f.last().stale(Fixture::series("a")));
  CHECK(f.metrics.exceeded_body_size.value() == 1);
  p = f.page("not gzip");
  p.gzipped = true;
  CHECK_FALSE(f.ingest->ingest(std::move(p)).error.is_ok());
}

TEST_CASE("ScrapeIngest reports the extra metrics", "[scrape]") {
  Fixture f("  extra_scrape_metrics: true\n  sample_limit: 9\n");
  f.scrape("a 1\n");
  CHECK(f.last().value(Fixture::series("scrape_timeout_seconds")) == 10);
  CHECK(f.last().value(Fixture::series("scrape_sample_limit")) == 9);
  CHECK(f.last().value(Fixture::series("scrape_body_size_bytes")) == 4);
  f.fail();
  CHECK(f.last().value(Fixture::series("scrape_body_size_bytes")) == 0);
}

TEST_CASE("ScrapeIngest resolves collected series again", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 2\nc 3 77\n");
  SECTION("of samples and report") {
    f.storage.collect(Fixture::series("a"));
    f.storage.collect(Fixture::series("c"));
    f.storage.collect(Fixture::series("up"));
    const auto out = f.scrape("a 4\nb 5\nc 6 99\n");
    CHECK(out.error.is_ok());
    CHECK(out.stored.is_ok());
    CHECK(f.last().value(Fixture::series("a")) == 4);
    CHECK(f.last().value(Fixture::series("b")) == 5);
    CHECK(f.last().value(Fixture::series("c")) == 6);
    CHECK(f.last().value(Fixture::series("up")) == 1);
    CHECK(f.last().value(Fixture::series("scrape_samples_scraped")) == 3);
  }
  SECTION("of a series that vanished: nothing to end") {
    f.storage.collect(Fixture::series("a"));
    const auto out = f.scrape("b 5\n");
    CHECK(out.stored.is_ok());
    CHECK_FALSE(f.last().has(Fixture::series("a")));
    CHECK(f.last().value(Fixture::series("b")) == 5);
  }
}

TEST_CASE("ScrapeIngest goes on with known series when storage is full", "[scrape]") {
  Fixture f;
  f.scrape("a 1\n");
  f.storage.set_series_limit(6);
  const auto out = f.scrape("a 2\nb 3\n");
  CHECK(out.error.is_ok());
  CHECK(out.warning == "1 new series refused: head series limit reached");
  CHECK(f.last().value(Fixture::series("a")) == 2);
  CHECK_FALSE(f.last().has(Fixture::series("b")));
  CHECK(f.metrics.series_refused.value() == 1);
}

TEST_CASE("ScrapeIngest ends later what a failed commit did not store", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 1\n");
  f.storage.fail_commits(base::Status(base::Errc::kIo, "disk gone"));
  const auto out = f.scrape("b 2\n");
  CHECK(out.stored.message() == "disk gone");
  f.storage.fail_commits({});
  f.scrape("b 3\n");
  CHECK(f.last().stale(Fixture::series("a")));
}

TEST_CASE("ScrapeIngest carries staleness over to new rules", "[scrape]") {
  Fixture f;
  f.scrape("a 1\nb 2\n");
  f.configure("  metric_relabel_configs: [{source_labels: [__name__], regex: a, action: drop}]\n");
  f.ingest->reset_cache();
  f.scrape("a 1\nb 2\n");
  CHECK(f.last().stale(Fixture::series("a")));
  CHECK(f.last().value(Fixture::series("b")) == 2);
}

TEST_CASE("ScrapeIngest writes markers at the end of a run", "[scrape]") {
  Fixture f;
  f.scrape("a 1\n");
  f.ingest->write_end_of_run(*f.config, f.now + 5);
  for (const char* name : {"a", "up", "scrape_duration_seconds", "scrape_samples_scraped",
                           "scrape_samples_post_metric_relabeling", "scrape_series_added"}) {
    CHECK(f.last().stale(Fixture::series(name)));
  }
  CHECK(f.last().samples.size() == 6);
  f.ingest.reset();
  CHECK(f.storage.open_targets() == 0);
}

TEST_CASE("ScrapeIngest forgets lines of a page that keeps changing", "[scrape]") {
  Fixture f;
  for (int i = 0; i < 40; ++i) {
    std::string body;
    for (int j = 0; j < 100; ++j) body += "a{n=\"" + std::to_string(i * 100 + j) + "\"} 1\n";
    REQUIRE(f.scrape(body).error.is_ok());
    CHECK(f.last().value(Fixture::series("scrape_series_added")) == 100);
    CHECK(f.last().samples.size() == (i == 0 ? 105u : 205u));
  }
}

TEST_CASE("ScrapeIngest flushes its cache when failing pages make it grow", "[scrape]") {
  Fixture f;
  for (int i = 0; i < 15; ++i) {
    std::string body;
    for (int j = 0; j < 200; ++j) body += "a{n=\"" + std::to_string(i * 200 + j) + "\"} 1\n";
    REQUIRE_FALSE(f.scrape(body + "broken\n").error.is_ok());
  }
  CHECK(f.metrics.cache_flush_forced.value() >= 1);
}

}  // namespace silverback::scrape
