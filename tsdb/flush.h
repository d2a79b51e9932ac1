#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "storage/block_store.h"
#include "tsdb/head.h"
#include "tsdb/metrics.h"
#include "tsdb/tsdb_version.h"
#include "tsdb/wal/writer.h"

namespace silverback::tsdb {

/// Moves windows of the head into partitions, then forgets them in head and WAL. A crash between
/// any two steps loses nothing and doubles nothing: the partition's meta key, with the sequence up
/// to which it holds its window, decides what replay takes. Threads: one at a time (Maintenance's
/// lock).
class Flusher {
 public:
  struct Parts {  // all borrowed
    Head* head = nullptr;
    wal::Writer* log = nullptr;
    storage::BlockStore* store = nullptr;
    VersionSet* versions = nullptr;
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    Metrics* metrics = nullptr;
  };
  explicit Flusher(const Parts& parts) : parts_(parts) {}

  /// Flushes windows with samples, oldest first; then truncates the WAL. Says whether there were
  /// any.
  base::Result<bool> flush(bool frozen_only);
  /// Drops flushed chunks whose last reader is gone.
  void drop_unread();

 private:
  struct Flushed {
    uint64_t version = 0;  // the first one that has the partition
    FlushTicket ticket;
  };

  base::Status flush_window(model::TimestampMs start);
  base::Status truncate_log();

  const Parts parts_;
  std::vector<Flushed> undropped_;
  bool truncate_wanted_ = false;
};

}  // namespace silverback::tsdb
