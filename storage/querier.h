#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/timestamp.h"
#include "storage/query_budget.h"

namespace silverback::storage {

/// Series with equal non-zero id have the same timestamps, shifted by `first`: window bounds are
/// found once for all of them.
struct TimestampColumn {
  uint64_t id = 0;  // 0 = shared with nobody
  uint32_t first = 0;
};

/// The samples of one series in a range, ascending and without equal timestamps. Stale markers are
/// floats (model::stale_nan()). `start` and `histogram_start` are empty when no sample has a start
/// timestamp, else as long as their column.
/// Reused from series to series: read() replaces the content and keeps the memory.
struct ColumnBuffer {
  std::vector<model::TimestampMs> t;
  std::vector<double> v;
  std::vector<model::TimestampMs> start;
  TimestampColumn column;

  std::vector<model::TimestampMs> histogram_t;
  std::vector<model::Histogram> histograms;
  std::vector<model::TimestampMs> histogram_start;

  bool empty() const { return t.empty() && histogram_t.empty(); }
  void clear();
  size_t bytes() const;
};

struct SelectHints {
  /// Samples outside may be left out; series without samples inside may be left out too.
  model::TimeRange range;
  /// Series in label order instead of engine order.
  bool sorted = false;
  /// Only labels are wanted (series, labels API): read() need not work.
  bool labels_only = false;
  /// 0 = all; else at most this many series.
  size_t limit = 0;
};

/// Series in engine order: ascending LabelHash, the same for head and disk.
/// Threads: one set, one thread.
class SeriesSet {
 public:
  virtual ~SeriesSet() = default;
  /// Moves to the next series; false at the end or on an error (see status()).
  virtual bool next() = 0;
  virtual base::Status status() const = 0;
  /// Of the current series. The reference dies at the next next().
  virtual const model::Labels& labels() = 0;
  /// The current series' samples inside `range`, merged over head and partitions.
  virtual base::Status read(model::TimeRange range, ColumnBuffer& into) = 0;
  /// Blocks of 4,096 series in order, each for a thread of its own; only before the first next().
  virtual std::vector<std::unique_ptr<SeriesSet>> split() = 0;
  /// Series still to come, where that is known; else 0.
  virtual size_t size_hint() const { return 0; }
};

inline constexpr size_t kSeriesPerBlock = 4096;

struct SeriesExemplars {
  model::Labels series;
  std::vector<model::Exemplar> exemplars;
};

/// One consistent view: every commit up to its opening and none after. Holds what it reads alive.
/// Threads: one at a time; SeriesSets of split() may run side by side. It outlives its SeriesSets.
class Querier {
 public:
  virtual ~Querier() = default;
  virtual base::Result<std::unique_ptr<SeriesSet>> select(const SelectHints& hints,
                                                          const model::Matchers& matchers) = 0;
  /// Sorted, unique; of series with samples in `hints.range`. No matchers: of all series.
  virtual base::Result<std::vector<std::string>> label_names(const SelectHints& hints,
                                                             const model::Matchers& matchers) = 0;
  virtual base::Result<std::vector<std::string>> label_values(const SelectHints& hints,
                                                              const std::string& name,
                                                              const model::Matchers& matchers) = 0;
  virtual base::Result<std::vector<SeriesExemplars>> exemplars(
      model::TimeRange range, const std::vector<model::Matchers>& any_of) = 0;
  /// Things a user should know about this view ("replay is not finished"); for API warnings.
  virtual std::vector<std::string> warnings() const { return {}; }
};

/// How one query reads. Threads: any thread may open.
struct QuerierOptions {
  model::TimeRange range;         // nothing outside will be asked
  QueryBudget* budget = nullptr;  // borrowed; nullptr = unlimited
  std::stop_token stop;           // checked at least each 1,000 series; reads then give kCanceled
};

class Queryable {
 public:
  virtual ~Queryable() = default;
  virtual base::Result<std::unique_ptr<Querier>> querier(QuerierOptions options) = 0;
};

}  // namespace silverback::storage
