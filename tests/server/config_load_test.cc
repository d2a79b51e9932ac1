#include <cstdio>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "server/config.h"
#include "tests/support/temp_dir.h"

namespace base = silverback::base;
namespace server = silverback::server;

namespace {

struct Folder {
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir.file(name), std::ios::trunc) << text;
  }
  base::Result<server::LoadedConfig> load() const {
    return server::load_config(dir.file("p.yml"), {});
  }
  std::string fingerprint() const { return server::config_fingerprint(dir.file("p.yml")); }

  silverback::tests::TempDir dir;
};

}  // namespace

TEST_CASE("load_config joins the jobs of scrape config files", "[server]") {
  const Folder f;
  f.write("p.yml",
          "global: {scrape_interval: 7s, sample_limit: 3}\n"
          "scrape_config_files: ['jobs/*.yml', more.yml, not-there.yml]\n"
          "scrape_configs: [{job_name: main}]\n");
  REQUIRE(mkdir(f.dir.file("jobs").c_str(), 0700) == 0);
  f.write("jobs/b.yml", "scrape_configs: [{job_name: b}]\n");
  f.write("jobs/a.yml",
          "scrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}],"
          " authorization: {credentials_file: token}}]\n");
  f.write("more.yml", "");
  const auto loaded = f.load();
  INFO((loaded ? "" : loaded.status().message()));
  REQUIRE(loaded.is_ok());
  REQUIRE(loaded->jobs.size() == 3);
  CHECK(loaded->jobs[0].job_name == "main");
  CHECK(loaded->jobs[1].job_name == "a");
  CHECK(loaded->jobs[2].job_name == "b");
  CHECK(loaded->jobs[1].interval_ms == 7000);
  CHECK(loaded->jobs[1].sample_limit == 3);
  CHECK(loaded->jobs[1].discovery.file_sd_configs[0].files ==
        std::vector<std::string>{f.dir.file("jobs/t.json")});
  CHECK(loaded->jobs[1].http.authorization->credentials_file == f.dir.file("jobs/token"));
  // The effective configuration shows the main file's own jobs, as Prometheus does.
  const std::string yaml = loaded->config.to_yaml();
  CHECK(yaml.find("job_name: main\n") != std::string::npos);
  CHECK(yaml.find("job_name: a\n") == std::string::npos);
  CHECK(yaml.find("scrape_config_files:\n- " + f.dir.file("jobs/*.yml")) != std::string::npos);
}

TEST_CASE("load_config tells file and line of a bad scrape config file", "[server]") {
  struct Row {
    std::string text, error;
  };
  const Row row = GENERATE(values<Row>({
      {"scrape_configs:\n- job_name: x\n- job_name: main\n",
       "3: found multiple scrape configs with job name \"main\", first found in main config file"},
      {"scrape_configs:\n- job_name: x\n  nope: 1\n",
       "3: field nope not found in type config.ScrapeConfig"},
      {"global: {}\n", "1: field global not found in type config.ScrapeConfigs"},
      {"[", "1: yaml: "},
  }));
  const Folder f;
  f.write("p.yml", "scrape_config_files: [a.yml]\nscrape_configs: [{job_name: main}]\n");
  f.write("a.yml", row.text);
  const auto loaded = f.load();
  INFO(row.text);
  REQUIRE_FALSE(loaded.is_ok());
  CHECK_THAT(loaded.status().message(), Catch::StartsWith(f.dir.file("a.yml") + ":" + row.error));
}

TEST_CASE("load_config names the file that a doubled job stood in first", "[server]") {
  const Folder f;
  f.write("p.yml", "scrape_config_files: [a.yml, b.yml]\n");
  f.write("a.yml", "scrape_configs: [{job_name: x}]\n");
  f.write("b.yml", "scrape_configs: [{job_name: x}]\n");
  CHECK(f.load().status().message() ==
        f.dir.file("b.yml") +
            ":1: found multiple scrape configs with job name \"x\", first found in \"" +
            f.dir.file("a.yml") + "\"");
}

TEST_CASE("config_fingerprint follows every file that a configuration names", "[server]") {
  const Folder f;
  f.write("p.yml", "rule_files: ['r*.yml']\nscrape_config_files: [s.yml]\n");
  f.write("r1.yml", "groups: []\n");
  f.write("s.yml", "scrape_configs: []\n");
  std::string last = f.fingerprint();
  CHECK(f.fingerprint() == last);
  const auto changes = [&] {
    const std::string now = f.fingerprint();
    const bool changed = now != last;
    last = now;
    return changed;
  };
  f.write("r1.yml", "groups: [] \n");
  CHECK(changes());
  f.write("r2.yml", "groups: []\n");
  CHECK(changes());
  f.write("s.yml", "scrape_configs: [{job_name: x}]\n");
  CHECK(changes());
  std::remove(f.dir.file("s.yml").c_str());
  CHECK(changes());
  f.write("p.yml", "[");  // no YAML at all
  CHECK(changes());
  f.write("other.yml", "x");
  CHECK_FALSE(changes());
}
