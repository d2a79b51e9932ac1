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
