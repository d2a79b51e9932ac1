#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "model/timestamp.h"

namespace silverback::storage {

/// The commit point of one partition, kept in the `meta` family.
struct PartitionMeta {
  uint32_t id = 0;              // never reused
  int64_t window_start_ms = 0;  // inclusive: windows are [start, end)
  int64_t window_end_ms = 0;    // exclusive
  uint64_t wal_sequence = 0;    // S: every sample of the window from batches <= S is in partitions
  int64_t min_time_ms = 0, max_time_ms = 0;  // inclusive, of samples
  uint64_t series = 0, samples = 0, bytes = 0;
};

/// RocksDB behind three families: chunks and index (ingest only, no RocksDB WAL, no compaction) and
/// meta (its own WAL, synced). Keys of chunks and index start with the partition id, big-endian.
/// It never looks inside a chunk. Threads: any thread may read; one writes at a time.
class BlockStore {
 public:
  struct Options {
    std::string db_path;     // RocksDB's folder
    std::string flush_path;  // SSTs being written, *.sst.tmp; same filesystem; swept at open
    uint64_t cache_bytes = 64 << 20;
    base::Logger* logger = nullptr;
  };
  /// Sweeps orphans: partitions' files without a meta key, left-over SSTs.
  static base::Result<std::unique_ptr<BlockStore>> open(Options options);
  ~BlockStore();

  /// Collects the sorted keys of one partition. Keys are given without the partition prefix,
  /// ascending within each family.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual base::Status put_chunks(std::string_view key, std::string_view value) = 0;
    virtual base::Status put_index(std::string_view key, std::string_view value) = 0;
    virtual uint64_t bytes() const = 0;
    /// One atomic ingest of both families, then the synced meta key. After a failed ingest meta is
    /// read again before anything is retried.
    virtual base::Status commit(const PartitionMeta& meta) = 0;
  };
  /// A fresh partition id; dropping the Writer leaves nothing behind.
  base::Result<std::unique_ptr<Writer>> new_partition(uint32_t* id);
  /// Commits a window that turned out to hold no samples: the meta key alone.
  base::Status put_meta(const PartitionMeta& meta);

  /// All committed partitions, by id.
  base::Result<std::vector<PartitionMeta>> partitions() const;

  /// kNotFound when the key is not there.
  base::Result<std::string> get_chunks(uint32_t partition, std::string_view key) const;
  /// get_chunks() without a copy: `fn` sees the value in the cache, and its answer is ours.
  base::Status visit_chunks(uint32_t partition, std::string_view key,
                            const std::function<base::Status(std::string_view value)>& fn) const;
  base::Result<std::string> get_index(uint32_t partition, std::string_view key) const;
  /// Index entries whose key starts with `prefix`, in order; `fn` gives false to stop.
  base::Status scan_index(
      uint32_t partition, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& fn) const;

  /// Removes the meta key (synced) first, then the files. Only when no reader holds the partition.
  base::Status drop_partition(uint32_t id);

  uint64_t disk_bytes() const;

 private:
  struct Impl;
  explicit BlockStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::storage
