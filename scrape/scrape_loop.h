#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "scrape/failure_log.h"
#include "scrape/scrape_config.h"
#include "scrape/scrape_ingest.h"
#include "scrape/scrape_manager.h"
#include "scrape/scrape_metrics.h"
#include "scrape/target.h"
#include "storage/appender.h"

namespace silverback::scrape {

class ScrapeLoop;

/// What every loop works with. Threads: any.
struct ScrapeContext {
  base::IoRuntime* io = nullptr;  // borrowed, all of these
  base::WorkerPool* ingest_pool = nullptr;
  base::WorkerPool* file_pool = nullptr;
  storage::Appendable* storage = nullptr;
  base::Clock* clock = nullptr;
  base::Logger* logger = nullptr;
  ScrapeMetrics* metrics = nullptr;
  FailureLogs* failure_logs = nullptr;
  ScrapeIngest::Options ingest;
};

/// Knows the loops under way, so that a stop can end and await them. Threads: any.
class LoopRegistry {
 public:
  void add(const std::shared_ptr<ScrapeLoop>& loop);
  void remove(const std::shared_ptr<ScrapeLoop>& loop);
  /// Ends every loop without stale markers and waits until the last is gone.
  void abort_all_and_wait();

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  std::set<std::shared_ptr<ScrapeLoop>> loops_ GUARDED_BY(mutex_);
};

/// What may change about a loop while it runs; a new one is taken at the next scrape.
struct LoopSettings {
  std::shared_ptr<const ScrapeConfig> config;
  std::shared_ptr<base::HttpClient> client;
  Target target;
  base::Status forced_error;  // not OK: not scraped, reported as down with this (target_limit)
};

/// Scrapes one target on its own grid of times, one scrape after the other. The coroutine keeps
/// the loop alive until it has ended. Threads: any; the coroutine runs on a strand, parse and
/// append on the ingest pool.
class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  ScrapeLoop(ScrapeContext context, LoopSettings settings, uint64_t offset_seed);

  void start(LoopRegistry& registry);
  /// Ends it; the series get stale markers once a successor has had its chance (spec 5.4).
  void stop();
  /// Ends it without stale markers; a fetch under way is cancelled.
  void abort();
  void reconfigure(LoopSettings settings);

  TargetStatus status() const;  // all but discovered_labels and scrape_pool
  const MetadataCache& metadata() const { return ingest_.metadata(); }

 private:
  boost::asio::awaitable<void> run(std::shared_ptr<ScrapeLoop> self, LoopRegistry* registry);
  boost::asio::awaitable<void> scrape_all();
  boost::asio::awaitable<void> scrape(model::TimestampMs t);
  boost::asio::awaitable<ScrapeIngest::Page> fetch(std::shared_ptr<const LoopSettings> settings);
  boost::asio::awaitable<bool> sleep_until(int64_t wall_ms);
  boost::asio::awaitable<void> end_of_run();
  void report(const std::optional<ScrapeIngest::Outcome>& outcome, int64_t started_ms);

  /// First grid time after `now`.
  int64_t next_grid(int64_t now) const;
  model::TimestampMs snap(int64_t now) const;

  const ScrapeContext context_;
  const uint64_t offset_seed_;
  const boost::asio::any_io_executor strand_;
  ScrapeIngest ingest_;  // one scrape at a time; on the ingest pool

  // Touched on strand_ only.
  base::AsyncTimer timer_;
  std::shared_ptr<const LoopSettings> settings_;
  std::stop_source fetch_stop_;  // own synchronisation
  bool ending_ = false;
  bool stale_at_end_ = true;
  bool reset_cache_ = false;
  int64_t last_started_ms_ = 0;

  mutable base::Mutex mutex_;
  TargetStatus status_ GUARDED_BY(mutex_);
};

/// The request that a job's config asks for; the target's URL included.
base::HttpClient::Request make_scrape_request(const ScrapeConfig& config, const Target& target);

}  // namespace silverback::scrape
