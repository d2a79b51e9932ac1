#include "scrape/target.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>
#include <utility>

#include "base/duration.h"
#include "base/utf8.h"

namespace silverback::scrape {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kMetaPrefix = "__meta_";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kUnixSocket = "__unix_socket__";
constexpr std::string_view kConvertClassic = "__convert_classic_histograms_to_nhcb__";
constexpr std::string_view kAlwaysClassic = "__always_scrape_classic_histograms__";
constexpr std::string_view kNativeHistograms = "__scrape_native_histograms__";

uint64_t fnv64a(std::string_view s, uint64_t h = 14695981039346656037ULL) {
  for (const char c : s) {
    h ^= static_cast<unsigned char>(c);
    h *= 1099511628211ULL;
  }
  return h;
}

bool starts_with(std::string_view s, std::string_view prefix) {
  return s.substr(0, prefix.size()) == prefix;
}

void set_default(model::LabelsBuilder& labels, std::string_view name, std::string_view value) {
  if (labels.get(name).empty()) labels.set(name, value);
}

void add_defaults(const ScrapeConfig& config, model::LabelsBuilder& labels) {
  set_default(labels, "job", config.job_name);
  set_default(labels, kInterval, base::format_duration(config.interval_ms));
  set_default(labels, kTimeout, base::format_duration(config.timeout_ms));
  set_default(labels, kMetricsPath, config.metrics_path);
  set_default(labels, kScheme, config.scheme);
  const auto set_bool = [&](std::string_view name, bool value) {
    set_default(labels, name, value ? "true" : "false");
  };
  set_bool(kConvertClassic, config.convert_classic_histograms_to_nhcb);
  set_bool(kAlwaysClassic, config.always_scrape_classic_histograms);
  set_bool(kNativeHistograms, config.scrape_native_histograms);
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) set_default(labels, std::string(kParamPrefix) + name, values.front());
  }
}

// As Go's strconv.ParseBool; `otherwise` for anything else.
bool bool_label(const model::LabelsBuilder& labels, std::string_view name, bool otherwise) {
  const std::string_view value = labels.get(name);
  for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (value == no) return false;
  }
  return otherwise;
}

// Relabelling may have changed what the job says.
HistogramForms histogram_forms(const ScrapeConfig& config, const model::LabelsBuilder& labels) {
  HistogramForms forms;
  forms.native = bool_label(labels, kNativeHistograms, config.scrape_native_histograms);
  forms.always_classic =
      bool_label(labels, kAlwaysClassic, config.always_scrape_classic_histograms);
  forms.convert = bool_label(labels, kConvertClassic, config.convert_classic_histograms_to_nhcb);
  return forms;
}

// What Go's url.URL leaves alone in a path.
std::string escape_url_path(std::string_view path) {
  constexpr std::string_view kKept = "-_.~$&+,/:;=@";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  if (!path.empty() && path.front() != '/') out += '/';
  for (const char c : path) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || kKept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// Sorted by key, as Go's url.Values.Encode.
std::string encode_params(const ScrapeConfig& config, const model::LabelsBuilder& labels) {
  std::map<std::string, std::vector<std::string>> params;
  for (const auto& [name, values] : config.params) params[name] = values;
  for (const auto& [name, value] : labels.pairs()) {
    if (!starts_with(name, kParamPrefix)) continue;
    std::vector<std::string>& values = params[name.substr(kParamPrefix.size())];
    if (values.empty()) {
      values.push_back(value);
    } else {
      values.front() = value;
    }
  }
  std::string out;
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      if (!out.empty()) out += '&';
      out += base::query_escape(name) + "=" + base::query_escape(value);
    }
  }
  return out;
}

base::Result<base::Url> make_url(const ScrapeConfig& config, const model::LabelsBuilder& labels) {
  std::string text = std::string(labels.get(kScheme)) + "://" + std::string(labels.get(kAddress));
  text += escape_url_path(labels.get(kMetricsPath));
  if (const std::string query = encode_params(config, labels); !query.empty()) text += "?" + query;
  return base::parse_url(text);
}

