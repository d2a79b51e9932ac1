#include "server/config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include "server/flags.h"

namespace silverback::server {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

namespace {

using Names = std::vector<std::string>;

Result<model::Labels> parse_external_labels(const YamlNode& node) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const YamlNode::Entry& entry : node.entries()) {
    if (!model::is_valid_name(entry.key)) {
      return entry.key_node.error(
          fmt::format("{} is not a valid label name", model::go_quote(entry.key)));
    }
    ASSIGN_OR_RETURN(const std::string value, entry.value.as_string());
    std::string expanded = expand_environment(value);
    if (!base::is_valid_utf8(expanded)) {
      return entry.value.error(
          fmt::format("{} is not a valid label value", model::go_quote(expanded)));
    }
    if (!expanded.empty()) labels.emplace_back(entry.key, std::move(expanded));
  }
  return model::Labels::from(std::move(labels));
}

Status parse_global(const YamlNode& node, const std::string& base_dir, Config& config) {
  YamlFields fields(node, "config.GlobalConfig");
  scrape::parse_scrape_defaults(fields, base_dir, config.scrape_defaults);
  fields.read_duration("evaluation_interval", config.evaluation_interval_ms);
  fields.read_duration("rule_query_offset", config.rule_query_offset_ms);
  fields.read("external_labels", [&](const YamlNode& labels) -> Status {
    if (!labels.is_map()) return labels.error("external_labels must be a map of labels");
    ASSIGN_OR_RETURN(config.external_labels, parse_external_labels(labels));
    return {};
  });
  fields.read("query_log_file", config.query_log_file);
  RETURN_IF_ERROR(fields.finish());
  if (!config.query_log_file.empty()) {
    config.query_log_file = base::join_path(base_dir, config.query_log_file);
  }
  if (config.evaluation_interval_ms == 0)
    config.evaluation_interval_ms = Config().evaluation_interval_ms;
  return {};
}

Status parse_retention(const YamlNode& node, RetentionConfig& retention) {
  YamlFields fields(node, "config.TSDBRetentionConfig");
  fields.read("time", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(retention.time_ms, value.as_duration_ms());
    return {};
  });
  fields.read("size", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(retention.size_bytes, value.as_bytes());
    return {};
  });
  fields.unsupported("percentage", {"0"});
  return fields.finish();
}

Status parse_storage(const YamlNode& node, Config& config) {
  YamlFields fields(node, "config.StorageConfig");
  fields.read("tsdb", [&](const YamlNode& tsdb) -> Status {
    YamlFields inner(tsdb, "config.TSDBConfig");
    inner.read("retention",
               [&](const YamlNode& value) { return parse_retention(value, config.retention); });
    inner.unsupported("out_of_order_time_window", Names{"0", "0s", "0m", "0h"});
    inner.unsupported("stale_series_compaction_threshold", Names{"0", "0.0"});
    inner.read("chunk_encoding", [](const YamlNode& encoding) -> Status {
      YamlFields encodings(encoding, "config.TSDBChunkEncodingConfig");
      encodings.unsupported("floats", Names{"xor"});
      return encodings.finish();
    });
    return inner.finish();
  });
  fields.read("exemplars", [&](const YamlNode& exemplars) -> Status {
    YamlFields inner(exemplars, "config.ExemplarsConfig");
    config.max_exemplars = 0;
    inner.read("max_exemplars", [&](const YamlNode& value) -> Status {
      ASSIGN_OR_RETURN(config.max_exemplars, value.as_int());
      return {};
    });
    return inner.finish();
  });
  return fields.finish();
}

Status parse_runtime(const YamlNode& node) {
  YamlFields fields(node, "config.RuntimeConfig");
  fields.unsupported("gogc", Names{"0", "75"});  // of the Go runtime only
  return fields.finish();
}

Status parse_rule_files(const YamlNode& node, const std::string& base_dir, Config& config) {
  if (!node.is_sequence()) return node.error("rule_files must be a list of paths");
  for (const YamlNode& item : node.items()) {
    ASSIGN_OR_RETURN(const std::string path, item.as_string());
    const size_t star = path.find('*');
    if (star != std::string::npos && path.find('/', star) != std::string::npos) {
      return item.error(fmt::format("invalid rule file path \"{}\"", path));
    }
    const std::string resolved = base::join_path(base_dir, path);
    config.rule_files.push_back(resolved);
  }
  return {};
}

}  // namespace

