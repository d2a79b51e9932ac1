#pragma once

#include <cstdint>
#include <vector>

#include "model/histogram.h"

namespace silverback::model {

/// What adding two histograms met besides numbers.
struct HistogramSum {
  bool compatible = true;        // false: exponential with custom buckets; nothing was done
  bool reset_collision = false;  // one says "reset", the other "not reset"
  bool reconciled = false;       // custom bounds differed and were cut to the common ones
};

/// h += other and h -= other. The coarser schema and the wider zero bucket win. Buckets may become
/// empty (see compact).
HistogramSum add_histogram(Histogram& h, const Histogram& other);
HistogramSum subtract_histogram(Histogram& h, const Histogram& other);

/// Counts and sum times `factor`, or divided by `by` (0: no buckets remain). A negative number
/// makes it a gauge.
void scale(Histogram& h, double factor);
void divide(Histogram& h, double by);

/// Takes out empty buckets and joins spans that touch.
void compact(Histogram& h);

/// The same histogram at a coarser exponential schema; the hint becomes unknown. `schema` <= its.
Histogram copy_to_schema(const Histogram& h, int32_t schema);

/// Whether a counter was reset between the two: by the hint, else by layout and counts.
bool detect_reset(const Histogram& current, const Histogram& previous);

/// Keeps what lies below (`upper`) or above the bound; a bucket across it is interpolated.
void trim_buckets(Histogram& h, double bound, bool upper);

/// Every bucket that has a place, empty ones too, from the most negative to the most positive. The
/// zero bucket appears if populated; bounds inside it are moved to its threshold.
std::vector<Histogram::Bucket> all_buckets(const Histogram& h);

/// The share of a bucket's observations at or below `v` (inside the bucket), spread evenly or
/// evenly on a logarithmic scale.
double fraction_below(const Histogram::Bucket& b, double v, bool linear);

/// A bucket by its index, with Kahan's compensation.
struct IndexedBucket {
  int32_t index = 0;
  double count = 0;
  double c = 0;
};

/// Sums many histograms with compensation in every number. Threads: value type.
class HistogramAccumulator {
 public:
  explicit HistogramAccumulator(const Histogram& first);
  HistogramSum add(const Histogram& other) { return add_signed(other, 1); }
  HistogramSum subtract(const Histogram& other) { return add_signed(other, -1); }
  void scale(double factor);
  void divide(double by);
  /// A number became infinite.
  bool overflows() const;
  /// Value plus compensation.
  Histogram result() const;
  /// The value alone: what plain addition gives.
  Histogram uncompensated() const;

 private:
  friend bool detect_reset(const Histogram& current, const Histogram& previous);
  using Buckets = std::vector<IndexedBucket>;
  struct ZeroBucket {
    double threshold = 0, count = 0, c = 0;
  };

  HistogramSum add_signed(const Histogram& other, double sign);
  HistogramSum add_custom(const HistogramAccumulator& other, double sign);
  void reduce(int32_t schema);
  ZeroBucket zero_for(double threshold) const;
  bool absorb(const Buckets& buckets, ZeroBucket& zero) const;
  void widen_zero(double threshold);
  Histogram build(bool compensated) const;

  Histogram h_;  // scalars and layout kind; its bucket vectors stay empty
  double count_c_ = 0, sum_c_ = 0, zero_c_ = 0;
  Buckets positive_, negative_;
};

}  // namespace silverback::model
