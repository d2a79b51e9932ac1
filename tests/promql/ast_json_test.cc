#include "promql/ast_json.h"

#include <catch2/catch.hpp>

#include "promql/parser.h"

namespace promql = silverback::promql;

namespace {

std::string json_of(const std::string& query) {
  const auto expr = promql::parse_expr(query, promql::ParserOptions{true, true, true});
  if (!expr) return expr.status().message();
  std::string out;
  silverback::base::JsonWriter w(out);
  promql::write_ast_json(w, **expr);
  return out;
}

std::string selector(const std::string& name) {
  return R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":")" + name +
         R"("}],"name":")" + name +
         R"(","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"})";
}

std::string number(const std::string& text) {
  return R"({"type":"numberLiteral","val":")" + text + "\"}";
}

}  // namespace

TEST_CASE("AST JSON shows every kind of node", "[promql]") {
  struct Row {
    std::string query, json;
  };
  const std::vector<Row> rows = {
      {"1e21", number("1000000000000000000000")},
      {"-Inf", number("-Inf")},
      {"\"a<b\"", R"({"type":"stringLiteral","val":"a\u003cb"})"},
      {"(1)", R"({"expr":)" + number("1") + R"(,"type":"parenExpr"})"},
      {"-a", R"({"expr":)" + selector("a") + R"(,"op":"-","type":"unaryExpr"})"},
      {"a", selector("a")},
      {"topk without (x) (2, a)", R"({"expr":)" + selector("a") +
                                      R"(,"grouping":["x"],"op":"topk","param":)" + number("2") +
                                      R"(,"type":"aggregation","without":true})"},
      {"sum(a)",
       R"({"expr":)" + selector("a") +
           R"(,"grouping":[],"op":"sum","param":null,"type":"aggregation","without":false})"},
      {"1 > bool 2", R"({"bool":true,"lhs":)" + number("1") +
                         R"(,"matching":null,"op":"\u003e","rhs":)" + number("2") +
                         R"(,"type":"binaryExpr"})"},
      {"a * on (x) group_left (y) fill_right (0) b",
       R"({"bool":false,"lhs":)" + selector("a") +
           R"(,"matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":0},"include":["y"],"labels":["x"],"on":true},"op":"*","rhs":)" +
           selector("b") + R"(,"type":"binaryExpr"})"},
      {"a and b",
       R"({"bool":false,"lhs":)" + selector("a") +
           R"(,"matching":{"card":"many-to-many","fillValues":{"lhs":null,"rhs":null},"include":[],"labels":[],"on":false},"op":"and","rhs":)" +
           selector("b") + R"(,"type":"binaryExpr"})"},
      {"round(a)",
       R"({"args":[)" + selector("a") +
           R"(],"func":{"argTypes":["vector","scalar"],"name":"round","returnType":"vector","variadic":1},"type":"call"})"},
      {"time()",
       R"({"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},"type":"call"})"},
      {"a{x!~\"y\"}[5m] @ 1.5 offset -1m",
       R"({"anchored":false,"matchers":[{"name":"x","type":"!~","value":"y"},{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":-60000,"offsetExpr":null,"range":300000,"rangeExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":1500,"type":"matrixSelector"})"},
      {"a[1h:5m] @ end()",
       R"({"expr":)" + selector("a") +
           R"(,"offset":0,"offsetExpr":null,"range":3600000,"rangeExpr":null,"startOrEnd":"end","step":300000,"stepExpr":null,"timestamp":null,"type":"subquery"})"},
      {"a[(step() + 5m)] anchored",
       R"({"anchored":true,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,"offsetExpr":null,"range":0,"rangeExpr":{"lhs":{"lhs":null,"op":"step","rhs":null,"type":"durationExpr","wrapped":false},"op":"+","rhs":{"duration":true,"type":"numberLiteral","val":"300"},"type":"durationExpr","wrapped":true},"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"matrixSelector"})"},
      {"a offset -step()",
       R"({"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,"offsetExpr":{"lhs":null,"op":"-","rhs":{"lhs":null,"op":"step","rhs":null,"type":"durationExpr","wrapped":false},"type":"durationExpr","wrapped":false},"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CHECK(json_of(row.query) == row.json);
  }
}
