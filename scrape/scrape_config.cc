#include "scrape/scrape_config.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"

namespace silverback::scrape {
namespace {

// Sorted, as the error that lists them shows them.
constexpr std::array<std::string_view, 5> kProtocols = {
    "OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto", "PrometheusText0.0.4",
    "PrometheusText1.0.0"};

}  // namespace

std::vector<std::string> default_scrape_protocols(bool protobuf_first) {
  std::vector<std::string> list = {"OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                                   "PrometheusText1.0.0", "PrometheusText0.0.4"};
  if (protobuf_first) list.insert(list.begin(), "PrometheusProto");
  return list;
}

namespace {

// "" or what is wrong with a protocol's name.
std::string protocol_fault(const std::string& name) {
  if (std::find(kProtocols.begin(), kProtocols.end(), name) != kProtocols.end()) return "";
  std::string known;
  for (const std::string_view protocol : kProtocols) {
    known += ' ';
    known += protocol;
  }
  return fmt::format("unknown scrape protocol {}, supported: [{}]", name, known.substr(1));
}

// `owner` ends the message: "for global config".
base::Status parse_protocols(const base::YamlNode& node, const std::string& owner,
                             std::vector<std::string>& out) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, node.as_string_list());
  if (names.empty()) return node.error("scrape_protocols cannot be empty " + owner);
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      return node.error(fmt::format("duplicated protocol in scrape_protocols, got [{}] {}",
                                    fmt::join(names, " "), owner));
    }
    if (const std::string fault = protocol_fault(name); !fault.empty()) {
      return node.error(fmt::format("scrape_protocols: {} {}", fault, owner));
    }
  }
  out = std::move(names);
  return {};
}

// "" leaves `legacy` and `given` as they are.
base::Status parse_validation_scheme(const base::YamlNode& node, bool& legacy, bool& given) {
  ASSIGN_OR_RETURN(const std::string name, node.as_string());
  if (name.empty()) return {};
  if (name != "utf8" && name != "legacy") {
    return node.error("unrecognized ValidationScheme: " + model::go_quote(name));
  }
  legacy = name == "legacy";
  given = true;
  return {};
}

// `owner` is "global" or "scrape config".
base::Status parse_escaping_scheme(const base::YamlNode& node, std::string_view owner,
                                   std::string& scheme) {
  ASSIGN_OR_RETURN(scheme, node.as_string());
  for (const std::string_view known : {"", "allow-utf-8", "underscores", "dots", "values"}) {
    if (scheme == known) return {};
  }
  return node.error(
      fmt::format("unknown {} name escaping method specified, must be one of 'allow-utf-8', "
                  "'underscores', 'dots', or 'values', got {}",
                  owner, model::go_quote(scheme)));
}

// The limits and switches that `global` and a job share. Those of a job start as global's; 0 or
// an empty text in a job means global's too. True if the validation scheme was given.
template <typename Config>
bool read_shared(base::YamlFields& f, const std::string& base_dir, Config& c) {
  const auto limit = [&f](std::string_view key, uint64_t& value) {
    uint64_t given = 0;
    f.read(key, given);
    if (given != 0) value = given;
  };
  limit("sample_limit", c.sample_limit);
  limit("target_limit", c.target_limit);
  limit("label_limit", c.label_limit);
  limit("label_name_length_limit", c.label_name_length_limit);
  limit("label_value_length_limit", c.label_value_length_limit);
  limit("keep_dropped_targets", c.keep_dropped_targets);
  uint64_t body_size_limit = 0;
  f.read_bytes("body_size_limit", body_size_limit);
  if (body_size_limit != 0) c.body_size_limit = body_size_limit;
  bool scheme_given = false;
  f.read("metric_name_validation_scheme", [&](const base::YamlNode& node) {
    return parse_validation_scheme(node, c.legacy_names, scheme_given);
  });
  f.read("extra_scrape_metrics", c.extra_scrape_metrics);
  f.read("scrape_native_histograms", c.scrape_native_histograms);
  f.read("always_scrape_classic_histograms", c.always_scrape_classic_histograms);
  f.read("convert_classic_histograms_to_nhcb", c.convert_classic_histograms_to_nhcb);
  std::string log_file;
  f.read("scrape_failure_log_file", log_file);
  if (!log_file.empty()) c.failure_log_file = base::join_path(base_dir, log_file);
  return scheme_given;
}

