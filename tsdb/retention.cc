#include "tsdb/retention.h"

#include <algorithm>

namespace silverback::tsdb {

Expired find_expired(std::vector<storage::PartitionMeta> partitions, const RetentionLimits& limits,
                     int64_t newest_ms, uint64_t other_bytes) {
  Expired out;
  std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
    return a.window_start_ms != b.window_start_ms ? a.window_start_ms < b.window_start_ms
                                                  : a.id < b.id;
  });
  if (limits.retention_ms > 0) {
    const auto keep = [&](const storage::PartitionMeta& m) {
      return m.window_end_ms >= newest_ms - limits.retention_ms;
    };
    for (const storage::PartitionMeta& m : partitions) {
      if (!keep(m)) out.by_time.push_back(m.id);
    }
    std::erase_if(partitions, [&keep](const storage::PartitionMeta& m) { return !keep(m); });
  }
  if (limits.retention_bytes > 0) {
    uint64_t total = other_bytes;
    for (const storage::PartitionMeta& m : partitions) total += m.bytes;
    for (const storage::PartitionMeta& m : partitions) {
      if (total <= limits.retention_bytes) break;
      out.by_size.push_back(m.id);
      total -= m.bytes;
    }
  }
  return out;
}

}  // namespace silverback::tsdb
