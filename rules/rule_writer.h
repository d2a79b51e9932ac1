#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "promql/value.h"
#include "storage/appender.h"

namespace silverback::rules {

/// Stores what one rule produces and remembers which series it produced last: those that are gone
/// get stale markers. A target of its own, since a rule's results share their timestamp.
/// Threads: one at a time.
class RuleWriter {
 public:
  explicit RuleWriter(storage::Appendable& storage)
      : storage_(storage), target_(storage.open_target()) {}
  ~RuleWriter() { storage_.close_target(target_); }
  RuleWriter(const RuleWriter&) = delete;
  RuleWriter& operator=(const RuleWriter&) = delete;

  struct Outcome {
    uint64_t out_of_order = 0, out_of_bounds = 0, duplicate = 0;  // results refused
    base::Status first_refusal;
  };
  /// `samples`, and stale markers for the series of the last write that are not among them, as one
  /// batch at `t`. Blocks for the disk when `durable`. An error: nothing was stored.
  base::Result<Outcome> write(const promql::Vector& samples, model::TimestampMs t, bool durable);

  /// The series of the last write, handed over: they will not go stale here.
  std::vector<model::Labels> release();
  /// Series that another writer produced for the same rule.
  void adopt(std::vector<model::Labels> series);

 private:
  struct Series {
    model::Labels labels;
    storage::SeriesRef ref;
  };
  using SeriesMap = std::unordered_map<std::string, Series>;  // by Labels::bytes()
  /// Floats of one batch.
  struct Column {
    std::vector<Series*> series;
    std::vector<double> values;
  };

  base::Status resolve(storage::Appender& appender, Series& series) const;
  base::Status append_column(storage::Appender& appender, model::TimestampMs t, Column& column);
  base::Status append_histogram(storage::Appender& appender, Series& series,
                                const promql::Sample& sample);

  storage::Appendable& storage_;
  const storage::TargetId target_;
  SeriesMap last_;
};

/// Stale markers for series whose rules are gone; refusals are fine, another rule may write them.
base::Status write_stale_markers(storage::Appendable& storage,
                                 const std::vector<model::Labels>& series, model::TimestampMs t);

}  // namespace silverback::rules
