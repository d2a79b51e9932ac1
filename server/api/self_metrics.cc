#include <cmath>

#include "model/regex.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

namespace {

using base::JsonWriter;
using base::metrics::Family;
using base::metrics::Reading;
using base::metrics::Type;

// ProtoJSON: numbers of 64 bits and values that JSON lacks are strings.

void double_field(JsonWriter& w, std::string_view key, double v) {
  w.key(key);
  if (std::isnan(v)) {
    w.string("NaN");
  } else if (std::isinf(v)) {
    w.string(v > 0 ? "Infinity" : "-Infinity");
  } else {
    w.number(v);
  }
}

void count_field(JsonWriter& w, std::string_view key, uint64_t v) {
  w.key(key);
  w.string(std::to_string(v));
}

const char* proto_type(Type type) {
  switch (type) {
    case Type::kCounter: return "COUNTER";
    case Type::kGauge: return "GAUGE";
    case Type::kHistogram: return "HISTOGRAM";
    case Type::kSummary: break;
  }
  return "SUMMARY";
}

void write_pairs_of(JsonWriter& w, const base::metrics::LabelPairs& labels) {
  if (labels.empty()) return;
  w.key("label");
  w.begin_array();
  for (const auto& label : labels) {
    w.begin_object();
    w.key("name");
    w.string(label.first);
    w.key("value");
    w.string(label.second);
    w.end_object();
  }
  w.end_array();
}

void write_histogram_of(JsonWriter& w, const Reading& reading) {
  count_field(w, "sampleCount", reading.count);
  double_field(w, "sampleSum", reading.sum);
  if (reading.buckets.empty()) return;
  w.key("bucket");
  w.begin_array();
  for (const auto& bucket : reading.buckets) {
    w.begin_object();
    count_field(w, "cumulativeCount", bucket.second);
    double_field(w, "upperBound", bucket.first);
    w.end_object();
  }
  w.end_array();
}

void write_summary_of(JsonWriter& w, const Reading& reading) {
  count_field(w, "sampleCount", reading.count);
  double_field(w, "sampleSum", reading.sum);
  if (reading.quantiles.empty()) return;
  w.key("quantile");
  w.begin_array();
  for (const auto& quantile : reading.quantiles) {
    w.begin_object();
    double_field(w, "quantile", quantile.first);
    double_field(w, "value", quantile.second);
    w.end_object();
  }
  w.end_array();
}

void write_family(JsonWriter& w, const Family& family) {
  w.begin_object();
  w.key("name");
  w.string(family.name);
  w.key("help");
  w.string(family.help);
  w.key("type");
  w.string(proto_type(family.type));
  w.key("metric");
  w.begin_array();
  for (const auto& child : family.children) {
    w.begin_object();
    write_pairs_of(w, child.first);
    w.key(base::metrics::type_name(family.type));
    w.begin_object();
    switch (family.type) {
      case Type::kHistogram: write_histogram_of(w, child.second); break;
      case Type::kSummary: write_summary_of(w, child.second); break;
      default: double_field(w, "value", child.second.value);
    }
    w.end_object();
    w.end_object();
  }
  w.end_array();
  w.end_object();
}

}  // namespace

Answer status_self_metrics(Context& ctx, const Call& call) {
  const std::string pattern(call.params.get("metric_name_pattern"));
  model::Regex wanted = model::Regex::any();
  if (!pattern.empty()) {
    base::Result<model::Regex> compiled = model::Regex::compile(pattern);
    if (!compiled) {
      return base::Status(base::Errc::kBadData,
                          "invalid metric_name_pattern: " + compiled.status().message());
    }
    wanted = std::move(*compiled);
  }
  std::string json = kDataPrefix;
  JsonWriter w(json);
  w.begin_array();
  for (const Family& family : ctx.registry->gather()) {
    if (pattern.empty() || wanted.matches(family.name)) write_family(w, family);
  }
  w.end_array();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
