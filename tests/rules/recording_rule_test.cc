#include "rules/recording_rule.h"

#include <memory>

#include <catch2/catch.hpp>

#include "model/histogram.h"

namespace {

namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace rules = silverback::rules;

promql::Sample sample(std::initializer_list<std::pair<std::string, std::string>> labels, double v) {
  promql::Sample s;
  s.labels = model::Labels::from(labels);
  s.v = v;
  s.t = 999;
  return s;
}

base::Result<rules::RuleOutput> eval(rules::RecordingRule& rule, const promql::Vector& result,
                                     uint64_t limit = 0) {
  rules::Evaluation evaluation;
  evaluation.ts = 60'000;
  evaluation.query_offset_ms = 5'000;
  evaluation.limit = limit;
  evaluation.query = [&](const std::string& expr, model::TimestampMs t) {
    CHECK(expr == "sum(up)");
    CHECK(t == 55'000);
    return base::Result<promql::Vector>(result);
  };
  return rule.eval(evaluation);
}

}  // namespace

TEST_CASE("RecordingRule replaces name and sets labels", "[rules]") {
  rules::RecordingRule rule("job:up", "sum(up)", {{"gone", ""}, {"kind", "rec"}});
  auto histogram = sample({{"job", "h"}}, 0);
  histogram.h = std::make_shared<model::Histogram>();
  const auto out = eval(rule, {sample({{"__name__", "up"}, {"gone", "x"}, {"job", "a"}}, 1),
                               sample({}, 2), histogram});
  REQUIRE(out.is_ok());
  REQUIRE(out->samples.size() == 3);
  CHECK(out->samples[0].labels.to_string() == R"(job:up{job="a", kind="rec"})");
  CHECK(out->samples[1].labels.to_string() == R"(job:up{kind="rec"})");
  CHECK(out->samples[2].h != nullptr);
  for (const promql::Sample& s : out->samples) CHECK(s.t == 55'000);
  CHECK_FALSE(out->state_changed);
}

TEST_CASE("RecordingRule refuses results that fall together", "[rules]") {
  rules::RecordingRule rule("r", "sum(up)", {{"job", "same"}});
  CHECK(eval(rule, {sample({{"job", "a"}}, 1), sample({{"job", "b"}}, 1)}).status().message() ==
        "vector contains metrics with the same labelset after applying rule labels");
}

TEST_CASE("RecordingRule stores nothing beyond its limit", "[rules]") {
  rules::RecordingRule rule("r", "sum(up)", {});
  const promql::Vector two = {sample({{"job", "a"}}, 1), sample({{"job", "b"}}, 1)};
  CHECK(eval(rule, two, 2).is_ok());
  CHECK(eval(rule, two, 1).status().message() == "exceeded limit of 1 with 2 series");
}
