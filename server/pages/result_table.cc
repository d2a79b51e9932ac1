#include "server/pages/result_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/go_float.h"
#include "server/pages/layout.h"

namespace silverback::server::pages {

namespace {

constexpr size_t kMaxRows = 1000;
constexpr size_t kMaxPageBytes = 4 << 20;
constexpr size_t kMaxPoints = 1000;  // of one series
constexpr size_t kMaxBuckets = 200;  // of one histogram

std::string bucket_text(const model::Histogram::Bucket& bucket) {
  return fmt::format("{}{}, {}{}", bucket.lower_inclusive ? '[' : '(', base::go_g(bucket.lower),
                     base::go_g(bucket.upper), bucket.upper_inclusive ? ']' : ')');
}

void write_histogram(HtmlWriter& w, const model::Histogram& histogram) {
  w.text(fmt::format("count {}, sum {}", base::sample_value(histogram.count),
                     base::sample_value(histogram.sum)));
  double most = 0;
  size_t buckets = 0;
  histogram.for_each_bucket([&](const model::Histogram::Bucket& bucket) {
    most = std::max(most, bucket.count);
    ++buckets;
  });
  if (buckets == 0) return;
  const auto details = w.in("details");
  w.leaf("summary", fmt::format("{} buckets", buckets));
  const auto table = w.in("table");
  size_t shown = 0;
  histogram.for_each_bucket([&](const model::Histogram::Bucket& bucket) {
    if (++shown > kMaxBuckets) return;
    const auto row = w.in("tr");
    w.leaf("td", {{"class", "nowrap"}}, bucket_text(bucket));
    {
      const auto cell = w.in("td");
      w.leaf("progress", {{"max", base::go_f(most)}, {"value", base::go_f(bucket.count)}}, "");
    }
    w.leaf("td", {{"class", "value"}}, base::sample_value(bucket.count));
  });
  if (buckets > kMaxBuckets) {
    const auto row = w.in("tr");
    w.leaf("td", {{"colspan", "3"}}, fmt::format("{} more buckets", buckets - kMaxBuckets));
  }
}

void write_cell(HtmlWriter& w, const promql::Sample& sample) {
  if (sample.h) {
    const auto cell = w.in("td");
    write_histogram(w, *sample.h);
  } else {
    w.leaf("td", {{"class", "value"}}, base::sample_value(sample.v));
  }
}

std::string point_text(int64_t t, const std::string& value) {
  return fmt::format("{} @{}\n", value, base::go_f(static_cast<double>(t) / 1000));
}

/// Floats and histograms merged by time.
void write_cell(HtmlWriter& w, const promql::Series& series) {
  std::string text;
  size_t left = kMaxPoints;
  auto h = series.histograms.begin();
  for (auto f = series.floats.begin();
       left > 0 && (f != series.floats.end() || h != series.histograms.end()); --left) {
    const bool is_float =
        h == series.histograms.end() || (f != series.floats.end() && f->t <= h->t);
    text +=
        is_float ? point_text(f->t, base::sample_value(f->v)) : point_text(h->t, h->h->to_string());
    if (is_float) {
      ++f;
    } else {
      ++h;
    }
  }
  const size_t all = series.floats.size() + series.histograms.size();
  if (all > kMaxPoints) text += fmt::format("{} more samples are not shown\n", all - kMaxPoints);
  w.leaf("td", {{"class", "points"}}, text);
}

template <typename List>
void write_series(HtmlWriter& w, const List& list) {
  if (list.empty()) {
    write_note(w, "plain", "Empty query result: no series.");
    return;
  }
  size_t shown = 0;
  const size_t began = w.size();
  {
    const auto scroll = w.in("div", {{"class", "scroll"}});
    const auto table = w.in("table");
    for (const auto& item : list) {
      if (shown == kMaxRows || w.size() - began > kMaxPageBytes) break;
      ++shown;
      const auto row = w.in("tr");
      {
        const auto cell = w.in("td");
        if (item.labels.to_string() == "{}") {
          w.leaf("span", {{"class", "soft"}}, "{}");
        } else {
          write_labels(w, item.labels);
        }
      }
      write_cell(w, item);
    }
  }
  if (shown < list.size()) {
    write_note(w, "warn",
               fmt::format("The first {} of {} series are shown. Aggregate or narrow the "
                           "expression to see the others.",
                           shown, list.size()));
  }
}

void write_single(HtmlWriter& w, std::string_view kind, std::string_view value) {
  const auto table = w.in("table");
  const auto row = w.in("tr");
  w.leaf("td", {{"class", "soft"}}, kind);
  w.leaf("td", {{"class", "value"}}, value);
}

}  // namespace

void write_result_table(HtmlWriter& w, const promql::Value& value) {
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    write_single(w, "scalar", base::sample_value(scalar->v));
  } else if (const auto* text = std::get_if<promql::String>(&value)) {
    write_single(w, "string", text->v);
  } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    write_series(w, *vector);
  } else {
    write_series(w, std::get<promql::Matrix>(value));
  }
}

}  // namespace silverback::server::pages
