#pragma once

#include <memory>
#include <span>
#include <vector>

#include "storage/appender.h"
#include "tsdb/head.h"

namespace silverback::tsdb {

/// Gathers a batch for Head::commit.
/// Threads: one batch, one thread.
class HeadAppender final : public storage::Appender {
 public:
  explicit HeadAppender(Head& head, base::metrics::Gauge& active);
  ~HeadAppender() override;

  base::Result<storage::SeriesRef> resolve(const model::Labels& labels) override;
  base::Status append_column(storage::TargetId target, model::TimestampMs t,
                             std::span<const storage::SeriesRef> refs,
                             std::span<const double> values, std::vector<size_t>* dead) override;
  base::Status append(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                      double value) override;
  base::Status append(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                      const model::Histogram& h) override;
  base::Status append_start(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                            const model::Histogram* like) override;
  base::Status append_exemplar(storage::SeriesRef ref, const model::Exemplar& e) override;
  void commit(storage::Durability wanted, Done done) override;

 private:
  Head& head_;
  base::metrics::Gauge& active_;
  const bool keeps_exemplars_;
  Batch batch_;
  bool spent_ = false;
};

}  // namespace silverback::tsdb
