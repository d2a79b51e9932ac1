#include "model/relabel.h"

#include <catch2/catch.hpp>

namespace silverback::model {
namespace {

std::vector<RelabelRule> rules(const std::string& yaml) {
  const auto node = base::parse_yaml(yaml, "r.yml");
  REQUIRE(node.is_ok());
  auto parsed = parse_relabel_rules(*node);
  INFO(parsed.status().message());
  REQUIRE(parsed.is_ok());
  return *parsed;
}

// The labels after the rules, "dropped" when they are.
std::string relabelled(const Labels& labels, const std::string& yaml) {
  LabelsBuilder builder(labels);
  if (!relabel(rules(yaml), builder)) return "dropped";
  return builder.build().to_string();
}

std::string error_of(const std::string& yaml) {
  const auto node = base::parse_yaml(yaml, "r.yml");
  REQUIRE(node.is_ok());
  return parse_relabel_rules(*node).status().message();
}

const Labels kInput = Labels::from({{"a", "foo"}, {"b", "bar"}, {"c", "baz"}});

}  // namespace

TEST_CASE("Relabelling follows Prometheus's actions", "[model]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"[{source_labels: [a], target_label: d, regex: f(.*), replacement: 'ch${1}-ch${1}'}]",
       R"({a="foo", b="bar", c="baz", d="choo-choo"})"},
      {"[{source_labels: [a, b], target_label: a, regex: 'f(.*);(.*)r', replacement: "
       "'b${1}${2}m'}]",
       R"({a="boobam", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: a, regex: nope, replacement: x}]",
       R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: b, replacement: ''}]", R"({a="foo", c="baz"})"},
      {"[{target_label: d, replacement: static}]", R"({a="foo", b="bar", c="baz", d="static"})"},
      {"[{source_labels: [nope], target_label: d}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: '${1}x', regex: '(f).*', replacement: y}]",
       R"({a="foo", b="bar", c="baz", fx="y"})"},
      {"[{source_labels: [a], target_label: '$9', replacement: y}]",
       R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: x.y}]", R"({a="foo", b="bar", c="baz", "x.y"="foo"})"},
      {"[{source_labels: [a], target_label: a, regex: '(.*):.*', replacement: '$1y'}]",
       R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: '(f).*', target_label: a, replacement: '$1y'}]",
       R"({b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: f.*, action: keep}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], regex: o, action: keep}]", "dropped"},
      {"[{source_labels: [a], regex: foo, action: DROP}]", "dropped"},
      {"[{source_labels: [a], regex: fo, action: drop}]", R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a, b], separator: '', regex: foobar, action: drop}]", "dropped"},
      {"[{source_labels: [a], target_label: b, action: keepequal}]", "dropped"},
      {"[{source_labels: [a], target_label: a, action: keepequal}]",
       R"({a="foo", b="bar", c="baz"})"},
      {"[{source_labels: [a], target_label: a, action: dropequal}]", "dropped"},
      {"[{source_labels: [a], target_label: b, action: dropequal}]",
       R"({a="foo", b="bar", c="baz"})"},
      {"[{regex: '([ab])', replacement: 'x_$1', action: labelmap}]",
       R"({a="foo", b="bar", c="baz", x_a="foo", x_b="bar"})"},
      {"[{regex: '[ab]', action: labeldrop}]", R"({c="baz"})"},
      {"[{regex: '[ab]', action: labelkeep}]", R"({a="foo", b="bar"})"},
      {"[{source_labels: [a], target_label: d, action: uppercase}]",
       R"({a="foo", b="bar", c="baz", d="FOO"})"},
      {"[{source_labels: [a], target_label: d, action: lowercase}, {source_labels: [d], "
       "target_label: e}]",
       R"({a="foo", b="bar", c="baz", d="foo", e="foo"})"},
      {"[{source_labels: [a], regex: '', action: keep}]", "dropped"},
      {"[{source_labels: [a], regex: , action: keep}]", "dropped"},
      {"[{source_labels: [a], target_label: b, replacement: }]", R"({a="foo", c="baz"})"},
  };
  for (const auto& row : rows) {
    INFO(row.first);
    CHECK(relabelled(kInput, row.first) == row.second);
  }
}

