// The effective configuration as /api/v1/status/config shows it: Prometheus's fields in
// Prometheus's order.
#include "base/yaml.h"
#include "server/config.h"

namespace silverback::server {
namespace {

void write_global(base::YamlWriter& w, const Config& config) {
  w.begin_map("global");
  const auto evaluation = [&] {
    w.key_duration("evaluation_interval", config.evaluation_interval_ms);
    if (config.rule_query_offset_ms != 0)
      w.key_duration("rule_query_offset", config.rule_query_offset_ms);
    if (!config.query_log_file.empty()) w.key_value("query_log_file", config.query_log_file);
  };
  const auto external_labels = [&] {
    if (config.external_labels.empty()) return;
    w.begin_map("external_labels");
    for (const model::Label& label : config.external_labels) w.key_value(label.name, label.value);
    w.end_map();
  };
  scrape::write_scrape_defaults(w, config.scrape_defaults, evaluation, external_labels);
  w.end_map();
}

void write_tsdb(base::YamlWriter& w, const StorageConfig& storage) {
  if (!storage.retention.given() && storage.float_chunk_encoding.empty()) return;
  w.begin_map("tsdb");
  if (!storage.float_chunk_encoding.empty()) {
    w.begin_map("chunk_encoding");
    w.key_value("floats", storage.float_chunk_encoding);
    w.end_map();
  }
  if (storage.retention.given()) {
    w.begin_map("retention");
    if (storage.retention.time_ms) w.key_duration("time", *storage.retention.time_ms);
    if (storage.retention.size_bytes) w.key_bytes("size", *storage.retention.size_bytes);
    if (storage.retention.percentage > 0) w.key_value("percentage", storage.retention.percentage);
    w.end_map();
  }
  w.end_map();
}

void write_storage(base::YamlWriter& w, const StorageConfig& storage) {
  if (storage == StorageConfig()) return;
  w.begin_map("storage");
  write_tsdb(w, storage);
  if (storage.max_exemplars) {
    w.begin_map("exemplars");
    if (*storage.max_exemplars != 0) w.key_value("max_exemplars", *storage.max_exemplars);
    w.end_map();
  }
  w.end_map();
}

}  // namespace

std::string Config::to_yaml() const {
  base::YamlWriter w;
  write_global(w, *this);
  w.begin_map("runtime");
  w.key_value("gogc", gogc);
  w.end_map();
  if (alerting != rules::AlertingConfig()) {
    w.begin_map("alerting");
    alerting.write(w);
    w.end_map();
  }
  w.key_list("rule_files", rule_files);
  w.key_list("scrape_config_files", scrape_config_files);
  if (!scrape_configs.empty()) {
    w.begin_list("scrape_configs");
    for (const scrape::ScrapeConfig& job : scrape_configs) {
      w.begin_item();
      job.write(w);
      w.end_item();
    }
    w.end_list();
  }
  write_storage(w, storage);
  return w.take();
}

}  // namespace silverback::server
