#include "server/api/exposition.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/go_float.h"
#include "base/http_types.h"
#include "model/labels.h"
#include "server/api/exposition_protobuf.h"
#include "server/api/params.h"

namespace silverback::server::api {

namespace {

struct Clause {
  std::string media;
  std::vector<std::pair<std::string, std::string>> params;
  double q = 1;
  std::string_view param(std::string_view name) const {
    for (const auto& [key, value] : params) {
      if (base::iequals(key, name)) return value;
    }
    return {};
  }
};

/// Cuts the text before `separator` off the front.
std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trim(part);
}

/// The clauses of an Accept header, the most wanted first.
std::vector<Clause> parse_accept(std::string_view accept) {
  std::vector<Clause> out;
  while (!accept.empty()) {
    std::string_view item = take_until(accept, ',');
    Clause clause;
    clause.media = std::string(take_until(item, ';'));
    while (!item.empty()) {
      std::string_view value = take_until(item, ';');
      const std::string_view key = take_until(value, '=');
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      if (key == "q") {
        clause.q = base::parse_go_float(value).value_or(1);
      } else {
        clause.params.emplace_back(key, value);
      }
    }
    if (!clause.media.empty()) out.push_back(std::move(clause));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Clause& a, const Clause& b) { return a.q > b.q; });
  return out;
}

/// The format that a clause names, if it is one of ours.
bool names_format(const Clause& clause, Exposition& format) {
  const std::string_view version = clause.param("version");
  if (base::iequals(clause.media, "application/vnd.google.protobuf") &&
      clause.param("proto") == "io.prometheus.client.MetricFamily" &&
      clause.param("encoding") == "delimited") {
    format = Exposition::kProtobuf;
    return true;
  }
  if (base::iequals(clause.media, "application/openmetrics-text") &&
      (version.empty() || version == "0.0.1" || version == "1.0.0")) {
    format = Exposition::kOpenMetrics;
    return true;
  }
  if (base::iequals(clause.media, "text/plain") && (version.empty() || version == "0.0.4")) {
    format = Exposition::kText;
    return true;
  }
  return false;
}

/// Writes the lines of the two text formats.
class Lines {
 public:
  Lines(std::string& out, const ExpositionChoice& choice)
      : out_(out),
        open_metrics_(choice.format == Exposition::kOpenMetrics),
        escaping_(choice.escaping) {}

  void type(const std::string& name, bool histogram) {
    out_ += "# TYPE ";
    if (model::is_legacy_metric_name(name)) {
      out_ += name;
    } else {
      append_quoted(name);
    }
    out_ += histogram ? " histogram\n" : open_metrics_ ? " unknown\n" : " untyped\n";
  }

  void sample(const std::string& name, const ExposedMetric& metric, double value,
              std::string_view le = {}) {
    char before = '{';
    if (model::is_legacy_metric_name(name)) {
      out_ += name;
    } else {
      out_ += before;
      append_quoted(name);
      before = ',';
    }
    for (const auto& [key, text] : metric.labels) {
      append_label(before, escape_name(key, escaping_), text);
      before = ',';
    }
    if (!le.empty()) {
      append_label(before, "le", le);
      before = ',';
    }
    if (before == ',') out_ += '}';
    out_ += ' ';
    out_ += number(value);
    out_ += ' ';
    append_time(metric.t);
    out_ += '\n';
  }

  std::string number(double v) const {
    if (!open_metrics_) return base::go_g(v);
    std::string text;
    base::append_openmetrics_float(text, v);
    return text;
  }

 private:
  void append_quoted(std::string_view text) {
    out_ += '"';
    for (const char c : text) {
      switch (c) {
        case '\\': out_ += "\\\\"; break;
        case '\n': out_ += "\\n"; break;
        case '"': out_ += "\\\""; break;
        default: out_ += c;
      }
    }
    out_ += '"';
  }
  void append_label(char before, const std::string& name, std::string_view value) {
    out_ += before;
    if (model::is_legacy_label_name(name)) {
      out_ += name;
    } else {
      append_quoted(name);
    }
    out_ += '=';
    append_quoted(value);
  }
  /// Milliseconds, or seconds in OpenMetrics.
  void append_time(model::TimestampMs t) {
    if (!open_metrics_) {
      out_ += std::to_string(t);
      return;
    }
    out_ += fmt::format("{}{}.{:03}", t < 0 ? "-" : "", std::abs(t) / 1000, std::abs(t) % 1000);
  }

  std::string& out_;
  const bool open_metrics_;
  const NameEscaping escaping_;
};

void append_lines(Lines& lines, const std::string& name, const ExposedMetric& metric) {
  if (!metric.histogram) {
    lines.sample(name, metric, metric.value);
    return;
  }
  const model::Histogram& h = *metric.histogram;
  const std::string bucket = name + "_bucket";
  for (const auto& [upper, count] : classic_buckets(h)) {
    lines.sample(bucket, metric, count, lines.number(upper));
  }
  lines.sample(bucket, metric, h.count, "+Inf");
  lines.sample(name + "_sum", metric, h.sum);
  lines.sample(name + "_count", metric, h.count);
}

}  // namespace

std::string ExpositionChoice::content_type() const {
  std::string_view media = "text/plain; version=0.0.4; charset=utf-8";
  if (format == Exposition::kOpenMetrics)
    media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  if (format == Exposition::kProtobuf) {
    media =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
        "encoding=delimited";
  }
  return fmt::format("{}; escaping={}", media, name_escaping_text(escaping));
}

ExpositionChoice choose_exposition(std::string_view accept) {
  ExpositionChoice choice;
  for (const Clause& clause : parse_accept(accept)) {
    parse_name_escaping(clause.param("escaping"), choice.escaping);
    if (names_format(clause, choice.format)) break;
  }
  return choice;
}

std::vector<std::pair<double, double>> classic_buckets(const model::Histogram& h) {
  std::vector<double> counts(h.custom_values.size() + 1);
  int64_t index = 0;
  size_t next = 0;
  for (const model::Span& span : h.positive_spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && next < h.positive_buckets.size(); ++i, ++index) {
      const double count = h.positive_buckets[next++];
      if (index >= 0 && static_cast<size_t>(index) < counts.size())
        counts[static_cast<size_t>(index)] += count;
    }
  }
  std::vector<std::pair<double, double>> out;
  double cumulative = 0;
  for (size_t i = 0; i < h.custom_values.size(); ++i) {
    cumulative += counts[i];
    out.emplace_back(h.custom_values[i], cumulative);
  }
  return out;
}

void append_family(std::string& out, const ExposedFamily& family, const ExpositionChoice& choice) {
  if (choice.format == Exposition::kProtobuf) {
    append_family_protobuf(out, family, choice.escaping);
    return;
  }
  Lines lines(out, choice);
  const std::string name = escape_name(family.name, choice.escaping);
  lines.type(name, family.histograms);
  for (const ExposedMetric& metric : family.metrics) append_lines(lines, name, metric);
}

void append_exposition_end(std::string& out, const ExpositionChoice& choice) {
  if (choice.format == Exposition::kOpenMetrics) out += "# EOF\n";
}

}  // namespace silverback::server::api