std::string default_escaping(bool legacy) {
  return legacy ? "underscores" : "allow-utf-8";
}

base::Status check_escaping(const base::YamlNode& node, bool legacy, const std::string& scheme) {
  if (legacy && scheme == "allow-utf-8") {
    return node.error("utf8 metric names requested but validation scheme is not set to UTF8");
  }
  return {};
}

void inherit(const ScrapeDefaults& d, ScrapeConfig& c) {
  c.scrape_native_histograms = d.scrape_native_histograms;
  c.always_scrape_classic_histograms = d.always_scrape_classic_histograms;
  c.convert_classic_histograms_to_nhcb = d.convert_classic_histograms_to_nhcb;
  c.failure_log_file = d.failure_log_file;
  c.sample_limit = d.sample_limit;
  c.label_limit = d.label_limit;
  c.label_name_length_limit = d.label_name_length_limit;
  c.label_value_length_limit = d.label_value_length_limit;
  c.target_limit = d.target_limit;
  c.keep_dropped_targets = d.keep_dropped_targets;
  c.body_size_limit = d.body_size_limit;
  c.legacy_names = d.legacy_names;
  c.extra_scrape_metrics = d.extra_scrape_metrics;
}

base::Status parse_params(const base::YamlNode& node, ScrapeConfig& c) {
  if (!node.is_map()) return node.error("params must be a map of lists");
  for (const base::YamlNode::Entry& entry : node.entries()) {
    std::vector<std::string> values;
    if (!entry.value.is_null()) {
      ASSIGN_OR_RETURN(values, entry.value.as_string_list());
    }
    c.params.emplace_back(entry.key, std::move(values));
  }
  return {};
}

base::Status check_intervals(const base::YamlNode& node, const ScrapeDefaults& d, ScrapeConfig& c) {
  if (c.interval_ms == 0) c.interval_ms = d.interval_ms;
  if (c.timeout_ms > c.interval_ms) {
    return node.error(
        "scrape timeout greater than scrape interval for scrape config with job name " +
        model::go_quote(c.job_name));
  }
  if (c.timeout_ms == 0) c.timeout_ms = std::min(d.timeout_ms, c.interval_ms);
  return {};
}

base::Status parse_fallback(const base::YamlNode& node, ScrapeConfig& c) {
  ASSIGN_OR_RETURN(c.fallback_protocol, node.as_string());
  if (c.fallback_protocol.empty()) return {};
  const std::string fault = protocol_fault(c.fallback_protocol);
  if (fault.empty()) return {};
  return node.error(
      fmt::format("invalid fallback_scrape_protocol for scrape config with job name {}: {}",
                  model::go_quote(c.job_name), fault));
}

// What a job sends and accepts: names, protocols, histograms.
void read_protocols(base::YamlFields& f, const ScrapeDefaults& defaults, ScrapeConfig& c) {
  const std::string owner = "for scrape config with job name " + model::go_quote(c.job_name);
  c.protocols = defaults.protocols.empty() ? default_scrape_protocols(c.scrape_native_histograms)
                                           : defaults.protocols;
  f.read("scrape_protocols",
         [&](const base::YamlNode& value) { return parse_protocols(value, owner, c.protocols); });
  f.read("fallback_scrape_protocol",
         [&c](const base::YamlNode& value) { return parse_fallback(value, c); });
  f.read("native_histogram_bucket_limit", c.native_histogram_bucket_limit);
  f.read("native_histogram_min_bucket_factor", c.native_histogram_min_bucket_factor);
}

// A job that names its own validation scheme does not take global's escaping with it.
void read_escaping(base::YamlFields& f, const ScrapeDefaults& defaults, bool own_validation,
                   ScrapeConfig& c) {
  f.read("metric_name_escaping_scheme", [&c](const base::YamlNode& value) {
    return parse_escaping_scheme(value, "scrape config", c.escaping_scheme);
  });
  if (c.escaping_scheme.empty() && !own_validation) c.escaping_scheme = defaults.escaping_scheme;
  if (c.escaping_scheme.empty()) c.escaping_scheme = default_escaping(c.legacy_names);
}

