#include "server/api/render.h"

#include <algorithm>
#include <limits>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "server/api/api.h"

namespace api = silverback::server::api;
namespace base = silverback::base;
namespace model = silverback::model;
namespace promql = silverback::promql;
namespace server = silverback::server;

namespace {

/// Made in pieces of one byte, and at once: it must be the same.
std::string json_of(const promql::Value& value) {
  std::string out, whole;
  const auto pieces = api::value_pieces(value);
  while (pieces->next(out, 1)) {
  }
  CHECK_FALSE(api::value_pieces(value)->next(whole, 1 << 20));
  CHECK(out == whole);
  return out;
}

}  // namespace

TEST_CASE("API values are laid out as Prometheus's", "[server]") {
  CHECK(json_of(promql::Scalar{1435781451781, 1.5}) ==
        R"({"resultType":"scalar","result":[1435781451.781,"1.5"]})");
  CHECK(json_of(promql::String{1000, "a<b"}) ==
        R"({"resultType":"string","result":[1,"a\u003cb"]})");
  CHECK(json_of(promql::Vector{}) == R"({"resultType":"vector","result":[]})");
  CHECK(json_of(promql::Matrix{}) == R"({"resultType":"matrix","result":[]})");

  promql::Sample sample;
  sample.labels = model::Labels::from({{"__name__", "up"}, {"path", "<a&b>"}});
  sample.t = -500;
  sample.v = std::numeric_limits<double>::infinity();
  CHECK(
      json_of(promql::Vector{sample}) ==
      R"({"resultType":"vector","result":[{"metric":{"__name__":"up","path":"<a&b>"},"value":[-0.500,"+Inf"]}]})");

  promql::Series series;
  series.floats = {{1000, 1e-7}, {2050, 1e21}};
  CHECK(
      json_of(promql::Matrix{series}) ==
      R"({"resultType":"matrix","result":[{"metric":{},"values":[[1,"1e-07"],[2.050,"1e+21"]]}]})");
}

TEST_CASE("API envelopes carry errors, notes and nothing", "[server]") {
  const auto body_of = [](api::Answer answer) {
    const auto response = api::to_response(std::move(answer));
    return std::to_string(response.status) + " " + response.body;
  };
  CHECK(body_of(api::Answer(fmt::format("{}[]", api::kDataPrefix))) ==
        R"(200 {"status":"success","data":[]})");
  api::Answer noted(fmt::format("{}[]", api::kDataPrefix));
  noted.warnings = {"w <"};
  noted.infos = {"i"};
  CHECK(body_of(std::move(noted)) ==
        R"(200 {"status":"success","data":[],"warnings":["w \u003c"],"infos":["i"]})");
  CHECK(body_of(api::Answer::no_content()) == "204 ");

  struct Row {
    base::Errc code;
    std::string start;
  };
  for (const Row& row : std::vector<Row>{
           {base::Errc::kBadData, R"(400 {"status":"error","errorType":"bad_data","error":"x")"},
           {base::Errc::kExecution, R"(422 {"status":"error","errorType":"execution")"},
           {base::Errc::kLimit, R"(422 {"status":"error","errorType":"execution")"},
           {base::Errc::kCanceled, R"(499 {"status":"error","errorType":"canceled")"},
           {base::Errc::kTimeout, R"(503 {"status":"error","errorType":"timeout")"},
           {base::Errc::kNotFound, R"(404 {"status":"error","errorType":"not_found")"},
           {base::Errc::kUnavailable, R"(500 {"status":"error","errorType":"unavailable")"},
           {base::Errc::kCorruption, R"(500 {"status":"error","errorType":"internal")"}}) {
    CHECK(body_of(api::Answer(base::Status(row.code, "x"))).substr(0, row.start.size()) ==
          row.start);
  }
}

TEST_CASE("API times of day are Go's", "[server]") {
  CHECK(api::go_time(0) == "0001-01-01T00:00:00Z");
  CHECK(api::go_time(1435781451781) == "2015-07-01T20:10:51.781Z");
  CHECK(api::go_time(1435781451700) == "2015-07-01T20:10:51.7Z");
  CHECK(api::go_time(1435781451000) == "2015-07-01T20:10:51Z");
}

TEST_CASE("API answers are streamed when they are large", "[server]") {
  std::vector<std::string> names;
  for (int i = 0; i < 50'000; ++i) names.push_back("name_" + std::to_string(i));
  api::Answer large(api::string_pieces(names));
  large.warnings = {"w"};
  server::HttpResponse response = api::to_response(std::move(large));
  REQUIRE(response.source != nullptr);
  std::string text = response.body;
  size_t largest = text.size();
  server::BodySource::Step step = server::BodySource::Step::kMore;
  while (step == server::BodySource::Step::kMore) {
    std::string chunk;
    step = response.source->next(chunk);
    largest = std::max(largest, chunk.size());
    text += chunk;
  }
  CHECK(step == server::BodySource::Step::kEnd);
  CHECK(largest < 2 * server::BodySource::kPieceBytes);
  std::string expected = api::kDataPrefix;
  expected += '[';
  for (const std::string& name : names) expected += "\"" + name + "\",";
  expected.back() = ']';
  CHECK((text == expected + R"(,"warnings":["w"]})"));
  CHECK(api::to_response(api::Answer(api::string_pieces({"a"}))).body ==
        R"({"status":"success","data":["a"]})");
}

TEST_CASE("API matrices hold floats and histograms of one series", "[server]") {
  promql::Series series;
  series.labels = model::Labels::from({{"a", "b"}});
  series.floats = {{1000, 1}};
  auto h = std::make_shared<model::Histogram>();
  h->count = 0;
  h->sum = 0;
  series.histograms = {{2000, h}, {3000, h}};
  promql::Series empty;
  CHECK(json_of(promql::Matrix{series, empty}) ==
        R"({"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"]],"histograms":[)"
        R"([2,{"count":"0","sum":"0"}],[3,{"count":"0","sum":"0"}]]},{"metric":{}}]})");
}
