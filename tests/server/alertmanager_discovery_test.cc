#include "server/alertmanager_discovery.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/io_runtime.h"
#include "base/worker_pool.h"
#include "base/yaml.h"
#include "tests/support/http_test_server.h"
#include "tests/support/temp_dir.h"

namespace {

namespace base = silverback::base;
namespace rules = silverback::rules;
namespace scrape = silverback::scrape;
namespace server = silverback::server;
using silverback::testing::eventually;
using silverback::tests::TempDir;
using Urls = std::vector<std::string>;

struct Fixture {
  Fixture() {
    io.start();
    pool.start();
    rules::Notifier::Options options;
    options.io = &io;
    options.clock = &clock;
    options.logger = &base::Logger::null();
    options.registry = &registry;
    notifier = std::make_unique<rules::Notifier>(options);
    scrape::DiscoveryContext context;
    context.io = &io;
    context.file_pool = &pool;
    context.clock = &clock;
    context.logger = &base::Logger::null();
    context.registry = &registry;
    discovery = std::make_unique<server::AlertmanagerDiscovery>(context, *notifier);
  }
  ~Fixture() {
    discovery.reset();
    notifier.reset();
    pool.stop();
    io.stop();
  }
  void write(const std::string& name, const std::string& text) {
    REQUIRE(base::write_file_atomically(base::FileSystem::real(), dir.path() + "/" + name, text)
                .is_ok());
  }
  void apply(const std::string& yaml) {
    const auto node = base::parse_yaml(yaml, "p.yml");
    REQUIRE(node.is_ok());
    const auto config = rules::parse_alerting(*node, dir.path());
    REQUIRE(config.status().message() == "");
    discovery->apply(*config, {});
  }
  Urls active() const {
    Urls urls = notifier->alertmanagers().active;
    std::sort(urls.begin(), urls.end());
    return urls;
  }
  bool becomes(const Urls& urls) const {
    return eventually([&] { return active() == urls; });
  }
  bool shows(const std::string& line) const {
    return registry.render_text().find("\n" + line + "\n") != std::string::npos;
  }

  TempDir dir;
  base::SystemClock clock;
  base::metrics::Registry registry;
  base::IoRuntime io{1};
  base::WorkerPool pool{{"rules", 1, 64, 0}};
  std::unique_ptr<rules::Notifier> notifier;
  std::unique_ptr<server::AlertmanagerDiscovery> discovery;
};

const std::string kFiles = "- file_sd_configs: [{files: ['am*.json']}]\n";
const std::string kStatic = "- static_configs: [{targets: ['s:1']}]\n";

}  // namespace

TEST_CASE("AlertmanagerDiscovery follows files", "[server]") {
  Fixture f;
  f.write("am1.json", R"([{"targets": ["a:1", "b:1"], "labels": {"__alerts_path__": "/x"}}])");
  f.apply("alertmanagers:\n" + kFiles + kStatic);
  CHECK(f.becomes({"http://a:1/x", "http://b:1/x", "http://s:1/api/v2/alerts"}));
  CHECK(f.shows("prometheus_sd_discovered_targets{config=\"config-0\",name=\"notify\"} 2"));
  CHECK(f.shows("prometheus_sd_discovered_targets{config=\"config-1\",name=\"notify\"} 1"));
  CHECK(f.shows("prometheus_notifications_alertmanagers_discovered 3"));
  f.write("am1.json", R"([{"targets": ["b:1"]}])");
  CHECK(f.becomes({"http://b:1/api/v2/alerts", "http://s:1/api/v2/alerts"}));
}

TEST_CASE("AlertmanagerDiscovery keeps what it knows over a reload", "[server]") {
  Fixture f;
  f.write("am1.json", R"([{"targets": ["a:1"]}])");
  f.apply("alertmanagers:\n" + kFiles);
  REQUIRE(f.becomes({"http://a:1/api/v2/alerts"}));

  // Another number, and other settings than those of discovery: known at once.
  f.apply("alertmanagers:\n" + kStatic + kFiles + "  path_prefix: /p\n");
  CHECK(f.active() == Urls{"http://a:1/p/api/v2/alerts", "http://s:1/api/v2/alerts"});
  f.write("am1.json", R"([{"targets": ["b:1"]}])");
  CHECK(f.becomes({"http://b:1/p/api/v2/alerts", "http://s:1/api/v2/alerts"}));

  f.apply("alertmanagers:\n" + kStatic);
  CHECK(f.active() == Urls{"http://s:1/api/v2/alerts"});
  f.apply("{}");
  CHECK(f.active().empty());
  CHECK_FALSE(f.shows("prometheus_sd_discovered_targets{config=\"config-0\",name=\"notify\"} 1"));
}

TEST_CASE("AlertmanagerDiscovery stops with its files still there", "[server]") {
  Fixture f;
  f.write("am1.json", R"([{"targets": ["a:1"]}])");
  f.apply("alertmanagers:\n" + kFiles);
  f.discovery->stop();
  f.discovery->stop();
  f.apply("{}");
  CHECK(f.active().empty());
}
