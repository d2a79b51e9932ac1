#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "storage/appender.h"
#include "storage/querier.h"

namespace silverback::tsdb {

/// When a record counts as written: --storage.wal.sync.
enum class WalSync : uint8_t { kAlways = 0, kInterval = 1, kNone = 2 };

/// How far the replay of the WAL is, in segments; all 0 before it begins. Threads: any thread.
struct ReplayProgress {
  std::atomic<uint64_t> first{0}, last{0}, current{0};
};

struct DbOptions {
  std::string path;                                // created with parents
  int64_t window_ms = 2 * 3600 * 1000;             // --storage.tsdb.min-block-duration
  int64_t retention_ms = 30LL * 24 * 3600 * 1000;  // 0 = no limit by time
  uint64_t retention_bytes = 0;                    // 0 = no limit by size
  int64_t wal_segment_bytes = 64 << 20;
  WalSync wal_sync = WalSync::kAlways;
  bool lock_file = true;
  uint64_t max_head_series = 0;  // 0 = no limit
  size_t max_exemplars = 0;      // 0 = none are kept
  base::Clock* clock = nullptr;  // borrowed, as all below
  base::Logger* logger = nullptr;
  base::metrics::Registry* registry = nullptr;
  base::FileSystem* files = nullptr;  // nullptr = the real one
  ReplayProgress* replay = nullptr;   // nullptr = nobody asks
};

/// What status/tsdb shows.
struct CardinalityStats {
  using Top = std::vector<std::pair<std::string, uint64_t>>;  // descending
  uint64_t series = 0, label_pairs = 0, chunks = 0;
  int64_t min_time_ms = 0, max_time_ms = 0;  // of the head; max int64 / min int64 when empty
  Top series_by_metric_name, label_values_by_name, memory_by_label_name, series_by_label_pair;
};

/// One partition on disk, as status/tsdb/blocks lists it.
struct PartitionInfo {
  uint32_t id = 0;
  int64_t min_time_ms = 0, max_time_ms = 0;  // inclusive, of samples
  uint64_t series = 0, samples = 0;
};

/// The engine: head, WAL and partitions in RocksDB, behind the contracts of storage.
/// Threads: any thread, once start() has returned.
class Db final : public storage::Appendable, public storage::Queryable {
 public:
  /// Opens (or creates) the folder, takes its lock, replays the WAL. kUnavailable when another
  /// process holds the lock, kCorruption when the folder has another format version. A folder that
  /// holds a Prometheus database is not touched: ours goes to <path>/silverback, and a warning says
  /// so.
  static base::Result<std::unique_ptr<Db>> open(DbOptions options);
  ~Db() override;  // stop()

  /// Starts the wal and maintenance threads.
  void start();
  /// Syncs the WAL, stops the threads, releases the lock. Waits for running work.
  void stop();

  storage::TargetId open_target() override;
  void close_target(storage::TargetId target) override;
  std::unique_ptr<storage::Appender> appender() override;
  base::Result<std::unique_ptr<storage::Querier>> querier(storage::QuerierOptions options) override;

  /// Flushes every window that has data, the open one too, and waits. Blocking.
  base::Status flush();
  /// Runtime reload of retention.
  void set_retention(int64_t retention_ms, uint64_t retention_bytes);
  /// Runtime reload of storage.exemplars; the newest are kept.
  void set_max_exemplars(size_t count);

  CardinalityStats cardinality(size_t limit) const;
  /// By window, then id.
  std::vector<PartitionInfo> partitions() const;
  /// The oldest sample held, ms; max int64 when empty.
  int64_t lowest_timestamp_ms() const;
  /// Damaged WAL records found since start.
  uint64_t corruption_count() const;
  const std::string& path() const;

 private:
  struct Impl;
  explicit Db(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::tsdb
