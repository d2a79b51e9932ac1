#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/timestamp.h"
#include "storage/block_store.h"
#include "storage/querier.h"

namespace silverback::tsdb {

/// One series of one partition. Its samples lie in [min, max]; the bounds are exact unless the
/// window is longer than 49 days.
struct PartitionSeries {
  model::LabelHash hash;
  uint32_t rank = 0;
  model::TimestampMs min_time_ms = 0, max_time_ms = 0;
};

/// Writes every sample of `series` inside the partition's window; the set must be in label order
/// (rank order). On success the partition is committed: one atomic ingest, then
/// the meta key {window, sequence}. On an error nothing is visible. Returns the meta with id, times
/// and counts filled in (a set without samples: the meta key alone). Blocking.
base::Result<storage::PartitionMeta> write_partition(storage::BlockStore& store,
                                                     storage::SeriesSet& series,
                                                     storage::PartitionMeta meta);

/// An immutable partition on disk. Threads: any thread.
class Partition {
 public:
  Partition(storage::BlockStore& store, storage::PartitionMeta meta);
  const storage::PartitionMeta& meta() const { return meta_; }

  /// Series that match, ascending by hash.
  base::Result<std::vector<PartitionSeries>> select(const model::Matchers& matchers) const;
  base::Result<model::Labels> labels(uint32_t rank) const;
  /// Appends the samples inside `range`.
  base::Status read(uint32_t rank, model::TimeRange range, storage::ColumnBuffer& into) const;
  /// Sorted; of all series, or of those that match.
  base::Result<std::vector<std::string>> label_names(const model::Matchers& matchers) const;
  base::Result<std::vector<std::string>> label_values(const std::string& name,
                                                      const model::Matchers& matchers) const;

 private:
  storage::BlockStore& store_;
  const storage::PartitionMeta meta_;
};

}  // namespace silverback::tsdb
