#include "tests/e2e/support/server.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>

#include "base/url.h"
#include "base/yaml.h"

namespace silverback::e2e {
namespace {

// JSON is YAML: the strict reader of the product serves here too.
base::YamlNode field(const base::YamlNode& map, const std::string& key) {
  for (const auto& entry : map.entries()) {
    if (entry.key == key) return entry.value;
  }
  return {};
}

std::string text(const base::YamlNode& node) {
  auto value = node.as_string();
  return value ? *value : "";
}

double number(const base::YamlNode& node) {
  return std::strtod(text(node).c_str(), nullptr);
}

std::string series_name(const base::YamlNode& metric) {
  std::string name, labels;
  for (const auto& entry : metric.entries()) {
    if (entry.key == "__name__") {
      name = text(entry.value);
    } else {
      labels += (labels.empty() ? "" : ",") + entry.key + "=\"" + text(entry.value) + "\"";
    }
  }
  return labels.empty() ? name : name + "{" + labels + "}";
}

HttpReply ask(int port, const std::string& expr, const std::string& time) {
  std::string form = "query=" + base::query_escape(expr);
  if (!time.empty()) form += "&time=" + time;
  return http(port, "POST", "/api/v1/query", form,
              {{"Content-Type", "application/x-www-form-urlencoded"}});
}

base::YamlNode successful_data(const HttpReply& reply, const std::string& expr) {
  INFO(expr << " -> " << reply.status << " " << reply.body.substr(0, 2000));
  REQUIRE(reply.status == 200);
  auto document = base::parse_yaml(reply.body, "answer");
  REQUIRE(document.is_ok());
  REQUIRE(text(field(*document, "status")) == "success");
  return field(*document, "data");
}

}  // namespace

QueryAnswer query(int port, const std::string& expr, const std::string& time) {
  const base::YamlNode data = successful_data(ask(port, expr, time), expr);
  const base::YamlNode result = field(data, "result");
  QueryAnswer answer;
  const std::string kind = text(field(data, "resultType"));
  if (kind == "scalar") {
    answer[""] = number(result.items().at(1));
    return answer;
  }
  REQUIRE(kind == "vector");
  for (const auto& sample : result.items()) {
    answer[series_name(field(sample, "metric"))] = number(field(sample, "value").items().at(1));
  }
  return answer;
}

int query_status(int port, const std::string& expr, std::string* error) {
  const HttpReply reply = ask(port, expr, "");
  if (error != nullptr) {
    auto document = base::parse_yaml(reply.body, "answer");
    *error = document ? text(field(*document, "error")) : reply.body;
  }
  return reply.status;
}

std::map<std::string, std::vector<std::pair<int64_t, double>>> raw_samples(
    int port, const std::string& selector, int64_t time_s) {
  const base::YamlNode data =
      successful_data(ask(port, selector, std::to_string(time_s)), selector);
  std::map<std::string, std::vector<std::pair<int64_t, double>>> out;
  for (const auto& series : field(data, "result").items()) {
    auto& samples = out[series_name(field(series, "metric"))];
    for (const auto& point : field(series, "values").items()) {
      const auto pair = point.items();
      samples.emplace_back(static_cast<int64_t>(number(pair.at(0)) * 1000 + 0.5),
                           number(pair.at(1)));
    }
  }
  return out;
}

Server::Server(const std::string& config, std::vector<std::string> flags)
    : flags_(std::move(flags)) {
  write_config(config);
  start();
}

void Server::start() {
  const char* binary = std::getenv("SILVERBACK_BIN");
  REQUIRE(binary != nullptr);
  std::filesystem::remove(dir_.file("port"));
  std::vector<std::string> command = {binary,
                                      "--config.file=" + dir_.file("prometheus.yml"),
                                      "--storage.tsdb.path=" + data_dir(),
                                      "--web.listen-address=127.0.0.1:0",
                                      "--web.port-file=" + dir_.file("port"),
                                      "--web.enable-remote-write-receiver",
                                      "--web.enable-admin-api",
                                      "--web.enable-lifecycle"};
  command.insert(command.end(), flags_.begin(), flags_.end());
  process_ = std::make_unique<Process>(command, dir_.file("server.log"));
  const bool ready = eventually(30, [this] {
    if (!process_->running()) return true;
    port_ = std::atoi(read_file(dir_.file("port")).c_str());
    return port_ != 0 && http_get(port_, "/-/ready").status == 200;
  });
  INFO(log());
  REQUIRE(ready);
  REQUIRE(process_->running());
}

int Server::stop() {
  process_->signal(SIGTERM);
  return process_->wait(20);
}

}  // namespace silverback::e2e
