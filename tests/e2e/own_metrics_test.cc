// Our own /metrics: every name that dashboards and alerts of Prometheus read, and that they move.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/e2e/support/metrics.h"
#include "tests/e2e/support/server.h"
#include "tests/support/write_request.h"

namespace silverback::e2e {
namespace {

struct Family {
  const char* name;
  const char* type;
};

// Of prometheus-mixin and of what is common beside it, in the order of a server's parts.
constexpr Family kFamilies[] = {
    {"prometheus_build_info", "gauge"},
    {"prometheus_ready", "gauge"},
    {"prometheus_config_last_reload_successful", "gauge"},
    {"prometheus_config_last_reload_success_timestamp_seconds", "gauge"},
    {"process_start_time_seconds", "gauge"},
    {"process_cpu_seconds_total", "counter"},
    {"process_resident_memory_bytes", "gauge"},
    {"process_virtual_memory_bytes", "gauge"},
    {"process_virtual_memory_max_bytes", "gauge"},
    {"process_open_fds", "gauge"},
    {"process_max_fds", "gauge"},
    {"process_network_receive_bytes_total", "counter"},
    {"process_network_transmit_bytes_total", "counter"},
    {"net_conntrack_dialer_conn_attempted_total", "counter"},
    {"net_conntrack_dialer_conn_established_total", "counter"},
    {"net_conntrack_dialer_conn_closed_total", "counter"},
    {"net_conntrack_dialer_conn_failed_total", "counter"},
    {"prometheus_http_requests_total", "counter"},
    {"prometheus_http_request_duration_seconds", "histogram"},
    {"prometheus_http_response_size_bytes", "histogram"},
    {"prometheus_api_remote_write_invalid_labels_samples_total", "counter"},
    {"prometheus_api_remote_write_without_metadata_appended_samples_total", "counter"},
    {"prometheus_engine_queries", "gauge"},
    {"prometheus_engine_queries_concurrent_max", "gauge"},
    {"prometheus_engine_query_duration_seconds", "summary"},
    {"prometheus_engine_query_duration_histogram_seconds", "histogram"},
    {"prometheus_engine_query_samples_total", "counter"},
    {"prometheus_engine_query_samples_read_total", "counter"},
    {"prometheus_engine_query_log_enabled", "gauge"},
    {"prometheus_engine_query_log_failures_total", "counter"},
    {"prometheus_notifications_alertmanagers_discovered", "gauge"},
    {"prometheus_notifications_dropped_total", "counter"},
    {"prometheus_notifications_errors_total", "counter"},
    {"prometheus_notifications_latency_seconds", "summary"},
    {"prometheus_notifications_queue_capacity", "gauge"},
    {"prometheus_notifications_queue_length", "gauge"},
    {"prometheus_notifications_sent_total", "counter"},
    {"prometheus_rule_evaluations_total", "counter"},
    {"prometheus_rule_evaluation_failures_total", "counter"},
    {"prometheus_rule_evaluation_duration_seconds", "summary"},
    {"prometheus_rule_group_duration_seconds", "summary"},
    {"prometheus_rule_group_iterations_total", "counter"},
    {"prometheus_rule_group_iterations_missed_total", "counter"},
    {"prometheus_rule_group_interval_seconds", "gauge"},
    {"prometheus_rule_group_rules", "gauge"},
    {"prometheus_rule_group_last_duration_seconds", "gauge"},
    {"prometheus_rule_group_last_evaluation_samples", "gauge"},
    {"prometheus_rule_group_last_evaluation_timestamp_seconds", "gauge"},
    {"prometheus_rule_group_last_rule_duration_sum_seconds", "gauge"},
    {"prometheus_rule_group_last_restore_duration_seconds", "gauge"},
    {"prometheus_template_text_expansions_total", "counter"},
    {"prometheus_template_text_expansion_failures_total", "counter"},
    {"prometheus_sd_discovered_targets", "gauge"},
    {"prometheus_sd_failed_configs", "gauge"},
    {"prometheus_sd_received_updates_total", "counter"},
    {"prometheus_sd_updates_total", "counter"},
    {"prometheus_sd_updates_delayed_total", "counter"},
    {"prometheus_sd_file_mtime_seconds", "gauge"},
    {"prometheus_sd_file_read_errors_total", "counter"},
    {"prometheus_target_interval_length_seconds", "summary"},
    {"prometheus_target_sync_length_seconds", "summary"},
    {"prometheus_target_sync_failed_total", "counter"},
    {"prometheus_target_metadata_cache_entries", "gauge"},
    {"prometheus_target_metadata_cache_bytes", "gauge"},
    {"prometheus_target_scrape_pool_targets", "gauge"},
    {"prometheus_target_scrape_pool_target_limit", "gauge"},
    {"prometheus_target_scrape_pool_symboltable_items", "gauge"},
    {"prometheus_target_scrape_pool_sync_total", "counter"},
    {"prometheus_target_scrape_pool_reloads_total", "counter"},
    {"prometheus_target_scrape_pool_reloads_failed_total", "counter"},
    {"prometheus_target_scrape_pool_exceeded_target_limit_total", "counter"},
    {"prometheus_target_scrape_pool_exceeded_label_limits_total", "counter"},
    {"prometheus_target_scrape_pools_total", "counter"},
    {"prometheus_target_scrape_pools_failed_total", "counter"},
    {"prometheus_target_scrapes_cache_flush_forced_total", "counter"},
    {"prometheus_target_scrapes_exceeded_body_size_limit_total", "counter"},
    {"prometheus_target_scrapes_exceeded_sample_limit_total", "counter"},
    {"prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total", "counter"},
    {"prometheus_target_scrapes_exemplar_out_of_order_total", "counter"},
    {"prometheus_target_scrapes_sample_duplicate_timestamp_total", "counter"},
    {"prometheus_target_scrapes_sample_out_of_bounds_total", "counter"},
    {"prometheus_target_scrapes_sample_out_of_order_total", "counter"},
    {"prometheus_tsdb_clean_start", "gauge"},
    {"prometheus_tsdb_data_replay_duration_seconds", "gauge"},
    {"prometheus_tsdb_head_series", "gauge"},
    {"prometheus_tsdb_head_series_created_total", "counter"},
    {"prometheus_tsdb_head_series_removed_total", "counter"},
    {"prometheus_tsdb_head_chunks", "gauge"},
    {"prometheus_tsdb_head_chunks_created_total", "counter"},
    {"prometheus_tsdb_head_chunks_removed_total", "counter"},
    {"prometheus_tsdb_head_samples_appended_total", "counter"},
    {"prometheus_tsdb_head_out_of_order_samples_appended_total", "counter"},
    {"prometheus_tsdb_head_active_appenders", "gauge"},
    {"prometheus_tsdb_head_gc_duration_seconds", "summary"},
    {"prometheus_tsdb_head_truncations_total", "counter"},
    {"prometheus_tsdb_head_truncations_failed_total", "counter"},
    {"prometheus_tsdb_head_min_time", "gauge"},
    {"prometheus_tsdb_head_max_time", "gauge"},
    {"prometheus_tsdb_head_min_time_seconds", "gauge"},
    {"prometheus_tsdb_head_max_time_seconds", "gauge"},
    {"prometheus_tsdb_out_of_bound_samples_total", "counter"},
    {"prometheus_tsdb_out_of_order_samples_total", "counter"},
    {"prometheus_tsdb_too_old_samples_total", "counter"},
    {"prometheus_tsdb_isolation_high_watermark", "gauge"},
    {"prometheus_tsdb_isolation_low_watermark", "gauge"},
    {"prometheus_tsdb_blocks_loaded", "gauge"},
    {"prometheus_tsdb_storage_blocks_bytes", "gauge"},
    {"prometheus_tsdb_lowest_timestamp", "gauge"},
    {"prometheus_tsdb_lowest_timestamp_seconds", "gauge"},
    {"prometheus_tsdb_compactions_total", "counter"},
    {"prometheus_tsdb_compactions_triggered_total", "counter"},
    {"prometheus_tsdb_compactions_skipped_total", "counter"},
    {"prometheus_tsdb_compactions_failed_total", "counter"},
    {"prometheus_tsdb_compaction_duration_seconds", "histogram"},
    {"prometheus_tsdb_compaction_populating_block", "gauge"},
    {"prometheus_tsdb_vertical_compactions_total", "counter"},
    {"prometheus_tsdb_reloads_total", "counter"},
    {"prometheus_tsdb_reloads_failures_total", "counter"},
    {"prometheus_tsdb_retention_limit_bytes", "gauge"},
    {"prometheus_tsdb_retention_limit_seconds", "gauge"},
    {"prometheus_tsdb_retention_limit_percentage", "gauge"},
    {"prometheus_tsdb_time_retentions_total", "counter"},
    {"prometheus_tsdb_size_retentions_total", "counter"},
    {"prometheus_tsdb_exemplar_exemplars_appended_total", "counter"},
    {"prometheus_tsdb_exemplar_exemplars_in_storage", "gauge"},
    {"prometheus_tsdb_exemplar_max_exemplars", "gauge"},
    {"prometheus_tsdb_exemplar_out_of_order_exemplars_total", "counter"},
    {"prometheus_tsdb_exemplar_series_with_exemplars_in_storage", "gauge"},
    {"prometheus_tsdb_exemplar_last_exemplars_timestamp_seconds", "gauge"},
    {"prometheus_tsdb_wal_segment_current", "gauge"},
    {"prometheus_tsdb_wal_storage_size_bytes", "gauge"},
    {"prometheus_tsdb_wal_fsync_duration_seconds", "summary"},
    {"prometheus_tsdb_wal_corruptions_total", "counter"},
    {"prometheus_tsdb_wal_truncations_total", "counter"},
    {"prometheus_tsdb_wal_truncations_failed_total", "counter"},
    {"prometheus_tsdb_wal_truncate_duration_seconds", "summary"},
    {"prometheus_tsdb_wal_writes_failed_total", "counter"},
    {"prometheus_tsdb_wal_page_flushes_total", "counter"},
    {"prometheus_tsdb_wal_completed_pages_total", "counter"},
    {"prometheus_tsdb_checkpoint_creations_total", "counter"},
    {"prometheus_tsdb_checkpoint_creations_failed_total", "counter"},
    {"prometheus_tsdb_checkpoint_deletions_total", "counter"},
    {"prometheus_tsdb_checkpoint_deletions_failed_total", "counter"},
};

// Names of the same documents that do not apply, with the reason.
constexpr const char* kNotHere[][2] = {
    {"go_goroutines", "there is no Go runtime"},
    {"go_memstats_alloc_bytes", "there is no Go runtime"},
    {"prometheus_remote_storage_samples_total", "remote write out is not built"},
    {"prometheus_wal_watcher_current_segment", "remote write out is not built"},
    {"prometheus_sd_kubernetes_failures_total", "its discovery is not built"},
    {"prometheus_api_otlp_translation_warnings_total", "the OTLP receiver is not built"},
    {"prometheus_tsdb_head_chunks_storage_size_bytes", "head chunks are in memory only"},
    {"prometheus_tsdb_mmap_chunks_total", "head chunks are in memory only"},
    {"prometheus_tsdb_head_series_not_found_total", "appends name series by handles"},
    {"prometheus_tsdb_head_stale_series", "would cost a look at every series"},
    {"prometheus_tsdb_sample_ooo_delta", "out-of-order samples are not taken"},
    {"prometheus_tsdb_symbol_table_size_bytes", "partitions have no symbol table"},
    {"prometheus_tsdb_compaction_chunk_size_bytes", "partitions hold groups, not chunks"},
    {"prometheus_tsdb_compaction_chunk_samples", "partitions hold groups, not chunks"},
    {"prometheus_tsdb_compaction_chunk_range_seconds", "partitions hold groups, not chunks"},
};

constexpr const char* kRules =
    "groups:\n"
    "  - name: g\n"
    "    rules:\n"
    "      - {record: a:b, expr: sum(up)}\n"
    "      - {alert: X, expr: up == 1, annotations: {text: '{{ $value }}'}}\n";

std::string config_of(int scraped_port) {
  const std::string target = "['127.0.0.1:" + std::to_string(scraped_port) + "']";
  return "global: {scrape_interval: 200ms, evaluation_interval: 200ms}\n"
         "rule_files: [rules.yml]\n"
         "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:1']}]}]}\n"
         "scrape_configs:\n"
         "  - {job_name: self, static_configs: [{targets: " +
         target +
         "}]}\n"
         "  - {job_name: files, file_sd_configs: [{files: [targets.json]}]}\n";
}

// A server that scrapes itself, evaluates rules and has been at it for some rounds.
void make_busy(Server& server) {
  server.dir().write("rules.yml", kRules);
  server.dir().write("targets.json",
                     "[{\"targets\": [\"127.0.0.1:" + std::to_string(server.port()) + "\"]}]");
  server.write_config(config_of(server.port()));
  REQUIRE(http(server.port(), "POST", "/-/reload").status == 200);
  REQUIRE(eventually(30, [&] {
    return query(server.port(), "count_over_time(up{job=\"self\"}[1m]) > 3").size() == 1 &&
           query(server.port(), "up{job=\"files\"}").size() == 1 &&
           query(server.port(), "a:b").size() == 1;
  }));
}

HttpReply write(const Server& server, const testing::WriteRequest& request) {
  return http(server.port(), "POST", "/api/v1/write", request.body(),
              {{"Content-Encoding", "snappy"}});
}

TEST_CASE("every metric that dashboards and alerts read is there", "[e2e]") {
  Server server("scrape_configs: []\n");
  make_busy(server);
  const OwnMetrics own = own_metrics(server.port());
  for (const Family& family : kFamilies) {
    INFO(family.name);
    const auto found = own.types.find(family.name);
    CHECK((found == own.types.end() ? "missing" : found->second) == family.type);
  }
  for (const auto& [name, reason] : kNotHere) {
    INFO(name << ": " << reason);
    CHECK(own.types.count(name) == 0);
  }
  for (const char* slice : {"queue_time", "prepare_time", "inner_eval", "result_sort"}) {
    const std::string label = std::string("{slice=\"") + slice + "\"";
    INFO(label);
    CHECK(own.at("prometheus_engine_query_duration_seconds_count" + label + "}") > 0);
    CHECK(own.has("prometheus_engine_query_duration_seconds" + label + ",quantile=\"0.99\"}"));
  }
  CHECK(own.at("prometheus_target_interval_length_seconds_count{interval=\"200ms\"}") > 0);
  CHECK(own.at("prometheus_http_requests_total{handler=\"/api/v1/query\",code=\"200\"}") > 0);
  CHECK(own.at("prometheus_sd_discovered_targets{config=\"self\",name=\"scrape\"}") == 1);
  CHECK(own.at("prometheus_engine_queries_concurrent_max") == 20);
  CHECK(own.at("prometheus_ready") == 1);
  CHECK(own.at("net_conntrack_dialer_conn_established_total{dialer_name=\"self\"}") > 0);
  // An alert fires at an Alertmanager that is not there.
  CHECK(eventually(20, [&] {
    return own_metrics(server.port())
               .at("net_conntrack_dialer_conn_failed_total{dialer_name=\"alertmanager\",reason="
                   "\"refused\"}") > 0;
  }));
}

TEST_CASE("promtool finds nothing wrong with our metrics", "[e2e]") {
  Server server("scrape_configs: []\n");
  make_busy(server);
  const std::string file = server.dir().write("own.txt", http_get(server.port(), "/metrics").body);
  Process lint({"/bin/sh", "-c", find_program("promtool") + " check metrics < " + file},
               server.dir().file("lint.log"));
  REQUIRE(lint.wait(20) != -1);
  // Prometheus's own names, which we keep.
  std::string rest = lint.log();
  for (const char* name :
       {"prometheus_engine_query_duration_histogram_seconds",
        "prometheus_rule_evaluation_duration_histogram_seconds",
        "prometheus_rule_group_duration_histogram_seconds",
        "prometheus_notifications_latency_histogram_seconds",
        "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total"}) {
    const std::string line =
        std::string(name) + " metric name should not include type 'histogram'\n";
    const size_t at = rest.find(line);
    if (at != std::string::npos) rest.erase(at, line.size());
  }
  CHECK(rest.empty());
}

TEST_CASE("our metrics come as OpenMetrics to those who ask", "[e2e]") {
  const Server server("scrape_configs: []\n");
  const HttpReply open =
      http(server.port(), "GET", "/metrics", "",
           {{"Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}});
  CHECK(open.headers.find("Content-Type: application/openmetrics-text; version=1.0.0; "
                          "charset=utf-8; escaping=underscores") != std::string::npos);
  CHECK(open.body.substr(open.body.size() - 6) == "# EOF\n");
  CHECK(open.body.find("# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total ") !=
        std::string::npos);
  const HttpReply text = http_get(server.port(), "/metrics");
  CHECK(text.headers.find("Content-Type: text/plain; version=0.0.4; charset=utf-8; "
                          "escaping=underscores") != std::string::npos);
  CHECK(text.body.find("# EOF") == std::string::npos);
}

TEST_CASE("storage metrics move with what happens", "[e2e]") {
  Server server("scrape_configs: []\n",
                {"--storage.tsdb.retention.time=40d", "--storage.tsdb.retention.size=5GB"});
  OwnMetrics own = own_metrics(server.port());
  CHECK(own.at("prometheus_tsdb_clean_start") == 1);
  CHECK(own.at("prometheus_tsdb_head_series") == 0);
  CHECK(own.at("prometheus_tsdb_retention_limit_seconds") == 40.0 * 86400);
  CHECK(own.at("prometheus_tsdb_retention_limit_bytes") == 5.0 * (1 << 30));
  const double segment = own.at("prometheus_tsdb_wal_segment_current");
  const double wal_bytes = own.at("prometheus_tsdb_wal_storage_size_bytes");

  const int64_t t = static_cast<int64_t>(query(server.port(), "time()").begin()->second) * 1000;
  testing::WriteRequest request;
  request.series({{"__name__", "f"}}).sample(t, 1).sample(t + 1, 2);
  request.series({{"__name__", "h"}}).histogram(t, {});
  request.series({{"no", "name"}}).sample(t, 1);
  CHECK(write(server, request).status == 400);
  testing::WriteRequest late;
  late.series({{"__name__", "f"}}).sample(t - 1, 1).sample(t + 3'600'000, 1);
  CHECK(write(server, late).status == 400);
  own = own_metrics(server.port());
  CHECK(own.at("prometheus_tsdb_head_series") == 2);
  CHECK(own.at("prometheus_tsdb_head_series_created_total") == 2);
  CHECK(own.at("prometheus_tsdb_head_chunks") == 2);
  CHECK(own.at("prometheus_tsdb_head_samples_appended_total{type=\"float\"}") == 2);
  CHECK(own.at("prometheus_tsdb_head_samples_appended_total{type=\"histogram\"}") == 1);
  CHECK(own.at("prometheus_tsdb_out_of_order_samples_total") == 1);
  CHECK(own.at("prometheus_tsdb_head_max_time") == static_cast<double>(t + 1));
  CHECK(own.at("prometheus_tsdb_head_min_time_seconds") == static_cast<double>(t) / 1000);
  CHECK(own.at("prometheus_api_remote_write_invalid_labels_samples_total") == 1);
  CHECK(own.at("prometheus_tsdb_wal_storage_size_bytes") > wal_bytes);
  CHECK(own.at("prometheus_tsdb_wal_fsync_duration_seconds_count") > 0);
  CHECK(own.at("prometheus_tsdb_wal_page_flushes_total") > 0);
  CHECK(own.at("prometheus_tsdb_storage_blocks_bytes") == 0);
  CHECK(own.at("prometheus_tsdb_isolation_high_watermark") >=
        own.at("prometheus_tsdb_isolation_low_watermark"));

  REQUIRE(http(server.port(), "POST", "/api/v1/admin/tsdb/flush").status == 204);
  const OwnMetrics before = own;
  own = own_metrics(server.port());
  CHECK(own.at("prometheus_tsdb_blocks_loaded") == 1);
  CHECK(own.at("prometheus_tsdb_storage_blocks_bytes") > 0);
  CHECK(own.at("prometheus_tsdb_compactions_total") == 1);
  CHECK(own.at("prometheus_tsdb_compaction_duration_seconds_count") == 1);
  CHECK(own.at("prometheus_tsdb_compaction_populating_block") == 0);
  CHECK(own.at("prometheus_tsdb_head_chunks") == 0);
  CHECK(own.at("prometheus_tsdb_head_chunks_removed_total") == 2);
  CHECK(own.at("prometheus_tsdb_head_truncations_total") == 1);
  CHECK(own.at("prometheus_tsdb_head_gc_duration_seconds_count") == 1);
  CHECK(own.at("prometheus_tsdb_reloads_total") > before.at("prometheus_tsdb_reloads_total"));
  CHECK(own.at("prometheus_tsdb_wal_segment_current") > segment);
  CHECK(own.at("prometheus_tsdb_wal_truncations_total") == 1);
  CHECK(own.at("prometheus_tsdb_wal_truncate_duration_seconds_count") == 1);
  CHECK(own.at("prometheus_tsdb_checkpoint_creations_total") == 1);
  CHECK(own.at("prometheus_tsdb_checkpoint_deletions_total") == 1);
  CHECK(own.at("prometheus_tsdb_lowest_timestamp") == static_cast<double>(t));

  server.kill();
  server.start();
  CHECK(own_metrics(server.port()).at("prometheus_tsdb_clean_start") == 0);
  CHECK(server.stop() == 0);
  server.start();
  own = own_metrics(server.port());
  CHECK(own.at("prometheus_tsdb_clean_start") == 1);
  CHECK(own.at("prometheus_tsdb_data_replay_duration_seconds") > 0);
}

TEST_CASE("configuration metrics move with reloads", "[e2e]") {
  const Server server("scrape_configs: []\n");
  const double first =
      own_metrics(server.port()).at("prometheus_config_last_reload_success_timestamp_seconds");
  CHECK(first > 1.7e9);
  server.dir().write("prometheus.yml", "scrape_configs: [{}]\n");
  CHECK(http(server.port(), "POST", "/-/reload").status == 500);
  OwnMetrics own = own_metrics(server.port());
  CHECK(own.at("prometheus_config_last_reload_successful") == 0);
  CHECK(own.at("prometheus_config_last_reload_success_timestamp_seconds") == first);
  server.dir().write("prometheus.yml", "storage: {tsdb: {retention: {time: 3d, size: 1GB}}}\n");
  CHECK(http(server.port(), "POST", "/-/reload").status == 200);
  own = own_metrics(server.port());
  CHECK(own.at("prometheus_config_last_reload_successful") == 1);
  CHECK(own.at("prometheus_config_last_reload_success_timestamp_seconds") > first);
  CHECK(own.at("prometheus_tsdb_retention_limit_seconds") == 3.0 * 86400);
  CHECK(own.at("prometheus_tsdb_retention_limit_bytes") == 1 << 30);
}

}  // namespace
}  // namespace silverback::e2e
