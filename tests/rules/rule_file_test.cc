#include "rules/rule_file.h"

#include <string>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "tests/support/temp_dir.h"

namespace {

namespace base = silverback::base;
namespace rules = silverback::rules;

base::Result<std::vector<rules::RuleGroupConfig>> parse(const std::string& text) {
  return rules::parse_rule_file(text, "r.yml", {});
}

/// A file with one group "g" of one rule with these lines.
std::string rule(const std::string& lines) {
  std::string text = "groups:\n- name: g\n  rules:\n";
  std::string lead = "  - ";
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += lead + lines.substr(at, end - at) + "\n";
    lead = "    ";
    at = end + 1;
  }
  return text;
}

}  // namespace

TEST_CASE("Rule file gives groups, rules and their settings", "[rules]") {
  const auto parsed = parse(R"(groups:
  - name: first
    interval: 30s
    query_offset: 1m30s
    limit: 10
    labels: {team: infra, b: "2"}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {kind: recorded}
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.instance }} is down"
          also: 'v {{ $value }}'
  - name: second
  - name: third
    rules:
)");
  REQUIRE(parsed.status().message() == "");
  REQUIRE(parsed->size() == 3);
  const rules::RuleGroupConfig& group = (*parsed)[0];
  CHECK(group.file == "r.yml");
  CHECK(group.name == "first");
  CHECK(group.interval_ms == 30'000);
  CHECK(group.query_offset_ms == 90'000);
  CHECK(group.limit == 10);
  CHECK(group.labels == rules::StringPairs{{"b", "2"}, {"team", "infra"}});
  REQUIRE(group.rules.size() == 2);
  CHECK(group.rules[0].record == "job:up:sum");
  CHECK(group.rules[0].expr == "sum by (job) (up)");
  CHECK(group.rules[1].alert == "Down");
  CHECK(group.rules[1].for_ms == 300'000);
  CHECK(group.rules[1].keep_firing_for_ms == 600'000);
  CHECK(group.rules[1].annotations[1].first == "summary");
  CHECK((*parsed)[1].query_offset_ms == -1);
  CHECK((*parsed)[1].rules.empty());
  CHECK((*parsed)[2].rules.empty());
}

TEST_CASE("Rule file may be empty", "[rules]") {
  for (const char* text : {"", "# nothing\n", "groups:\n", "groups: []\n", "{}"}) {
    INFO(text);
    const auto parsed = parse(text);
    REQUIRE(parsed.is_ok());
    CHECK(parsed->empty());
  }
}

TEST_CASE("Rule file mistakes are told with file and line", "[rules]") {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {rule("record: a\nalert: b\nexpr: up"),
       "r.yml:4: group \"g\", rule 1, \"b\": only one of 'record' and 'alert' must be set"},
      {rule("expr: up"),
       "r.yml:4: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"},
      {rule("record: a"), "r.yml:4: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"},
      {rule("alert: b\nfor: 1m\nexpr: sum("),
       "r.yml:6: group \"g\", rule 1, \"b\": could not parse expression: 1:5: parse error: "
       "unclosed left parenthesis"},
      {rule("record: a\nexpr: up\nfor: 1m"),
       "r.yml:4: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"},
      {rule("record: a\nexpr: up\nkeep_firing_for: 1m"),
       "r.yml:4: group \"g\", rule 1, \"a\": invalid field 'keep_firing_for' in recording rule"},
      {rule("record: a\nexpr: up\nannotations: {a: b}"),
       "r.yml:4: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule"},
      {rule("record: a{b=\"c\"}\nexpr: up"),
       "r.yml:4: group \"g\", rule 1, \"a{b=\\\"c\\\"}\": braces present in the recording rule "
       "name; should it be in expr?: a{b=\"c\"}"},
      {rule("alert: a\nexpr: up\nlabels: {__name__: x}"),
       "r.yml:6: group \"g\", rule 1, \"a\": invalid label name: __name__"},
      {rule("alert: a\nexpr: up\nlabels: {\"\": x}"),
       "r.yml:6: group \"g\", rule 1, \"a\": invalid label name: "},
      {rule("alert: a\nexpr: up\nannotations: {\"\": x}"),
       "r.yml:6: group \"g\", rule 1, \"a\": invalid annotation name: "},
      {rule("alert: a\nexpr: up\nlabels: {l: '{{ foo }}'}"),
       "r.yml:6: group \"g\", rule 1, \"a\": label \"l\": template: __alert_a:1: function \"foo\" "
       "not defined"},
      {rule("alert: a\nexpr: up\nannotations: {n: '{{ $labels'}"),
       "r.yml:6: group \"g\", rule 1, \"a\": annotation \"n\": template: __alert_a:1: unclosed "
       "action"},
      {rule("alert: a\nexpr: up\nsummary: x"),
       "r.yml:6: field summary not found in type rulefmt.Rule"},
      {rule("alert: a\nexpr: up\nfor: soon"), "r.yml:6: not a valid duration string: \"soon\""},
      {"groups:\n- name: g\n  rulez: []\n",
       "r.yml:3: field rulez not found in type rulefmt.RuleGroup"},
      {"group: []\n", "r.yml:1: field group not found in type rulefmt.RuleGroups"},
      {"groups:\n- rules: []\n", "r.yml:2: Groupname must not be empty"},
      {"groups:\n- name: g\n- name: g\n", "r.yml:3: groupname: \"g\" is repeated in the same file"},
      {rule("for: 1m\nexpr: up\nrecord: a"),
       "r.yml:6: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"},
      {rule("expr: ''\nrecord: a"),
       "r.yml:4: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"},
      {"groups: x\n", "r.yml:1: cannot unmarshal !!str `x` into []rulefmt.RuleGroup"},
      {"groups: [x]\n", "r.yml:1: cannot unmarshal !!str `x` into rulefmt.RuleGroup"},
      {"groups:\n- name: g\n  rules: x\n",
       "r.yml:3: cannot unmarshal !!str `x` into []rulefmt.Rule"},
      {"groups:\n- name: g\n  labels: {__name__: x}\n", "r.yml:3: invalid label name: __name__"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto parsed = parse(c.text);
    REQUIRE(!parsed.is_ok());
    CHECK(parsed.status().code() == base::Errc::kBadData);
    CHECK(parsed.status().message() == c.message);
  }
}

TEST_CASE("Rule file leaves out null groups and rules", "[rules]") {
  const auto groups =
      parse("groups:\n- null\n- name: g\n  rules:\n  - null\n  - {record: a, expr: up}\n");
  REQUIRE(groups.is_ok());
  REQUIRE(groups->size() == 1);
  CHECK((*groups)[0].rules.size() == 1);
}

TEST_CASE("Rule file judges names by the validation scheme", "[rules]") {
  struct Case {
    std::string text, message;
  };
  const Case cases[] = {
      {rule("record: a-b\nexpr: up"),
       "r.yml:4: group \"g\", rule 1, \"a-b\": invalid recording rule name: a-b"},
      {rule("alert: A\nexpr: up\nlabels:\n      good: x\n      a-b: x"),
       "r.yml:8: group \"g\", rule 1, \"A\": invalid label name: a-b"},
      {rule("alert: A\nexpr: up\nannotations: {1a: x}"),
       "r.yml:6: group \"g\", rule 1, \"A\": invalid annotation name: 1a"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(parse(c.text).is_ok());
    const auto legacy = rules::parse_rule_file(c.text, "r.yml", {{}, true});
    CHECK(legacy.status().message() == c.message);
  }
}

TEST_CASE("Rule file takes templates only in alerts", "[rules]") {
  CHECK(parse(rule("record: a\nexpr: up\nlabels: {l: '{{ foo }}'}")).is_ok());
}

TEST_CASE("Rule files are loaded by globs, each once", "[rules]") {
  const silverback::tests::TempDir dir;
  base::FileSystem& files = base::FileSystem::real();
  const auto write = [&](const std::string& name, const std::string& text) {
    REQUIRE(base::write_file_atomically(files, dir.path() + "/" + name, text).is_ok());
  };
  write("b.yml", "groups: [{name: b}]");
  write("a.yml", "groups: [{name: a1}, {name: a2}]");
  write("c.txt", "not: rules");
  const auto loaded = rules::load_rule_files(
      {dir.path() + "/*.yml", dir.path() + "/a.yml", dir.path() + "/later.yml"}, {});
  REQUIRE(loaded.is_ok());
  REQUIRE(loaded->size() == 3);
  CHECK((*loaded)[0].name == "a1");
  CHECK((*loaded)[1].name == "a2");
  CHECK((*loaded)[2].name == "b");
  CHECK((*loaded)[2].file == dir.path() + "/b.yml");

  write("d.yml", "groups: [{name: d, x: 1}]");
  const auto failed = rules::load_rule_files({dir.path() + "/*.yml"}, {});
  REQUIRE(!failed.is_ok());
  CHECK(failed.status().message() ==
        dir.path() + "/d.yml:1: field x not found in type rulefmt.RuleGroup");
}
