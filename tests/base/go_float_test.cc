#include "base/go_float.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

namespace silverback::base {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

uint64_t bits(double v) {
  return std::bit_cast<uint64_t>(v);
}

std::string go_e(double v) {
  std::string out;
  append_go_e(out, v);
  return out;
}

std::string openmetrics(double v) {
  std::string out;
  append_openmetrics_float(out, v);
  return out;
}

}  // namespace

TEST_CASE("Floats are laid out as strconv.FormatFloat does", "[base]") {
  struct Row {
    double v;
    std::string f, e, g, sample;
  };
  const std::vector<Row> rows = {
      {0, "0", "0e+00", "0", "0"},
      {-0.0, "-0", "-0e+00", "-0", "-0"},
      {1, "1", "1e+00", "1", "1"},
      {-1.5, "-1.5", "-1.5e+00", "-1.5", "-1.5"},
      {100, "100", "1e+02", "100", "100"},
      {123456, "123456", "1.23456e+05", "123456", "123456"},
      {1e6, "1000000", "1e+06", "1e+06", "1000000"},
      {123456789, "123456789", "1.23456789e+08", "1.23456789e+08", "123456789"},
      {0.1, "0.1", "1e-01", "0.1", "0.1"},
      {0.0001, "0.0001", "1e-04", "0.0001", "0.0001"},
      {0.00001, "0.00001", "1e-05", "1e-05", "0.00001"},
      {1e-6, "0.000001", "1e-06", "1e-06", "0.000001"},
      {9.99e-7, "0.000000999", "9.99e-07", "9.99e-07", "9.99e-07"},
      {1e20, "100000000000000000000", "1e+20", "1e+20", "100000000000000000000"},
      {1e21, "1000000000000000000000", "1e+21", "1e+21", "1e+21"},
      {1e23, "100000000000000000000000", "1e+23", "1e+23", "1e+23"},
      {123456789012345680000.0, "123456789012345680000", "1.2345678901234568e+20",
       "1.2345678901234568e+20", "123456789012345680000"},
      {9007199254740991.0, "9007199254740991", "9.007199254740991e+15", "9.007199254740991e+15",
       "9007199254740991"},
      {9007199254740993.0, "9007199254740992", "9.007199254740992e+15", "9.007199254740992e+15",
       "9007199254740992"},
      {3.141592653589793, "3.141592653589793", "3.141592653589793e+00", "3.141592653589793",
       "3.141592653589793"},
      {1.7976931348623157e308, "", "1.7976931348623157e+308", "1.7976931348623157e+308",
       "1.7976931348623157e+308"},
      {5e-324, "", "5e-324", "5e-324", "5e-324"},
      {kInf, "+Inf", "+Inf", "+Inf", "+Inf"},
      {-kInf, "-Inf", "-Inf", "-Inf", "-Inf"},
      {std::nan(""), "NaN", "NaN", "NaN", "NaN"},
  };
  for (const Row& row : rows) {
    if (!row.f.empty()) CHECK(go_f(row.v) == row.f);
    CHECK(go_e(row.v) == row.e);
    CHECK(go_g(row.v) == row.g);
    CHECK(sample_value(row.v) == row.sample);
  }
}

TEST_CASE("OpenMetrics floats always show that they are floats", "[base]") {
  CHECK(openmetrics(1) == "1.0");
  CHECK(openmetrics(0) == "0.0");
  CHECK(openmetrics(-1) == "-1.0");
  CHECK(openmetrics(0.25) == "0.25");
  CHECK(openmetrics(1e6) == "1e+06");
  CHECK(openmetrics(kInf) == "+Inf");
  CHECK(openmetrics(std::nan("")) == "NaN");
}

