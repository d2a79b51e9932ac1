#include "scrape/nhcb_parser.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/go_float.h"
#include "scrape/text_parser.h"

namespace {

namespace model = silverback::model;
namespace scrape = silverback::scrape;
using Lines = std::vector<std::string>;

Lines read(const std::string& page, bool keep_classic) {
  using Entry = scrape::ExpositionParser::Entry;
  scrape::TextParser text(page);
  scrape::NhcbParser parser(text, keep_classic);
  Lines out;
  for (;;) {
    const Entry entry = parser.next();
    if (entry == Entry::kEnd) {
      CHECK(parser.next() == Entry::kEnd);
      return out;
    }
    if (entry == Entry::kError) {
      out.push_back("error");
      return out;
    }
    if (entry == Entry::kHelp || entry == Entry::kType || entry == Entry::kUnit) continue;
    model::LabelsBuilder builder;
    std::vector<std::string> empty;
    REQUIRE(parser.labels(builder, empty).is_ok());
    std::string line = builder.build().to_string();
    for (const std::string& name : empty) line += " no " + name;
    line += entry == Entry::kHistogram ? " " + parser.histogram().to_string()
                                       : " " + silverback::base::go_g(parser.value());
    if (parser.has_timestamp()) line += " @" + std::to_string(parser.timestamp());
    out.push_back(line);
  }
}

constexpr const char* kHistogram =
    "# TYPE h histogram\n"
    "h_bucket{le=\"1\"} 1\n"
    "h_bucket{le=\"+Inf\"} 3\n"
    "h_sum 4\n"
    "h_count 3\n";

/// The page of kHistogram with `more` behind it.
std::string with_histogram(const char* more) {
  std::string page = kHistogram;
  page.append(more);
  return page;
}

}  // namespace

TEST_CASE("NhcbParser gathers the series of a histogram", "[scrape]") {
  const std::string made = "h {count:3, sum:4, [-Inf,1]:1, (1,+Inf]:2}";
  struct Row {
    std::string page;
    Lines expected;
  };
  const std::vector<Row> rows = {
      {kHistogram, {made}},
      {with_histogram("# TYPE g gauge\ng 5\n"), {made, "g 5"}},
      {with_histogram("# a comment\nother 5 9\nmore 6\n"), {made, "other 5 @9", "more 6"}},
      {"before 1\n" + std::string(kHistogram), {"before 1", made}},
      // Two label sets, one after the other and mixed with a stranger.
      {"# TYPE h histogram\n"
       "h_count{a=\"1\"} 2\nh_bucket{a=\"1\",le=\"5\"} 2\nh_sum{a=\"1\"} 1\nh_created{a=\"1\"} 99\n"
       "h_bucket{a=\"2\",le=\"5\"} 7 11\nh_count{a=\"2\"} 8 11\n",
       {"h{a=\"1\"} {count:2, sum:1, [-Inf,5]:2}", "h_created{a=\"1\"} 99",
        "h{a=\"2\"} {count:8, sum:0, [-Inf,5]:7, (5,+Inf]:1} @11"}},
      // Other types, other names, no bound: as they are.
      {"# TYPE h gauge\nh_bucket{le=\"1\"} 1\n", {"h_bucket{le=\"1\"} 1"}},
      {"h_bucket{le=\"1\"} 1\nh_count 1\n", {"h_bucket{le=\"1\"} 1", "h_count 1"}},
      {"# TYPE h histogram\nx_bucket{le=\"1\"} 1\nh_bucket 1\nh_bucket{le=\"x\"} 2\nh 4\n",
       {"x_bucket{le=\"1.0\"} 1", "h_bucket 1", "h_bucket{le=\"x\"} 2", "h 4"}},
      {"# TYPE h summary\nh_sum 1\nh_count 2\nh{quantile=\"1\"} 3\n",
       {"h_sum 1", "h_count 2", "h{quantile=\"1.0\"} 3"}},
      // What contradicts itself comes as nothing.
      {"# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 4\nh_count 5\n# TYPE g "
       "gauge\ng 1\n",
       {"g 1"}},
      {"# TYPE h histogram\nh_bucket{le=\"1\",b=\"\"} 5\n",
       {"h no b {count:5, sum:0, [-Inf,1]:5}"}},
      {"# TYPE h histogram\nh_count 5\n", {"h {count:5, sum:0, [-Inf,+Inf]:5}"}},
      {"# TYPE h histogram\nh_count 5\nbroken{ 1\n", {"error"}},
      {"", {}},
  };
  for (const Row& row : rows) {
    INFO(row.page);
    CHECK(read(row.page, false) == row.expected);
  }
}

TEST_CASE("NhcbParser keeps classic series where they are wanted", "[scrape]") {
  CHECK(read(with_histogram("# TYPE g histogram\ng_bucket{le=\"1\"} 2\ng_count 2\nz 1\n"), true) ==
        Lines{"h_bucket{le=\"1.0\"} 1", "h_bucket{le=\"+Inf\"} 3", "h_sum 4", "h_count 3",
              "h {count:3, sum:4, [-Inf,1]:1, (1,+Inf]:2}", "g_bucket{le=\"1.0\"} 2", "g_count 2",
              "g {count:2, sum:0, [-Inf,1]:2}", "z 1"});
}
