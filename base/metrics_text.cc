#include "base/go_float.h"
#include "base/metrics.h"

namespace silverback::base::metrics {
namespace {

constexpr std::string_view kTotal = "_total";

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

// OpenMetrics writes a whole number as a float.
std::string bound(double v, TextFormat format) {
  std::string text = go_g(v);
  if (format == TextFormat::kOpenMetrics && text.find_first_of(".eIN") == std::string::npos) {
    text += ".0";
  }
  return text;
}

void append_child(std::string& out, const Family& family, const LabelPairs& labels,
                  const Reading& reading, TextFormat format) {
  if (family.type == Type::kCounter || family.type == Type::kGauge) {
    append_sample(out, family.name, "", labels, reading.value);
    return;
  }
  const auto count = static_cast<double>(reading.count);
  for (const auto& bucket : reading.buckets) {
    append_sample(out, family.name, "_bucket", labels, static_cast<double>(bucket.second), "le",
                  bound(bucket.first, format));
  }
  if (family.type == Type::kHistogram) {
    append_sample(out, family.name, "_bucket", labels, count, "le", "+Inf");
  }
  for (const auto& quantile : reading.quantiles) {
    append_sample(out, family.name, "", labels, quantile.second, "quantile",
                  bound(quantile.first, format));
  }
  append_sample(out, family.name, "_sum", labels, reading.sum);
  append_sample(out, family.name, "_count", labels, count);
}

// In OpenMetrics a counter's family has no _total, and what counts without one is of no known type.
void append_head(std::string& out, const Family& family, TextFormat format) {
  const bool open = format == TextFormat::kOpenMetrics;
  std::string_view name = family.name;
  std::string_view type = type_name(family.type);
  if (open && family.type == Type::kCounter) {
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

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kCounter: return "counter";
    case Type::kGauge: return "gauge";
    case Type::kHistogram: return "histogram";
    case Type::kSummary: return "summary";
  }
  return "untyped";
}

std::string to_text(const std::vector<Family>& families, TextFormat format) {
  std::string out;
  for (const Family& family : families) {
    append_head(out, family, format);
    for (const auto& child : family.children) {
      append_child(out, family, child.first, child.second, format);
    }
  }
  if (format == TextFormat::kOpenMetrics) out += "# EOF\n";
  return out;
}

}  // namespace silverback::base::metrics
