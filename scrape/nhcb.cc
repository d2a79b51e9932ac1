#include "scrape/nhcb.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/go_float.h"

namespace silverback::scrape {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
// Whole counts above it are not told from fractions.
constexpr double kMaxWhole = 9223372036854775807.0;
// Runs of empty buckets inside an integer histogram that are not worth a span of their own.
constexpr size_t kKeptEmpty = 2;

bool is_whole(double v) {
  return std::fabs(v) < kMaxWhole && std::round(v) == v;
}

// Drops empty buckets at both ends, and longer runs of them in between.
void cut_empty(model::Histogram& h, size_t keep) {
  const std::vector<double> counts = std::move(h.positive_buckets);
  h.positive_buckets.clear();
  h.positive_spans.clear();
  size_t next = 0;  // index behind the last bucket kept
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const size_t gap = i - next;
    if (h.positive_spans.empty() || gap > keep) {
      h.positive_spans.push_back({static_cast<int32_t>(gap), 0});
    } else {
      h.positive_buckets.insert(h.positive_buckets.end(), gap, 0);
      h.positive_spans.back().length += static_cast<uint32_t>(gap);
    }
    h.positive_buckets.push_back(counts[i]);
    ++h.positive_spans.back().length;
    next = i + 1;
  }
}

}  // namespace

void ClassicHistogram::clear() {
  buckets_.clear();
  count_.reset();
  sum_ = 0;
  error_ = {};
}

void ClassicHistogram::refuse(std::string_view why) {
  if (error_.is_ok()) error_ = {base::Errc::kBadData, std::string(why)};
}

void ClassicHistogram::add_bucket(double upper, double cumulative) {
  if (!error_.is_ok()) return;
  if (std::isnan(upper)) return refuse("bucket boundary must not be NaN");
  if (cumulative < 0) {
    return refuse("bucket count must be non-negative: le=" + base::go_g(upper) +
                  ", count=" + base::go_g(cumulative));
  }
  Bucket bucket;
  bucket.upper = upper;
  bucket.cumulative = cumulative;
  buckets_.push_back(bucket);
}

// By bound; of equal bounds the first stays.
base::Status ClassicHistogram::sort_buckets() {
  std::stable_sort(buckets_.begin(), buckets_.end(),
                   [](const Bucket& a, const Bucket& b) { return a.upper < b.upper; });
  buckets_.erase(std::unique(buckets_.begin(), buckets_.end(),
                             [](const Bucket& a, const Bucket& b) { return a.upper == b.upper; }),
                 buckets_.end());
  for (size_t i = 1; i < buckets_.size(); ++i) {
    const double before = buckets_[i - 1].cumulative, here = buckets_[i].cumulative;
    if (here < before) {
      return {base::Errc::kBadData,
              "count is not cumulative: " + base::go_g(here) + " < " + base::go_g(before)};
    }
  }
  return {};
}

void ClassicHistogram::set_count(double count) {
  if (!error_.is_ok()) return;
  if (count < 0) return refuse("count must be non-negative: count=" + base::go_g(count));
  count_ = count;
}

base::Result<model::Histogram> ClassicHistogram::convert() {
  if (!error_.is_ok()) return error_;
  RETURN_IF_ERROR(sort_buckets());
  const double count = count_ ? *count_ : buckets_.empty() ? 0 : buckets_.back().cumulative;
  if (buckets_.empty() || buckets_.back().upper != kInf) {
    Bucket last;
    last.upper = kInf;
    last.cumulative = count;
    buckets_.push_back(last);
  }
  model::Histogram h;
  h.schema = model::kCustomBucketsSchema;
  h.count = count;
  h.sum = sum_;
  h.integer = is_whole(count);
  double before = 0;
  for (const Bucket& b : buckets_) {
    h.integer = h.integer && is_whole(b.cumulative);
    h.positive_buckets.push_back(b.cumulative - before);
    before = b.cumulative;
    if (b.upper != kInf) h.custom_values.push_back(b.upper);
  }
  if (count != before) {
    return base::Status(base::Errc::kBadData, "count mismatch: count=" + base::go_g(count) +
                                                  " != le=+Inf count=" + base::go_g(before));
  }
  cut_empty(h, h.integer ? kKeptEmpty : 0);
  RETURN_IF_ERROR(h.validate());
  return h;
}

}  // namespace silverback::scrape
