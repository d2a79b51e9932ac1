#include "scrape/target.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace silverback::scrape {
namespace {

ScrapeConfig config_of(const std::string& yaml) {
  const base::Result<base::YamlNode> node = base::parse_yaml("- job_name: j\n" + yaml, "p.yml");
  REQUIRE(node.is_ok());
  const auto list = parse_scrape_configs(*node, {}, "/");
  INFO(list.status().message());
  REQUIRE(list.is_ok());
  return list->front();
}

TargetGroup group_of(const std::vector<model::Labels>& targets, model::Labels labels = {}) {
  TargetGroup group;
  group.source = "0";
  group.targets = targets;
  group.labels = std::move(labels);
  return group;
}

model::Labels address(const std::string& a) {
  return model::Labels::from({{"__address__", a}});
}

}  // namespace

TEST_CASE("make_targets runs the label pipeline", "[scrape]") {
  const ScrapeConfig config = config_of(
      "  scrape_interval: 30s\n"
      "  params: {module: [x, y], a: ['1 2']}\n"
      "  relabel_configs:\n"
      "  - {source_labels: [__meta_zone], target_label: zone}\n"
      "  - {target_label: __param_module, replacement: z}\n");
  const model::Labels target =
      model::Labels::from({{"__address__", "h:1"}, {"__meta_zone", "eu"}, {"env", "own"}});
  const TargetSet set = make_targets(
      config, {group_of({target}, model::Labels::from({{"env", "group"}, {"team", "t"}}))});
  REQUIRE(set.active.size() == 1);
  const Target& t = set.active[0];
  CHECK(t.labels.to_string() == R"({env="own", instance="h:1", job="j", team="t", zone="eu"})");
  CHECK(t.url.to_string() == "http://h:1/metrics?a=1+2&module=z&module=y");
  CHECK(t.interval_ms == 30'000);
  CHECK(t.timeout_ms == 10'000);
  CHECK(t.discovered.get("__meta_zone") == "eu");
  CHECK(t.discovered.get("__scrape_interval__") == "30s");
  CHECK(t.discovered.get("__param_module") == "x");
}

TEST_CASE("make_targets escapes odd paths", "[scrape]") {
  const ScrapeConfig config = config_of("  metrics_path: \"probe?x y\\r\\nHost: evil\"\n");
  const TargetSet set = make_targets(config, {group_of({address("h:1")})});
  REQUIRE(set.active.size() == 1);
  CHECK(set.active[0].url.target() == "/probe%3Fx%20y%0D%0AHost:%20evil");
}

TEST_CASE("make_targets tells why a target cannot be", "[scrape]") {
  struct Row {
    const char* label;
    const char* value;
    const char* message;
  };
  const Row row = GENERATE(values<Row>({
      {"__address__", "", "no address"},
      {"__address__", "h/x", "\"h/x\" is not a valid hostname"},
      {"__scrape_interval__", "x", "error parsing scrape interval"},
      {"__scrape_interval__", "0s", "scrape interval cannot be 0"},
      {"__scrape_timeout__", "0s", "scrape timeout cannot be 0"},
      {"__scrape_timeout__", "2m",
       "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")"},
      {"bad", "\xff", "invalid label value for \"bad\""},
  }));
  model::LabelsBuilder labels(address("h:1"));
  labels.set(row.label, row.value);
  const TargetSet set = make_targets(config_of(""), {group_of({labels.build()})});
  CHECK(set.active.empty());
  REQUIRE(set.failures.size() == 1);
  CHECK_THAT(set.failures[0].message(),
             Catch::StartsWith("instance 0 in group 0: " + std::string(row.message)));
}

TEST_CASE("make_targets drops by relabelling and deduplicates", "[scrape]") {
  const ScrapeConfig config =
      config_of("  relabel_configs: [{source_labels: [__address__], regex: gone, action: drop}]\n");
  const TargetSet set =
      make_targets(config, {group_of({address("a:1"), address("gone"), address("a:1")})});
  CHECK(set.active.size() == 1);
  REQUIRE(set.dropped.size() == 1);
  CHECK(set.dropped[0].get("__address__") == "gone");
}

TEST_CASE("A target's offset depends on itself and the seed alone", "[scrape]") {
  const TargetSet set = make_targets(config_of(""), {group_of({address("a:1"), address("b:1")})});
  REQUIRE(set.active.size() == 2);
  const Target& a = set.active[0];
  CHECK(a.offset_ms(1) == a.offset_ms(1));
  CHECK(a.offset_ms(1) != a.offset_ms(2));
  CHECK(a.hash != set.active[1].hash);
  CHECK(a.offset_ms(1) >= 0);
  CHECK(a.offset_ms(1) < a.interval_ms);
  CHECK(offset_seed("h", model::Labels::from({{"replica", "a"}})) !=
        offset_seed("h", model::Labels::from({{"replica", "b"}})));
}

}  // namespace silverback::scrape
