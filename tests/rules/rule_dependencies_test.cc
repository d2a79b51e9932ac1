#include "rules/rule_dependencies.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "promql/parser.h"

namespace {

namespace promql = silverback::promql;
namespace rules = silverback::rules;

struct RuleText {
  std::string name, expr;
  bool alerting = false;
};

/// "0,1|2": batches behind each other.
std::string batches(const std::vector<RuleText>& texts) {
  std::vector<promql::ExprPtr> exprs;
  std::vector<rules::RuleInputs> inputs;
  for (const RuleText& text : texts) {
    auto parsed = promql::parse_expr(text.expr, {});
    REQUIRE(parsed.is_ok());
    exprs.push_back(*std::move(parsed));
    inputs.push_back({text.name, text.alerting, exprs.back().get()});
  }
  std::string out;
  for (const auto& batch : rules::concurrent_batches(inputs)) {
    if (!out.empty()) out += '|';
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i > 0) out += ',';
      out += std::to_string(batch[i]);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("Rules are batched by what they read of each other", "[rules]") {
  struct Row {
    const char* what;
    std::vector<RuleText> rules;
    std::string batches;
  };
  const std::vector<Row> rows = {
      {"no rule", {}, ""},
      {"one rule, whatever it reads", {{"a", "{job=\"x\"}"}}, "0"},
      {"independent rules", {{"a", "m"}, {"b", "sum(n)"}, {"c", "1"}}, "0,1,2"},
      {"a reader of an earlier rule", {{"a", "m"}, {"b", "rate(a[5m])"}, {"c", "n"}}, "0,2|1"},
      {"a chain", {{"a", "m"}, {"b", "a"}, {"c", "b"}, {"d", "b"}}, "0|1|2,3"},
      {"a reader of a later rule", {{"a", "b"}, {"b", "m"}}, "0,1"},
      {"a selector without a name", {{"a", "m"}, {"b", "{job=\"x\"}"}, {"c", "n"}}, "0|1|2"},
      {"a name by regex", {{"job:a", "m"}, {"b", "{__name__=~\"job:.*\"}"}, {"c", "n"}}, "0,2|1"},
      {"a name that is excluded",
       {{"a", "m"}, {"b", "{__name__!=\"a\",job=\"x\"}"}, {"c", "n"}},
       "0,1,2"},
      {"alerts by ALERTS", {{"Down", "m", true}, {"n", "count(ALERTS)"}, {"c", "x"}}, "0,2|1"},
      {"other alerts by ALERTS",
       {{"Down", "m", true}, {"n", "count(ALERTS{alertname=\"Up\"})"}},
       "0,1"},
      {"recordings are not in ALERTS", {{"a", "m"}, {"n", "ALERTS_FOR_STATE"}}, "0,1"},
      {"both sides, arguments, subqueries, parameters",
       {{"a", "m"},
        {"b", "1 + (-a)"},
        {"c", "max_over_time(sum(a)[5m:1m])"},
        {"d", "topk(scalar(a), m)"},
        {"e", "label_replace(a, \"x\", \"\", \"\", \"\")"}},
       "0|1,2,3,4"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(batches(row.rules) == row.batches);
  }
}

TEST_CASE("Rules without a known expression stay in order", "[rules]") {
  CHECK(rules::concurrent_batches({{"a", false, nullptr}, {"b", false, nullptr}}) ==
        rules::sequential_batches(2));
  CHECK(rules::sequential_batches(2) == rules::RuleBatches{{0}, {1}});
}
