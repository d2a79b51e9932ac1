#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "promql/engine.h"
#include "rules/notifier.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"
#include "server/alertmanager_discovery.h"
#include "server/api/api.h"
#include "server/config.h"
#include "server/event_queue.h"
#include "server/flags.h"
#include "server/http_server.h"
#include "server/notifications.h"
#include "server/query_log.h"
#include "server/router.h"
#include "server/settings.h"
#include "server/web_security.h"
#include "storage/remote/read_server.h"
#include "storage/remote/write_receiver.h"
#include "tsdb/db.h"

namespace silverback::server {

/// The whole server: builds every part and passes references. The listener binds first and answers
/// 503 until storage is open. The main thread then waits for signals, reloads and the end; members
/// are declared so that destruction is stop order.
/// Threads: constructed, run and destroyed by the main thread.
class App {
 public:
  explicit App(Flags flags);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Until a signal or /-/quit. The process's exit code: 0, 1 (could not start), 2 (bad config).
  int run();

 private:
  base::Status open_web_config();
  base::Status listen();
  base::Status announce();
  base::Status open_storage();
  void start_services();
  void fill_context();
  Retention retention_of(const Config& config);
  void apply(LoadedConfig loaded);
  base::Status reload(const std::string& cause);
  base::Result<LoadedConfig> load();
  void serve();
  void shut_down();
  void log_settings();
  std::string watched_state() const;  // of --config.auto-reload
  /// Lends clock, logger and registry to a service.
  template <typename Options>
  void borrow(Options& options) {
    options.clock = &clock_;
    options.logger = &logger_;
    options.registry = &registry_;
  }
  std::shared_ptr<const Config> config() const;

  // Constant after construction.
  const Flags flags_;
  const Features features_;
  const std::string config_path_;
  WebLocation location_;  // constant once bound

  base::SystemClock clock_;
  base::Logger logger_;
  base::metrics::Registry registry_;
  EventQueue events_;
  base::IoRuntime io_;
  base::WorkerPool status_pool_;
  base::WorkerPool query_pool_;
  base::WorkerPool ingest_pool_;
  base::WorkerPool quick_pool_;
  base::WorkerPool render_pool_;
  base::WorkerPool rules_pool_;

  mutable base::Mutex mutex_;
  std::shared_ptr<const Config> config_ GUARDED_BY(mutex_);
  Retention retention_ GUARDED_BY(mutex_);
  api::Context::ReloadState reload_state_ GUARDED_BY(mutex_);
  std::atomic<int64_t> evaluation_interval_ms_{60'000};
  std::optional<LoadedConfig> first_config_;  // main thread: read before storage opens
  std::string fingerprint_;                   // main thread: of --config.auto-reload
  bool quit_ = false;                         // main thread
  bool stopped_ = false;                      // main thread

  std::shared_ptr<void> process_metrics_;
  QueryLog query_log_;
  base::metrics::Gauge& reload_successful_;
  base::metrics::Gauge& reload_time_;
  base::metrics::Gauge& ready_;

  Notifications notifications_;
  tsdb::ReplayProgress replay_;
  std::unique_ptr<tsdb::Db> db_;
  std::unique_ptr<storage::remote::WriteReceiver> receiver_;
  std::unique_ptr<storage::remote::ReadServer> reader_;
  std::unique_ptr<promql::Engine> engine_;
  std::unique_ptr<rules::Notifier> notifier_;
  std::unique_ptr<AlertmanagerDiscovery> alertmanagers_;
  std::unique_ptr<rules::RuleManager> rules_;
  std::unique_ptr<scrape::ScrapeManager> scrape_;
  api::Context context_;
  std::unique_ptr<WebSecurity> security_;  // null without --web.config.file
  std::unique_ptr<Router> router_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace silverback::server
