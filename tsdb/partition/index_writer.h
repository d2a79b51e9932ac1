#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "storage/block_store.h"

namespace silverback::tsdb::partition {

/// Writes the index of one partition. Label sets go out as they come; hashes and postings are held
/// until finish(), as they belong behind them: 24 bytes a series, and the postings in runs.
/// Threads: externally locked.
class IndexWriter {
 public:
  /// `writer` is borrowed. Times in hash blocks count from `window_start_ms`.
  IndexWriter(storage::BlockStore::Writer& writer, int64_t window_start_ms, int64_t window_end_ms);
  ~IndexWriter();

  /// Gives `labels` the next rank; they come in label order (kInternal if not). Times are
  /// inclusive.
  base::Status add(const model::Labels& labels, model::TimestampMs min_t, model::TimestampMs max_t);
  uint32_t series() const { return series_; }
  base::Status finish();

 private:
  struct Postings;
  base::Status flush_group();
  void add_hash(const model::Labels& labels, model::TimestampMs min_t, model::TimestampMs max_t);

  storage::BlockStore::Writer& writer_;
  const int64_t window_start_ms_;
  const uint64_t time_unit_ms_;
  uint32_t series_ = 0;
  model::Labels previous_;
  std::string group_;  // label sets of the open group
  std::vector<std::string> hash_blocks_;
  std::unique_ptr<Postings> postings_;
};

}  // namespace silverback::tsdb::partition
