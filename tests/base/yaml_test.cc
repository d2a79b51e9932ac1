#include "base/yaml.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "base/yaml_scalar.h"

namespace silverback::base {
namespace {

YamlNode parsed(std::string_view text) {
  auto node = parse_yaml(text, "a.yml");
  INFO(node.status().message());
  REQUIRE(node.is_ok());
  return *node;
}

std::string error_of(std::string_view text) {
  const auto node = parse_yaml(text, "a.yml");
  return node.is_ok() ? "no error" : node.status().message();
}

YamlNode field(const YamlNode& map, std::string_view key) {
  for (const YamlNode::Entry& entry : map.entries()) {
    if (entry.key == key) return entry.value;
  }
  FAIL("no field " << key);
  return {};
}

}  // namespace

TEST_CASE("parse_yaml keeps lines, order and kinds", "[base]") {
  const YamlNode root = parsed("a: 1\nb:\n  - x\n  - 'y'\n\nc: {k: v}\nd:\ne: \"null\"\n");
  REQUIRE(root.is_map());
  const auto entries = root.entries();
  REQUIRE(entries.size() == 5);
  CHECK(entries[0].key == "a");
  CHECK(entries[2].key_node.line() == 6);
  CHECK(field(root, "b").items()[1].line() == 4);
  CHECK(field(root, "b").as_string_list().value() == std::vector<std::string>{"x", "y"});
  CHECK(field(root, "c").as_string_map().value() ==
        std::vector<std::pair<std::string, std::string>>{{"k", "v"}});
  CHECK(field(root, "d").is_null());
  CHECK_FALSE(field(root, "e").is_null());
  CHECK(field(root, "e").as_string().value() == "null");
}

TEST_CASE("parse_yaml gives a null node for empty text", "[base]") {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~", "null\n"}) {
    INFO(text);
    CHECK(parsed(text).is_null());
    CHECK(YamlFields(parsed(text), "config").finish().is_ok());
  }
  CHECK(parsed("").error("m").message() == "a.yml:1: m");
  CHECK(field(parsed("a:\n\nb: 1\n"), "a").line() == 1);
  CHECK(YamlNode().is_null());
}

TEST_CASE("parse_yaml refuses broken text with file and line", "[base]") {
  CHECK(error_of("a: 1\nb: 2\na: 3\n") == "a.yml:3: key \"a\" already set in map");
  CHECK(error_of("x:\n  - {a: 1, a: 2}\n") == "a.yml:2: key \"a\" already set in map");
  CHECK(error_of("a: 1\n---\nb: 2\n") == "a.yml:3: yaml: only one document is allowed in a file");
  // The library makes documents of these forever.
  CHECK(error_of(",") == "a.yml:1: yaml: did not find expected node content");
  CHECK(error_of("a: 1\n...\n\n,,") == "a.yml:4: yaml: did not find expected node content");
  CHECK(error_of("a: 1\n---\n") == "no error");
  CHECK(error_of("a: *nope\n").substr(0, 14) == "a.yml:1: yaml:");
  CHECK(error_of("a: [1, 2\n").substr(0, 12) == "a.yml:2: yam");
  CHECK(error_of("a: b: c\n").substr(0, 14) == "a.yml:1: yaml:");
  CHECK(error_of("a: 1\nb: \xff\n") == "a.yml:2: yaml: invalid UTF-8");
  CHECK(error_of("a: 1\n\x04 b: 2\n") == "a.yml:2: yaml: control characters are not allowed");
  CHECK(error_of("? [a]\n: b\n") == "a.yml:1: yaml: invalid map key: only scalars can be keys");
  CHECK(error_of("a: &x [*x]\n") == "a.yml:1: yaml: an anchor's value contains itself");
}

TEST_CASE("parse_yaml survives deep nesting", "[base]") {
  CHECK(error_of(std::string(100000, '[')).substr(0, 6) == "a.yml:");
  CHECK(error_of(std::string(100000, '{')).substr(0, 6) == "a.yml:");
}

