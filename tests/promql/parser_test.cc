#include "promql/parser.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "promql/annotations.h"
#include "promql/ast.h"
#include "tests/promql/parser_rows.h"

namespace silverback::promql {
namespace {

ExprPtr parsed(std::string_view text) {
  base::Result<ExprPtr> result = parse_expr(text, kAllFeatures);
  INFO(text);
  if (!result.is_ok()) FAIL(result.status().message());
  return std::move(result).value();
}

template <typename Node>
const Node& as(const Expr& expr, ExprKind kind) {
  REQUIRE(expr.kind == kind);
  return static_cast<const Node&>(expr);
}

std::string repeated(std::string_view part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

TEST_CASE("Parser gives numbers their values", "[promql]") {
  const std::vector<std::pair<const char*, double>> rows = {
      {"010", 8},
      {"08", 8},
      {"0x1F", 31},
      {"0X_fF", 255},
      {"1_000", 1000},
      {".5", 0.5},
      {"5.", 5},
      {"1e3", 1000},
      {"1h30m", 5400},
      {"54s321ms", 54.321},
      {"-5", -5},
      {"--5", 5},
      {"-1h", -3600},
      {"1_0.5e0_1", 105},
      {"0_17", 15},
      {"+Inf", INFINITY},
      {"-inf", -INFINITY},
      {"1e-400", 0},
      {"9223372036854775808", 9223372036854775808.0}};
  for (const auto& [text, value] : rows) {
    INFO(text);
    const ExprPtr expr = parsed(text);
    CHECK(as<NumberLiteral>(*expr, ExprKind::kNumber).value == value);
  }
  CHECK(std::isnan(as<NumberLiteral>(*parsed("NaN"), ExprKind::kNumber).value));
  CHECK(as<NumberLiteral>(*parsed("5m"), ExprKind::kNumber).duration);
}

TEST_CASE("Parser decodes strings", "[promql]") {
  const std::vector<std::pair<const char*, std::string>> rows = {
      {R"("a\n\t\\\"'")", "a\n\t\\\"'"},
      {R"('\'"')", "'\""},
      {R"(`a\n"'`)", "a\\n\"'"},
      {R"("\x41\102\u0043\U00000044")", "ABCD"},
      {R"("\u00e9\xc3\xa9")", "\xc3\xa9\xc3\xa9"},
      {R"("\a\b\f\v\r")", "\a\b\f\v\r"},
      {R"("\xff")", "\xff"},
      {R"("")", ""}};
  for (const auto& [text, value] : rows) {
    INFO(text);
    const ExprPtr expr = parsed(text);
    CHECK(as<StringLiteral>(*expr, ExprKind::kString).value == value);
  }
}

TEST_CASE("Parser groups operators by precedence", "[promql]") {
  // Fully parenthesised on the right; compared with the parentheses taken as they are.
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"-2^2", "-(2^2)"},
      {"2^3^2", "2^(3^2)"},
      {"2^-3^2", "2^(-(3^2))"},
      {"2^-a*b", "(2^(-a))*b"},
      {"1-2-3", "(1-2)-3"},
      {"1+2*3", "1+(2*3)"},
      {"5%3^2", "5%(3^2)"},
      {"-a*b", "(-a)*b"},
      {"-a+b", "(-a)+b"},
      {"a==b!=c", "(a==b)!=c"},
      {"a+b==c*d", "(a+b)==(c*d)"},
      {"a or b and c", "a or (b and c)"},
      {"a and b unless c", "(a and b) unless c"},
      {"a or b or c", "(a or b) or c"},
      {"a </ 1 + 2 >/ 3", "(a </ (1+2)) >/ 3"},
      {"a atan2 b * c", "(a atan2 b) * c"},
      {"a and b == c", "a and (b == c)"},
      {"a ^ b offset 5m", "a ^ (b offset 5m)"}};
  const auto shape = [](const auto& self, const Expr& expr) -> std::string {
    const Expr& inner = unwrap_parens(expr);
    if (inner.kind == ExprKind::kUnary) {
      return "[-" + self(self, *static_cast<const UnaryExpr&>(inner).operand) + "]";
    }
    if (inner.kind != ExprKind::kBinary) return print_expr(inner);
    const auto& e = static_cast<const BinaryExpr&>(inner);
    return "[" + self(self, *e.lhs) + std::string(binary_op_text(e.op)) + self(self, *e.rhs) + "]";
  };
  for (const auto& [text, explicit_text] : rows) {
    // `b offset 5m` cannot stand in parentheses with its offset outside.
    INFO(text);
    CHECK(shape(shape, *parsed(text)) == shape(shape, *parsed(explicit_text)));
  }
}

TEST_CASE("Parser keeps modifiers of a selector", "[promql]") {
  const ExprPtr expr = parsed("foo{a=\"b\"}[5m] smoothed @ 1.5 offset -1h");
  const auto& matrix = as<MatrixSelector>(*expr, ExprKind::kMatrixSelector);
  CHECK(matrix.range_ms == 300'000);
  CHECK(matrix.range_expr == nullptr);
  const VectorSelector& s = *matrix.selector;
  CHECK(s.name == "foo");
  REQUIRE(s.matchers.size() == 2);
  CHECK(s.matchers[0].to_string() == "a=\"b\"");
  CHECK(s.matchers[1].to_string() == "__name__=\"foo\"");
  CHECK(s.offset_ms == -3'600'000);
  CHECK(s.at.kind == AtModifier::Kind::kTimestamp);
  CHECK(s.at.t == 1500);
  CHECK(s.smoothed);
  CHECK_FALSE(s.anchored);
}

TEST_CASE("Parser keeps the parts of a subquery", "[promql]") {
  const ExprPtr expr = parsed("foo[1h:step() * 2] @ end() offset (1m)");
  const auto& subquery = as<Subquery>(*expr, ExprKind::kSubquery);
  CHECK(subquery.range_ms == 3'600'000);
  REQUIRE(subquery.step_expr != nullptr);
  CHECK(subquery.step_expr->op == DurationExpr::Op::kMul);
  CHECK(subquery.step_expr->lhs->op == DurationExpr::Op::kStep);
  CHECK(subquery.step_expr->rhs->seconds == 2);
  CHECK(subquery.at.kind == AtModifier::Kind::kEnd);
  REQUIRE(subquery.offset_expr != nullptr);
  CHECK(subquery.offset_expr->seconds == 60);
  CHECK(subquery.offset_expr->as_duration);
}

TEST_CASE("Parser settles vector matching by the types of the sides", "[promql]") {
  using Card = VectorMatching::Card;
  const auto matching = [](std::string_view text) {
    return as<BinaryExpr>(*parsed(text), ExprKind::kBinary).matching;
  };
  CHECK_FALSE(matching("1 + 2"));
  CHECK_FALSE(matching("foo + 2"));
  CHECK(matching("foo + bar")->card == Card::kOneToOne);
  CHECK(matching("foo and bar")->card == Card::kManyToMany);
  CHECK(matching("foo or on(a) bar")->card == Card::kManyToMany);
  const auto left = matching("foo * on(a, b) group_left(c) bar");
  CHECK(left->card == Card::kManyToOne);
  CHECK(left->on);
  CHECK(left->labels == std::vector<std::string>{"a", "b"});
  CHECK(left->include == std::vector<std::string>{"c"});
  CHECK(matching("foo * ignoring(a) group_right bar")->card == Card::kOneToMany);
  const auto fill = matching("foo + fill_right(-2) fill_left(1m) bar");
  CHECK(fill->fill_left == 60);
  CHECK(fill->fill_right == -2);
}

TEST_CASE("Parser marks where nodes stand", "[promql]") {
  const std::string text = "sum by (a) (rate(foo{a=\"b\"}[5m] offset 1m)) + 2";
  const ExprPtr expr = parsed(text);
  const auto& sum = as<BinaryExpr>(*expr, ExprKind::kBinary);
  const auto at = [&](const Expr& e) { return text.substr(e.pos.start, e.pos.end - e.pos.start); };
  CHECK(at(*expr) == text);
  CHECK(at(*sum.lhs) == "sum by (a) (rate(foo{a=\"b\"}[5m] offset 1m))");
  const auto& call = as<Call>(*static_cast<const AggregateExpr&>(*sum.lhs).expr, ExprKind::kCall);
  CHECK(at(call) == "rate(foo{a=\"b\"}[5m] offset 1m)");
  const auto& matrix = as<MatrixSelector>(*call.args[0], ExprKind::kMatrixSelector);
  CHECK(at(matrix) == "foo{a=\"b\"}[5m] offset 1m");
  CHECK(at(*matrix.selector) == "foo{a=\"b\"}");
}

TEST_CASE("Parser tells positions by line and byte", "[promql]") {
  CHECK(error_of("", {}) == "unknown position: parse error: no expression found in input");
  CHECK(error_of("foo\n+\n  ~", {}) == "3:3: parse error: unexpected character: '~'");
  CHECK(error_of("{\"\xc3\xa9\"} ~", {}) == "1:8: parse error: unexpected character: '~'");
  CHECK(error_of(std::string_view("foo\0", 4), {}) ==
        "1:4: parse error: unexpected character: '\\x00'");
}

TEST_CASE("Parser bounds nesting, depth and length", "[promql]") {
  const std::string nested = "nested deeper than 256 levels";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {repeated("(", 100'000), nested},
      {repeated("(", 300) + "1" + repeated(")", 300), nested},
      {repeated("-", 100'000) + "1", nested},
      {repeated("abs(", 100'000), nested},
      {repeated("sum(", 100'000), nested},
      {"1" + repeated("^2", 20'000), nested},
      {"foo[" + repeated("(", 100'000), nested},
      {"foo[" + repeated("-", 100'000), nested},
      {"1" + repeated("+1", 20'000), "expression tree is deeper than 2000 levels"},
      {"foo" + repeated("[1m:]", 20'000), "expression tree is deeper than 2000 levels"},
      {"foo[1" + repeated("+1", 20'000) + "]", "expression tree is deeper than 2000 levels"},
      {"a" + repeated(" or a", 30'000), "expression tree is deeper than 2000 levels"},
      {"{" + repeated("a=\"b\",", 20'000) + "}", "longer than 50000 tokens"},
      {"sum by (" + repeated("a,", 30'000) + ") (foo)", "longer than 50000 tokens"},
      {"foo " + repeated("{", 2), "unexpected left brace"}};
  for (const auto& [text, message] : rows) {
    INFO(text.substr(0, 20));
    CHECK_THAT(error_of(text, {}), Catch::Contains(message));
  }
}

TEST_CASE("Parser takes long and deep expressions within its bounds", "[promql]") {
  for (const std::string& text :
       {repeated("(", 250) + "1" + repeated(")", 250), "1" + repeated(" + 1", 1990),
        repeated("-", 250) + "foo", "1" + repeated("^2", 250),
        "label_join(foo, \"a\", \"-\"" + repeated(", \"b\"", 20'000) + ")"}) {
    INFO(text.substr(0, 20));
    const ExprPtr expr = parsed(text);
    const std::string printed = print_expr(*expr);
    CHECK(print_expr(*parsed(printed)) == printed);
    CHECK_FALSE(pretty_print_expr(*expr).empty());
  }
}

TEST_CASE("Metric selector gives the matchers", "[promql]") {
  const auto texts = [](std::string_view text) {
    std::string out;
    const auto matchers = parse_metric_selector(text);
    if (!matchers.is_ok()) return matchers.status().message();
    for (const model::Matcher& m : *matchers) out += m.to_string() + " ";
    return out;
  };
  CHECK(texts("up") == "__name__=\"up\" ");
  CHECK(texts(" up{job=~\"a|b\", } # all") == "job=~\"a|b\" __name__=\"up\" ");
  CHECK(texts("{\"a.b\", c!=\"d\"}") == "__name__=\"a.b\" c!=\"d\" ");
  CHECK(texts("sum{a=\"b\"}") == "a=\"b\" __name__=\"sum\" ");
  // Whether it narrows anything is the caller's business.
  CHECK(texts("{}").empty());
  CHECK(texts("{a=\"\"}") == "a=\"\" ");
  CHECK(texts("") == "unknown position: parse error: unexpected end of input");
  CHECK(texts("up[5m]") == "1:3: parse error: unexpected \"[\"");
  CHECK(texts("up offset 5m") == "1:4: parse error: unexpected <offset>");
  CHECK(texts("sum(up)") == "1:4: parse error: unexpected \"(\"");
  CHECK(texts("1") == "1:1: parse error: unexpected number \"1\"");
  CHECK(texts("{a=}") == "1:4: parse error: unexpected \"}\" in label matching, expected string");
  CHECK_THAT(texts("{a=~\"(\"}"), Catch::StartsWith("1:2: parse error: error parsing regexp: "));
}

TEST_CASE("Annotations are unique and shortened", "[promql]") {
  Annotations annotations;
  CHECK(annotations.empty());
  for (int i = 0; i < 12; ++i) annotations.warn("warning " + std::to_string(i % 12));
  annotations.warn("warning 0");
  Annotations others;
  others.info("an info");
  others.warn("warning 1");
  annotations.merge(others);
  CHECK(annotations.warnings(0).size() == 12);
  const auto shortened = annotations.warnings();
  REQUIRE(shortened.size() == 11);
  CHECK(shortened.back() == "2 more warning annotations omitted");
  CHECK(annotations.infos() == std::vector<std::string>{"an info"});
}

}  // namespace
}  // namespace silverback::promql
