#include "server/config.h"

#include <cctype>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/utf8.h"
#include "base/yaml.h"

namespace silverback::server {

using base::Result;
using base::Status;
using base::YamlFields;
using base::YamlNode;

namespace {

using Names = std::vector<std::string>;

Result<model::Labels> parse_external_labels(const YamlNode& node, bool legacy_names) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const YamlNode::Entry& entry : node.entries()) {
    const bool valid =
        legacy_names ? model::is_legacy_label_name(entry.key) : model::is_valid_name(entry.key);
    if (!valid) {
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
    ASSIGN_OR_RETURN(config.external_labels,
                     parse_external_labels(labels, config.scrape_defaults.legacy_names));
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
  YamlFields fields(node, "config.plain");
  fields.read("time", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(retention.time_ms, value.as_duration_ms());
    return {};
  });
  fields.read("size", [&](const YamlNode& value) -> Status {
    ASSIGN_OR_RETURN(retention.size_bytes, value.as_bytes());
    return {};
  });
  fields.read("percentage", retention.percentage);
  RETURN_IF_ERROR(fields.finish());
  if (retention.percentage >= 0 && retention.percentage <= 100) return {};
  return node.error(
      fmt::format("'storage.tsdb.retention.percentage' must be in the range [0, 100], got {}",
                  retention.percentage));
}

Status parse_chunk_encoding(const YamlNode& node, StorageConfig& storage) {
  YamlFields fields(node, "config.ChunkEncodingConfig");
  fields.read("floats", storage.float_chunk_encoding);
  RETURN_IF_ERROR(fields.finish());
  const std::string& name = storage.float_chunk_encoding;
  if (name.empty() || name == "xor" || name == "xor2") return {};
  return node.error(
      fmt::format("'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must "
                  "be omitted entirely, got {}",
                  model::go_quote(name)));
}

Status parse_storage(const YamlNode& node, StorageConfig& storage) {
  YamlFields fields(node, "config.StorageConfig");
  fields.read("tsdb", [&](const YamlNode& tsdb) -> Status {
    YamlFields inner(tsdb, "config.plain");
    inner.read("retention",
               [&](const YamlNode& value) { return parse_retention(value, storage.retention); });
    inner.unsupported("out_of_order_time_window", Names{"0", "0s", "0m", "0h"});
    inner.unsupported("stale_series_compaction_threshold", Names{"0", "0.0"});
    inner.read("chunk_encoding",
               [&](const YamlNode& value) { return parse_chunk_encoding(value, storage); });
    return inner.finish();
  });
  fields.read("exemplars", [&](const YamlNode& exemplars) -> Status {
    int64_t most = 0;
    YamlFields inner(exemplars, "config.ExemplarsConfig");
    inner.read("max_exemplars", most);
    storage.max_exemplars = most;
    return inner.finish();
  });
  return fields.finish();
}

Status parse_runtime(const YamlNode& node, Config& config) {
  YamlFields fields(node, "config.RuntimeConfig");
  fields.read("gogc", config.gogc);
  if (config.gogc == 0) config.gogc = Config().gogc;
  return fields.finish();
}

// Globs whose last element alone may hold a star. `what` is named in the error.
Status parse_globs(const YamlNode& node, std::string_view what, const std::string& base_dir,
                   std::vector<std::string>& out) {
  if (!node.is_sequence()) return node.mismatch("[]string");
  for (const YamlNode& item : node.items()) {
    ASSIGN_OR_RETURN(const std::string path, item.as_string());
    const size_t star = path.find('*');
    if (star != std::string::npos && path.find_first_of("*/", star + 1) != std::string::npos) {
      return item.error(fmt::format("invalid {} file path {}", what, model::go_quote(path)));
    }
    out.push_back(base::join_path(base_dir, path));
  }
  return {};
}

std::string base_dir_of(const std::string& file) {
  std::string dir = base::dir_name(file);
  if (dir == ".") dir.clear();  // "r.yml" stays "r.yml", as rule groups show it
  return dir;
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
  const std::string base_dir = base_dir_of(file);
  Config config;
  if (root.is_null()) return config;
  if (!root.is_map()) return root.mismatch("config.plain");
  YamlFields fields(root, "config.plain");
  fields.read("global", [&](const YamlNode& node) { return parse_global(node, base_dir, config); });
  fields.read("runtime", [&](const YamlNode& node) { return parse_runtime(node, config); });
  fields.read("alerting", [&](const YamlNode& node) -> Status {
    ASSIGN_OR_RETURN(config.alerting, rules::parse_alerting(node, base_dir));
    return {};
  });
  fields.read("rule_files", [&](const YamlNode& node) {
    return parse_globs(node, "rule", base_dir, config.rule_files);
  });
  fields.read("scrape_config_files", [&](const YamlNode& node) {
    return parse_globs(node, "scrape config", base_dir, config.scrape_config_files);
  });
  fields.read("scrape_configs", [&](const YamlNode& node) -> Status {
    ASSIGN_OR_RETURN(config.scrape_configs,
                     scrape::parse_scrape_configs(node, config.scrape_defaults, base_dir));
    return {};
  });
  fields.read("storage", [&](const YamlNode& node) { return parse_storage(node, config.storage); });
  for (const char* name : {"remote_write", "remote_read", "otlp", "tracing"}) {
    fields.unsupported(name);
  }
  RETURN_IF_ERROR(fields.finish());
  return config;
}

}  // namespace silverback::server