TEST_CASE("hashmod takes the last half of the MD5", "[model]") {
  const std::vector<std::tuple<std::string, std::string, std::string>> rows = {
      {"", "6", "958"}, {"a", "1", "697"}, {"10.0.0.1:9100", "5", "645"}};
  for (const auto& row : rows) {
    LabelsBuilder labels(Labels::from({{"in", std::get<0>(row)}}));
    CHECK(relabel(rules("[{source_labels: [in], modulus: 8, target_label: x, action: hashmod},"
                        " {source_labels: [in], modulus: 1000, target_label: y, action: hashmod}]"),
                  labels));
    CHECK(labels.get("x") == std::get<1>(row));
    CHECK(labels.get("y") == std::get<2>(row));
  }
}

TEST_CASE("Case changes know Unicode", "[model]") {
  const Labels labels = Labels::from({{"a", "\xc3\x84\xd0\x94x\xc3\x9f"}});
  CHECK(relabelled(labels, "[{source_labels: [a], target_label: a, action: lowercase}]") ==
        "{a=\"\xc3\xa4\xd0\xb4x\xc3\x9f\"}");
  CHECK(relabelled(labels, "[{source_labels: [a], target_label: a, action: uppercase}]") ==
        "{a=\"\xc3\x84\xd0\x94X\xc3\x9f\"}");
}

TEST_CASE("Relabel rules are checked with file and line", "[model]") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"- action: nope\n", "r.yml:1: unknown relabel action \"nope\""},
      {"- regex: (\n", "r.yml:1: error parsing regexp: missing closing ): `(`"},
      {"- target_label: a\n- action: hashmod\n  target_label: x\n",
       "r.yml:2: relabel configuration for hashmod requires non-zero modulus"},
      {"- source_labels: [a]\n",
       "r.yml:1: relabel configuration for replace action requires 'target_label' value"},
      {"- action: Lowercase\n",
       "r.yml:1: relabel configuration for lowercase action requires 'target_label' value"},
      {"- {action: lowercase, target_label: a, replacement: b}\n",
       "r.yml:1: 'replacement' can not be set for lowercase action"},
      {"- {action: labelmap, replacement: ''}\n",
       "r.yml:1: \"\" is invalid 'replacement' for labelmap action"},
      {"- {action: keepequal, target_label: a, regex: b}\n",
       "r.yml:1: keepequal action requires only 'source_labels' and `target_label`, and no other "
       "fields"},
      {"- {action: labeldrop, source_labels: [a]}\n",
       "r.yml:1: labeldrop action requires only 'regex', and no other fields"},
      {"- {source_labels: ['']}\n", "r.yml:1: \"\" is not a valid label name"},
      {"- {target: a}\n", "r.yml:1: field target not found in type relabel.plain"},
      {"- ~\n", "r.yml:1: empty or null relabeling rule"},
      {"a: b\n", "r.yml:1: cannot unmarshal !!map into []*relabel.Config"},
  };
  for (const auto& row : rows) {
    INFO(row.first);
    CHECK(error_of(row.first) == row.second);
  }
  CHECK(rules("").empty());
}

TEST_CASE("Relabel rules write themselves as they were read", "[model]") {
  const auto parsed = rules(
      "[{source_labels: [a, 'x, y'], regex: 'b.*', target_label: c, modulus: 0}, {action: "
      "labelkeep, regex: x},"
      " {source_labels: [a], modulus: 7, action: hashmod, target_label: s}]");
  base::YamlWriter w;
  w.begin_list("rules");
  for (const RelabelRule& rule : parsed) {
    w.begin_item();
    rule.write(w);
    w.end_item();
  }
  w.end_list();
  const std::string text = w.take();
  CHECK(text ==
        "rules:\n"
        "- source_labels: [a, 'x, y']\n  separator: ;\n  regex: b.*\n  target_label: c\n  "
        "replacement: $1\n  action: replace\n"
        "- separator: ;\n  regex: x\n  replacement: $1\n  action: labelkeep\n"
        "- source_labels: [a]\n  separator: ;\n  modulus: 7\n  target_label: s\n  replacement: "
        "$1\n  action: hashmod\n");
  const auto node = base::parse_yaml(text, "again.yml");
  REQUIRE(node.is_ok());
  const auto again = parse_relabel_rules(node->entries().at(0).value);
  REQUIRE(again.is_ok());
  CHECK(*again == parsed);
}

}  // namespace silverback::model