TEST_CASE("parse_go_float takes what strconv.ParseFloat takes", "[base]") {
  const std::vector<std::pair<std::string, double>> rows = {
      {"0", 0},
      {"-0", -0.0},
      {"+1.5", 1.5},
      {"5.", 5},
      {".5", .5},
      {"1e3", 1000},
      {"1E-3", 1e-3},
      {"0x1p4", 16},
      {"0X1.8P1", 3},
      {"-0x1p-1", -0.5},
      {"inf", kInf},
      {"+Inf", kInf},
      {"-INFINITY", -kInf},
      {"1e-400", 0},
      {"5e-324", 5e-324},
      {"2e-324", 0},
      {"1e23", 1e23},
      {"179769313486231570000000000000000000000e270", 1.7976931348623157e308},
      {"0.1000000000000000055511151231257827021181583404541015625", 0.1},
      {"0x1p-1080", 0}};
  for (const auto& row : rows) {
    const auto got = parse_go_float(row.first);
    INFO(row.first);
    REQUIRE(got.has_value());
    CHECK(bits(*got) == bits(row.second));
  }
  CHECK(bits(parse_go_float("nAn").value()) == 0x7ff8000000000001);
  for (const std::string text :
       {"",     "+",    "-",      ".",     "e5",     "1e",       "1e+", "1.2.3", "+-1",
        "--1",  "+nan", "nan(1)", "in",    "infin",  " 1",       "1 ",  "0x",    "0x1",
        "0xp1", "1p3",  "1_0",    "1e400", "-1e400", "0x1p2000", "a",   "1f",    "."}) {
    INFO(text);
    CHECK_FALSE(parse_go_float(text).has_value());
  }
}

TEST_CASE("parse_go_float takes underscores between digits when asked", "[base]") {
  CHECK(parse_go_float("1_000.5_0e1_0", true) == 1000.5e10);
  CHECK(parse_go_float("0x_1_0p0", true) == 16);
  for (const std::string text : {"_1", "1_", "1__0", "1_.5", "1._5", "1_e5", "1e_5"}) {
    INFO(text);
    CHECK_FALSE(parse_go_float(text, true).has_value());
  }
}

TEST_CASE("parse_sample_value keeps to the text format's floats", "[base]") {
  for (const std::string text : {"0x1p4", "0X1P4", "1_000", "1p3", "", "-", ".", "1..2", "1-"}) {
    INFO(text);
    CHECK_FALSE(parse_sample_value(text).has_value());
  }
  CHECK(bits(parse_sample_value("-0").value()) == bits(-0.0));
  CHECK(parse_sample_value("5.") == 5);
  CHECK(parse_sample_value(".5") == .5);
  CHECK(parse_sample_value("+Inf") == kInf);
  CHECK(parse_sample_value("9007199254740993") == 9007199254740992.0);
  CHECK(parse_sample_value("18446744073709551616") == 18446744073709551616.0);
  CHECK(parse_sample_value("99999999999999999999") == 1e20);
  CHECK(parse_sample_value("0.000000000000000001") == 1e-18);
  CHECK(parse_sample_value("123456789.123456789") == 123456789.123456789);
}

TEST_CASE("Random doubles survive every layout", "[base]") {
  std::mt19937_64 random(42);
  for (int i = 0; i < 20000; ++i) {
    const double v = std::bit_cast<double>(random());
    if (!std::isfinite(v)) continue;
    CHECK(bits(parse_go_float(go_f(v)).value()) == bits(v));
    CHECK(bits(parse_go_float(go_g(v)).value()) == bits(v));
    CHECK(bits(parse_sample_value(sample_value(v)).value()) == bits(v));
  }
}

TEST_CASE("Values of few decimals keep their shortest digits", "[base]") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 50000; ++i) {
    // Near such values too: one unit beside them the digits are many.
    double v = static_cast<double>(random() >> (20 + random() % 44)) / std::pow(10, random() % 6);
    if (random() % 3 == 0) v = std::nextafter(v, kInf);
    char buf[400];
    const char* end = std::to_chars(buf, buf + sizeof buf, v, std::chars_format::fixed).ptr;
    if (v < 9e15) CHECK(go_f(v) == std::string(buf, static_cast<size_t>(end - buf)));
    CHECK(bits(parse_go_float(go_g(-v)).value()) == bits(-v));
  }
}

TEST_CASE("The fast way of parse_sample_value agrees with the slow one", "[base]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 50000; ++i) {
    std::string text = std::to_string(random() >> (random() % 64));
    if (random() % 2) text.insert(random() % (text.size() + 1), ".");
    if (random() % 4 == 0) text.insert(0, "-");
    const auto fast = parse_sample_value(text);
    const auto slow = parse_go_float(text);
    INFO(text);
    REQUIRE(fast.has_value() == slow.has_value());
    CHECK((!fast || bits(*fast) == bits(*slow)));
  }
}

}  // namespace silverback::base
