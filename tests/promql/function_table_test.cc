#include <catch2/catch.hpp>

#include "promql/function_def.h"

namespace silverback::promql {
namespace {

TEST_CASE("function_table is sorted, unique and complete in itself", "[promql]") {
  std::string_view before;
  for (const FunctionDef& row : function_table()) {
    INFO(row.name);
    CHECK(before < row.name);
    CHECK_FALSE(row.doc.empty());
    REQUIRE(row.arg_count <= row.args.size());
    for (size_t i = 0; i < row.args.size(); ++i) {
      CHECK((row.args[i] != ValueType::kNone) == (i < row.arg_count));
    }
    CHECK(find_function(row.name) == &row);
    before = row.name;
  }
}

TEST_CASE("find_function knows names exactly", "[promql]") {
  CHECK(find_function("rate") != nullptr);
  CHECK(find_function("Rate") == nullptr);
  CHECK(find_function("") == nullptr);
  CHECK(find_function("holt_winters") == nullptr);
  CHECK(find_function("histogram_quantiles")->variadic == 9);
}

}  // namespace
}  // namespace silverback::promql
