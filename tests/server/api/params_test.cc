#include "server/api/params.h"

#include <catch2/catch.hpp>

#include "server/api/name_escaping.h"

namespace server = silverback::server;
namespace api = silverback::server::api;
namespace model = silverback::model;

TEST_CASE("API times are float seconds or RFC 3339", "[server]") {
  struct Row {
    std::string text;
    int64_t ms;
  };
  for (const Row& row :
       std::vector<Row>{{"0", 0},
                        {"1435781451.781", 1435781451781},
                        {"1435781451", 1435781451000},
                        {"-0.5", -500},
                        {"1.0006", 1001},
                        {"1e3", 1000000},
                        {"1795287439764", 1795287439764000},
                        {"2015-07-01T20:10:51.781Z", 1435781451781},
                        {"2015-07-01T22:10:51.781+02:00", 1435781451781},
                        {"1e300", model::kMaxTime},
                        {"-292273086-05-16T16:47:06Z", model::kMinTime},
                        {"292277025-08-18T07:12:54.999999999Z", model::kMaxTime}}) {
    INFO(row.text);
    const auto t = api::parse_time(row.text);
    REQUIRE(t.is_ok());
    CHECK(*t == row.ms);
  }
  for (const char* bad : {"", "abc", "NaN", "Inf", "2015-07-01", "2015-07-01T20:10:51"}) {
    INFO(bad);
    CHECK_FALSE(api::parse_time(bad).is_ok());
  }
  CHECK(api::parse_time("abc").status().message() == "cannot parse \"abc\" to a valid timestamp");
}

TEST_CASE("API durations are float seconds or Prometheus durations", "[server]") {
  CHECK(*api::parse_duration("15") == 15'000);
  CHECK(*api::parse_duration("0.5") == 500);
  CHECK(*api::parse_duration("1h30m") == 5'400'000);
  CHECK(*api::parse_duration("-3") == -3000);
  CHECK(api::parse_duration("x").status().message() == "cannot parse \"x\" to a valid duration");
  CHECK(api::parse_duration("1e11").status().message() ==
        "cannot parse \"1e11\" to a valid duration. It overflows int64");
  CHECK_FALSE(api::parse_duration("NaN").is_ok());
  CHECK_FALSE(api::parse_duration("").is_ok());
}

TEST_CASE("API parameters merge body and query, body first", "[server]") {
  server::HttpRequest request;
  request.method = "POST";
  request.query = "a=url&b=2&match[]=x";
  request.body = "a=body&match%5B%5D=y+z";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  const auto params = api::Params::parse(request);
  REQUIRE(params.is_ok());
  CHECK(params->get("a") == "body");
  CHECK(params->get("b") == "2");
  CHECK(params->get("nope") == "");
  CHECK(params->all("match[]") == std::vector<std::string>{"y z", "x"});

  request.headers.set("Content-Type", "text/plain");
  CHECK(api::Params::parse(request)->get("a") == "url");
  request.query = "a=%zz";
  CHECK_FALSE(api::Params::parse(request).is_ok());
}

TEST_CASE("API limit is a non-negative whole number", "[server]") {
  const auto limit_of = [](const std::string& query) {
    server::HttpRequest request;
    request.method = "GET";
    request.query = query;
    const auto limit = api::limit_param(*api::Params::parse(request));
    return limit ? std::to_string(*limit) : limit.status().message();
  };
  CHECK(limit_of("") == "0");
  CHECK(limit_of("limit=7") == "7");
  CHECK(limit_of("limit=-1") == "invalid parameter \"limit\": limit must be non-negative");
  CHECK(limit_of("limit=x") ==
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax");
}

TEST_CASE("Label names in the U__ encoding are decoded", "[server]") {
  CHECK(api::unescape_label_name("job") == "job");
  CHECK(api::unescape_label_name("U__http_2e_status") == "http.status");
  CHECK(api::unescape_label_name("U__a__b") == "a_b");
  CHECK(api::unescape_label_name("U___e4_") == "\xc3\xa4");
  CHECK(api::unescape_label_name("U__bad_zz_") == "U__bad_zz_");
  CHECK(api::unescape_label_name("U__open_2e") == "U__open_2e");
}

TEST_CASE("OpenMetrics is for those who like it at least as much as text", "[server]") {
  struct Row {
    const char* accept;
    bool wanted;
  };
  for (const Row& row : {
           Row{"", false},
           {"*/*", false},
           {"text/plain", false},
           {"application/openmetrics-text", true},
           {"application/openmetrics-text; version=1.0.0; q=0.5, text/plain;q=0.4", true},
           {"application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.5", false},
           {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
            "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            true},
           {"application/openmetrics-text;version=2.0.0", false},
           {"application/openmetrics-text;q=0", false},
           {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", false},
       }) {
    INFO(row.accept);
    CHECK(api::wants_openmetrics(row.accept) == row.wanted);
  }
}

TEST_CASE("Query origins tell the client's address without its port", "[server]") {
  server::HttpRequest request;
  request.method = "POST";
  request.path = "/api/v1/query";
  request.remote_address = "127.0.0.1:40312";
  CHECK(api::query_origin(request).client_ip == "127.0.0.1");
  CHECK(api::query_origin(request).path == "/api/v1/query");
  request.remote_address = "[::1]:40312";
  CHECK(api::query_origin(request).client_ip == "::1");
}
