#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "storage/block_store.h"
#include "tsdb/mem_series.h"
#include "tsdb/partition/partition.h"

namespace silverback::tsdb {

/// A partition with what this process learned about it.
/// Threads: any thread.
class PartitionHandle {
 public:
  PartitionHandle(storage::BlockStore& store, const storage::PartitionMeta& meta);

  ~PartitionHandle();
  PartitionHandle(const PartitionHandle&) = delete;
  PartitionHandle& operator=(const PartitionHandle&) = delete;

  const Partition& partition() const { return partition_; }
  const storage::PartitionMeta& meta() const { return partition_.meta(); }

  /// Whether the labels of `rank` were once compared with those of the series its hash names.
  bool verified(uint32_t rank) const;
  void set_verified(uint32_t rank);
  /// From now on the last reader to leave gives the id to `unread`.
  void retire(std::function<void(uint32_t)> unread);

 private:
  const Partition partition_;
  const size_t series_;
  std::unique_ptr<std::atomic<uint8_t>[]> verified_;  // by rank
  std::function<void(uint32_t)> unread_;              // set before the last version lets go
};

/// What is on disk, as one reader sees it. Immutable.
struct TsdbVersion {
  uint64_t number = 0;
  std::vector<std::shared_ptr<PartitionHandle>> partitions;  // by window start, then id
  FlushedWindows flushed;
};

/// The current TsdbVersion, swapped by pointer; the former ones live as long as their readers. The
/// files of a partition that was taken out go when the last version naming it is gone.
/// Threads: any thread; add() and remove() one at a time.
class VersionSet {
 public:
  /// Blocking: reads the list of partitions.
  static base::Result<std::unique_ptr<VersionSet>> open(storage::BlockStore& store);

  std::shared_ptr<const TsdbVersion> current() const;
  void add(const storage::PartitionMeta& meta);
  void remove(const std::vector<uint32_t>& ids);
  /// Readers of versions before this number are gone.
  uint64_t oldest_alive();
  /// Deletes the files of partitions that nobody reads any more. Blocking.
  base::Status delete_unread();

 private:
  /// Ids of partitions taken out whose last reader left; outlives the VersionSet if a reader does.
  struct Dead {
    base::Mutex mutex;
    std::vector<uint32_t> ids GUARDED_BY(mutex);
  };

  explicit VersionSet(storage::BlockStore& store) : store_(store) {}
  void install(std::vector<std::shared_ptr<PartitionHandle>> partitions);

  storage::BlockStore& store_;
  // Of partitions taken out: while a reader keeps their chunks in the head, nobody else sees them.
  // Belongs to whoever calls add() and remove().
  std::vector<FlushedWindows::Window> removed_;
  const std::shared_ptr<Dead> dead_ = std::make_shared<Dead>();
  mutable base::Mutex mutex_;
  std::shared_ptr<const TsdbVersion> current_ GUARDED_BY(mutex_);
  std::deque<std::pair<uint64_t, std::weak_ptr<const TsdbVersion>>> former_ GUARDED_BY(mutex_);
};

}  // namespace silverback::tsdb
