#include "base/metrics_text.h"

#include "base/go_float.h"

namespace silverback::base::metrics {
namespace {

constexpr std::string_view kTotal = "_total";

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kHistogram: return "histogram";
    case MetricType::kSummary: return "summary";
  }
  return "untyped";
}

bool ends_with_total(std::string_view name) {
  return name.size() > kTotal.size() && name.substr(name.size() - kTotal.size()) == kTotal;
}

void append_escaped(std::string& out, std::string_view s, bool quotes) {
  for (const char c : s) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

// {a="b",extra_name="extra_value"}, or nothing.
void append_labels(std::string& out, const LabelPairs& labels, std::string_view extra_name,
                   std::string_view extra_value) {
  char before = '{';
  const auto add = [&](std::string_view name, std::string_view value) {
    out += before;
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
    before = ',';
  };
  for (const auto& label : labels) add(label.first, label.second);
  if (!extra_name.empty()) add(extra_name, extra_value);
  if (before == ',') out += '}';
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   const LabelPairs& labels, double v, std::string_view extra_name = {},
                   std::string_view extra_value = {}) {
  out += name;
  out += suffix;
  append_labels(out, labels, extra_name, extra_value);
  out += ' ';
  append_go_g(out, v);
  out += '\n';
}

}  // namespace

std::string& Exposition::child(std::string_view family, std::string_view help,
                               const LabelPairs& labels, MetricType type) {
  Family& entry = families_[std::string(family)];
  if (entry.children.empty()) {
    entry.type = type;
    entry.help = help;
  }
  std::string& lines = entry.children[labels];
  lines.clear();
  return lines;
}

// OpenMetrics writes a whole number as a float.
std::string Exposition::bound(double v) const {
  std::string text = go_g(v);
  if (format_ == TextFormat::kOpenMetrics && text.find_first_of(".eIN") == std::string::npos) {
    text += ".0";
  }
  return text;
}

void Exposition::add(std::string_view family, std::string_view help, const LabelPairs& labels,
                     MetricType type, double v) {
  append_sample(child(family, help, labels, type), family, "", labels, v);
}

void Exposition::add(std::string_view family, std::string_view help, const LabelPairs& labels,
                     const Histogram& h) {
  std::string& out = child(family, help, labels, MetricType::kHistogram);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < h.bounds().size(); ++i) {
    cumulative += h.bucket(i);
    append_sample(out, family, "_bucket", labels, static_cast<double>(cumulative), "le",
                  bound(h.bounds()[i]));
  }
  // Observations go on while we read: the total is what the buckets say, so that they agree.
  cumulative += h.bucket(h.bounds().size());
  append_sample(out, family, "_bucket", labels, static_cast<double>(cumulative), "le", "+Inf");
  append_sample(out, family, "_sum", labels, h.sum());
  append_sample(out, family, "_count", labels, static_cast<double>(cumulative));
}

void Exposition::add(std::string_view family, std::string_view help, const LabelPairs& labels,
                     const Summary& s) {
  std::string& out = child(family, help, labels, MetricType::kSummary);
  const std::vector<double> values = s.values();
  for (size_t i = 0; i < values.size(); ++i) {
    append_sample(out, family, "", labels, values[i], "quantile", bound(s.quantiles()[i]));
  }
  append_sample(out, family, "_sum", labels, s.sum());
  append_sample(out, family, "_count", labels, static_cast<double>(s.count()));
}

// In OpenMetrics a counter's family has no _total, and what counts without one is of no known type.
void Exposition::append_head(std::string& out, std::string_view name, const Family& family) const {
  const bool open = format_ == TextFormat::kOpenMetrics;
  std::string_view type = type_name(family.type);
  if (open && family.type == MetricType::kCounter) {
    if (ends_with_total(name)) {
      name.remove_suffix(kTotal.size());
    } else {
      type = "unknown";
    }
  }
  out += "# HELP ";
  out += name;
  out += ' ';
  append_escaped(out, family.help, open);
  out += "\n# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

std::string Exposition::text() const {
  std::string out;
  for (const auto& entry : families_) {
    append_head(out, entry.first, entry.second);
    for (const auto& lines : entry.second.children) out += lines.second;
  }
  if (format_ == TextFormat::kOpenMetrics) out += "# EOF\n";
  return out;
}

}  // namespace silverback::base::metrics
