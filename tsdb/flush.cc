#include "tsdb/flush.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "storage/querier.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/partition/partition.h"
#include "tsdb/series_set.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Result;
using base::Status;

/// The series of one FlushTicket in label order.
/// Threads: one.
class FlushSet final : public storage::SeriesSet {
 public:
  FlushSet(Head& head, const FlushTicket& ticket) : head_(head), ticket_(ticket) {
    const SeriesTable& table = head_.table();
    const uint32_t end = table.end_slot();
    for (uint32_t slot = 0; slot < end; ++slot) {
      MemSeries* series = table.at(slot);
      if (series == nullptr) continue;
      base::MutexLock lock(head_.table().shard(slot));
      if (series->has_window(ticket_.start, ticket_.end, ticket_.after, ticket_.until)) {
        series_.push_back(series);
      }
    }
    std::sort(series_.begin(), series_.end(),
              [](const MemSeries* a, const MemSeries* b) { return a->labels < b->labels; });
  }

  bool empty() const { return series_.empty(); }

  bool next() override {
    if (next_ == series_.size()) return false;
    ++next_;
    return true;
  }
  Status status() const override { return {}; }
  const model::Labels& labels() override { return series_[next_ - 1]->labels; }
  Status read(model::TimeRange range, storage::ColumnBuffer& into) override {
    MemSeries* series = series_[next_ - 1];
    SealedChunks chunks;
    {
      base::MutexLock lock(head_.table().shard(series->ref.slot));
      series->collect_window(ticket_.start, ticket_.end, ticket_.after, ticket_.until, chunks);
    }
    into.clear();
    for (const auto& chunk : chunks) {
      RETURN_IF_ERROR(chunkenc::decode_chunk(chunk->bytes, range, into));
    }
    normalise(into);
    return {};
  }
  std::vector<std::unique_ptr<storage::SeriesSet>> split() override { return {}; }

 private:
  Head& head_;
  const FlushTicket ticket_;
  std::vector<MemSeries*> series_;
  size_t next_ = 0;
};

}  // namespace

Status Flusher::flush_window(model::TimestampMs start) {
  const auto begun = parts_.clock->monotonic();
  parts_.metrics->compactions_triggered.inc();
  const FlushTicket ticket = parts_.head->begin_flush(start);
  // The partition must not be ahead of the WAL, or a crash would look like lost records. With a WAL
  // that cannot be written the flush is all the more wanted.
  if (Status s = parts_.log->flush(false); !s.is_ok()) {
    parts_.logger->warn("flush goes ahead of the WAL", {{"err", s.to_string()}});
  }
  storage::PartitionMeta meta;
  meta.window_start_ms = ticket.start;
  meta.window_end_ms = ticket.end;
  meta.wal_sequence = ticket.until;
  FlushSet series(*parts_.head, ticket);
  parts_.metrics->populating_block.set(1);
  const auto written = write_partition(*parts_.store, series, meta);
  parts_.metrics->populating_block.set(0);
  if (!written.is_ok()) {
    parts_.head->end_flush(ticket, false);
    parts_.metrics->compactions_failed.inc();
    return written.status().with_context("flush of the window at " + std::to_string(ticket.start));
  }
  parts_.versions->add(*written);
  parts_.head->end_flush(ticket, true);
  undropped_.push_back({parts_.versions->current()->number, ticket});
  parts_.metrics->compactions.inc();
  parts_.metrics->reloads.inc();
  const std::chrono::duration<double> took = parts_.clock->monotonic() - begun;
  parts_.metrics->compaction_seconds.observe(took.count());
  parts_.logger->info("window flushed", {{"mint", ticket.start},
                                         {"maxt", ticket.end},
                                         {"partition", written->id},
                                         {"series", written->series},
                                         {"samples", written->samples},
                                         {"bytes", written->bytes}});
  return {};
}

Result<bool> Flusher::flush(bool frozen_only) {
  const std::vector<model::TimestampMs> windows = parts_.head->unflushed_windows(frozen_only);
  for (const model::TimestampMs start : windows) {
    RETURN_IF_ERROR(flush_window(start));
    drop_unread();
  }
  truncate_wanted_ = truncate_wanted_ || !windows.empty();
  if (truncate_wanted_) RETURN_IF_ERROR(truncate_log());
  truncate_wanted_ = false;
  return !windows.empty();
}

void Flusher::drop_unread() {
  const uint64_t alive = parts_.versions->oldest_alive();
  std::erase_if(undropped_, [&](const Flushed& f) {
    if (f.version > alive) return false;
    parts_.metrics->truncations.inc();
    const auto begun = parts_.clock->monotonic();
    parts_.head->drop(f.ticket);
    const std::chrono::duration<double> took = parts_.clock->monotonic() - begun;
    parts_.metrics->gc_seconds.observe(took.count());
    return true;
  });
}

Status Flusher::truncate_log() {
  const uint64_t needed = parts_.head->lowest_needed_sequence();
  RETURN_IF_ERROR(parts_.log->flush(true));
  if (!parts_.log->has_removable(needed)) return {};
  const auto begun = parts_.clock->monotonic();
  parts_.metrics->wal_truncations.inc();
  parts_.metrics->checkpoints.inc();
  if (Status s = parts_.head->write_checkpoint(); !s.is_ok()) {
    parts_.metrics->checkpoints_failed.inc();
    parts_.metrics->wal_truncations_failed.inc();
    return s.with_context("WAL checkpoint");
  }
  // The checkpoint before it goes with the segments that hold it.
  parts_.metrics->checkpoint_deletions.inc();
  Status s = parts_.log->remove_below(needed);
  if (!s.is_ok()) {
    parts_.metrics->checkpoint_deletions_failed.inc();
    parts_.metrics->wal_truncations_failed.inc();
  }
  const std::chrono::duration<double> took = parts_.clock->monotonic() - begun;
  parts_.metrics->wal_truncate_seconds.observe(took.count());
  return s.is_ok() ? s : s.with_context("WAL truncation");
}

}  // namespace silverback::tsdb
