#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "rules/template/alert_template.h"
#include "rules/template/exec.h"
#include "rules/template/function_table.h"
#include "rules/template/parser.h"

namespace {

using namespace std::string_literals;
namespace tt = silverback::rules::text_template;
namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;

promql::Sample sample(const char* instance, double v) {
  promql::Sample s;
  s.labels = model::Labels::from({{"__name__", "metric"}, {"instance", instance}});
  s.v = v;
  return s;
}

tt::Environment environment() {
  tt::Environment env;
  env.now_ms = 1353755652000;
  env.external_url = "http://prom.example:9090/path";
  env.query = [](const std::string& query) -> base::Result<promql::Vector> {
    if (query == "missing") return promql::Vector{};
    if (query == "bad") {
      return base::Status(base::Errc::kBadData, "1:1: parse error: unexpected <bad>");
    }
    return promql::Vector{sample("b", 21), sample("a", 11)};
  };
  return env;
}

tt::Value data(tt::Value value = tt::Value(1234567.891)) {
  auto labels = std::make_shared<tt::StringMap>(tt::StringMap{
      {"__name__", "metric"}, {"instance", "host-1.example.com:9100"}, {"job", "node"}});
  auto external = std::make_shared<tt::StringMap>(tt::StringMap{{"cluster", "eu"}});
  return tt::alert_data(labels, external, "http://prom.example:9090/path", std::move(value));
}

/// "=" and the text, "P:" and the parse error, or "E:" and the execution error.
std::string outcome(const std::string& text, const tt::Value& dot, const tt::Limits& limits = {}) {
  const std::string definitions =
      "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
      "{{$externalURL := .ExternalURL}}{{$value := .Value}}";
  const auto tree = tt::parse("__alert_A", definitions + text);
  if (!tree.is_ok()) return "P:" + tree.status().message();
  const auto result = tt::execute(**tree, dot, environment(), limits);
  return result.is_ok() ? "=" + *result : "E:" + result.status().message();
}

struct Case {
  std::string text, expected;
};

/// Recorded from Go's text/template with Prometheus's functions.
const Case kCases[] = {
#include "tests/rules/template_cases.inc"
};

}  // namespace

TEST_CASE("Templates answer as Go's text/template does", "[rules]") {
  for (const Case& c : kCases) {
    INFO(c.text);
    CHECK(outcome(c.text, data()) == c.expected);
  }
}
