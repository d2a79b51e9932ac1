#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"

namespace silverback::model {

inline constexpr int32_t kCustomBucketsSchema = -53;

enum class CounterResetHint : uint8_t { kUnknown = 0, kReset = 1, kNotReset = 2, kGauge = 3 };

/// `offset` empty buckets after the former span (for the first: index of its first bucket), then
/// `length` buckets.
struct Span {
  int32_t offset = 0;
  uint32_t length = 0;
  bool operator==(const Span&) const = default;
};

/// A native histogram. Counts are absolute (not deltas) doubles; `integer` remembers that they came
/// as whole numbers, which survive exactly up to 2^53. Exponential schemas -4..8, or -53 with
/// custom upper bounds. Model: prometheus/prometheus model/histogram.FloatHistogram.
struct Histogram {
  CounterResetHint hint = CounterResetHint::kUnknown;
  bool integer = false;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<Span> positive_spans;
  std::vector<Span> negative_spans;
  std::vector<double> positive_buckets;
  std::vector<double> negative_buckets;
  std::vector<double> custom_values;  // upper bounds, schema -53 only

  bool uses_custom_buckets() const { return schema == kCustomBucketsSchema; }

  /// Same layout, counts and sum; NaN sums compare by bits. The hint is not compared.
  bool equals(const Histogram& o) const;

  /// One bucket with its bounds, as the API lists them.
  struct Bucket {
    double lower = 0, upper = 0, count = 0;
    bool lower_inclusive = false, upper_inclusive = false;
  };
  /// Buckets from the most negative to the most positive, empty ones left out, zero bucket between.
  void for_each_bucket(const std::function<void(const Bucket&)>& fn) const;

  /// `{count:3, sum:1.5, (1,2]:3}`.
  std::string to_string() const;

  /// spec 13.10: span sums, offsets, negative counts, count against buckets, bounds, schema.
  base::Status validate() const;

  /// Memory of the heap parts, for budgets.
  size_t bytes() const;
};

/// Upper bound of exponential bucket `index` under `schema`: 2^(index * 2^-schema).
double exponential_bound(int32_t index, int32_t schema);

}  // namespace silverback::model