TEST_CASE("parse_yaml takes JSON", "[base]") {
  const YamlNode root =
      parsed("[\n\t{\"targets\":[\"a:1\",\"b\\/c\"],\"labels\":{\"x\":\"\\u00e9\\n\"}}\n]");
  const YamlNode group = root.items().at(0);
  CHECK(field(group, "targets").as_string_list().value() == std::vector<std::string>{"a:1", "b/c"});
  CHECK(field(field(group, "labels"), "x").as_string().value() == "\xc3\xa9\n");
}

TEST_CASE("parse_yaml applies anchors and merge keys", "[base]") {
  const YamlNode root = parsed(
      "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 4}\n"
      "one:\n  b: own\n  <<: *b\ntwo:\n  <<: [*b, *o]\nlist: [*b]\n");
  const YamlNode one = field(root, "one");
  CHECK(field(one, "a").as_int().value() == 1);
  CHECK(field(one, "b").as_string().value() == "own");
  const YamlNode two = field(root, "two");
  CHECK(two.entries().size() == 3);
  CHECK(field(two, "b").as_int().value() == 2);
  CHECK(field(two, "c").as_int().value() == 4);
  CHECK(error_of("a:\n  <<: 5\n") ==
        "a.yml:2: yaml: map merge requires map or sequence of maps as the value");
}

TEST_CASE("Scalars convert as Go's YAML does", "[base]") {
  const YamlNode n = parsed(
      "yes: yes\nno: Off\nquoted: \"true\"\nint: 0x10\noctal: 010\nunder: 1_000\nfloat: 1.5\nexp: "
      "1e3\n"
      "inf: -.inf\nneg: -5\nstr: abc\nlong: abcdefghijklm\nnum: '5'\ndur: 1h30m\nbad: 1.5h\nsize: "
      "10MB\n"
      "big: 18446744073709551615\ntag: !!str 5\nmap: {}\nblock: |\n  two\n  lines\n");
  CHECK(field(n, "yes").as_bool().value());
  CHECK_FALSE(field(n, "no").as_bool().value());
  CHECK(field(n, "quoted").as_bool().status().message() ==
        "a.yml:3: cannot unmarshal !!str `true` into bool");
  CHECK(field(n, "int").as_int().value() == 16);
  CHECK(field(n, "octal").as_int().value() == 8);
  CHECK(field(n, "under").as_int().value() == 1000);
  CHECK(field(n, "float").as_double().value() == 1.5);
  CHECK(field(n, "float").as_int().status().message() ==
        "a.yml:7: cannot unmarshal !!float `1.5` into int");
  CHECK(field(n, "exp").as_int().value() == 1000);
  CHECK(field(n, "int").as_double().value() == 16);
  CHECK(field(n, "inf").as_double().value() == -INFINITY);
  CHECK(field(n, "neg").as_int().value() == -5);
  CHECK(field(n, "neg").as_uint().status().message() ==
        "a.yml:10: cannot unmarshal !!int `-5` into uint");
  CHECK(field(n, "str").as_int().status().message() ==
        "a.yml:11: cannot unmarshal !!str `abc` into int");
  CHECK(field(n, "long").as_int().status().message() ==
        "a.yml:12: cannot unmarshal !!str `abcdefg...` into int");
  CHECK_FALSE(field(n, "num").as_int().is_ok());
  CHECK(field(n, "int").as_string().value() == "0x10");
  CHECK(field(n, "dur").as_duration_ms().value() == 5400000);
  CHECK(field(n, "bad").as_duration_ms().status().message() ==
        "a.yml:15: not a valid duration string: \"1.5h\"");
  CHECK(field(n, "size").as_bytes().value() == 10 << 20);
  CHECK(field(n, "big").as_uint().value() == 18446744073709551615u);
  CHECK_FALSE(field(n, "tag").as_int().is_ok());
  CHECK(field(n, "tag").as_string().value() == "5");
  CHECK(field(n, "map").as_string().status().message() ==
        "a.yml:19: cannot unmarshal !!map into string");
  CHECK(field(n, "map").as_string_list().status().message() ==
        "a.yml:19: cannot unmarshal !!map into []string");
  CHECK(field(n, "block").as_string().value() == "two\nlines\n");
  CHECK(field(n, "str").unsupported("x").code() == Errc::kUnsupported);
  CHECK(field(n, "str").unsupported("x").message() == "a.yml:11: x: not supported yet");
}

