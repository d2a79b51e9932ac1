#include "tsdb/replay.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tsdb/db.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/record.h"

namespace silverback::tsdb {
namespace {

using base::Result;
using base::Status;

/// First pass: every definition there is, so that one lost with a damaged record is found again in
/// a later one.
class SeriesPass final : public wal::RecordHandler {
 public:
  explicit SeriesPass(Head& head) : head_(head) {}
  void series(storage::SeriesRef ref, const model::Labels& labels) override {
    if (!head_.restore_series(ref, labels)) ++conflicts;
  }
  void newest(storage::SeriesRef, const wal::NewestSample&) override {}
  void sample(uint64_t, storage::SeriesRef, model::TimestampMs, model::TimestampMs,
              double) override {}
  void sample(uint64_t, storage::SeriesRef, model::TimestampMs, model::TimestampMs,
              const model::Histogram&) override {}
  uint64_t conflicts = 0;

 private:
  Head& head_;
};

/// Second pass: samples, in order of sequence.
class SamplePass final : public wal::RecordHandler {
 public:
  SamplePass(Head& head, const FlushedWindows& flushed) : head_(head), flushed_(flushed) {}
  void series(storage::SeriesRef, const model::Labels&) override {}
  void newest(storage::SeriesRef ref, const wal::NewestSample& sample) override {
    head_.restore_newest(ref, sample);
  }
  void sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
              model::TimestampMs t, double v) override {
    count(head_.restore_sample(sequence, ref, start, t, v, flushed_));
  }
  void sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
              model::TimestampMs t, const model::Histogram& h) override {
    count(head_.restore_sample(sequence, ref, start, t, h, flushed_));
  }
  void exemplar(storage::SeriesRef ref, const model::Exemplar& e) override {
    static_cast<void>(head_.restore_exemplar(ref, e));  // its samples tell a lost definition
  }
  uint64_t known = 0, orphans = 0;

 private:
  void count(bool found) { ++(found ? known : orphans); }
  Head& head_;
  const FlushedWindows& flushed_;
};

/// Runs records through a handler, holding one segment in memory at a time.
class Player {
 public:
  Player(const ReplayParts& parts, const std::string& dir) : parts_(parts), dir_(dir) {}

  Status play(const std::vector<wal::RecordPlace>& places, wal::Part part,
              wal::RecordHandler& handler) {
    for (const wal::RecordPlace& place : places) {
      if (place.segment != loaded_) {
        ASSIGN_OR_RETURN(file_, parts_.files->read_file(path_of(place.segment)));
        loaded_ = place.segment;
        if (part == wal::Part::kSamples && parts_.progress) parts_.progress->current = loaded_;
      }
      ASSIGN_OR_RETURN(const std::string_view body,
                       wal::read_frame(place.segment, file_, place.offset));
      if (Status s = wal::decode_record(body, part, handler); !s.is_ok()) {
        // Its checksum is right, so it was written so: by a newer program, or by a fault of ours.
        ++undecodable;
        parts_.logger->error(
            "WAL record is corrupt and left out",
            {{"file", path_of(place.segment)}, {"offset", place.offset}, {"err", s.to_string()}});
      }
    }
    return {};
  }
  std::string path_of(uint64_t segment) const { return dir_ + "/" + wal::segment_name(segment); }
  uint64_t undecodable = 0;

 private:
  const ReplayParts& parts_;
  const std::string& dir_;
  uint64_t loaded_ = 0;
  std::string file_;
};

void cut_tail(const ReplayParts& parts, const std::string& path, const wal::Damage& tail) {
  // An interrupted write is the normal end of a killed process and no news.
  if (tail.incomplete) {
    parts.logger->debug("WAL ends inside its last write, which is cut off",
                        {{"file", path}, {"offset", tail.offset}, {"bytes", tail.size}});
  } else {
    parts.logger->warn("WAL has a torn tail, which is cut off",
                       {{"file", path}, {"offset", tail.offset}, {"bytes", tail.size}});
  }
  auto file = parts.files->open_append(path);
  Status s = file.status();
  if (s.is_ok()) s = (*file)->truncate(tail.offset);
  if (s.is_ok()) s = (*file)->sync();
  if (!s.is_ok()) parts.logger->warn("WAL tail stays", {{"file", path}, {"err", s.to_string()}});
}

void report_damage(const ReplayParts& parts, const Player& player, const wal::LogScan& log,
                   ReplayResult& result) {
  for (const wal::Damage& d : log.corrupt) {
    parts.logger->error(
        d.header ? "WAL segment header is corrupt" : "WAL is corrupt, the damaged part is skipped",
        {{"file", player.path_of(d.segment)}, {"offset", d.offset}, {"bytes", d.size}});
  }
  for (const std::string& file : log.unreadable) {
    parts.logger->error("WAL segment cannot be read and counts as corrupt", {{"file", file}});
  }
  result.damaged = log.corrupt.size() + log.unreadable.size();
  if (log.missing > 0 && result.damaged == 0) {
    parts.logger->error("WAL is corrupt: records are missing",
                        {{"records", log.missing}, {"after", log.records.front().sequence}});
    result.damaged = 1;
  }
}

}  // namespace

Result<ReplayResult> replay_wal(const ReplayParts& parts, const std::string& dir,
                                const FlushedWindows& flushed) {
  ASSIGN_OR_RETURN(const wal::LogScan log, wal::scan_log(*parts.files, dir));
  if (parts.progress && !log.segments.empty()) {
    parts.progress->first = log.segments.front().id;
    parts.progress->last = log.segments.back().id;
    parts.progress->current = log.segments.front().id;
  }
  ReplayResult result;
  result.last_sequence = log.last_sequence;
  Player player(parts, dir);
  report_damage(parts, player, log, result);

  SeriesPass series(*parts.head);
  RETURN_IF_ERROR(player.play(log.records, wal::Part::kSeries, series));
  player.undecodable = 0;  // told again, and counted, with the samples
  SamplePass samples(*parts.head, flushed);
  RETURN_IF_ERROR(player.play(log.records, wal::Part::kSamples, samples));
  result.samples = samples.known;
  result.damaged += player.undecodable;
  if (series.conflicts > 0) {
    parts.logger->error("WAL is corrupt: definitions contradict each other",
                        {{"series", series.conflicts}});
    ++result.damaged;
  }
  uint64_t lost = samples.orphans;
  if (samples.orphans > 0) {
    parts.logger->error(
        "WAL samples are left out, their series' definition was in a corrupt record",
        {{"samples", samples.orphans}});
    if (result.damaged == 0) result.damaged = 1;
  }
  if (log.missing > 0 && !log.records.empty())
    lost += log.missing * samples.known / log.records.size();
  if (parts.progress) parts.progress->current = parts.progress->last.load();
  parts.metrics->wal_corruptions.inc(static_cast<double>(result.damaged));
  parts.metrics->wal_lost_samples.add(static_cast<double>(lost));

  for (const wal::Damage& tail : log.tails) cut_tail(parts, player.path_of(tail.segment), tail);
  for (const wal::SegmentScan& s : log.segments) {
    result.segments.push_back({s.id, s.last_sequence, s.bytes});
    result.next_segment = std::max(result.next_segment, s.id + 1);
  }
  return result;
}

}  // namespace silverback::tsdb
