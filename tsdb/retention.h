#pragma once

#include <cstdint>
#include <vector>

#include "storage/block_store.h"

namespace silverback::tsdb {

struct RetentionLimits {
  int64_t retention_ms = 0;      // 0 = no limit
  uint64_t retention_bytes = 0;  // 0 = no limit
};

/// Ids of partitions that have to go.
struct Expired {
  std::vector<uint32_t> by_time, by_size;
};

/// A partition goes when its whole window is older than the limit, counted from `newest_ms`, and
/// the oldest go while all, plus `other_bytes`, are larger than the limit. Pure.
Expired find_expired(std::vector<storage::PartitionMeta> partitions, const RetentionLimits& limits,
                     int64_t newest_ms, uint64_t other_bytes);

}  // namespace silverback::tsdb
