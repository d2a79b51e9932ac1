#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "base/result.h"
#include "model/labels.h"
#include "storage/series_ref.h"
#include "tsdb/mem_series.h"
#include "tsdb/postings.h"

namespace silverback::tsdb {

/// All series of the head: slot -> series, labels -> slot, postings. Series are never moved, and
/// not removed yet. Threads: any thread.
class SeriesTable {
 public:
  /// `max_series` 0 = no limit.
  explicit SeriesTable(uint64_t max_series);
  ~SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  /// The series with these labels, made if new. kLimit when the table is full, kBadData for no
  /// labels.
  base::Result<MemSeries*> resolve(const model::Labels& labels);
  /// Puts a series back under the ref it had in the WAL; the limit does not apply. nullptr when
  /// slot or labels are taken by another.
  MemSeries* restore(storage::SeriesRef ref, const model::Labels& labels);

  /// nullptr for a ref that names nothing.
  MemSeries* find(storage::SeriesRef ref) const {
    MemSeries* s = at(ref.slot);
    return s != nullptr && s->ref == ref ? s : nullptr;
  }
  MemSeries* at(uint32_t slot) const;

  base::Mutex& shard(uint32_t slot) { return shards_[slot % kShards].mutex; }
  Postings& postings() { return postings_; }

  /// Slots in use are below it.
  uint32_t end_slot() const { return end_slot_.load(std::memory_order_acquire); }
  uint64_t size() const { return size_.load(std::memory_order_relaxed); }
  uint64_t created() const { return created_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kShards = 256;
  static constexpr uint32_t kBlockSize = 1024;
  static constexpr uint32_t kBlocks = 1 << 17;  // 134 M series

  struct alignas(64) Shard {
    base::Mutex mutex;
  };
  /// Labels::hash64() of label bytes: computed once for index and table.
  struct BytesHash {
    size_t operator()(std::string_view bytes) const;
  };
  struct alignas(64) Index {
    base::Mutex mutex;
    // Keys view the series' own label bytes.
    absl::flat_hash_map<std::string_view, uint32_t, BytesHash> slots GUARDED_BY(mutex);
  };
  struct Block {
    std::array<std::atomic<MemSeries*>, kBlockSize> series{};
  };

  // The table uses the low bits.
  Index& index_of(uint64_t hash) { return index_[(hash >> 48) % kShards]; }
  MemSeries* create(storage::SeriesRef ref, const model::Labels& labels) REQUIRES(create_mutex_);

  const uint64_t max_series_;
  std::array<Shard, kShards> shards_;
  std::array<Index, kShards> index_;
  std::unique_ptr<std::atomic<Block*>[]> blocks_;
  Postings postings_;
  std::atomic<uint32_t> end_slot_{0};
  std::atomic<uint64_t> size_{0};
  std::atomic<uint64_t> created_{0};
  base::Mutex create_mutex_;  // slots and postings are handed out in one order
};

}  // namespace silverback::tsdb
