#include "storage/query_budget.h"

#include <catch2/catch.hpp>

namespace silverback::storage {

TEST_CASE("QueryBudget refuses what passes its limit and charges nothing then", "[storage]") {
  QueryBudget budget({100, 10});
  CHECK(budget.charge(60).is_ok());
  const base::Status refused = budget.charge(41);
  CHECK(refused.code() == base::Errc::kLimit);
  CHECK(refused.message() ==
        "query would hold more than the limit of 100 bytes (--query.max-memory)");
  CHECK(budget.bytes() == 60);
  CHECK(budget.charge(40).is_ok());
  budget.release(100);
  CHECK(budget.bytes() == 0);
}

TEST_CASE("QueryBudget charges its parent and gives back at its end", "[storage]") {
  QueryBudget all({100, 10});
  {
    QueryBudget one({80, 10}, &all);
    QueryBudget two({80, 10}, &all);
    CHECK(one.charge(70).is_ok());
    const base::Status refused = two.charge(40);
    CHECK(refused.code() == base::Errc::kLimit);
    CHECK(refused.message() ==
          "all queries together would hold more than the limit of 100 bytes "
          "(--query.max-total-memory)");
    CHECK(two.bytes() == 0);
    CHECK(all.bytes() == 70);
  }
  CHECK(all.bytes() == 0);
}

TEST_CASE("QueryBudget counts samples and keeps their peak", "[storage]") {
  QueryBudget budget({100, 10});
  CHECK(budget.charge_samples(8).is_ok());
  const base::Status refused = budget.charge_samples(3);
  CHECK(refused.code() == base::Errc::kExecution);
  CHECK(refused.message() ==
        "query processing would load too many samples into memory in query execution");
  budget.release_samples(8);
  CHECK(budget.charge_samples(3).is_ok());
  CHECK(budget.peak_samples() == 8);
}

}  // namespace silverback::storage