base::Result<ScrapeConfig> parse_job(const base::YamlNode& node, const ScrapeDefaults& defaults,
                                     const std::string& base_dir) {
  if (node.is_null()) return node.error("empty or null scrape config section");
  ScrapeConfig c;
  inherit(defaults, c);
  base::YamlFields f(node, "config.ScrapeConfig");
  f.read("job_name", c.job_name);
  f.read_duration("scrape_interval", c.interval_ms);
  f.read_duration("scrape_timeout", c.timeout_ms);
  const bool own_validation = read_shared(f, base_dir, c);
  read_protocols(f, defaults, c);
  read_escaping(f, defaults, own_validation, c);
  f.read("metrics_path", c.metrics_path);
  f.read("scheme", c.scheme);
  f.read("params", [&c](const base::YamlNode& value) { return parse_params(value, c); });
  f.read("honor_labels", c.honor_labels);
  f.read("honor_timestamps", c.honor_timestamps);
  f.read("track_timestamps_staleness", c.track_timestamps_staleness);
  f.read("enable_compression", c.enable_compression);
  model::read_relabel_rules(f, "relabel_configs",
                            "empty or null target relabeling rule in scrape config",
                            c.relabel_configs, c.legacy_names);
  model::read_relabel_rules(f, "metric_relabel_configs",
                            "empty or null metric relabeling rule in scrape config",
                            c.metric_relabel_configs, c.legacy_names);
  c.http.parse(f, node, base_dir);
  c.discovery.parse(f, base_dir);
  RETURN_IF_ERROR(f.finish());
  if (c.job_name.empty()) return node.error("job_name is empty");
  RETURN_IF_ERROR(check_intervals(node, defaults, c));
  RETURN_IF_ERROR(check_escaping(node, c.legacy_names, c.escaping_scheme));
  if (c.relabel_configs.empty()) {  // which may take a URL apart
    const base::Status bad = c.discovery.check_static_targets();
    if (!bad.is_ok()) return node.error(bad.message());
  }
  return c;
}

template <typename Config>
void write_limits(base::YamlWriter& w, const Config& c) {
  const auto put = [&w](std::string_view key, uint64_t value) {
    if (value != 0) w.key_value(key, value);
  };
  if (c.body_size_limit != 0) w.key_bytes("body_size_limit", c.body_size_limit);
  put("sample_limit", c.sample_limit);
  put("target_limit", c.target_limit);
  put("label_limit", c.label_limit);
  put("label_name_length_limit", c.label_name_length_limit);
  put("label_value_length_limit", c.label_value_length_limit);
}

template <typename Config>
void write_names(base::YamlWriter& w, const Config& c) {
  if (c.keep_dropped_targets != 0) w.key_value("keep_dropped_targets", c.keep_dropped_targets);
  w.key_value("metric_name_validation_scheme", c.legacy_names ? "legacy" : "utf8");
  if (!c.escaping_scheme.empty()) w.key_value("metric_name_escaping_scheme", c.escaping_scheme);
}

}  // namespace

void parse_scrape_defaults(base::YamlFields& fields, const std::string& base_dir,
                           ScrapeDefaults& out) {
  const std::optional<base::YamlNode> interval_node = fields.take("scrape_interval");
  const std::optional<base::YamlNode> timeout_node = fields.take("scrape_timeout");
  const auto duration = [&fields](const std::optional<base::YamlNode>& node) -> int64_t {
    if (!node) return 0;
    const base::Result<int64_t> ms = node->as_duration_ms();
    if (ms.is_ok()) return *ms;
    fields.fail(ms.status());
    return 0;
  };
  const int64_t interval_ms = duration(interval_node), timeout_ms = duration(timeout_node);
  if (interval_ms != 0) out.interval_ms = interval_ms;
  if (timeout_ms > out.interval_ms) {
    fields.fail(timeout_node->error("global scrape timeout greater than scrape interval"));
  }
  out.timeout_ms = timeout_ms != 0 ? timeout_ms : std::min(out.timeout_ms, out.interval_ms);
  read_shared(fields, base_dir, out);
  fields.read("scrape_protocols", [&out](const base::YamlNode& node) {
    return parse_protocols(node, "for global config", out.protocols);
  });
  fields.read("metric_name_escaping_scheme", [&out](const base::YamlNode& node) {
    return parse_escaping_scheme(node, "global", out.escaping_scheme);
  });
}

