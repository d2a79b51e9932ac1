// Pages with histograms and exemplars on their way through a scrape into the real storage.
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/go_float.h"
#include "base/yaml.h"
#include "model/stale.h"
#include "scrape/scrape_ingest.h"
#include "tests/support/metric_family.h"
#include "tests/tsdb/tsdb_fixture.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace scrape = silverback::scrape;
namespace storage = silverback::storage;
namespace tsdb = silverback::tsdb;
using silverback::testing::metric_page;
using silverback::tests::TempDir;
using tsdb::testing::kNow;
using Lines = std::vector<std::string>;

constexpr const char* kProtobuf =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

tsdb::DbOptions with_exemplars() {
  tsdb::DbOptions options;
  options.max_exemplars = 100;
  return options;
}

struct Fixture {
  explicit Fixture(const std::string& yaml = "", scrape::ScrapeIngest::Options options = {}) {
    const auto node = base::parse_yaml("- job_name: j\n" + yaml, "p.yml");
    REQUIRE(node.is_ok());
    const auto list = scrape::parse_scrape_configs(*node, {}, "/");
    REQUIRE(list.is_ok());
    config = std::make_shared<scrape::ScrapeConfig>(list->front());
    forms.native = config->scrape_native_histograms;
    forms.always_classic = config->always_scrape_classic_histograms;
    forms.convert = config->convert_classic_histograms_to_nhcb;
    ingest = std::make_unique<scrape::ScrapeIngest>(*db.db, metrics, db.clock,
                                                    model::Labels::from({{"job", "j"}}), options);
  }

  base::Status scrape_page(std::string body, const std::string& type = kProtobuf) {
    scrape::ScrapeIngest::Page page;
    page.config = config;
    page.histograms = forms;
    page.body = std::move(body);
    page.content_type = type;
    page.t = (now += 1000);
    auto outcome = ingest->ingest(std::move(page));
    CHECK(outcome.stored.is_ok());
    return outcome.error;
  }

  /// Every sample of the series named `name`..., without report series: "series t value".
  Lines content(const std::string& name) {
    auto querier = db->querier({});
    REQUIRE(querier.is_ok());
    storage::SelectHints hints;
    hints.sorted = true;
    auto set = (*querier)->select(
        hints, {tsdb::testing::matcher(model::MatchType::kRegex, "__name__", name + ".*")});
    REQUIRE(set.is_ok());
    Lines out;
    storage::ColumnBuffer buffer;
    while ((*set)->next()) {
      REQUIRE((*set)->read(model::TimeRange::all(), buffer).is_ok());
      const std::string series = (*set)->labels().without("job").to_string() + " ";
      for (size_t i = 0; i < buffer.histogram_t.size(); ++i) {
        std::string line = series + std::to_string(buffer.histogram_t[i] - kNow) + " " +
                           buffer.histograms[i].to_string();
        if (!buffer.histogram_start.empty() && buffer.histogram_start[i] != 0) {
          line += " from " + std::to_string(buffer.histogram_start[i] - kNow);
        }
        out.push_back(line);
      }
      for (size_t i = 0; i < buffer.t.size(); ++i) {
        std::string line = series + std::to_string(buffer.t[i] - kNow) + " ";
        line += model::is_stale(buffer.v[i]) ? "stale" : base::go_g(buffer.v[i]);
        if (!buffer.start.empty() && buffer.start[i] != 0) {
          line += " from " + std::to_string(buffer.start[i] - kNow);
        }
        out.push_back(line);
      }
    }
    return out;
  }

  std::string exemplars() {
    auto querier = db->querier({});
    REQUIRE(querier.is_ok());
    const auto found = (*querier)->exemplars(model::TimeRange::all(), {{}});
    REQUIRE(found.is_ok());
    std::string out;
    for (const storage::SeriesExemplars& series : *found) {
      out += series.series.without("job").to_string() + ":";
      for (const model::Exemplar& e : series.exemplars) {
        out += " " + e.labels.to_string() + base::go_g(e.value) + "@" + std::to_string(e.t - kNow);
      }
      out += "; ";
    }
    return out;
  }
  double metric(const std::string& name) {
    std::string text = registry.render_text();
    const size_t at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + name.size() + 2));
  }

  TempDir dir;
  tsdb::testing::TestDb db{dir.path(), with_exemplars()};
  base::metrics::Registry registry;
  scrape::ScrapeMetrics metrics{registry};
  std::shared_ptr<scrape::ScrapeConfig> config;
  scrape::HistogramForms forms;
  int64_t now = kNow;
  std::unique_ptr<scrape::ScrapeIngest> ingest;
};

// Counts 1 and 2 in (1,2] and (2,4], and what `more` says.
std::string native_page(const std::string& more = "", const std::string& buckets = "") {
  const std::string text =
      "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 3 "
      "sample_sum: 7 schema: 0 positive_span { offset: 1 length: 2 } "
      "positive_delta: 1 positive_delta: 1 " +
      buckets + " } " + more + " }";
  return metric_page({text});
}