TEST_CASE("parse_byte_size knows both spellings of the powers of 1024", "[base]") {
  const std::vector<std::pair<std::string, uint64_t>> rows = {{"0", 0},
                                                              {"5B", 5},
                                                              {"1KB", 1024},
                                                              {"1KiB", 1024},
                                                              {"10MB", 10 << 20},
                                                              {"1.5GB", 3ull << 29},
                                                              {"1GiB512MiB", 3ull << 29},
                                                              {"2TB", 2ull << 40},
                                                              {"1PB", 1ull << 50},
                                                              {"1EB", 1ull << 60}};
  for (const auto& row : rows) CHECK(parse_byte_size(row.first).value() == row.second);
  CHECK(parse_byte_size("5").status().message() == "units: unknown unit  in 5");
  CHECK(parse_byte_size("5kb").status().message() == "units: unknown unit kb in 5kb");
  CHECK(parse_byte_size("").status().message() == "units: invalid ");
  CHECK(parse_byte_size("MB").status().message() == "units: invalid MB");
  CHECK(parse_byte_size("-1MB").status().message() == "units: invalid -1MB");
  CHECK(parse_byte_size("8EB").status().message() == "units: overflow parsing unit");
}

TEST_CASE("YamlFields reads what it knows and refuses the rest", "[base]") {
  struct Config {
    std::string name = "default";
    bool flag = false;
    int64_t n = 7, duration_ms = 5;
    uint64_t size = 0;
    Secret secret;
    std::vector<std::string> list;
  } c;
  YamlFields f(parsed("name: x\nflag: on\nn:\nduration: 1m\nsize: 1KB\nsecret: s3\nlist: [a, "
                      "b]\nhttp2: true\nnope: {}\n"),
               "config");
  f.read("name", c.name);
  f.read("flag", c.flag);
  f.read("n", c.n);
  f.read_duration("duration", c.duration_ms);
  f.read_bytes("size", c.size);
  f.read("secret", c.secret);
  f.read("list", c.list);
  f.read("missing", c.name);
  f.unsupported("http2", {"true"});
  f.unsupported("nope");
  CHECK(f.finish().is_ok());
  CHECK(c.name == "x");
  CHECK(c.flag);
  CHECK(c.n == 7);
  CHECK(c.duration_ms == 60000);
  CHECK(c.size == 1024);
  CHECK(c.secret.reveal() == "s3");
  CHECK(c.list == std::vector<std::string>{"a", "b"});
}

TEST_CASE("YamlFields keeps the first error", "[base]") {
  std::string s;
  int64_t n = 0;
  YamlFields unknown(parsed("a: x\nb: 1\nc: 2\n"), "global");
  unknown.read("a", s);
  CHECK(unknown.finish().message() == "a.yml:2: field b not found in type global");

  YamlFields wrong(parsed("a: x\nb: [1]\n"), "global");
  wrong.read("a", n);
  wrong.read("b", s);
  wrong.fail(Status(Errc::kInternal, "later"));
  CHECK(wrong.finish().message() == "a.yml:1: cannot unmarshal !!str `x` into int");

  YamlFields not_a_map(parsed("text"), "global");
  CHECK(not_a_map.finish().message() == "a.yml:1: cannot unmarshal !!str `text` into global");

  YamlFields refused(parsed("oauth2:\n  client_id: x\n"), "http");
  refused.unsupported("oauth2");
  const Status status = refused.finish();
  CHECK(status.code() == Errc::kUnsupported);
  CHECK(status.message() == "a.yml:2: oauth2: not supported yet");

  YamlFields nested(parsed("m: {x: 1}\n"), "outer");
  nested.read("m", [](const YamlNode& node) { return YamlFields(node, "inner").finish(); });
  CHECK(nested.finish().message() == "a.yml:1: field x not found in type inner");
}

