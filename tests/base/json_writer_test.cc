#include "base/json_writer.h"

#include <limits>

#include <catch2/catch.hpp>

namespace silverback::base {

TEST_CASE("JsonWriter sets commas", "[base]") {
  std::string out;
  JsonWriter w(out);
  w.begin_object();
  w.key("a");
  w.begin_array();
  w.number(int64_t{-1});
  w.number(uint64_t{2});
  w.begin_object();
  w.end_object();
  w.begin_array();
  w.end_array();
  w.null();
  w.end_array();
  w.key("b");
  w.boolean(true);
  w.key("c");
  w.raw("{\"x\":1}");
  w.key("d");
  w.string("s");
  w.end_object();
  CHECK(out == R"({"a":[-1,2,{},[],null],"b":true,"c":{"x":1},"d":"s"})");
}

TEST_CASE("JsonWriter escapes as encoding/json", "[base]") {
  const std::string nasty = std::string(
      "q\"b\\ \b\f\n\r\t\x01\x7f<>& \xe2\x80\xa8\xe2\x80\xa9 \xff \xc3\xa9 \xef\xbf\xbd");
  std::string out;
  JsonWriter w(out);
  w.string(nasty);
  CHECK(out ==
        "\"q\\\"b\\\\ \\b\\f\\n\\r\\t\\u0001\x7f\\u003c\\u003e\\u0026 \\u2028\\u2029 \\ufffd "
        "\xc3\xa9 \xef\xbf\xbd\"");
  out.clear();
  JsonWriter plain(out);
  plain.label_string("<a&b>");
  CHECK(out == "\"<a&b>\"");
}

TEST_CASE("JsonWriter writes numbers as Go", "[base]") {
  std::string out;
  JsonWriter w(out);
  w.begin_array();
  for (const double v : {0.0, 1.5, 1e-7, 1.5e-10, 1e21, 1e20, -2e-9}) w.number(v);
  w.end_array();
  CHECK(out == "[0,1.5,1e-7,1.5e-10,1e+21,100000000000000000000,-2e-9]");
}

TEST_CASE("JsonWriter writes timestamps and sample values as the API", "[base]") {
  std::string out;
  JsonWriter w(out);
  w.begin_array();
  for (const int64_t ms : {int64_t{0}, int64_t{1000}, int64_t{1435781451781}, int64_t{1005},
                           int64_t{-1500}, int64_t{50}, std::numeric_limits<int64_t>::min()}) {
    w.timestamp_ms(ms);
  }
  w.sample_value(1e-9);
  w.sample_value(std::numeric_limits<double>::infinity());
  w.end_array();
  CHECK(out == "[0,1,1435781451.781,1.005,-1.500,0.050,-9223372036854775.808,\"1e-09\",\"+Inf\"]");
}

}  // namespace silverback::base
