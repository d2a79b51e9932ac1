#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "storage/appender.h"
#include "tsdb/db.h"
#include "tsdb/metrics.h"

namespace silverback::tsdb::wal {

/// A segment on disk that is not written any more.
struct ClosedSegment {
  uint64_t id = 0;
  uint64_t last_sequence = 0;  // of its records; 0 = it has none
  uint64_t bytes = 0;
};

/// Takes records in memory and puts them on disk from a thread of its own: one write and one
/// fdatasync for all who wait. A failed write or sync is final for its segment: those who wait get
/// kUnavailable, and everything not known to be on disk is written again into a new segment; until
/// that works durable commits are refused and the rest is kept within a bound.
/// Threads: any thread; records must be given in order of sequence.
class Writer {
 public:
  using Done = base::UniqueFunction<void(const base::Status&)>;

  struct Options {
    std::string dir;
    int64_t segment_bytes = 64 << 20;
    WalSync sync = WalSync::kAlways;
    base::FileSystem* files = nullptr;  // borrowed, as all below
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    Metrics* metrics = nullptr;
    uint64_t first_sequence = 1;          // of the next record
    std::vector<ClosedSegment> segments;  // what replay found, by id
    uint64_t next_segment = 1;
    size_t max_pending_bytes = size_t{256} << 20;  // records not yet on disk
  };
  explicit Writer(Options options);
  ~Writer();  // stop()
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Opens the first segment and starts the thread. A failure to open is retried by the thread.
  void start();
  /// Writes and syncs what is pending, then joins.
  void stop();

  /// kUnavailable when a record of this kind must not be given now.
  base::Status admit(storage::Durability wanted) const;
  /// Takes a record of any size; call admit() first. `done`, if there is one, runs on the writer's
  /// thread once the record counts as written. Never blocks on I/O.
  void enqueue(uint64_t sequence, std::string body, Done done);
  /// Runs `done` once everything given so far counts as written.
  void barrier(Done done);
  /// Blocks until everything given so far is on disk, in a closed segment, when `rotate` is set.
  base::Status flush(bool rotate);

  /// Removes closed segments without a record at or above `sequence`. Blocking.
  base::Status remove_below(uint64_t sequence);
  /// True if remove_below() would remove a segment.
  bool has_removable(uint64_t sequence) const;

  uint64_t current_segment() const { return current_id_.load(std::memory_order_relaxed); }
  /// Of all segments on disk.
  uint64_t bytes() const;

 private:
  struct Item {
    uint64_t sequence = 0;
    std::string body;
  };
  struct Work {
    std::vector<Item> items;
    std::vector<Done> waiting;
    size_t bytes = 0;
    bool sync = false;  // whatever the mode
    bool rotate = false;
  };

  void run();
  Work take() REQUIRES(mutex_);
  bool due() const REQUIRES(mutex_);
  void process(Work work, bool timed_out);
  /// Writes unsynced_[from..], to a new segment where the current one is full.
  base::Status write_unsynced(size_t from);
  base::Status append_frames(std::string& frames, size_t end);
  base::Status sync_segment();
  base::Status open_segment(uint64_t first_sequence);
  base::Status close_segment();
  base::Status rotate_to(uint64_t first_sequence);
  base::Status rotate_segment();
  void retire_segment();
  base::Status abandon_segment();
  base::Status recover();
  void note_size(uint64_t bytes);
  void forget_unsynced();

  const Options options_;
  std::atomic<uint64_t> current_id_{0};
  std::atomic<bool> failing_{false};

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  Work pending_ GUARDED_BY(mutex_);
  bool started_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;  // nothing will be written any more
  std::vector<ClosedSegment> closed_ GUARDED_BY(mutex_);
  uint64_t current_bytes_ GUARDED_BY(mutex_) = 0;
  size_t held_bytes_ GUARDED_BY(mutex_) = 0;  // pending, plus written and not synced

  // The writer's thread only.
  std::unique_ptr<base::WritableFile> file_;
  uint64_t next_segment_;
  uint64_t previous_segment_ = 0;
  uint64_t last_sequence_ = 0;  // in the current segment
  uint64_t next_sequence_;
  std::deque<Item> unsynced_;  // written or not, but not known to be on disk
  bool dirty_ = false;         // written since the last sync
  std::chrono::nanoseconds last_sync_{0};
  std::chrono::nanoseconds last_attempt_{0};
  std::thread thread_;
};

}  // namespace silverback::tsdb::wal
