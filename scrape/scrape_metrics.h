#pragma once

#include <cstdint>
#include <string>

#include "base/metrics.h"

namespace silverback::scrape {

/// The scraper's own metrics (names: Prometheus's). Threads: any thread.
struct ScrapeMetrics {
  explicit ScrapeMetrics(base::metrics::Registry& r);

  base::metrics::Summary& interval_length(int64_t interval_ms);
  base::metrics::Summary& reload_length(int64_t interval_ms);

  base::metrics::Registry& registry;
  base::metrics::Counter& pools;
  base::metrics::Counter& pools_failed;
  base::metrics::Counter& pool_reloads;
  base::metrics::Counter& pool_reloads_failed;
  base::metrics::Counter& exceeded_target_limit;
  base::metrics::Counter& exceeded_label_limits;
  base::metrics::Counter& exceeded_body_size;
  base::metrics::Counter& exceeded_sample_limit;
  base::metrics::Counter& exceeded_bucket_limit;
  base::metrics::Counter& cache_flush_forced;
  base::metrics::Counter& sample_duplicate;
  base::metrics::Counter& sample_out_of_bounds;
  base::metrics::Counter& sample_out_of_order;
  base::metrics::Counter& exemplar_out_of_order;
  base::metrics::Counter& series_refused;
  base::metrics::Counter& skipped_busy;
};

/// Children that live as long as a job: created and removed with it.
struct PoolMetrics {
  PoolMetrics(base::metrics::Registry& r, const std::string& job);
  ~PoolMetrics();
  PoolMetrics(const PoolMetrics&) = delete;
  PoolMetrics& operator=(const PoolMetrics&) = delete;

  base::metrics::Registry& registry;
  const base::metrics::LabelPairs labels;
  base::metrics::Counter& syncs;
  base::metrics::Counter& sync_failed;
  base::metrics::Summary& sync_length;
  base::metrics::Gauge& targets;
  base::metrics::Gauge& target_limit;
};

}  // namespace silverback::scrape
