#include "server/api/routes.h"

namespace silverback::server::api {

namespace {

constexpr uint8_t kGetPost = kGet | kPost;
constexpr uint8_t kPostPut = kPost | kPut;
constexpr uint8_t kGetHead = kGet | kHead;

constexpr Route kRoutes[] = {
    {kGetPost, "/api/v1/query", Lane::kQuery, kNeedsReady, query, nullptr, "Instant query."},
    {kGetPost, "/api/v1/query_range", Lane::kQuery, kNeedsReady, query_range, nullptr,
     "Range query."},
    {kGetPost, "/api/v1/format_query", Lane::kQuery, kNeedsReady, format_query, nullptr,
     "Pretty-prints an expression."},
    {kGetPost, "/api/v1/query_exemplars", Lane::kQuery, kNeedsReady, query_exemplars, nullptr,
     "Exemplars of an expression's selectors."},
    {kGetPost, "/api/v1/parse_query", Lane::kQuery, kNeedsReady, parse_query, nullptr,
     "The tree of an expression."},
    {kGetPost, "/api/v1/series", Lane::kQuery, kNeedsReady, series, nullptr,
     "Label sets that match."},
    {kGetPost, "/api/v1/labels", Lane::kQuery, kNeedsReady, label_names, nullptr, "Label names."},
    {kGet, "/api/v1/label/:name/values", Lane::kQuery, kNeedsReady, label_values, nullptr,
     "Values of one label."},
    {kGet, "/api/v1/targets", Lane::kStatus, kNeedsReady, targets, nullptr, "Scrape targets."},
    {kGet, "/api/v1/targets/metadata", Lane::kStatus, kNeedsReady, target_metadata, nullptr,
     "Metadata of scraped metrics, by target."},
    {kGet, "/api/v1/targets/relabel_steps", Lane::kStatus, kNeedsReady, target_relabel_steps,
     nullptr, "What each relabel rule does to a target."},
    {kGet, "/api/v1/scrape_pools/config", Lane::kStatus, kNeedsReady, scrape_pool_config, nullptr,
     "Effective configuration of one scrape pool."},
    {kGet, "/api/v1/scrape_pools", Lane::kStatus, kNeedsReady, scrape_pools, nullptr,
     "Names of the scrape pools."},
    {kGet, "/api/v1/metadata", Lane::kStatus, kNeedsReady, metadata, nullptr,
     "Metadata of scraped metrics."},
    {kGet, "/api/v1/alertmanagers", Lane::kStatus, kNeedsReady, alertmanagers, nullptr,
     "Discovered Alertmanagers."},
    {kGet, "/api/v1/alerts", Lane::kStatus, kNeedsReady, alerts, nullptr, "Active alerts."},
    {kGet, "/api/v1/rules", Lane::kStatus, kNeedsReady, rules, nullptr,
     "Rule groups and their state."},
    {kGet, "/api/v1/status/config", Lane::kStatus, kNeedsReady, status_config, nullptr,
     "Effective configuration."},
    {kGet, "/api/v1/status/flags", Lane::kStatus, kNeedsReady, status_flags, nullptr,
     "Command line flags."},
    {kGet, "/api/v1/status/runtimeinfo", Lane::kStatus, kNeedsReady, status_runtimeinfo, nullptr,
     "Facts about this process."},
    {kGet, "/api/v1/status/buildinfo", Lane::kStatus, kNeedsReady, status_buildinfo, nullptr,
     "Version."},
    {kGet, "/api/v1/status/tsdb", Lane::kStatus, kNeedsReady, status_tsdb, nullptr,
     "Cardinality of the head."},
    {kGet, "/api/v1/status/tsdb/blocks", Lane::kStatus, kNeedsReady, status_tsdb_blocks, nullptr,
     "Partitions on disk."},
    {kGet, "/api/v1/status/walreplay", Lane::kInline, 0, status_walreplay, nullptr,
     "How far the replay of the WAL is."},
    {kGet, "/api/v1/status/self_metrics", Lane::kStatus, kNeedsReady, status_self_metrics, nullptr,
     "Own metrics as JSON."},
    {kGet, "/api/v1/features", Lane::kStatus, kNeedsReady, features, nullptr,
     "What this server can do."},
    {kGet, "/api/v1/notifications", Lane::kInline, 0, notifications, nullptr,
     "What users should know now."},
    {kPost, "/api/v1/read", Lane::kQuery, kNeedsReady, nullptr, remote_read, "Remote read."},
    {kPost, "/api/v1/write", Lane::kIngest, kNeedsReady | kMutates | kLargeBody, nullptr,
     remote_write, "Remote write receiver."},
    {kGet, "/api/v1/notifications/live", Lane::kStatus, 0, nullptr, notifications_live,
     "The same, as they come."},
    {kPostPut, "/api/v1/admin/tsdb/delete_series", Lane::kStatus, kNeedsReady | kMutates,
     admin_delete_series, nullptr, "Deletes samples of matching series."},
    {kPostPut, "/api/v1/admin/tsdb/clean_tombstones", Lane::kStatus, kNeedsReady | kMutates,
     admin_clean_tombstones, nullptr, "Frees the space of deleted samples."},
    {kPostPut, "/api/v1/admin/tsdb/snapshot", Lane::kStatus, kNeedsReady | kMutates, admin_snapshot,
     nullptr, "Makes a copy of the data."},
    {kPostPut, "/api/v1/admin/tsdb/flush", Lane::kStatus, kNeedsReady | kMutates, admin_flush,
     nullptr, "Writes all windows to disk."},
    {kGet, "/metrics", Lane::kStatus, 0, nullptr, own_metrics, "Own metrics."},
    {kGet, "/federate", Lane::kQuery, kNeedsReady, nullptr, federate,
     "Newest samples, for another server to scrape."},
    {kGet, "/version", Lane::kStatus, 0, nullptr, version, "Version as plain JSON."},
    {kGetHead, "/-/healthy", Lane::kInline, 0, nullptr, healthy, "The process is alive."},
    {kGetHead, "/-/ready", Lane::kInline, kNeedsReady, nullptr, ready, "Requests are served."},
    {kPostPut, "/-/reload", Lane::kInline, kMutates, nullptr, reload, "Reloads the configuration."},
    {kGet, "/-/reload", Lane::kInline, 0, nullptr, only_post, "Refused: GET changes nothing."},
    {kPostPut, "/-/quit", Lane::kInline, kMutates, nullptr, quit, "Ends the server."},
    {kGet, "/-/quit", Lane::kInline, 0, nullptr, only_post, "Refused: GET changes nothing."},
    {kGet, "/", Lane::kInline, 0, nullptr, redirect_home, "To the query page."},
    {kGet, "/graph", Lane::kInline, 0, nullptr, redirect_home,
     "To the query page, with its parameters."},
    {kGet, "/query", Lane::kQuery, kNeedsReady, nullptr, query_page,
     "A plain page: one expression, its table."},
};

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

}  // namespace silverback::server::api
