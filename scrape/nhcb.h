#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"

namespace silverback::scrape {

/// Gathers the series of one classic histogram and makes one native histogram with custom buckets
/// (schema -53) of them. What contradicts itself shows at convert(). Threads: externally locked.
class ClassicHistogram {
 public:
  void clear();
  /// Cumulative count at or below `upper`; in any order, of equal bounds the first counts.
  void add_bucket(double upper, double cumulative);
  void set_count(double count);
  void set_sum(double sum) { sum_ = sum; }

  /// kBadData when counts are negative, fall from bucket to bucket or differ from the total. Whole
  /// counts give an integer histogram.
  base::Result<model::Histogram> convert();

 private:
  struct Bucket {
    double upper = 0, cumulative = 0;
  };
  void refuse(std::string_view why);

  base::Status sort_buckets();

  std::vector<Bucket> buckets_;
  std::optional<double> count_;
  double sum_ = 0;
  base::Status error_;
};

}  // namespace silverback::scrape
