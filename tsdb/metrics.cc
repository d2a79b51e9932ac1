#include "tsdb/metrics.h"

namespace silverback::tsdb {

Metrics::Metrics(base::metrics::Registry& r)
    : float_samples(r.counter("prometheus_tsdb_head_samples_appended_total",
                              "Total number of appended samples.", {{"type", "float"}})),
      histogram_samples(r.counter("prometheus_tsdb_head_samples_appended_total",
                                  "Total number of appended samples.", {{"type", "histogram"}})),
      out_of_order(r.counter("prometheus_tsdb_out_of_order_samples_total",
                             "Total number of out of order samples ingestion failed attempts.")),
      out_of_bound(r.counter("prometheus_tsdb_out_of_bound_samples_total",
                             "Total number of out of bound samples ingestion failed attempts.")),
      duplicates(r.counter("silverback_tsdb_duplicate_samples_total",
                           "Samples refused for another value at the newest timestamp.")),
      chunks_created(r.counter("prometheus_tsdb_head_chunks_created_total",
                               "Total number of chunks created in the head.")),
      chunks_removed(r.counter("prometheus_tsdb_head_chunks_removed_total",
                               "Total number of chunks removed in the head.")),
      active_appenders(r.gauge("prometheus_tsdb_head_active_appenders",
                               "Number of currently active appender transactions.")),
      truncations(r.counter("prometheus_tsdb_head_truncations_total",
                            "Total number of head truncations attempted.")),
      gc_seconds(r.summary("prometheus_tsdb_head_gc_duration_seconds",
                           "Runtime of garbage collection in the head block.", {})),
      wal_fsync_seconds(r.summary("prometheus_tsdb_wal_fsync_duration_seconds",
                                  "Duration of write log fsync.", {0.5, 0.9, 0.99})),
      wal_corruptions(
          r.counter("prometheus_tsdb_wal_corruptions_total", "Total number of WAL corruptions.")),
      wal_lost_samples(r.gauge("silverback_tsdb_wal_lost_samples_estimate",
                               "Samples that damaged WAL records are estimated to have held.")),
      wal_truncations(r.counter("prometheus_tsdb_wal_truncations_total",
                                "Total number of write log truncations attempted.")),
      wal_truncations_failed(r.counter("prometheus_tsdb_wal_truncations_failed_total",
                                       "Total number of write log truncations that failed.")),
      wal_writes_failed(r.counter("prometheus_tsdb_wal_writes_failed_total",
                                  "Total number of write log writes that failed.")),
      wal_written_bytes(r.counter("silverback_tsdb_wal_written_bytes_total",
                                  "Bytes of records written to the write log.")),
      wal_page_flushes(
          r.counter("prometheus_tsdb_wal_page_flushes_total", "Total number of page flushes.")),
      wal_completed_pages(r.counter("prometheus_tsdb_wal_completed_pages_total",
                                    "Total number of completed pages.")),
      wal_truncate_seconds(r.summary("prometheus_tsdb_wal_truncate_duration_seconds",
                                     "Duration of WAL truncation.", {})),
      checkpoints(r.counter("prometheus_tsdb_checkpoint_creations_total",
                            "Total number of checkpoint creations attempted.")),
      checkpoints_failed(r.counter("prometheus_tsdb_checkpoint_creations_failed_total",
                                   "Total number of checkpoint creations that failed.")),
      checkpoint_deletions(r.counter("prometheus_tsdb_checkpoint_deletions_total",
                                     "Total number of checkpoint deletions attempted.")),
      checkpoint_deletions_failed(r.counter("prometheus_tsdb_checkpoint_deletions_failed_total",
                                            "Total number of checkpoint deletions that failed.")),
      compactions(r.counter("prometheus_tsdb_compactions_total",
                            "Total number of compactions that were executed for the partition.")),
      compactions_triggered(r.counter("prometheus_tsdb_compactions_triggered_total",
                                      "Total number of triggered compactions for the partition.")),
      compactions_failed(r.counter("prometheus_tsdb_compactions_failed_total",
                                   "Total number of compactions that failed for the partition.")),
      compaction_seconds(
          r.histogram("prometheus_tsdb_compaction_duration_seconds", "Duration of compaction runs",
                      {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192})),
      populating_block(r.gauge("prometheus_tsdb_compaction_populating_block",
                               "Set to 1 when a block is currently being written to the disk.")),
      reloads(r.counter("prometheus_tsdb_reloads_total",
                        "Number of times the database reloaded block data from disk.")),
      reloads_failed(
          r.counter("prometheus_tsdb_reloads_failures_total",
                    "Number of times the database failed to reload block data from disk.")),
      time_retentions(r.counter("prometheus_tsdb_time_retentions_total",
                                "The number of times that blocks were deleted because the maximum "
                                "time limit was exceeded.")),
      size_retentions(r.counter("prometheus_tsdb_size_retentions_total",
                                "The number of times that blocks were deleted because the maximum "
                                "number of bytes was exceeded.")),
      replay_seconds(r.gauge("prometheus_tsdb_data_replay_duration_seconds",
                             "Time taken to replay the data on disk.")),
      clean_start(r.gauge("prometheus_tsdb_clean_start",
                          "-1: lockfile is disabled. 0: a lockfile from a previous execution was "
                          "replaced. 1: lockfile creation was clean")) {
  // What cannot happen here: there is no overlap to compact, compactions are never switched off,
  // and no sample is taken out of order.
  r.counter("prometheus_tsdb_vertical_compactions_total",
            "Total number of compactions done on overlapping blocks.");
  r.counter("prometheus_tsdb_compactions_skipped_total",
            "Total number of skipped compactions due to disabled auto compaction.");
  for (const char* type : {"float", "histogram"}) {
    r.counter("prometheus_tsdb_head_out_of_order_samples_appended_total",
              "Total number of appended out of order samples.", {{"type", type}});
    r.counter("prometheus_tsdb_too_old_samples_total",
              "Total number of out of order samples ingestion failed attempts with out of support "
              "enabled, but sample outside of time window.",
              {{"type", type}});
  }
  r.counter("prometheus_tsdb_head_truncations_failed_total",
            "Total number of head truncations that failed.");
}

}  // namespace silverback::tsdb