std::string expand_environment(const std::string& text) {
  const auto lookup = [](const std::string& name) -> std::string {
    if (name == "$") return "$";
    // The environment is never changed after the start, so reading it needs no lock.
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
    return value != nullptr ? value : "";
  };
  const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char next = text[i + 1];
    if (next == '{') {
      const size_t end = text.find('}', i + 2);
      if (end == std::string::npos) {  // Go drops an unfinished "${"
        ++i;
        continue;
      }
      if (end > i + 2) out += lookup(text.substr(i + 2, end - i - 2));
      i = end;
    } else if (std::string_view("*#$@!?-0123456789").find(next) != std::string_view::npos) {
      out += lookup(std::string(1, next));
      ++i;
    } else {
      size_t end = i + 1;
      while (end < text.size() && is_word(text[end])) ++end;
      if (end == i + 1) {
        out.push_back('$');
        continue;
      }
      out += lookup(text.substr(i + 1, end - i - 1));
      i = end - 1;
    }
  }
  return out;
}

Result<Config> parse_config(const std::string& text, const std::string& file) {
  ASSIGN_OR_RETURN(const YamlNode root, base::parse_yaml(text, file));
  std::string base_dir = base::dir_name(file);
  if (base_dir == ".") base_dir.clear();  // "r.yml" stays "r.yml", as rule groups show it
  Config config;
  if (root.is_null()) return config;
  if (!root.is_map()) return root.error("the configuration must be a map");
  YamlFields fields(root, "config.plain");
  fields.read("global", [&](const YamlNode& node) { return parse_global(node, base_dir, config); });
  fields.read("runtime", [](const YamlNode& node) { return parse_runtime(node); });
  fields.read("alerting", [&](const YamlNode& node) -> Status {
    ASSIGN_OR_RETURN(config.alerting, rules::parse_alerting(node, base_dir));
    return {};
  });
  fields.read("rule_files",
              [&](const YamlNode& node) { return parse_rule_files(node, base_dir, config); });
  fields.read("scrape_configs", [&](const YamlNode& node) -> Status {
    ASSIGN_OR_RETURN(config.scrape_configs,
                     scrape::parse_scrape_configs(node, config.scrape_defaults, base_dir));
    return {};
  });
  fields.read("storage", [&](const YamlNode& node) { return parse_storage(node, config); });
  for (const char* name :
       {"scrape_config_files", "remote_write", "remote_read", "otlp", "tracing"}) {
    fields.unsupported(name);
  }
  RETURN_IF_ERROR(fields.finish());
  return config;
}

namespace {

void write_storage(base::YamlWriter& w, const Config& config) {
  const RetentionConfig& retention = config.retention;
  const bool keeps = retention.time_ms || retention.size_bytes;
  if (!keeps && !config.max_exemplars) return;
  w.begin_map("storage");
  if (keeps) {
    w.begin_map("tsdb");
    w.begin_map("retention");
    if (retention.time_ms) w.key_duration("time", *retention.time_ms);
    if (retention.size_bytes) w.key_value("size", format_bytes(*retention.size_bytes));
    w.end_map();
    w.end_map();
  }
  if (config.max_exemplars) {
    w.begin_map("exemplars");
    if (*config.max_exemplars != 0) w.key_value("max_exemplars", *config.max_exemplars);
    w.end_map();
  }
  w.end_map();
}

}  // namespace

std::string Config::to_yaml() const {
  base::YamlWriter w;
  w.begin_map("global");
  scrape::write_scrape_defaults(w, scrape_defaults);
  w.key_duration("evaluation_interval", evaluation_interval_ms);
  if (rule_query_offset_ms != 0) w.key_duration("rule_query_offset", rule_query_offset_ms);
  if (!query_log_file.empty()) w.key_value("query_log_file", query_log_file);
  if (!external_labels.empty()) {
    w.begin_map("external_labels");
    for (const model::Label& label : external_labels) w.key_value(label.name, label.value);
    w.end_map();
  }
  w.end_map();
  if (alerting != rules::AlertingConfig()) {
    w.begin_map("alerting");
    alerting.write(w);
    w.end_map();
  }
  w.key_list("rule_files", rule_files);
  if (!scrape_configs.empty()) {
    w.begin_list("scrape_configs");
    for (const scrape::ScrapeConfig& job : scrape_configs) {
      w.begin_item();
      job.write(w);
      w.end_item();
    }
    w.end_list();
  }
  write_storage(w, *this);
  return w.take();
}

Result<LoadedConfig> load_config(const std::string& path, const promql::ParserOptions& options) {
  Result<std::string> text = base::FileSystem::real().read_file(path);
  if (!text) return text.status();
  ASSIGN_OR_RETURN(Config config, parse_config(*text, path));
  LoadedConfig loaded;
  loaded.config = std::move(config);
  const rules::RuleFileOptions rule_options{options, loaded.config.scrape_defaults.legacy_names};
  ASSIGN_OR_RETURN(loaded.rule_groups,
                   rules::load_rule_files(loaded.config.rule_files, rule_options));
  return loaded;
}

}  // namespace silverback::server
