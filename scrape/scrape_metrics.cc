#include "scrape/scrape_metrics.h"

#include <vector>

#include "base/duration.h"

namespace silverback::scrape {
namespace {

const std::vector<double>& quantiles() {
  static const std::vector<double> list = {0.01, 0.05, 0.5, 0.9, 0.99};
  return list;
}

constexpr const char* kSyncs = "prometheus_target_scrape_pool_sync_total";
constexpr const char* kSyncFailed = "prometheus_target_sync_failed_total";
constexpr const char* kSyncLength = "prometheus_target_sync_length_seconds";
constexpr const char* kTargets = "prometheus_target_scrape_pool_targets";
constexpr const char* kTargetLimit = "prometheus_target_scrape_pool_target_limit";

}  // namespace

ScrapeMetrics::ScrapeMetrics(base::metrics::Registry& r)
    : registry(r),
      pools(r.counter("prometheus_target_scrape_pools_total",
                      "Total number of scrape pool creation attempts.")),
      pools_failed(r.counter("prometheus_target_scrape_pools_failed_total",
                             "Total number of scrape pool creations that failed.")),
      pool_reloads(r.counter("prometheus_target_scrape_pool_reloads_total",
                             "Total number of scrape pool reloads.")),
      pool_reloads_failed(r.counter("prometheus_target_scrape_pool_reloads_failed_total",
                                    "Total number of failed scrape pool reloads.")),
      exceeded_target_limit(r.counter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                                      "Total number of times scrape pools hit the target limit.")),
      exceeded_label_limits(r.counter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                                      "Total number of times scrape pools hit the label limits.")),
      exceeded_body_size(r.counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                                   "Total number of scrapes that hit the body size limit.")),
      exceeded_sample_limit(
          r.counter("prometheus_target_scrapes_exceeded_sample_limit_total",
                    "Total number of scrapes that hit the sample limit and were rejected.")),
      exceeded_bucket_limit(
          r.counter("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
                    "Total number of scrapes that hit the native histogram bucket limit.")),
      cache_flush_forced(r.counter(
          "prometheus_target_scrapes_cache_flush_forced_total",
          "How many times a scrape cache was flushed because it grew while scrapes failed.")),
      sample_duplicate(
          r.counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                    "Total number of samples rejected as a second value at one timestamp.")),
      sample_out_of_bounds(r.counter(
          "prometheus_target_scrapes_sample_out_of_bounds_total",
          "Total number of samples rejected for a timestamp outside of the time bounds.")),
      sample_out_of_order(r.counter("prometheus_target_scrapes_sample_out_of_order_total",
                                    "Total number of samples rejected as out of order.")),
      exemplar_out_of_order(r.counter("prometheus_target_scrapes_exemplar_out_of_order_total",
                                      "Total number of exemplars rejected as out of order.")),
      series_refused(r.counter("silverback_target_scrapes_series_refused_total",
                               "Total number of new series the storage had no room for.")),
      skipped_busy(r.counter("silverback_target_scrapes_skipped_total",
                             "Total number of scrapes lost because the ingest queue was full.")) {}

base::metrics::Summary& ScrapeMetrics::interval_length(int64_t interval_ms) {
  return registry.summary("prometheus_target_interval_length_seconds",
                          "Actual intervals between scrapes.", quantiles(),
                          {{"interval", base::format_duration(interval_ms)}});
}

base::metrics::Summary& ScrapeMetrics::reload_length(int64_t interval_ms) {
  return registry.summary("prometheus_target_reload_length_seconds",
                          "Actual interval to reload the scrape pool with a given configuration.",
                          quantiles(), {{"interval", base::format_duration(interval_ms)}});
}

PoolMetrics::PoolMetrics(base::metrics::Registry& r, const std::string& job)
    : registry(r),
      labels({{"scrape_job", job}}),
      syncs(
          r.counter(kSyncs, "Total number of syncs that were executed on a scrape pool.", labels)),
      sync_failed(r.counter(kSyncFailed, "Total number of target sync failures.", labels)),
      sync_length(
          r.summary(kSyncLength, "Actual interval to sync the scrape pool.", quantiles(), labels)),
      targets(r.gauge(kTargets, "Current number of targets in this scrape pool.", labels)),
      target_limit(r.gauge(kTargetLimit, "Maximum number of targets allowed in this scrape pool.",
                           labels)) {}

PoolMetrics::~PoolMetrics() {
  for (const char* name : {kSyncs, kSyncFailed, kSyncLength, kTargets, kTargetLimit}) {
    registry.remove(name, labels);
  }
}

}  // namespace silverback::scrape
