#include <algorithm>
#include <cmath>

#include "model/histogram_ops.h"

namespace silverback::model {

namespace {

/// What is kept of a bucket: how many observations, and where they lie on average.
struct Kept {
  double count = 0;
  double midpoint = 0;
};

double zero_if_infinite(double v) {
  return std::isinf(v) ? 0 : v;
}

double midpoint(double lower, double upper, bool positive, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double mean = std::sqrt(std::abs(lower * upper));
  return positive ? mean : -mean;
}

/// A bucket without a lower bound. With a positive upper one it is taken to begin at 0; otherwise
/// nothing is known about where its observations lie.
Kept keep_below_first(const Histogram::Bucket& b, double bound) {
  if (bound >= b.upper) return {b.count, 0};
  if (bound > 0 && b.upper > 0 && !std::isinf(b.upper)) {
    return {b.count * bound / b.upper, bound / 2};
  }
  if (b.upper <= 0) return {b.count, bound};
  return {0, zero_if_infinite(b.upper)};
}

Kept keep_above_first(const Histogram::Bucket& b, double bound) {
  if (bound <= b.lower) return {b.count, 0};
  if (bound >= 0 && b.upper > bound && !std::isinf(b.upper)) {
    return {b.count * (1 - bound / b.upper), (bound + b.upper) / 2};
  }
  return {0, zero_if_infinite(b.upper)};
}

/// A bucket that the bound cuts.
Kept cut_bucket(const Histogram::Bucket& b, double bound, bool upper, bool positive, bool custom) {
  if (std::isinf(b.lower) && b.lower < 0) {
    return upper ? keep_below_first(b, bound) : keep_above_first(b, bound);
  }
  if (std::isinf(b.upper) && b.upper > 0) {
    if (!upper && bound >= b.lower) return {b.count, bound};
    return {0, zero_if_infinite(b.lower)};
  }
  double below = b.count;
  if (bound <= b.lower) {
    below = 0;
  } else if (bound < b.upper) {
    below = b.count * fraction_below(b, bound, custom);
  }
  if (upper) return {below, midpoint(b.lower, bound, positive, custom)};
  return {b.count - below, midpoint(bound, b.upper, positive, custom)};
}

Kept cut_zero_bucket(double lower, double upper, double count, double bound, bool keep_below) {
  const double middle = (lower + upper) / 2;
  if (bound <= lower) return keep_below ? Kept{0, 0} : Kept{count, middle};
  if (bound >= upper) return keep_below ? Kept{count, middle} : Kept{0, 0};
  if (keep_below) {
    return {count * ((bound - lower) / (upper - lower)), (lower + bound) / 2};
  }
  return {count * ((upper - bound) / (upper - lower)), (bound + upper) / 2};
}

class Trim {
 public:
  Trim(Histogram& h, double bound, bool upper) : h_(h), bound_(bound), upper_(upper) {}

  void run() {
    const bool positive = trim_side(h_.positive_spans, h_.positive_buckets, true);
    const bool negative = trim_side(h_.negative_spans, h_.negative_buckets, false);
    trim_zero(positive, negative);
    if (!trimmed_) return;
    h_.count = count_;
    h_.sum = sum_;
    h_.integer = false;
    compact(h_);
  }

 private:
  /// True when the side has any observations.
  bool trim_side(const std::vector<Span>& spans, std::vector<double>& counts, bool positive) {
    bool populated = false;
    int32_t index = 0;
    size_t at = 0;
    for (const Span& span : spans) {
      index += span.offset;
      for (uint32_t i = 0; i < span.length && at < counts.size(); ++i, ++index, ++at) {
        if (counts[at] == 0) continue;
        populated = true;
        trim_bucket(bucket(index, counts[at], positive), positive, counts[at]);
      }
    }
    return populated;
  }

  Histogram::Bucket bucket(int32_t index, double count, bool positive) const {
    Histogram::Bucket b;
    b.count = count;
    if (h_.uses_custom_buckets()) {
      const auto n = static_cast<int32_t>(h_.custom_values.size());
      b.lower = index <= 0 ? -HUGE_VAL : h_.custom_values[static_cast<size_t>(index - 1)];
      b.upper = index >= n ? HUGE_VAL : h_.custom_values[static_cast<size_t>(index)];
      return b;
    }
    const double low = exponential_bound(index - 1, h_.schema);
    const double high = exponential_bound(index, h_.schema);
    b.lower = positive ? low : -high;
    b.upper = positive ? high : -low;
    return b;
  }

  void trim_bucket(const Histogram::Bucket& b, bool positive, double& count) {
    const bool custom = h_.uses_custom_buckets();
    if (upper_ ? b.upper <= bound_ : b.lower >= bound_) {
      add({b.count, midpoint(b.lower, b.upper, positive, custom)});
    } else if (upper_ ? b.lower < bound_ : b.upper > bound_) {
      const Kept kept = cut_bucket(b, bound_, upper_, positive, custom);
      add(kept);
      trimmed_ = trimmed_ || count != kept.count;
      count = kept.count;
    } else {
      count = 0;
      trimmed_ = true;
    }
  }

  void trim_zero(bool positive, bool negative) {
    if (!(h_.zero_count > 0)) return;
    // With observations on one side only, the zero bucket is taken to end at 0.
    const double lower = positive && !negative ? 0 : -h_.zero_threshold;
    const double upper = negative && !positive ? 0 : h_.zero_threshold;
    const Kept kept = cut_zero_bucket(lower, upper, h_.zero_count, bound_, upper_);
    trimmed_ = trimmed_ || h_.zero_count != kept.count;
    h_.zero_count = kept.count;
    add(kept);
  }

  void add(const Kept& kept) {
    count_ += kept.count;
    sum_ += kept.midpoint * kept.count;
  }

  Histogram& h_;
  const double bound_;
  const bool upper_;
  double count_ = 0, sum_ = 0;
  bool trimmed_ = false;
};

}  // namespace

void trim_buckets(Histogram& h, double bound, bool upper) {
  Trim(h, bound, upper).run();
}

}  // namespace silverback::model