base::Status check_intervals(const model::LabelsBuilder& labels, Target& target) {
  const std::string interval(labels.get(kInterval)), timeout(labels.get(kTimeout));
  const base::Result<int64_t> interval_ms = base::parse_duration_ms(interval);
  if (!interval_ms.is_ok())
    return interval_ms.status().with_context("error parsing scrape interval");
  if (*interval_ms == 0) return {base::Errc::kBadData, "scrape interval cannot be 0"};
  const base::Result<int64_t> timeout_ms = base::parse_duration_ms(timeout);
  if (!timeout_ms.is_ok()) return timeout_ms.status().with_context("error parsing scrape timeout");
  if (*timeout_ms == 0) return {base::Errc::kBadData, "scrape timeout cannot be 0"};
  if (*timeout_ms > *interval_ms) {
    return {base::Errc::kBadData, "scrape timeout cannot be greater than scrape interval (" +
                                      model::go_quote(timeout) + " > " + model::go_quote(interval) +
                                      ")"};
  }
  target.interval_ms = *interval_ms;
  target.timeout_ms = *timeout_ms;
  return {};
}

void remove_prefixed(model::LabelsBuilder& labels, std::string_view prefix) {
  std::vector<std::string> names;
  for (const auto& [name, value] : labels.pairs()) {
    if (starts_with(name, prefix)) names.push_back(name);
  }
  for (const std::string& name : names) labels.del(name);
}

}  // namespace

int64_t Target::offset_ms(uint64_t seed) const {
  return static_cast<int64_t>((hash ^ seed) % static_cast<uint64_t>(interval_ms));
}

uint64_t offset_seed(const std::string& hostname, const model::Labels& external_labels) {
  return fnv64a(hostname + external_labels.to_string());
}

base::Result<std::optional<Target>> make_target(const ScrapeConfig& config,
                                                const model::Labels& own,
                                                const model::Labels& group,
                                                model::Labels* discovered) {
  model::LabelsBuilder labels(own);
  for (const model::Label& label : group) set_default(labels, label.name, label.value);
  add_defaults(config, labels);
  *discovered = labels.build();
  if (!model::relabel(config.relabel_configs, labels)) return std::optional<Target>();
  Target target;
  target.discovered = *discovered;
  const std::string address(labels.get(kAddress));
  if (address.empty()) return base::Status(base::Errc::kBadData, "no address");
  RETURN_IF_ERROR(model::check_target_address(address));
  RETURN_IF_ERROR(check_intervals(labels, target));
  remove_prefixed(labels, kMetaPrefix);
  set_default(labels, "instance", address);
  for (const auto& [name, value] : labels.pairs()) {
    if (base::is_valid_utf8(value)) continue;
    return base::Status(base::Errc::kBadData, "invalid label value for " + model::go_quote(name) +
                                                  ": " + model::go_quote(value));
  }
  ASSIGN_OR_RETURN(target.url, make_url(config, labels));
  target.unix_socket = labels.get(kUnixSocket);
  target.histograms = histogram_forms(config, labels);
  remove_prefixed(labels, "__");
  target.labels = labels.build();
  // Interval and timeout are left out: changing them goes on with the same loop.
  target.hash =
      fnv64a(target.unix_socket, fnv64a(target.url.to_string(), fnv64a(target.labels.bytes())));
  return std::optional<Target>(std::move(target));
}

TargetSet make_targets(const ScrapeConfig& config, const std::vector<TargetGroup>& groups) {
  TargetSet out;
  std::unordered_set<uint64_t> hashes;
  for (const TargetGroup& group : groups) {
    for (size_t i = 0; i < group.targets.size(); ++i) {
      model::Labels discovered;
      base::Result<std::optional<Target>> made =
          make_target(config, group.targets[i], group.labels, &discovered);
      if (!made.is_ok()) {
        out.failures.push_back(made.status().with_context("instance " + std::to_string(i) +
                                                          " in group " + group.source));
      } else if (!made->has_value()) {
        out.dropped.push_back(std::move(discovered));
      } else if (hashes.insert((*made)->hash).second) {
        out.active.push_back(std::move(**made));
      }
    }
  }
  return out;
}

}  // namespace silverback::scrape
