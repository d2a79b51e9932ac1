#include "base/url.h"

#include <catch2/catch.hpp>

#include "base/http_types.h"

namespace silverback::base {
namespace {

Url url(std::string_view text) {
  const auto parsed = parse_url(text);
  INFO(text << " " << parsed.status().message());
  REQUIRE(parsed.is_ok());
  return *parsed;
}

}  // namespace

TEST_CASE("parse_url takes URLs apart", "[base]") {
  const Url u = url("HTTPS://user:pa%40ss@Example.com:8443/a/b?x=1&y=2#frag");
  CHECK(u.scheme == "https");
  CHECK(u.userinfo == "user:pa%40ss");
  CHECK(u.host == "Example.com");
  CHECK(u.port == "8443");
  CHECK(u.path == "/a/b");
  CHECK(u.query == "x=1&y=2");
  CHECK(u.host_port() == "Example.com:8443");
  CHECK(u.target() == "/a/b?x=1&y=2");
  CHECK(u.to_string() == "https://user:xxxxx@Example.com:8443/a/b?x=1&y=2");

  CHECK(url("http://h").target() == "/");
  CHECK(url("http://h").port_or_default() == "80");
  CHECK(url("https://h").port_or_default() == "443");
  CHECK(url("http://h?q").target() == "/?q");
  CHECK(url("http://h:/x").port.empty());
  CHECK(url("http://u@h").to_string() == "http://u@h");
  CHECK(url("http://[::1]:9090/m").host == "::1");
  CHECK(url("http://[::1]:9090/m").to_string() == "http://[::1]:9090/m");
  CHECK(url("http://h/a b\xc3\xa9?c d").target() == "/a%20b%C3%A9?c%20d");
}

TEST_CASE("parse_url refuses what is no http URL", "[base]") {
  for (const std::string text :
       {"", "h", "/path", "ftp://h", "http:", "http:/h", "http://", "http://:80", "http://h:x",
        "http://h:99999", "http://[::1", "http://[::1]x", "http://h/%zz", "http://h/\n",
        "http://a b/", "mailto:x"}) {
    INFO(text);
    const auto parsed = parse_url(text);
    REQUIRE_FALSE(parsed.is_ok());
    CHECK(parsed.status().code() == Errc::kBadData);
  }
  CHECK(parse_url("http://u:secret@h:x/").status().message().find("secret") == std::string::npos);
}

TEST_CASE("resolve_url follows RFC 3986", "[base]") {
  const Url base = url("http://a/b/c/d?q");
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d?q"},
      {"", "http://a/b/c/d?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},
      {"https://x:1/y", "https://x:1/y"}};
  for (const auto& row : rows) {
    INFO(row.first);
    const auto resolved = resolve_url(base, row.first);
    REQUIRE(resolved.is_ok());
    CHECK(resolved->to_string() == row.second);
  }
  CHECK_FALSE(resolve_url(base, "ftp://x").is_ok());
}

TEST_CASE("Origins compare with default ports", "[base]") {
  CHECK(url("http://A").same_origin(url("http://a:80/x")));
  CHECK_FALSE(url("http://a").same_origin(url("https://a")));
  CHECK_FALSE(url("http://a").same_origin(url("http://a:81")));
  CHECK_FALSE(url("http://a").same_origin(url("http://b")));
}

TEST_CASE("Escapes are those of Go's net/url", "[base]") {
  const std::string all = "az09-_.~ $&+,/:;=?@#%\xc3\xa9\"";
  CHECK(query_escape(all) == "az09-_.~+%24%26%2B%2C%2F%3A%3B%3D%3F%40%23%25%C3%A9%22");
  CHECK(path_escape(all) == "az09-_.~%20$&+%2C%2F:%3B=%3F@%23%25%C3%A9%22");
  CHECK(unescape(query_escape(all), true).value() == all);
  CHECK(unescape("a+b%2b", true).value() == "a b+");
  CHECK(unescape("a+b", false).value() == "a+b");
  for (const std::string text : {"%", "%1", "%zz", "x%"}) {
    CHECK(unescape(text, true).status().message().find("invalid URL escape \"%") == 0);
  }
}

TEST_CASE("parse_form keeps order and repeated keys", "[base]") {
  CHECK(parse_form("b=1&a=x+y&b=2&c&=d&&e=%3D=").value() ==
        FormValues{{"b", "1"}, {"a", "x y"}, {"b", "2"}, {"c", ""}, {"", "d"}, {"e", "=="}});
  CHECK(parse_form("").value().empty());
  CHECK(parse_form("a=%zz").status().message() == "invalid URL escape \"%zz\"");
  CHECK(parse_form("a;b").status().message() == "invalid semicolon separator in query");
}

TEST_CASE("HttpHeaders compare names without case", "[base]") {
  HttpHeaders h;
  h.add("Content-Type", "a");
  h.add("X", "1");
  h.add("x", "2");
  CHECK(h.get("content-type") == "a");
  CHECK(h.get("X") == "1");
  CHECK(h.has("CONTENT-TYPE"));
  h.set("X", "3");
  CHECK(h.fields().size() == 2);
  CHECK(h.get("x") == "3");
  h.remove("x");
  CHECK_FALSE(h.has("X"));
  CHECK(h.get("x").empty());
  CHECK_FALSE(iequals("a", "ab"));
}

}  // namespace silverback::base