std::string seconds(int64_t ms_after_now) {
  const int64_t ms = kNow + ms_after_now;
  return "seconds: " + std::to_string(ms / 1000) +
         " nanos: " + std::to_string(ms % 1000 * 1'000'000);
}

}  // namespace

TEST_CASE("A native histogram is scraped, ends and comes back", "[server]") {
  Fixture f("  scrape_native_histograms: true\n");
  const std::string classic = "bucket { cumulative_count: 1 upper_bound: 2 }";
  REQUIRE(f.scrape_page(native_page("", classic)).is_ok());
  REQUIRE(f.scrape_page(metric_page({})).is_ok());
  REQUIRE(f.scrape_page(metric_page({R"(name: "x" metric { })"})).is_ok());
  REQUIRE(f.scrape_page(native_page("timestamp_ms: " + std::to_string(kNow + 2500))).is_ok());
  CHECK(f.content("h") == Lines{"h 1000 {count:3, sum:7, (1,2]:1, (2,4]:2}",
                                "h 2500 {count:3, sum:7, (1,2]:1, (2,4]:2}", "h 2000 stale"});
  CHECK(f.content("scrape_samples_scraped")[0] == "scrape_samples_scraped 1000 1");
}

TEST_CASE("Classic and native forms are taken as the target is told", "[server]") {
  const std::string classic = "bucket { cumulative_count: 1 upper_bound: 2 }";
  struct Row {
    const char* yaml;
    std::string first;  // of the content
    size_t series;
  };
  const std::vector<Row> rows = {
      {"", "h_bucket{le=\"+Inf\"} 1000 3", 4},
      {"  scrape_native_histograms: true\n", "h 1000 {count:3, sum:7, (1,2]:1, (2,4]:2}", 1},
      {"  scrape_native_histograms: true\n  always_scrape_classic_histograms: true\n",
       "h 1000 {count:3, sum:7, (1,2]:1, (2,4]:2}", 5},
      {"  convert_classic_histograms_to_nhcb: true\n",
       "h 1000 {count:3, sum:7, [-Inf,2]:1, (2,+Inf]:2}", 1},
      {"  convert_classic_histograms_to_nhcb: true\n  always_scrape_classic_histograms: true\n",
       "h 1000 {count:3, sum:7, [-Inf,2]:1, (2,+Inf]:2}", 5},
  };
  for (const Row& row : rows) {
    INFO(row.yaml);
    Fixture f(row.yaml);
    REQUIRE(f.scrape_page(native_page("", classic)).is_ok());
    const Lines content = f.content("h");
    REQUIRE(content.size() == row.series);
    CHECK(content[0] == row.first);
  }
}

TEST_CASE("A text's classic histograms become custom buckets", "[server]") {
  Fixture f("  convert_classic_histograms_to_nhcb: true\n");
  const auto page = [](const std::string& counts) {
    return "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} " + counts +
           "\nh_sum 4\nh_count " + counts + "\n# TYPE g gauge\ng 1\n";
  };
  for (const char* counts : {"3", "4", "5"})
    REQUIRE(f.scrape_page(page(counts), "text/plain").is_ok());
  REQUIRE(f.scrape_page("g 1\n", "text/plain").is_ok());
  CHECK(f.content("h") == Lines{"h 1000 {count:3, sum:4, [-Inf,1]:1, (1,+Inf]:2}",
                                "h 2000 {count:4, sum:4, [-Inf,1]:1, (1,+Inf]:3}",
                                "h 3000 {count:5, sum:4, [-Inf,1]:1, (1,+Inf]:4}", "h 4000 stale"});
  CHECK(f.content("g").size() == 4);
}

TEST_CASE("Histograms that cannot be fail the scrape", "[server]") {
  struct Row {
    std::string histogram, error;
  };
  const std::vector<Row> rows = {
      {"sample_count: 3 positive_span { length: 1 } positive_delta: 2", "Count field is 3"},
      {"sample_count: 1 positive_span { length: 1 }", "spans require 1 buckets, have 0"},
      {"sample_count: 1 positive_span { length: 2 } positive_delta: 2 positive_delta: -3",
       "observation count of -1"},
      {"schema: 9 positive_span { }", "got schema 9"},
      {"schema: -53 positive_span { } zero_threshold: 1",
       "custom buckets: must have zero threshold"},
      {"schema: -5 positive_span { }", "got schema -5"},
      {"zero_count_float: -1 sample_count_float: 1 positive_span { }", "observation count of -1"},
      {"positive_span { } positive_span { offset: -1 length: 1 } sample_count: 1 positive_delta: 1",
       ""},
  };
  for (const Row& row : rows) {
    INFO(row.histogram);
    Fixture f("  scrape_native_histograms: true\n");
    const base::Status status = f.scrape_page(metric_page(
        {R"(name: "a" metric { })",
         "name: \"h\" type: HISTOGRAM metric { histogram { " + row.histogram + " } }"}));
    INFO(status.message());
    if (row.error.empty()) {  // an offset after a no-op span is the first one's
      CHECK(status.is_ok());
      continue;
    }
    REQUIRE_FALSE(status.is_ok());
    CHECK(status.message().find(row.error) != std::string::npos);
    CHECK(f.content("a").empty());
  }
}

