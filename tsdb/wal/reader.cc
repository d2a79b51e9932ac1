#include "tsdb/wal/reader.h"

#include <algorithm>

namespace silverback::tsdb::wal {
namespace {

using base::Errc;
using base::Result;
using base::Status;

std::string magic_bytes() {
  std::string frame;
  append_frame(0, "", frame);
  return frame.substr(0, 4);
}

/// Offset of the next valid record at or after `from`; npos if there is none.
size_t next_record(uint64_t id, std::string_view file, size_t from, const std::string& magic) {
  for (size_t at = file.find(magic, from); at != std::string_view::npos;
       at = file.find(magic, at + 1)) {
    if (read_frame(id, file, at).is_ok()) return at;
  }
  return std::string_view::npos;
}

/// True when the bytes at `offset` begin a record that the file is too short for.
bool cut_short(std::string_view file, size_t offset, const std::string& magic) {
  const std::string_view rest = file.substr(offset);
  const size_t compared = std::min(rest.size(), magic.size());
  if (rest.substr(0, compared) != std::string_view(magic).substr(0, compared)) return false;
  if (rest.size() < kFrameBytes) return true;
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    size |= static_cast<uint32_t>(static_cast<unsigned char>(rest[4 + i])) << (8 * i);
  }
  return size <= kMaxRecordBytes && size > rest.size() - kFrameBytes;
}

/// Sorts by sequence and keeps one record for each: a record may have been written again after its
/// first place could not be synced.
void unify_records(LogScan& log) {
  for (const SegmentScan& s : log.segments) {
    log.records.insert(log.records.end(), s.records.begin(), s.records.end());
  }
  const auto by_sequence = [](const RecordPlace& a, const RecordPlace& b) {
    return a.sequence < b.sequence;
  };
  std::stable_sort(log.records.begin(), log.records.end(), by_sequence);
  const auto same = [](const RecordPlace& a, const RecordPlace& b) {
    return a.sequence == b.sequence;
  };
  log.records.erase(std::unique(log.records.begin(), log.records.end(), same), log.records.end());
  for (const SegmentScan& s : log.segments) {
    if (s.first_sequence > 0) log.last_sequence = std::max(log.last_sequence, s.first_sequence - 1);
  }
  if (log.records.empty()) return;
  log.last_sequence = std::max(log.last_sequence, log.records.back().sequence);
  log.missing = log.last_sequence - log.records.front().sequence + 1 - log.records.size();
}

/// Splits the damage into what an interrupted write explains and what it does not.
void judge_damage(LogScan& log) {
  uint64_t last_so_far = 0;
  for (size_t i = 0; i < log.segments.size(); ++i) {
    const SegmentScan& s = log.segments[i];
    last_so_far = std::max(last_so_far, s.last_sequence);
    uint64_t expected = 0;  // the lowest sequence that later segments tell of
    for (size_t k = i + 1; k < log.segments.size(); ++k) {
      const SegmentScan& later = log.segments[k];
      uint64_t first = later.first_sequence;
      if (first == 0 && !later.records.empty()) first = later.records.front().sequence;
      if (first != 0 && (expected == 0 || first < expected)) expected = first;
    }
    for (const Damage& d : s.damage) {
      // A later segment that goes on where this one ends proves that nothing was lost here.
      const bool complete = expected == 0 || (last_so_far != 0 && expected <= last_so_far + 1);
      (d.to_end && !d.header && complete ? log.tails : log.corrupt).push_back(d);
    }
  }
}

}  // namespace

Result<SegmentScan> scan_segment(uint64_t id, std::string_view file) {
  static const std::string magic = magic_bytes();
  SegmentScan scan;
  scan.id = id;
  scan.bytes = file.size();
  const auto header = SegmentHeader::decode(file);
  if (header.is_ok()) {
    scan.first_sequence = header->first_sequence;
  } else if (header.status().code() == Errc::kUnsupported) {
    return header.status();
  } else {
    scan.damage.push_back({id, 0, std::min<uint64_t>(kHeaderBytes, file.size()),
                           file.size() <= kHeaderBytes, false, true});
  }
  size_t at = std::min(kHeaderBytes, file.size());
  while (at < file.size()) {
    if (const auto body = read_frame(id, file, at); body.is_ok()) {
      const uint64_t sequence = record_sequence(*body);
      if (sequence != 0) scan.records.push_back({sequence, id, at});
      scan.last_sequence = std::max(scan.last_sequence, sequence);
      at += kFrameBytes + body->size();
      continue;
    }
    const size_t next = next_record(id, file, at + 1, magic);
    const bool to_end = next == std::string_view::npos;
    const size_t end = to_end ? file.size() : next;
    scan.damage.push_back({id, at, end - at, to_end, to_end && cut_short(file, at, magic), false});
    at = end;
  }
  return scan;
}

Result<LogScan> scan_log(base::FileSystem& files, const std::string& dir) {
  LogScan log;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(dir));
  std::vector<uint64_t> ids;
  for (const std::string& name : names) {
    if (const uint64_t id = segment_id(name); id != 0) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  for (const uint64_t id : ids) {
    const std::string path = dir + "/" + segment_name(id);
    const auto content = files.read_file(path);
    if (!content.is_ok()) {
      log.unreadable.push_back(path + ": " + content.status().message());
      continue;
    }
    ASSIGN_OR_RETURN(SegmentScan scan, scan_segment(id, *content));
    log.segments.push_back(std::move(scan));
  }
  unify_records(log);
  judge_damage(log);
  return log;
}

}  // namespace silverback::tsdb::wal
