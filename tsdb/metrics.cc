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
      wal_fsync_seconds(r.summary("prometheus_tsdb_wal_fsync_duration_seconds",
                                  "Duration of write log fsync.", {0.5, 0.9, 0.99})),
      wal_corruptions(
          r.counter("prometheus_tsdb_wal_corruptions_total", "Total number of WAL corruptions.")),
      wal_lost_samples(r.counter("silverback_tsdb_wal_lost_samples_estimate",
                                 "Samples that damaged WAL records are estimated to have held.")),
      wal_truncations(r.counter("prometheus_tsdb_wal_truncations_total",
                                "Total number of write log truncations attempted.")),
      wal_truncations_failed(r.counter("prometheus_tsdb_wal_truncations_failed_total",
                                       "Total number of write log truncations that failed.")),
      wal_writes_failed(r.counter("prometheus_tsdb_wal_writes_failed_total",
                                  "Total number of write log writes that failed.")),
      wal_written_bytes(r.counter("silverback_tsdb_wal_written_bytes_total",
                                  "Bytes of records written to the write log.")),
      checkpoints(r.counter("prometheus_tsdb_checkpoint_creations_total",
                            "Total number of checkpoint creations attempted.")),
      checkpoints_failed(r.counter("prometheus_tsdb_checkpoint_creations_failed_total",
                                   "Total number of checkpoint creations that failed.")),
      compactions(r.counter("prometheus_tsdb_compactions_total",
                            "Total number of compactions that were executed for the partition.")),
      compactions_triggered(r.counter("prometheus_tsdb_compactions_triggered_total",
                                      "Total number of triggered compactions for the partition.")),
      compactions_failed(r.counter("prometheus_tsdb_compactions_failed_total",
                                   "Total number of compactions that failed for the partition.")),
      compaction_seconds(
          r.histogram("prometheus_tsdb_compaction_duration_seconds", "Duration of compaction runs",
                      {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192})),
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
                          "replaced. 1: lockfile creation was clean")) {}

}  // namespace silverback::tsdb
