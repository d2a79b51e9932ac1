#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/compress.h"
#include "model/stale.h"
#include "tests/scrape/ingest_fixture.h"

namespace silverback::scrape {
namespace {

using Fixture = IngestFixture;
constexpr const char* kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

ScrapeIngest::Outcome scrape_openmetrics(Fixture& f, const std::string& body) {
  ScrapeIngest::Page page = f.page(body);
  page.content_type = kOpenMetrics;
  return f.ingest->ingest(std::move(page));
}

}  // namespace

TEST_CASE("ScrapeIngest stores an OpenMetrics page, its metadata and exemplars", "[scrape]") {
  Fixture f;
  const std::string body =
      "# TYPE req_seconds counter\n# UNIT req_seconds seconds\n# HELP req_seconds Time.\n"
      "req_seconds_total 7 # {id=\"x\"} 5\nreq_seconds_created 3\n"
      "at_total 8 12.5 # {id=\"y\"} 6 11.25\n# EOF\n";
  // The second time by prediction.
  for (int i = 0; i < 2; ++i) {
    CHECK(scrape_openmetrics(f, body).error.is_ok());
    CHECK(f.last().value(Fixture::series("req_seconds_total")) == 7);
    CHECK(f.last().value(Fixture::series("req_seconds_created")) == 3);
    CHECK(f.last().value(Fixture::series("up")) == 1);
    CHECK(f.last().exemplars ==
          std::vector<std::string>{
              Fixture::series("req_seconds_total") + " {id=\"x\"} 5 @" + std::to_string(f.now),
              Fixture::series("at_total") + " {id=\"y\"} 6 @11250"});
  }
  bool told = false;
  f.ingest->metadata().for_each([&](const std::string& name, const model::Metadata& m) {
    told = name == "req_seconds" && m.unit == "seconds" && m.help == "Time." &&
           m.type == model::MetricType::kCounter;
  });
  CHECK(told);
}

TEST_CASE("ScrapeIngest makes a zero of a created time, once", "[scrape]") {
  ScrapeIngest::Options options;
  options.created_zero = true;
  Fixture f("", options);
  const auto page = [](const std::string& created) {
    return "# TYPE a counter\na_total 7\na_created " + created + "\n# EOF\n";
  };
  const std::string series = Fixture::series("a_total");
  const auto samples = [&] {
    std::vector<std::string> out;
    for (const auto& sample : f.last().samples) {
      if (sample.series != series) continue;
      out.push_back(std::to_string(static_cast<int>(sample.value)) + "@" +
                    std::to_string(sample.t));
    }
    return out;
  };
  CHECK(scrape_openmetrics(f, page("900.5")).error.is_ok());
  CHECK(samples() == std::vector<std::string>{"0@900500", "7@" + std::to_string(f.now)});
  CHECK_FALSE(f.last().has(Fixture::series("a_created")));
  scrape_openmetrics(f, page("900.5"));
  CHECK(samples() == std::vector<std::string>{"7@" + std::to_string(f.now)});
  SECTION("a new beginning is a new zero") {
    scrape_openmetrics(f, page(std::to_string((f.now + 500) / 1000) + ".5"));
    CHECK(samples().size() == 2);
  }
  SECTION("one in the future is none") {
    scrape_openmetrics(f, page("99999999"));
    CHECK(samples().size() == 1);
  }
}

TEST_CASE("ScrapeIngest takes an empty page of any type", "[scrape]") {
  Fixture f("  extra_scrape_metrics: true\n");
  f.scrape("a 1\n");
  ScrapeIngest::Page page = f.page("");
  page.content_type = "";
  CHECK(f.ingest->ingest(std::move(page)).error.is_ok());
  CHECK(f.last().value(Fixture::series("up")) == 1);
  CHECK(f.last().stale(Fixture::series("a")));
  // The size of a page that was read but not understood counts.
  f.scrape("a x\n");
  CHECK(f.last().value(Fixture::series("scrape_body_size_bytes")) == 4);
}

TEST_CASE("ScrapeIngest bears hard pages", "[scrape]") {
  Fixture f("  body_size_limit: 8MB\n");
  SECTION("millions of empty lines") {
    CHECK(f.scrape(std::string(4'000'000, '\n') + "a 1\n").error.is_ok());
    CHECK(f.last().value(Fixture::series("a")) == 1);
  }
  SECTION("many families without series") {
    std::string body;
    for (int i = 0; i < 20'000; ++i) body += "# TYPE f" + std::to_string(i) + " counter\n";
    CHECK(f.scrape(body).error.is_ok());
    CHECK(f.last().value(Fixture::series("up")) == 1);
  }
  SECTION("one line that does not end") {
    const auto out = f.scrape("a{b=\"" + std::string(4'000'000, 'x'));
    CHECK_THAT(out.error.message(), Catch::StartsWith("line 1, column 5: expected label value"));
    CHECK(out.error.message().size() < 1000);
  }
  SECTION("10000 labels") {
    std::string body = "a{";
    for (int i = 10'000; i > 0; --i) body += "l" + std::to_string(i) + "=\"v\",";
    CHECK(f.scrape(body + "} 1\n").error.is_ok());
    CHECK(f.last().samples.size() == 6);
    const auto out = f.scrape(body + "l7=\"v\"} 1\n");
    CHECK(out.error.message() == "label name \"l7\" is not unique: invalid sample");
  }
  SECTION("a gzip bomb") {
    ScrapeIngest::Page page = f.page(base::gzip(std::string(16 << 20, '\n')));
    page.gzipped = true;
    CHECK(f.ingest->ingest(std::move(page)).error.message() == "body size limit exceeded");
  }
  SECTION("a truncated gzip body") {
    const std::string whole = base::gzip("a 1\nb 2\n");
    ScrapeIngest::Page page = f.page(whole.substr(0, whole.size() - 6));
    page.gzipped = true;
    CHECK_FALSE(f.ingest->ingest(std::move(page)).error.is_ok());
    CHECK(f.last().value(Fixture::series("up")) == 0);
  }
  SECTION("samples in the far future are the storage's to refuse") {
    CHECK(f.scrape("a 1 9223372036854775807\nb 1\n").error.is_ok());
    CHECK(f.last().value(Fixture::series("b")) == 1);
    CHECK(scrape_openmetrics(f, "c 1 -5\n# EOF\n").error.is_ok());
  }
}

TEST_CASE("ScrapeIngest refuses names that cannot be", "[scrape]") {
  struct Row {
    std::string more, page, error;
  };
  const Row row = GENERATE(values<Row>({
      {"", "{\"a\xff\"} 1\n", "invalid metric name or label names: "},
      {"", "a{\"b\xff\"=\"c\"} 1\n", "invalid metric name or label names: "},
      {"", "a{\"\"=\"c\"} 1\n", "invalid metric name or label names: "},
      {"", "{\"\"} 1\n", "missing metric name (__name__ label)"},
      {"  metric_name_validation_scheme: legacy\n", "{\"a.b\"} 1\n",
       "invalid metric name or label names: "},
      {"  metric_name_validation_scheme: legacy\n", "a{\"b.c\"=\"d\"} 1\n",
       "invalid metric name or label names: "},
      {"", "a{b=\"c\"} 1\na{b=\"c\",b=\"c\"} 1\n",
       "label name \"b\" is not unique: invalid sample"},
  }));
  INFO(row.page);
  Fixture f(row.more);
  CHECK_THAT(f.scrape(row.page).error.message(), Catch::StartsWith(row.error));
  CHECK(f.last().value(Fixture::series("up")) == 0);
}

}  // namespace silverback::scrape