TEST_CASE("YamlWriter writes block style as Go's YAML", "[base]") {
  YamlWriter w;
  w.begin_map("global");
  w.key_duration("scrape_interval", 15000);
  w.key_value("debug", false);
  w.key_value("limit", int64_t{-5});
  w.key_value("factor", 0.5);
  w.begin_map("external_labels");
  w.key_value("zone", "true");
  w.end_map();
  w.begin_map("empty");
  w.end_map();
  w.end_map();
  w.key_list("rule_files", {"a.yml", "b: c"});
  w.key_list("nothing", {});
  w.begin_list("scrape_configs");
  w.begin_item();
  w.key_value("job_name", "x");
  w.key_value("password", Secret("s3"));
  w.key_value("unset", Secret());
  w.begin_list("static_configs");
  w.begin_item();
  w.key_list("targets", {"localhost:9090"});
  w.end_item();
  w.end_list();
  w.begin_list("no_items");
  w.end_list();
  w.end_item();
  w.end_list();
  CHECK(w.take() ==
        "global:\n  scrape_interval: 15s\n  debug: false\n  limit: -5\n  factor: 0.5\n"
        "  external_labels:\n    zone: \"true\"\n  empty: {}\n"
        "rule_files:\n- a.yml\n- 'b: c'\n"
        "scrape_configs:\n- job_name: x\n  password: <secret>\n  static_configs:\n  - targets:\n"
        "    - localhost:9090\n  no_items: []\n");
}

TEST_CASE("What YamlWriter quotes reads back the same", "[base]") {
  const std::vector<std::string> values = {"",
                                           " ",
                                           "a",
                                           "a b",
                                           "true",
                                           "no",
                                           "5",
                                           "1.5",
                                           "0x10",
                                           "~",
                                           "null",
                                           "<<",
                                           "- x",
                                           "-x",
                                           "?",
                                           "a: b",
                                           "a:b",
                                           "a:",
                                           "a #b",
                                           "a#b",
                                           "#b",
                                           "'q'",
                                           "\"q\"",
                                           "a'b",
                                           "[x]",
                                           "{{ $value }}",
                                           "*x",
                                           "&x",
                                           "!x",
                                           "%x",
                                           "@x",
                                           "`x`",
                                           ",x",
                                           "---",
                                           "...",
                                           "1:20",
                                           "2026-01-02",
                                           "line\n",
                                           "two\nlines",
                                           "two\nlines\n",
                                           "end\n\n",
                                           "\nlead",
                                           "  lead\nx",
                                           "x \ny",
                                           "\n",
                                           "tab\tx",
                                           "\x01",
                                           "\xc3\xa9",
                                           "back\\slash",
                                           "^(?s:.*)$",
                                           "http://x/y?z=1",
                                           "1e3",
                                           ".inf",
                                           "=",
                                           "|x",
                                           ">x",
                                           "a\n\nb"};
  for (const std::string& value : values) {
    YamlWriter w;
    w.begin_list("list");
    w.begin_item();
    w.key_value("key", value);
    w.key_value("after", "x");
    w.end_item();
    w.item(value);
    w.end_list();
    const std::string text = w.take();
    INFO(text);
    const YamlNode list = field(parsed(text), "list");
    CHECK(field(list.items().at(0), "key").as_string().value() == value);
    CHECK(list.items().at(1).as_string().value() == value);
    CHECK_FALSE(list.items().at(1).is_null());
    CHECK_FALSE(list.items().at(1).as_bool().is_ok());
    CHECK_FALSE(list.items().at(1).as_double().is_ok());
  }
}

}  // namespace silverback::base
