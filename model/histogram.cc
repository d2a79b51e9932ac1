#include "model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/go_float.h"
#include "base/result.h"

namespace silverback::model {
namespace {

constexpr int kMaxSchema = 8;
constexpr int kMinSchema = -4;
constexpr double kInf = std::numeric_limits<double>::infinity();

uint64_t bits(double v) {
  return std::bit_cast<uint64_t>(v);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return bits(x) == bits(y); });
}

// The spans without empty ones, touching ones joined: equal for equal bucket indexes.
std::vector<Span> normalised(const std::vector<Span>& spans) {
  std::vector<Span> out;
  int32_t gap = 0;
  for (const Span& span : spans) {
    gap += span.offset;
    if (span.length == 0) continue;
    if (!out.empty() && gap == 0) {
      out.back().length += span.length;
    } else {
      out.push_back(Span{gap, span.length});
    }
    gap = 0;
  }
  return out;
}

// Calls fn(index, count) for each bucket, ascending.
template <typename F>
void walk(const std::vector<Span>& spans, const std::vector<double>& buckets, const F& fn) {
  size_t at = 0;
  int64_t index = 0;
  for (const Span& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && at < buckets.size(); ++i, ++index, ++at) {
      fn(static_cast<int32_t>(index), buckets[at]);
    }
  }
}

double upper_bound(const Histogram& h, int32_t index) {
  if (!h.uses_custom_buckets()) return exponential_bound(index, h.schema);
  if (index < 0) return -kInf;
  const auto i = static_cast<size_t>(index);
  return i < h.custom_values.size() ? h.custom_values[i] : kInf;
}

Histogram::Bucket bucket_at(const Histogram& h, int32_t index, double count, bool positive) {
  Histogram::Bucket b;
  b.count = count;
  const double near = upper_bound(h, index - 1), far = upper_bound(h, index);
  b.lower = positive ? near : -far;
  b.upper = positive ? far : -near;
  b.lower_inclusive = h.uses_custom_buckets() ? index == 0 : b.lower < 0;
  b.upper_inclusive = h.uses_custom_buckets() || b.upper > 0;
  return b;
}

// As for_each_bucket; `clip` cuts what reaches into the zero bucket.
template <typename F>
void for_each(const Histogram& h, bool clip, const F& fn) {
  std::vector<Histogram::Bucket> negative;
  walk(h.negative_spans, h.negative_buckets, [&](int32_t index, double count) {
    if (count != 0) negative.push_back(bucket_at(h, index, count, false));
  });
  for (auto it = negative.rbegin(); it != negative.rend(); ++it) {
    if (clip && it->upper < 0 && it->upper > -h.zero_threshold) it->upper = -h.zero_threshold;
    fn(*it);
  }
  if (h.zero_count != 0) {
    Histogram::Bucket zero;
    zero.lower = -h.zero_threshold;
    zero.upper = h.zero_threshold;
    zero.count = h.zero_count;
    zero.lower_inclusive = zero.upper_inclusive = true;
    fn(zero);
  }
  walk(h.positive_spans, h.positive_buckets, [&](int32_t index, double count) {
    if (count == 0) return;
    Histogram::Bucket b = bucket_at(h, index, count, true);
    if (clip && b.lower > 0 && b.lower < h.zero_threshold) b.lower = h.zero_threshold;
    fn(b);
  });
}

base::Status invalid(std::string detail, std::string_view kind) {
  if (!detail.empty()) detail += ": ";
  detail += kind;
  return {base::Errc::kBadData, std::move(detail)};
}

base::Status check_spans(const std::vector<Span>& spans, size_t buckets, bool custom) {
  uint64_t needed = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if ((i > 0 || custom) && spans[i].offset < 0) {
      return invalid("span number " + std::to_string(i + 1) + " with offset " +
                         std::to_string(spans[i].offset),
                     "histogram has a span whose offset is negative");
    }
    needed += spans[i].length;
  }
  if (needed == buckets) return {};
  return invalid("spans need " + std::to_string(needed) + " buckets, have " +
                     std::to_string(buckets) + " buckets",
                 "histogram spans specify different number of buckets than provided");
}

base::Status check_counts(const std::vector<double>& buckets, double& total) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] < 0) {
      return invalid("bucket number " + std::to_string(i + 1) + " has observation count of " +
                         base::go_g(buckets[i]),
                     "histogram has a bucket whose observation count is negative");
    }
    total += buckets[i];
  }
  return {};
}

// Go's %f.
std::string fixed(double v) {
  if (!std::isfinite(v)) return base::go_f(v);
  return std::to_string(v);
}

