#include "tests/promql/script_compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/go_float.h"
#include "model/stale.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Status;

constexpr double kEpsilon = 1e-6;

Status differs(std::string message) {
  return {Errc::kBadData, std::move(message)};
}

/// Buckets by index, empty ones left out.
std::map<int32_t, double> by_index(const std::vector<model::Span>& spans,
                                   const std::vector<double>& buckets) {
  std::map<int32_t, double> out;
  int32_t index = 0;
  size_t next = 0;
  for (const model::Span& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && next < buckets.size(); ++i, ++index, ++next) {
      if (buckets[next] != 0) out.emplace(index, buckets[next]);
    }
  }
  return out;
}

bool same_buckets(const std::map<int32_t, double>& a, const std::map<int32_t, double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && almost_equal(x.second, y.second);
  });
}

bool same_histogram(const SequenceValue& expected, const model::Histogram& found) {
  const model::Histogram& want = *expected.h;
  return want.schema == found.schema && almost_equal(want.count, found.count) &&
         almost_equal(want.sum, found.sum) && want.custom_values == found.custom_values &&
         want.zero_threshold == found.zero_threshold &&
         almost_equal(want.zero_count, found.zero_count) &&
         same_buckets(by_index(want.negative_spans, want.negative_buckets),
                      by_index(found.negative_spans, found.negative_buckets)) &&
         same_buckets(by_index(want.positive_spans, want.positive_buckets),
                      by_index(found.positive_spans, found.positive_buckets)) &&
         (!expected.hint_written || want.hint == found.hint);
}

std::string text_of(const SequenceValue& value) {
  return value.omitted ? "nothing" : value.h ? histogram_notation(*value.h) : base::go_g(value.v);
}

std::string text_of(double v, const std::shared_ptr<const model::Histogram>& h) {
  return h ? histogram_notation(*h) : base::go_g(v);
}

/// nullptr when they are the same.
Status compare_point(const model::Labels& labels, const SequenceValue& expected, double v,
                     const std::shared_ptr<const model::Histogram>& h) {
  const bool same = expected.h ? h != nullptr && same_histogram(expected, *h)
                               : h == nullptr && almost_equal(expected.v, v);
  if (same) return Status::ok();
  return differs("expected " + text_of(expected) + " for " + labels.to_string() + ", got " +
                 text_of(v, h));
}

/// The last line written for each label set.
std::map<model::Labels, std::pair<size_t, const SeriesLine*>> expected_series(
    const EvalCommand& expected) {
  std::map<model::Labels, std::pair<size_t, const SeriesLine*>> out;
  for (size_t i = 0; i < expected.series.size(); ++i) {
    out[expected.series[i].labels] = {i, &expected.series[i]};
  }
  return out;
}

Status compare_vector(const EvalCommand& expected, const promql::Vector& vector) {
  if (expected.scalar) return differs("expected a scalar, got a vector");
  const auto wanted = expected_series(expected);
  std::set<model::Labels> seen;
  for (size_t i = 0; i < vector.size(); ++i) {
    const promql::Sample& sample = vector[i];
    const auto it = wanted.find(sample.labels);
    if (it == wanted.end()) {
      return differs("unexpected " + sample.labels.to_string() + " " + text_of(sample.v, sample.h));
    }
    if (!seen.insert(sample.labels).second) {
      return differs(sample.labels.to_string() + " is twice in the result");
    }
    const auto& [position, line] = it->second;
    if (expected.ordered && position != i) {
      return differs(sample.labels.to_string() + " expected at place " +
                     std::to_string(position + 1) + ", is at " + std::to_string(i + 1));
    }
    RETURN_IF_ERROR(compare_point(sample.labels, line->values.front(), sample.v, sample.h));
  }
  for (const auto& [labels, line] : wanted) {
    if (seen.count(labels) == 0) return differs("no " + labels.to_string() + " in the result");
  }
  return Status::ok();
}

struct Point {
  double v = 0;
  std::shared_ptr<const model::Histogram> h;
};

