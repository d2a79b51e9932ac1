#include "base/duration.h"

#include <catch2/catch.hpp>

namespace silverback::base {

TEST_CASE("parse_duration_ms takes Prometheus durations", "[base]") {
  const std::vector<std::pair<std::string, int64_t>> rows = {
      {"0", 0},
      {"0s", 0},
      {"1ms", 1},
      {"5s", 5000},
      {"1m", 60000},
      {"1h30m", 5400000},
      {"54s321ms", 54321},
      {"1d12h", 129600000},
      {"2w", 1209600000},
      {"1y", 31536000000},
      {"1y2w3d4h5m6s7ms", 31536000000 + 1209600000 + 259200000 + 14400000 + 300000 + 6007},
      {"292y", int64_t{292} * 31536000000}};
  for (const auto& row : rows) {
    const auto got = parse_duration_ms(row.first);
    INFO(row.first);
    REQUIRE(got.is_ok());
    CHECK(*got == row.second);
  }
}

TEST_CASE("parse_duration_ms refuses the rest", "[base]") {
  for (const std::string text :
       {"1", "1.5h", "-1s", "s", "1m1h", "1h1h", "1x", "1 s", " 1s", "1s ", "1mss"}) {
    const auto got = parse_duration_ms(text);
    INFO(text);
    REQUIRE_FALSE(got.is_ok());
    CHECK(got.status().message() == "not a valid duration string: \"" + text + "\"");
  }
  CHECK(parse_duration_ms("").status().message() == "empty duration string");
  CHECK(parse_duration_ms("300y").status().message() == "duration out of range");
  CHECK(parse_duration_ms("99999999999999999999999s").status().message() ==
        "duration out of range");
}

TEST_CASE("format_duration is model.Duration.String", "[base]") {
  const std::vector<std::pair<int64_t, std::string>> rows = {
      {0, "0s"},         {1, "1ms"},        {5400000, "1h30m"},  {86400000, "1d"},
      {604800000, "1w"}, {691200000, "8d"}, {31536000000, "1y"}, {31536001000, "365d1s"},
      {-5000, "-5s"},    {324000, "5m24s"}, {15000, "15s"},      {1209600000, "2w"}};
  for (const auto& row : rows) CHECK(format_duration(row.first) == row.second);
}

TEST_CASE("RFC 3339 times go both ways", "[base]") {
  CHECK(format_rfc3339_ms(1767323045123) == "2026-01-02T03:04:05.123Z");
  CHECK(format_rfc3339_ms(0) == "1970-01-01T00:00:00.000Z");
  CHECK(format_rfc3339_ms(-1) == "1969-12-31T23:59:59.999Z");
  const std::vector<std::pair<std::string, int64_t>> rows = {
      {"2026-01-02T03:04:05.123Z", 1767323045123},
      {"2026-01-02T03:04:05Z", 1767323045000},
      {"2026-01-02T04:04:05.123999999+01:00", 1767323045123},
      {"2026-01-01T21:34:05-05:30", 1767323045000},
      {"1969-12-31T23:59:59.999Z", -1},
      {"2024-02-29T00:00:00Z", 1709164800000}};
  for (const auto& row : rows) {
    const auto got = parse_rfc3339_ms(row.first);
    INFO(row.first);
    REQUIRE(got.is_ok());
    CHECK(*got == row.second);
  }
  for (const std::string text :
       {"", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+1:00"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339_ms(text).is_ok());
  }
}

}  // namespace silverback::base