base::Status check_custom_bounds(const Histogram& h) {
  double previous = -kInf;
  for (size_t i = 0; i < h.custom_values.size(); ++i) {
    const double bound = h.custom_values[i];
    if (std::isnan(bound)) return invalid("", "histogram custom bounds must not be NaN");
    if (i > 0 && bound <= previous) {
      return invalid("previous bound is " + fixed(previous) + " and current is " + fixed(bound),
                     "histogram custom bounds must be in strictly increasing order");
    }
    previous = bound;
  }
  if (previous == kInf) {
    return invalid("last +Inf bound must not be explicitly defined",
                   "histogram custom bounds must be finite");
  }
  RETURN_IF_ERROR(check_spans(h.positive_spans, h.positive_buckets.size(), true));
  uint64_t reach = 0;
  for (const Span& span : h.positive_spans)
    reach += span.length + static_cast<uint64_t>(span.offset);
  if (reach <= h.custom_values.size() + 1) return {};
  return invalid("only " + std::to_string(h.custom_values.size()) +
                     " custom bounds defined which is insufficient to cover total span length of " +
                     std::to_string(reach),
                 "histogram custom bounds are too few");
}

base::Status check_custom(const Histogram& h) {
  RETURN_IF_ERROR(check_custom_bounds(h).with_context("custom buckets"));
  const char* wrong = nullptr;
  if (h.zero_count != 0)
    wrong = "zero count of 0";
  else if (h.zero_threshold != 0)
    wrong = "zero threshold of 0";
  if (wrong != nullptr) return invalid("", std::string("custom buckets: must have ") + wrong);
  if (!h.negative_spans.empty()) return invalid("", "custom buckets: must not have negative spans");
  if (!h.negative_buckets.empty())
    return invalid("", "custom buckets: must not have negative buckets");
  return {};
}

base::Status check_exponential(const Histogram& h) {
  RETURN_IF_ERROR(check_spans(h.positive_spans, h.positive_buckets.size(), false)
                      .with_context("positive side"));
  RETURN_IF_ERROR(check_spans(h.negative_spans, h.negative_buckets.size(), false)
                      .with_context("negative side"));
  if (!h.custom_values.empty()) {
    return invalid("", "histogram with exponential schema must not have custom bounds");
  }
  return {};
}

}  // namespace

bool Histogram::equals(const Histogram& o) const {
  if (schema != o.schema || zero_threshold != o.zero_threshold) return false;
  if (bits(count) != bits(o.count) || bits(sum) != bits(o.sum) ||
      bits(zero_count) != bits(o.zero_count))
    return false;
  if (!same_bits(positive_buckets, o.positive_buckets) ||
      !same_bits(negative_buckets, o.negative_buckets))
    return false;
  if (normalised(positive_spans) != normalised(o.positive_spans)) return false;
  if (normalised(negative_spans) != normalised(o.negative_spans)) return false;
  return !uses_custom_buckets() || same_bits(custom_values, o.custom_values);
}

void Histogram::for_each_bucket(const std::function<void(const Bucket&)>& fn) const {
  for_each(*this, true, fn);
}

std::string Histogram::to_string() const {
  std::string out = "{count:";
  base::append_go_g(out, count);
  out += ", sum:";
  base::append_go_g(out, sum);
  for_each(*this, false, [&](const Bucket& b) {
    out += b.lower_inclusive ? ", [" : ", (";
    base::append_go_g(out, b.lower);
    out += ',';
    base::append_go_g(out, b.upper);
    out += b.upper_inclusive ? "]:" : "):";
    base::append_go_g(out, b.count);
  });
  return out + '}';
}

base::Status Histogram::validate() const {
  if (uses_custom_buckets()) {
    RETURN_IF_ERROR(check_custom(*this));
  } else if (schema >= kMinSchema && schema <= kMaxSchema) {
    RETURN_IF_ERROR(check_exponential(*this));
  } else {
    return invalid(
        "",
        "histogram has an invalid schema, which must be between -4 and 8 for exponential "
        "buckets, or -53 for custom buckets, got schema " +
            std::to_string(schema));
  }
  double total = zero_count;
  RETURN_IF_ERROR(check_counts(negative_buckets, total).with_context("negative side"));
  RETURN_IF_ERROR(check_counts(positive_buckets, total).with_context("positive side"));
  if (zero_count < 0) {
    return invalid("zero bucket has observation count of " + base::go_g(zero_count),
                   "histogram has a bucket whose observation count is negative");
  }
  if (count < 0) {
    return invalid("observation count is " + base::go_g(count),
                   "histogram's observation count is negative");
  }
  // Sums of floats are not exact: only whole numbers are compared.
  if (!integer) return {};
  const bool nan_observed = std::isnan(sum);
  if (nan_observed ? total <= count : total == count) return {};
  return invalid(
      base::go_f(total) + " observations found in buckets, but the Count field is " +
          base::go_f(count),
      nan_observed
          ? "histogram's observation count should be at least the number of observations found "
            "in the buckets"
          : "histogram's observation count should equal the number of observations found in "
            "the buckets (in absence of NaN)");
}

size_t Histogram::bytes() const {
  return (positive_spans.size() + negative_spans.size()) * sizeof(Span) +
         (positive_buckets.size() + negative_buckets.size() + custom_values.size()) *
             sizeof(double);
}

}  // namespace silverback::model
