#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/result.h"
#include "tsdb/head.h"
#include "tsdb/mem_series.h"
#include "tsdb/metrics.h"
#include "tsdb/wal/writer.h"

namespace silverback::tsdb {

struct ReplayProgress;  // tsdb/db.h

struct ReplayResult {
  uint64_t last_sequence = 0;
  uint64_t next_segment = 1;
  std::vector<wal::ClosedSegment> segments;
  uint64_t samples = 0;  // put into the head
  uint64_t damaged = 0;  // places that no interrupted write explains
};

struct ReplayParts {  // all borrowed
  base::FileSystem* files = nullptr;
  base::Logger* logger = nullptr;
  Metrics* metrics = nullptr;
  Head* head = nullptr;
  ReplayProgress* progress = nullptr;  // may be nullptr
};

/// Reads the WAL in `dir` into the head, but for samples that `flushed` covers. Cuts off an
/// unfinished last record; tells other damage with file and offset, and goes on behind it.
base::Result<ReplayResult> replay_wal(const ReplayParts& parts, const std::string& dir,
                                      const FlushedWindows& flushed);

}  // namespace silverback::tsdb
