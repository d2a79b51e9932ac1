#include "server/api/quick_queries.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace api = silverback::server::api;
namespace base = silverback::base;
namespace promql = silverback::promql;

TEST_CASE("QuickQueries takes what reads a few series over short ranges", "[server]") {
  base::ManualClock clock{1'000'000};
  const api::QuickQueries queries(clock);
  struct Row {
    std::string query;
    bool quick;
  };
  for (const Row& row : std::vector<Row>{{"up", true},
                                         {"1 + 1", true},
                                         {"sum by (job) (rate(http_requests_total[5m])) / 2", true},
                                         {"topk(3, -(up))", true},
                                         {"a + b + c + d", true},
                                         {"a + b + c + d + e", false},
                                         {"{job=\"x\"}", false},
                                         {"count({__name__=~\".+\"})", false},
                                         {"rate(up[1d])", false},
                                         {"max_over_time(up[5m:1s])", false},
                                         {"up[", false},
                                         {"", false},
                                         {"up + " + std::string(3000, ' ') + "1", false}}) {
    INFO(row.query);
    CHECK(queries.worth_a_try(row.query, promql::ParserOptions()) == row.quick);
  }
}

TEST_CASE("QuickQueries does not try again for a while what was slow", "[server]") {
  base::ManualClock clock{1'000'000};
  api::QuickQueries queries(clock);
  queries.was_slow("up");
  CHECK_FALSE(queries.worth_a_try("up", promql::ParserOptions()));
  CHECK(queries.worth_a_try("down", promql::ParserOptions()));
  clock.advance(std::chrono::seconds(11));
  CHECK(queries.worth_a_try("up", promql::ParserOptions()));
}
