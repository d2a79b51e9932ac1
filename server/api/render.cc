#include "server/api/render.h"

#include <algorithm>

#include "base/duration.h"

namespace silverback::server::api {

namespace {

using base::JsonWriter;

/// 0 = (lo,hi], 1 = [lo,hi), 2 = (lo,hi), 3 = [lo,hi].
int64_t boundary_rule(const model::Histogram::Bucket& bucket) {
  if (bucket.lower_inclusive) return bucket.upper_inclusive ? 3 : 1;
  return bucket.upper_inclusive ? 0 : 2;
}

void write_float(JsonWriter& w, int64_t t, double v) {
  w.begin_array();
  w.timestamp_ms(t);
  w.sample_value(v);
  w.end_array();
}

void write_histogram_point(JsonWriter& w, int64_t t, const model::Histogram& h) {
  w.begin_array();
  w.timestamp_ms(t);
  write_histogram(w, h);
  w.end_array();
}

void write_vector(JsonWriter& w, const promql::Vector& vector) {
  w.begin_array();
  for (const promql::Sample& sample : vector) {
    w.begin_object();
    w.key("metric");
    write_labels(w, sample.labels);
    if (sample.h) {
      w.key("histogram");
      write_histogram_point(w, sample.t, *sample.h);
    } else {
      w.key("value");
      write_float(w, sample.t, sample.v);
    }
    w.end_object();
  }
  w.end_array();
}

void write_matrix(JsonWriter& w, const promql::Matrix& matrix) {
  w.begin_array();
  for (const promql::Series& series : matrix) {
    w.begin_object();
    w.key("metric");
    write_labels(w, series.labels);
    if (!series.floats.empty()) {
      w.key("values");
      w.begin_array();
      for (const promql::FloatPoint& point : series.floats) write_float(w, point.t, point.v);
      w.end_array();
    }
    if (!series.histograms.empty()) {
      w.key("histograms");
      w.begin_array();
      for (const promql::HistogramPoint& point : series.histograms) {
        write_histogram_point(w, point.t, *point.h);
      }
      w.end_array();
    }
    w.end_object();
  }
  w.end_array();
}

}  // namespace

void write_labels(JsonWriter& w, const model::Labels& labels) {
  w.begin_object();
  for (const model::Label& label : labels) {
    w.key(label.name);
    w.label_string(label.value);
  }
  w.end_object();
}

void write_pairs(JsonWriter& w, const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::pair<std::string, std::string>> sorted = pairs;
  std::sort(sorted.begin(), sorted.end());
  w.begin_object();
  for (const auto& [name, value] : sorted) {
    w.key(name);
    w.label_string(value);
  }
  w.end_object();
}

void write_strings(JsonWriter& w, const std::vector<std::string>& values) {
  w.begin_array();
  for (const std::string& value : values) w.string(value);
  w.end_array();
}

void write_histogram(JsonWriter& w, const model::Histogram& h) {
  w.begin_object();
  w.key("count");
  w.sample_value(h.count);
  w.key("sum");
  w.sample_value(h.sum);
  bool open = false;
  h.for_each_bucket([&](const model::Histogram::Bucket& bucket) {
    if (bucket.count == 0) return;
    if (!open) {
      w.key("buckets");
      w.begin_array();
      open = true;
    }
    w.begin_array();
    w.number(boundary_rule(bucket));
    w.sample_value(bucket.lower);
    w.sample_value(bucket.upper);
    w.sample_value(bucket.count);
    w.end_array();
  });
  if (open) w.end_array();
  w.end_object();
}

void write_value(JsonWriter& w, const promql::Value& value) {
  w.key("resultType");
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    w.string("scalar");
    w.key("result");
    write_float(w, scalar->t, scalar->v);
  } else if (const auto* text = std::get_if<promql::String>(&value)) {
    w.string("string");
    w.key("result");
    w.begin_array();
    w.timestamp_ms(text->t);
    w.string(text->v);
    w.end_array();
  } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    w.string("vector");
    w.key("result");
    write_vector(w, *vector);
  } else {
    w.string("matrix");
    w.key("result");
    write_matrix(w, std::get<promql::Matrix>(value));
  }
}

void write_stats(JsonWriter& w, const promql::QueryStats& stats) {
  w.begin_object();
  w.key("timings");
  w.begin_object();
  const double eval_total = stats.prepare_seconds + stats.eval_seconds + stats.sort_seconds;
  w.key("evalTotalTime");
  w.number(eval_total);
  w.key("resultSortTime");
  w.number(stats.sort_seconds);
  w.key("queryPreparationTime");
  w.number(stats.prepare_seconds);
  w.key("innerEvalTime");
  w.number(stats.eval_seconds);
  w.key("execQueueTime");
  w.number(stats.queue_seconds);
  w.key("execTotalTime");
  w.number(stats.queue_seconds + eval_total);
  w.end_object();
  w.key("samples");
  w.begin_object();
  w.key("totalQueryableSamples");
  w.number(stats.total_samples);
  w.key("samplesRead");
  w.number(stats.samples_read);
  w.key("peakSamples");
  w.number(stats.peak_samples);
  w.end_object();
  w.end_object();
}

std::string go_time(int64_t ms) {
  if (ms == 0) return "0001-01-01T00:00:00Z";
  std::string text = base::format_rfc3339_ms(ms);
  const size_t dot = text.find('.');
  if (dot == std::string::npos || text.back() != 'Z') return text;
  text.pop_back();
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + 'Z';
}

}  // namespace silverback::server::api