void write_scrape_defaults(base::YamlWriter& w, const ScrapeDefaults& d,
                           const std::function<void()>& evaluation,
                           const std::function<void()>& external_labels) {
  w.key_duration("scrape_interval", d.interval_ms);
  w.key_duration("scrape_timeout", d.timeout_ms);
  w.key_list("scrape_protocols", d.protocols);
  evaluation();
  if (!d.failure_log_file.empty()) w.key_value("scrape_failure_log_file", d.failure_log_file);
  external_labels();
  write_limits(w, d);
  write_names(w, d);
  w.key_value("scrape_native_histograms", d.scrape_native_histograms);
  if (d.convert_classic_histograms_to_nhcb)
    w.key_value("convert_classic_histograms_to_nhcb", d.convert_classic_histograms_to_nhcb);
  if (d.always_scrape_classic_histograms)
    w.key_value("always_scrape_classic_histograms", d.always_scrape_classic_histograms);
  w.key_value("extra_scrape_metrics", d.extra_scrape_metrics);
}

base::Result<std::vector<ScrapeConfig>> parse_scrape_configs(const base::YamlNode& list,
                                                             const ScrapeDefaults& defaults,
                                                             const std::string& base_dir) {
  std::vector<ScrapeConfig> out;
  if (list.is_null()) return out;
  if (!list.is_sequence()) return list.error("scrape_configs must be a list");
  std::set<std::string> names;
  for (const base::YamlNode& node : list.items()) {
    ASSIGN_OR_RETURN(ScrapeConfig config, parse_job(node, defaults, base_dir));
    if (!names.insert(config.job_name).second) {
      return node.error("found multiple scrape configs with job name " +
                        model::go_quote(config.job_name));
    }
    out.push_back(std::move(config));
  }
  return out;
}

void ScrapeConfig::write(base::YamlWriter& w) const {
  w.key_value("job_name", job_name);
  if (honor_labels) w.key_value("honor_labels", honor_labels);
  w.key_value("honor_timestamps", honor_timestamps);
  w.key_value("track_timestamps_staleness", track_timestamps_staleness);
  if (!params.empty()) {
    w.begin_map("params");
    for (const auto& [name, values] : params) w.key_list(name, values);
    w.end_map();
  }
  w.key_duration("scrape_interval", interval_ms);
  w.key_duration("scrape_timeout", timeout_ms);
  w.key_list("scrape_protocols", protocols);
  if (!fallback_protocol.empty()) w.key_value("fallback_scrape_protocol", fallback_protocol);
  w.key_value("scrape_native_histograms", scrape_native_histograms);
  w.key_value("always_scrape_classic_histograms", always_scrape_classic_histograms);
  w.key_value("convert_classic_histograms_to_nhcb", convert_classic_histograms_to_nhcb);
  if (!failure_log_file.empty()) w.key_value("scrape_failure_log_file", failure_log_file);
  w.key_value("metrics_path", metrics_path);
  w.key_value("scheme", scheme);
  w.key_value("enable_compression", enable_compression);
  write_limits(w, *this);
  if (native_histogram_bucket_limit != 0)
    w.key_value("native_histogram_bucket_limit", native_histogram_bucket_limit);
  if (native_histogram_min_bucket_factor != 0)
    w.key_value("native_histogram_min_bucket_factor", native_histogram_min_bucket_factor);
  write_names(w, *this);
  w.key_value("extra_scrape_metrics", extra_scrape_metrics);
  http.write(w);
  model::write_relabel_rules(w, "relabel_configs", relabel_configs);
  model::write_relabel_rules(w, "metric_relabel_configs", metric_relabel_configs);
  discovery.write(w);
}

}  // namespace silverback::scrape
