#include "server/app.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/process_metrics.h"
#include "server/descriptor_limit.h"
#include "server/version.h"

namespace silverback::server {

using base::Errc;
using base::Result;
using base::Status;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kForever = std::chrono::hours(24);
constexpr milliseconds kReplayGrace(3000);  // for storage that is still opening when the end comes

base::LogLevel log_level(const Flags& flags) {
  const std::string& level = flags.get_string("log.level");
  if (level == "debug") return base::LogLevel::kDebug;
  if (level == "warn") return base::LogLevel::kWarn;
  return level == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

base::LogFormat log_format(const Flags& flags) {
  return flags.get_string("log.format") == "json" ? base::LogFormat::kJson
                                                  : base::LogFormat::kLogfmt;
}

base::WorkerPool::Options pool_options(std::string name, size_t threads, int nice = 0) {
  base::WorkerPool::Options options;
  options.name = std::move(name);
  options.threads = threads;
  options.nice = nice;
  return options;
}

/// A query keeps its thread until it is answered, so there are more threads than cores: the system
/// shares the cores out fairly, and one slow query does not stop the others. A fifth of the slots
/// is left to the rules.
size_t query_threads(const Flags& flags) {
  const auto slots =
      static_cast<size_t>(std::max<int64_t>(1, flags.get_int("query.max-concurrency")));
  return std::min(slots - slots / 5,
                  std::max<size_t>(8, 2 * size_t{std::thread::hardware_concurrency()}));
}

/// As with queries: a rule keeps its thread until it is answered, and slow groups must not stop the
/// others.
size_t rule_threads() {
  return std::max<size_t>(8, 2 * size_t{std::thread::hardware_concurrency()});
}

}  // namespace

App::App(Flags flags)
    : flags_(std::move(flags)),
      features_(parse_features(flags_.get_list("enable-feature"))),
      config_path_(flags_.get_string("config.file")),
      logger_(STDERR_FILENO, log_level(flags_), log_format(flags_)),
      io_(2),
      status_pool_(pool_options("status", 2)),
      query_pool_(pool_options("query", query_threads(flags_), 5)),
      ingest_pool_(pool_options("ingest", 2)),
      quick_pool_(pool_options("quick", 2)),
      render_pool_(pool_options("render", 2, 5)),
      rules_pool_(pool_options("rules", rule_threads())),
      query_log_(clock_, logger_, registry_, flags_.get_duration_ms("query.slow-log-threshold")),
      reload_successful_(
          registry_.gauge("prometheus_config_last_reload_successful",
                          "Whether the last configuration reload attempt was successful.")),
      reload_time_(registry_.gauge("prometheus_config_last_reload_success_timestamp_seconds",
                                   "Timestamp of the last successful configuration reload.")),
      ready_(registry_.gauge(
          "prometheus_ready",
          "Whether startup was fully completed and the server is ready for normal operation.")),
      notifications_(static_cast<size_t>(
                         std::max<int64_t>(0, flags_.get_int("web.max-notifications-subscribers"))),
                     clock_, registry_) {
  context_.start_ms = clock_.now_ms();
  process_metrics_ = base::metrics::add_process_metrics(registry_);
  registry_
      .gauge("prometheus_build_info",
             "A metric with a constant '1' value labeled by the version that was built.",
             {{"branch", ""},
              {"goarch", ""},
              {"goos", "linux"},
              {"goversion", ""},
              {"revision", std::string("silverback-") + kVersion},
              {"tags", ""},
              {"version", kPrometheusVersion}})
      .set(1);
}

App::~App() {
  shut_down();
}

std::shared_ptr<const Config> App::config() const {
  const base::MutexLock lock(mutex_);
  return config_;
}

void App::log_settings() {
  logger_.info("Starting Silverback",
               {{"version", kVersion}, {"compatible_with", kPrometheusVersion}});
  for (const std::string& name : flags_.without_effect()) {
    logger_.info("This flag has no effect here", {{"flag", "--" + name}});
  }
  for (const std::string& name : features_.not_built) {
    logger_.warn("This feature flag is not supported yet and has no effect", {{"option", name}});
  }
  for (const std::string& name : features_.unknown) {
    logger_.warn("Unknown option for --enable-feature", {{"option", name}});
  }
}

int App::run() {
  log_settings();
  Result<LoadedConfig> loaded = load();
  if (!loaded) {
    logger_.error("Error loading config",
                  {{"file", config_path_}, {"err", loaded.status().message()}});
    return 2;
  }
  first_config_ = std::move(*loaded);
  auto messages = accepted_write_messages(flags_);
  if (!messages) {
    logger_.error("Error parsing command line arguments", {{"err", messages.status().message()}});
    return 2;
  }
  context_.accepted_messages = std::move(*messages);
  if (const Status status = open_web_config(); !status.is_ok()) {
    logger_.error("Unable to validate web configuration file", {{"err", status.message()}});
    return 1;
  }
  for (base::WorkerPool* pool :
       {&status_pool_, &query_pool_, &quick_pool_, &render_pool_, &ingest_pool_, &rules_pool_})
    pool->start();
  io_.start();
  if (const Status status = listen(); !status.is_ok()) {
    logger_.error("Unable to start web listener", {{"err", status.message()}});
    return 1;
  }
  if (const Status status = open_storage(); !status.is_ok()) {
    logger_.error("Opening storage failed", {{"err", status.message()}});
    return 1;
  }
  if (!quit_) {
    start_services();
    serve();
  }
  shut_down();
  logger_.info("See you next time!");
  return 0;
}

Status App::open_web_config() {
  const std::string& path = flags_.get_string("web.config.file");
  if (path.empty()) return {};
  WebSecurity::Options options;
  borrow(options);
  options.path = path;
  options.io = &io_;
  options.pool = &status_pool_;
  ASSIGN_OR_RETURN(security_, WebSecurity::open(std::move(options)));
  logger_.info(security_->tls() ? "TLS is enabled." : "TLS is disabled.");
  return {};
}

Status App::listen() {
  context_.clock = &clock_;
  context_.logger = &logger_;
  context_.registry = &registry_;
  context_.notifications = &notifications_;
  context_.replay = &replay_;
  context_.page_title = flags_.get_string("web.page-title");
  context_.lifecycle_enabled = flags_.get_bool("web.enable-lifecycle");
  context_.request_reload = [this](base::UniqueFunction<void(Status)> done) {
    Event event;
    event.kind = Event::Kind::kReload;
    event.cause = "web request";
    event.done = std::move(done);
    events_.push(std::move(event));
  };
  context_.request_quit = [this] {
    Event event;
    event.kind = Event::Kind::kQuit;
    event.cause = "web request";
    events_.push(std::move(event));
  };

  Router::Options routing;
  routing.status_pool = &status_pool_;
  routing.query_pool = &query_pool_;
  routing.ingest_pool = &ingest_pool_;
  routing.quick_pool = &quick_pool_;
  routing.render_pool = &render_pool_;
  routing.io = &io_;
  routing.security = security_.get();
  if (!flags_.get_string("web.cors.origin").empty()) {
    ASSIGN_OR_RETURN(routing.cors_origin,
                     model::Regex::compile(flags_.get_string("web.cors.origin")));
  }
  router_ = std::make_unique<Router>(std::move(routing), context_);

  HttpServer::Options options;
  options.io = &io_;
  options.clock = &clock_;
  options.logger = &logger_;
  options.listen_addresses = flags_.get_list("web.listen-address");
  options.registry = &registry_;
  const bool tls = security_ && security_->tls();
  if (tls) options.tls_context = [this] { return security_->tls_context(); };
  const ConnectionLimits connections = connection_limits(
      raise_descriptor_limit(),
      static_cast<size_t>(std::max<int64_t>(1, flags_.get_int("web.max-connections"))), tls);
  options.max_connections = connections.open;
  options.max_handshakes = connections.handshakes;
  options.idle_timeout = milliseconds(flags_.get_duration_ms("web.read-timeout"));
  options.body_timeout = options.idle_timeout;
  http_ = std::make_unique<HttpServer>(std::move(options), *router_);
  RETURN_IF_ERROR(http_->bind());
  return announce();
}

/// Tells where we listen, and completes what depends on the port; only then requests are taken.
Status App::announce() {
  std::string ports;
  for (const std::string& address : http_->bound_addresses()) {
    logger_.info("Listening on", {{"address", address}});
    ports += address.substr(address.rfind(':') + 1) + "\n";
  }
  ASSIGN_OR_RETURN(location_, web_location(flags_, ports.substr(0, ports.find('\n')),
                                           security_ && security_->tls()));
  context_.route_prefix = location_.route_prefix;
  context_.external_host = location_.external_host;
  context_.external_url = location_.external_url;
  context_.listen_port = ports.substr(0, ports.find('\n'));
  if (flags_.is_set("web.external-url")) {
    // Behind a proxy that cuts the path off, the route prefix is not what browsers see.
    const size_t host = location_.external_url.find("://") + 3;
    const size_t path =
        std::min(location_.external_url.find('/', host), location_.external_url.size());
    context_.browser_path = location_.external_url.substr(path);
  }
  if (security_) security_->start();
  http_->start();
  const std::string& path = flags_.get_string("web.port-file");
  if (path.empty()) return {};
  return base::write_file_atomically(base::FileSystem::real(), path, ports);
}

Status App::open_storage() {
  const Retention retention = retention_of(first_config_->config);
  ASSIGN_OR_RETURN(tsdb::DbOptions options, db_options(flags_, retention));
  options.max_exemplars = max_exemplars(features_, first_config_->config);
  borrow(options);
  options.replay = &replay_;
  notifications_.add(Notifications::kStarting);

  // Replay may take long: it runs on a pool, so that the main thread hears signals meanwhile.
  const auto opened = std::make_shared<std::optional<Result<std::unique_ptr<tsdb::Db>>>>();
  const bool posted = rules_pool_.post([this, opened, options] {
    auto result = tsdb::Db::open(options);
    opened->emplace(std::move(result));
    events_.push(Event());
  });
  if (!posted) return Status(Errc::kInternal, "the rules pool takes no task");
  logger_.info("Opening storage", {{"path", options.path}});
  for (bool done = false; !done;) {
    std::optional<Event> event = events_.wait(quit_ ? kReplayGrace : kForever);
    if (!event && quit_) {
      logger_.warn("Storage is still opening: ending without it");
      std::_Exit(0);  // replay only reads, and its task cannot be interrupted
    }
    if (!event) continue;
    done = event->kind == Event::Kind::kWake;
    if (event->kind == Event::Kind::kQuit) quit_ = true;
    if (event->done) event->done(Status(Errc::kUnavailable, "the server is still starting"));
  }
  if (!**opened) return (*opened)->status();
  db_ = std::move(***opened);
  db_->start();
  return {};
}

void App::start_services() {
  promql::EngineOptions engine = engine_options(flags_, features_);
  borrow(engine);
  engine.default_subquery_step_ms = [this] { return evaluation_interval_ms_.load(); };
  engine.on_query = [this](const promql::QueryRecord& record) { query_log_.on_query(record); };
  engine_ = std::make_unique<promql::Engine>(std::move(engine));
  storage::remote::ReadServer::Options reading = read_options(flags_);
  reading.total = &engine_->total_budget();
  reader_ = std::make_unique<storage::remote::ReadServer>(*db_, registry_, reading);
  if (flags_.get_bool("web.enable-remote-write-receiver")) {
    receiver_ = std::make_unique<storage::remote::WriteReceiver>(*db_, clock_, registry_);
  }

  rules::Notifier::Options notifier = notifier_options(flags_);
  borrow(notifier);
  notifier.io = &io_;
  notifier.file_pool = &rules_pool_;
  notifier_ = std::make_unique<rules::Notifier>(notifier);
  scrape::DiscoveryContext discovery;
  borrow(discovery);
  discovery.io = &io_;
  discovery.file_pool = &rules_pool_;
  alertmanagers_ = std::make_unique<AlertmanagerDiscovery>(discovery, *notifier_);

  rules::RuleManager::Options manager = rule_options(flags_, features_, location_);
  borrow(manager);
  manager.io = &io_;
  manager.rules_pool = &rules_pool_;
  manager.engine = engine_.get();
  manager.queryable = db_.get();
  manager.appendable = db_.get();
  manager.notifier = notifier_.get();
  rules_ = std::make_unique<rules::RuleManager>(manager);

  scrape::ScrapeManager::Options scraping = scrape_options(flags_, features_);
  borrow(scraping);
  scraping.io = &io_;
  scraping.ingest_pool = &ingest_pool_;
  scraping.file_pool = &rules_pool_;
  scraping.storage = db_.get();
  scraping.external_labels = first_config_->config.external_labels;
  scrape_ = std::make_unique<scrape::ScrapeManager>(scraping);

  fill_context();
  apply(std::move(*first_config_));
  first_config_.reset();
  fingerprint_ = watched_state();
  rules_->start();
  context_.phase = api::Phase::kReady;
  notifications_.remove(Notifications::kStarting);
  ready_.set(1);
  logger_.info("Server is ready to receive web requests.");
}

void App::fill_context() {
  context_.queryable = db_.get();
  context_.engine = engine_.get();
  context_.db = db_.get();
  context_.scrape = scrape_.get();
  context_.rules = rules_.get();
  context_.notifier = notifier_.get();
  context_.receiver = receiver_.get();
  context_.reader = reader_.get();
  context_.admin_enabled = flags_.get_bool("web.enable-admin-api");
  context_.flags = flags_.effective();
  context_.config = [this] { return config(); };
  context_.retention_text = [this] {
    const base::MutexLock lock(mutex_);
    return retention_.to_string();
  };
  context_.reload_state = [this] {
    const base::MutexLock lock(mutex_);
    return reload_state_;
  };
}

Retention App::retention_of(const Config& config) {
  const RetentionConfig& wanted = config.storage.retention;
  uint64_t disk_bytes = 0;
  if (wanted.percentage > 0) {
    disk_bytes = filesystem_bytes(flags_.get_string("storage.tsdb.path"));
    if (disk_bytes == 0) {
      logger_.warn(
          "Unable to detect the capacity of the storage, so the retention percentage has "
          "no effect");
    } else if (wanted.size_bytes) {
      logger_.warn(
          "storage.tsdb.retention.size is ignored, because storage.tsdb.retention.percentage is "
          "specified");
    }
  }
  return effective_retention(flags_, wanted, disk_bytes);
}

/// Puts a checked configuration in force. Nothing in here can fail.
void App::apply(LoadedConfig loaded) {
  const auto config = std::make_shared<const Config>(std::move(loaded.config));
  const Retention retention = retention_of(*config);
  evaluation_interval_ms_ = config->evaluation_interval_ms;
  db_->set_retention(retention.time_ms, retention.size_bytes);
  db_->set_max_exemplars(max_exemplars(features_, *config));
  alertmanagers_->apply(config->alerting, config->external_labels);
  rules_->apply(loaded.rule_groups, config->evaluation_interval_ms, config->rule_query_offset_ms,
                config->external_labels);
  scrape_->apply(loaded.jobs, config->external_labels);
  query_log_.adopt();
  const int64_t now_ms = clock_.now_ms();
  reload_successful_.set(1);
  reload_time_.set(static_cast<double>(now_ms) / 1000);
  const base::MutexLock lock(mutex_);
  config_ = config;
  retention_ = retention;
  reload_state_ = {true, now_ms};
}

/// Reads and checks all that a configuration needs before it is put in force.
Result<LoadedConfig> App::load() {
  ASSIGN_OR_RETURN(LoadedConfig loaded, load_config(config_path_, parser_options(features_)));
  RETURN_IF_ERROR(query_log_.prepare(loaded.config.query_log_file));
  return loaded;
}

Status App::reload(const std::string& cause) {
  logger_.info("Loading configuration file", {{"filename", config_path_}, {"cause", cause}});
  fingerprint_ = watched_state();
  Result<LoadedConfig> loaded = load();
  if (!loaded) {
    logger_.error("Error reloading config",
                  {{"file", config_path_}, {"err", loaded.status().message()}});
    reload_successful_.set(0);
    notifications_.add(Notifications::kReloadFailed);
    const base::MutexLock lock(mutex_);
    reload_state_.successful = false;
    return loaded.status();
  }
  apply(std::move(*loaded));
  notifications_.remove(Notifications::kReloadFailed);
  logger_.info("Completed loading of configuration file", {{"filename", config_path_}});
  return {};
}

std::string App::watched_state() const {
  return flags_.get_bool("config.auto-reload") ? config_fingerprint(config_path_) : std::string();
}

void App::serve() {
  const bool watch = flags_.get_bool("config.auto-reload");
  const milliseconds interval =
      watch ? milliseconds(
                  std::max<int64_t>(1000, flags_.get_duration_ms("config.auto-reload-interval")))
            : kForever;
  while (!quit_) {
    std::optional<Event> event = events_.wait(interval);
    if (!event) {
      if (watch && watched_state() != fingerprint_) {
        reload("changed file").permit_unchecked("logged and counted");
      }
      continue;
    }
    if (event->kind == Event::Kind::kQuit) {
      logger_.warn("Exiting gracefully...", {{"cause", event->cause}});
      quit_ = true;
    } else if (event->kind == Event::Kind::kReload) {
      const Status status = reload(event->cause);
      if (event->done) event->done(status);
    }
  }
}

/// Listener, scraping, rules, notifications, queries, storage; then the pools and the I/O threads.
void App::shut_down() {
  if (std::exchange(stopped_, true)) return;
  context_.phase = api::Phase::kStopping;
  ready_.set(0);
  notifications_.add(Notifications::kStopping);
  while (std::optional<Event> event = events_.wait(milliseconds(0))) {
    if (event->done) event->done(Status(Errc::kUnavailable, "the server is stopping"));
  }
  if (http_) http_->stop();
  if (security_) security_->stop();
  if (scrape_) scrape_->stop();
  if (rules_) rules_->stop();
  if (alertmanagers_) alertmanagers_->stop();
  if (notifier_) notifier_->stop();
  for (base::WorkerPool* pool :
       {&query_pool_, &quick_pool_, &render_pool_, &status_pool_, &ingest_pool_, &rules_pool_})
    pool->stop();
  if (db_) db_->stop();
  io_.stop();
}

}  // namespace silverback::server
