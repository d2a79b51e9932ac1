#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "model/histogram.h"
#include "model/timestamp.h"
#include "storage/appender.h"
#include "tsdb/exemplar_store.h"
#include "tsdb/metrics.h"
#include "tsdb/read_registry.h"
#include "tsdb/series_table.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/writer.h"

namespace silverback::tsdb {

/// What an Appender has gathered.
struct Batch {
  static constexpr uint32_t kFloat = std::numeric_limits<uint32_t>::max();
  struct Sample {
    MemSeries* series = nullptr;  // of the head; lives as long as it does
    model::TimestampMs start = 0, t = 0;
    double value = 0;
    uint32_t histogram = kFloat;  // index into `histograms`, or kFloat
    bool only_if_newer = false;   // than its series; else it is left out silently
  };
  std::vector<Sample> samples;
  std::vector<model::Histogram> histograms;
  struct Exemplar {
    MemSeries* series = nullptr;  // as above
    model::Exemplar exemplar;
  };
  std::vector<Exemplar> exemplars;
};

/// The part of one window that a flush takes: chunks begun in sequences (after, until].
struct FlushTicket {
  model::TimestampMs start = 0, end = 0;  // [start, end)
  uint64_t after = 0, until = 0;
};

/// The newest samples, in memory: series, their chunks by window, and the order of commits.
/// One commit runs at a time: it judges, applies, encodes for the WAL and publishes its sequence.
/// Readers see a sequence by the marks in each series, so that a batch is there whole or not at
/// all. Threads: any thread; the restore_* calls before any other use.
class Head {
 public:
  struct Options {
    int64_t window_ms = 2 * 3600 * 1000;
    uint64_t max_series = 0;
    base::Clock* clock = nullptr;  // borrowed, as below
    Metrics* metrics = nullptr;
    size_t max_exemplars = 0;  // 0 = none are kept
  };
  explicit Head(const Options& options);

  /// The WAL that commits go to; before the first commit.
  void set_log(wal::Writer* log) { log_ = log; }

  SeriesTable& table() { return table_; }
  ReadRegistry& readers() { return readers_; }
  ExemplarStore& exemplars() { return exemplars_; }
  const std::atomic<uint64_t>& published() const { return published_; }

  void commit(const Batch& batch, storage::Durability wanted, storage::Appender::Done done);

  // Replay, in order of sequence.
  /// False when ref or labels are taken by another series.
  bool restore_series(storage::SeriesRef ref, const model::Labels& labels);
  void restore_newest(storage::SeriesRef ref, const wal::NewestSample& newest);
  /// False when the series is unknown. Samples that `flushed` covers only move the newest time.
  bool restore_sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                      model::TimestampMs t, double v, const FlushedWindows& flushed);
  bool restore_sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                      model::TimestampMs t, const model::Histogram& h,
                      const FlushedWindows& flushed);
  /// False when the series is unknown.
  bool restore_exemplar(storage::SeriesRef ref, const model::Exemplar& e);
  /// Ends replay: `sequence` was the last one, `newest_t` is of partitions.
  void restore_end(uint64_t sequence, model::TimestampMs newest_t);

  // Flush.
  /// Starts of windows with samples that no partition has, ascending; only frozen ones, or all.
  std::vector<model::TimestampMs> unflushed_windows(bool frozen_only) const;
  FlushTicket begin_flush(model::TimestampMs window_start);
  void end_flush(const FlushTicket& ticket, bool ok);
  /// Drops flushed chunks, once no reader needs them.
  void drop(const FlushTicket& ticket);
  /// Records below it are in partitions, but for series definitions.
  uint64_t lowest_needed_sequence() const;
  /// Writes the definition of every series with samples, and every exemplar held, into the WAL
  /// again. Blocking.
  base::Status write_checkpoint();

  /// Of samples in the head; max int64 when there are none.
  model::TimestampMs min_time() const;
  /// The newest ever seen; kMinTime when there is none.
  model::TimestampMs max_time() const { return max_time_.load(std::memory_order_relaxed); }
  int64_t chunks() const { return chunks_.load(std::memory_order_relaxed); }

 private:
  struct Window {
    model::TimestampMs end = 0;
    uint64_t cut = 0;             // chunks begun at or before it take no more samples
    uint64_t flushed = 0;         // partitions hold what was begun up to here
    uint64_t first_sequence = 0;  // lowest with samples since the last begin_flush; 0 = none
    uint64_t flushing_first = 0;  // first_sequence of the flush under way; 0 = none
    model::TimestampMs min_t = std::numeric_limits<int64_t>::max();
  };
  using Windows = std::map<model::TimestampMs, Window>;
  struct Judge;
  struct CommitState;

  model::TimestampMs window_of(model::TimestampMs t) const;
  /// Samples before it lie in frozen windows.
  model::TimestampMs oldest_open_time() const;
  Windows::value_type& window_for(model::TimestampMs t) REQUIRES(commit_mutex_);
  bool apply(const Batch& batch, CommitState& state) REQUIRES(commit_mutex_);
  bool apply_exemplars(const Batch& batch, CommitState& state) REQUIRES(commit_mutex_);
  base::Status checkpoint_exemplars();
  void accept(const Batch& batch, const Batch::Sample& sample, CommitState& state)
      REQUIRES(commit_mutex_);
  void define(MemSeries& series, CommitState& state) REQUIRES(commit_mutex_);
  void repeat_definitions(CommitState& state) REQUIRES(commit_mutex_);
  bool restore(uint64_t sequence, MemSeries& series, model::TimestampMs t, MemSeries::Kind kind,
               uint64_t bits, const FlushedWindows& flushed, AppendContext* at);
  void count(const storage::CommitCounts& counts);

  const Options options_;
  wal::Writer* log_ = nullptr;

  SeriesTable table_;
  ReadRegistry readers_;
  ExemplarStore exemplars_;
  std::atomic<uint64_t> published_{0};
  std::atomic<model::TimestampMs> max_time_{model::kMinTime};
  std::atomic<int64_t> chunks_{0};

  mutable base::Mutex commit_mutex_;
  Windows windows_ GUARDED_BY(commit_mutex_);  // by start
  // Definitions written once; they are written a second time a few records later, so that one
  // damaged record does not orphan every sample after it.
  std::vector<MemSeries*> defined_once_ GUARDED_BY(commit_mutex_);
  uint64_t defined_since_ GUARDED_BY(commit_mutex_) = 0;
};

}  // namespace silverback::tsdb
