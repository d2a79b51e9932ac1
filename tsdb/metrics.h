#pragma once

#include "base/metrics.h"

namespace silverback::tsdb {

/// The engine's own metrics, by Prometheus's names; what is counted elsewhere comes from a
/// collector in Db. Threads: any thread.
struct Metrics {
  explicit Metrics(base::metrics::Registry& registry);

  base::metrics::Counter& float_samples;
  base::metrics::Counter& histogram_samples;
  base::metrics::Counter& out_of_order;
  base::metrics::Counter& out_of_bound;
  base::metrics::Counter& duplicates;
  base::metrics::Counter& chunks_created;
  base::metrics::Counter& chunks_removed;
  base::metrics::Gauge& active_appenders;
  base::metrics::Counter& truncations;
  base::metrics::Summary& gc_seconds;

  base::metrics::Summary& wal_fsync_seconds;
  base::metrics::Counter& wal_corruptions;
  base::metrics::Gauge& wal_lost_samples;
  base::metrics::Counter& wal_truncations;
  base::metrics::Counter& wal_truncations_failed;
  base::metrics::Counter& wal_writes_failed;
  base::metrics::Counter& wal_written_bytes;
  base::metrics::Counter& wal_page_flushes;
  base::metrics::Counter& wal_completed_pages;
  base::metrics::Summary& wal_truncate_seconds;
  base::metrics::Counter& checkpoints;
  base::metrics::Counter& checkpoints_failed;
  base::metrics::Counter& checkpoint_deletions;
  base::metrics::Counter& checkpoint_deletions_failed;

  base::metrics::Counter& compactions;
  base::metrics::Counter& compactions_triggered;
  base::metrics::Counter& compactions_failed;
  base::metrics::Histogram& compaction_seconds;
  base::metrics::Gauge& populating_block;
  base::metrics::Counter& reloads;
  base::metrics::Counter& reloads_failed;
  base::metrics::Counter& time_retentions;
  base::metrics::Counter& size_retentions;
  base::metrics::Gauge& replay_seconds;
  base::metrics::Gauge& clean_start;
};

}  // namespace silverback::tsdb
