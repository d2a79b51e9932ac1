#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/wal/record.h"

namespace silverback::tsdb::wal {

/// Bytes of a segment that are no valid record.
struct Damage {
  uint64_t segment = 0;
  uint64_t offset = 0, size = 0;
  bool to_end = false;      // nothing valid follows in this segment
  bool incomplete = false;  // the file ends inside a record: what an interrupted write leaves
  bool header = false;      // the segment's header, no record
};

/// Where a record lies.
struct RecordPlace {
  uint64_t sequence = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
};

struct SegmentScan {
  uint64_t id = 0;
  uint64_t bytes = 0;
  uint64_t first_sequence = 0;  // as its header says; 0 = unknown
  uint64_t last_sequence = 0;   // highest of its records; 0 = none
  std::vector<RecordPlace> records;
  std::vector<Damage> damage;
};

/// Finds every valid record of a segment, skipping what is damaged. Bytes of any content are safe.
/// kUnsupported when the segment is of another version.
base::Result<SegmentScan> scan_segment(uint64_t id, std::string_view file);

/// What a whole WAL folder holds.
struct LogScan {
  std::vector<SegmentScan> segments;  // by id
  std::vector<RecordPlace> records;   // by sequence, one for each
  uint64_t last_sequence = 0;
  uint64_t missing = 0;  // sequences that should be there and are not
  /// The unfinished end of the log: no loss, to be cut off.
  std::vector<Damage> tails;
  /// Damage that no interrupted write explains.
  std::vector<Damage> corrupt;
  /// Files that cannot be read at all.
  std::vector<std::string> unreadable;
};

/// Scans all segments of `dir`. Fails only when the folder cannot be listed or a segment is of
/// another version.
base::Result<LogScan> scan_log(base::FileSystem& files, const std::string& dir);

}  // namespace silverback::tsdb::wal