TEST_CASE("Too many buckets make a histogram coarser, or fail the scrape", "[server]") {
  Fixture f("  scrape_native_histograms: true\n  native_histogram_bucket_limit: 1\n");
  REQUIRE(f.scrape_page(native_page()).is_ok());
  CHECK(f.content("h") == Lines{"h 1000 {count:3, sum:7, (1,4]:3}"});
  const base::Status status = f.scrape_page(
      metric_page({R"(name: "h" type: HISTOGRAM metric { histogram { sample_count: 2 schema: -4
          positive_span { length: 2 } positive_delta: 1 positive_delta: 0 } } metric { gauge { } })"}));
  CHECK(status.message() == "histogram bucket limit exceeded");
  CHECK(f.metric("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total") == 1);
  CHECK(f.content("h").back() == "h 2000 stale");

  Fixture factor("  scrape_native_histograms: true\n  native_histogram_min_bucket_factor: 4\n");
  REQUIRE(factor.scrape_page(native_page()).is_ok());
  CHECK(factor.content("h") == Lines{"h 1000 {count:3, sum:7, (1,4]:3}"});
}

TEST_CASE("Exemplars of a page are kept with their series", "[server]") {
  Fixture f("  scrape_native_histograms: true\n");
  const std::string page = metric_page(
      {R"(name: "c_total" metric { counter { value: 5 exemplar { label { name: "t" value: "c" } value: 1 } } })",
       "name: \"h\" type: HISTOGRAM metric { histogram { positive_span { } exemplars { value: 3 "
       "timestamp { " +
           seconds(7) + " } } exemplars { value: 2 timestamp { " + seconds(7) +
           " } } exemplars { value: 1 } } }",
       R"(name: "k" type: HISTOGRAM metric { histogram { bucket { upper_bound: 1 exemplar {
            label { name: "t" value: "k" } value: 0.5 } } } })"});
  REQUIRE(f.scrape_page(page).is_ok());
  const std::string first =
      "c_total: {t=\"c\"}1@1000; h: {}2@7 {}3@7; k_bucket{le=\"1.0\"}: {t=\"k\"}0.5@1000; ";
  CHECK(f.exemplars() == first);
  REQUIRE(f.scrape_page(page).is_ok());
  CHECK(f.exemplars() ==
        "c_total: {t=\"c\"}1@1000 {t=\"c\"}1@2000; h: {}2@7 {}3@7; k_bucket{le=\"1.0\"}: "
        "{t=\"k\"}0.5@1000 {t=\"k\"}0.5@2000; ");
  CHECK(f.metric("prometheus_target_scrapes_exemplar_out_of_order_total") == 0);
  const std::string late = metric_page(
      {"name: \"c_total\" metric { counter { exemplar { timestamp { " + seconds(1) + " } } } }"});
  REQUIRE(f.scrape_page(late).is_ok());
  CHECK(f.metric("prometheus_target_scrapes_exemplar_out_of_order_total") == 1);
}

TEST_CASE("Series begin where their created time says", "[server]") {
  const std::string text =
      "name: \"c_total\" metric { counter { value: 5 start_timestamp { " + seconds(-500) + " } } }";
  const std::string histogram =
      "name: \"h\" type: HISTOGRAM metric { histogram { sample_count: 1 zero_count: 1 "
      "zero_threshold: 1 "
      "start_timestamp { " +
      seconds(-500) + " } } }";
  {
    Fixture f("  scrape_native_histograms: true\n");
    REQUIRE(f.scrape_page(metric_page({text, histogram})).is_ok());
    CHECK(f.content("c_total") == Lines{"c_total 1000 5 from -500"});
    CHECK(f.content("h") == Lines{"h 1000 {count:1, sum:0, [-1,1]:1} from -500"});
  }
  scrape::ScrapeIngest::Options options;
  options.created_zero = true;
  Fixture f("  scrape_native_histograms: true\n", options);
  for (int i = 0; i < 2; ++i) REQUIRE(f.scrape_page(metric_page({text, histogram})).is_ok());
  CHECK(f.content("c_total") ==
        Lines{"c_total -500 0", "c_total 1000 5 from -500", "c_total 2000 5 from -500"});
  CHECK(f.content("h") == Lines{"h -500 {count:0, sum:0}",
                                "h 1000 {count:1, sum:0, [-1,1]:1} from -500",
                                "h 2000 {count:1, sum:0, [-1,1]:1} from -500"});
  CHECK(f.metric("prometheus_target_scrapes_sample_out_of_order_total") == 0);
}