Status compare_series(const EvalCommand& expected, const SeriesLine& line,
                      const promql::Series& series) {
  std::map<model::TimestampMs, Point> points;
  for (const promql::FloatPoint& p : series.floats) points[p.t] = {p.v, nullptr};
  for (const promql::HistogramPoint& p : series.histograms) points[p.t] = {0, p.h};
  if (points.size() != series.floats.size() + series.histograms.size()) {
    return differs(series.labels.to_string() + " has two points at one time");
  }
  for (size_t i = 0; i < line.values.size(); ++i) {
    const model::TimestampMs t = expected.start + static_cast<int64_t>(i) * expected.step_ms;
    if (t > expected.end) return differs("more values are written than the query has steps");
    if (line.values[i].omitted) continue;
    const auto it = points.find(t);
    const Status status = it == points.end() ? differs("no point for " + series.labels.to_string() +
                                                       ", expected " + text_of(line.values[i]))
                                             : compare_point(series.labels, line.values[i],
                                                             it->second.v, it->second.h);
    if (!status.is_ok()) return status.with_context("at " + std::to_string(t) + " ms");
    points.erase(it);
  }
  if (points.empty()) return Status::ok();
  const auto& [t, point] = *points.begin();
  return differs("unexpected point of " + series.labels.to_string() + " at " + std::to_string(t) +
                 " ms: " + text_of(point.v, point.h));
}

Status compare_matrix(const EvalCommand& expected, const promql::Matrix& matrix) {
  if (expected.ordered) return differs("an order is expected, but the result is a matrix");
  if (expected.scalar) return differs("expected a scalar, got a matrix");
  RETURN_IF_ERROR(check_sorted(matrix));
  const auto wanted = expected_series(expected);
  std::set<model::Labels> seen;
  for (const promql::Series& series : matrix) {
    const auto it = wanted.find(series.labels);
    if (it == wanted.end()) {
      const std::string first =
          series.floats.empty()
              ? text_of(0, series.histograms.empty() ? nullptr : series.histograms[0].h)
              : text_of(series.floats[0].v, nullptr);
      return differs("unexpected " + series.labels.to_string() + " with " +
                     std::to_string(series.floats.size() + series.histograms.size()) +
                     " points, first " + first);
    }
    if (!seen.insert(series.labels).second) {
      return differs(series.labels.to_string() + " is twice in the result");
    }
    RETURN_IF_ERROR(compare_series(expected, *it->second.second, series));
  }
  for (const auto& [labels, line] : wanted) {
    if (seen.count(labels) == 0) return differs("no " + labels.to_string() + " in the result");
  }
  return Status::ok();
}

Status compare_scalar(const EvalCommand& expected, double v) {
  if (!expected.scalar) return differs("expected a vector or matrix, got scalar " + base::go_g(v));
  if (almost_equal(*expected.scalar, v)) return Status::ok();
  return differs("expected scalar " + base::go_g(*expected.scalar) + ", got " + base::go_g(v));
}

Status compare_notes(std::string_view kind, const std::vector<Expectation>& expected, bool none,
                     const std::vector<std::string>& found) {
  const std::string name(kind);
  if (none && !found.empty()) return differs("unexpected " + name + ": " + found.front());
  if (expected.empty()) return Status::ok();
  for (const Expectation& e : expected) {
    const bool any = std::any_of(found.begin(), found.end(),
                                 [&](const std::string& text) { return e.matches(text); });
    if (any) continue;
    return differs("no " + name + " matches " + e.to_string() +
                   (found.empty() ? "; there is none" : "; there is: " + found.front()));
  }
  for (const std::string& text : found) {
    const bool any = std::any_of(expected.begin(), expected.end(),
                                 [&](const Expectation& e) { return e.matches(text); });
    if (!any) return differs("unexpected " + name + ": " + text);
  }
  return Status::ok();
}

}  // namespace

bool almost_equal(double a, double b) {
  if (model::is_stale(a) || model::is_stale(b)) return model::is_stale(a) && model::is_stale(b);
  if ((std::isnan(a) && std::isnan(b)) || a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kEpsilon * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

Status check_sorted(const promql::Matrix& matrix) {
  for (size_t i = 1; i < matrix.size(); ++i) {
    if (matrix[i].labels < matrix[i - 1].labels) {
      return differs("matrix is not in label order: " + matrix[i].labels.to_string() + " behind " +
                     matrix[i - 1].labels.to_string());
    }
  }
  return Status::ok();
}

Status compare_value(const EvalCommand& expected, const promql::Value& value) {
  if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    return compare_vector(expected, *vector);
  }
  if (const auto* matrix = std::get_if<promql::Matrix>(&value)) {
    return compare_matrix(expected, *matrix);
  }
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    return compare_scalar(expected, scalar->v);
  }
  const std::string& text = std::get<promql::String>(value).v;
  if (expected.string && *expected.string == text) return Status::ok();
  return differs("got string \"" + text + "\"");
}

Status compare_annotations(const EvalCommand& expected, const promql::Annotations& found) {
  RETURN_IF_ERROR(compare_notes("warning", expected.warn, expected.no_warn, found.warnings(0)));
  return compare_notes("info", expected.info, expected.no_info, found.infos(0));
}

}  // namespace silverback::testing
