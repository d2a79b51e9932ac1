#include "scrape/scrape_manager.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutex.h"
#include "scrape/discovery/discovery_set.h"
#include "scrape/failure_log.h"
#include "scrape/scrape_loop.h"
#include "scrape/scrape_pool.h"

namespace silverback::scrape {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data())
                                                          : std::string();
}

// A job under way: its discovery feeds groups, its pool is synced with them.
struct Job {
  std::string name;
  std::unique_ptr<ScrapePool> pool;  // constant after construction, own synchronisation

  base::Mutex mutex;
  std::shared_ptr<const ScrapeConfig> config GUARDED_BY(mutex);
  bool sync_pending GUARDED_BY(mutex) = false;
  bool synced GUARDED_BY(mutex) = false;
  bool discovery_changed GUARDED_BY(mutex) = false;  // by a reload; until all have answered

  base::Mutex sync_mutex;  // one sync or reload at a time; taken before `mutex`
  bool stopped GUARDED_BY(sync_mutex) = false;
  std::shared_ptr<const ScrapeConfig> pool_config GUARDED_BY(sync_mutex);

  std::unique_ptr<DiscoverySet> discovery;  // constant once the job is known to others
};

}  // namespace

struct ScrapeManager::Impl : std::enable_shared_from_this<ScrapeManager::Impl> {
  explicit Impl(Options o)
      : options(std::move(o)),
        metrics(*options.registry),
        received_updates(options.registry->counter(
            "prometheus_sd_received_updates_total",
            "Total number of update events received from the SD providers.", {{"name", "scrape"}})),
        updates(options.registry->counter("prometheus_sd_updates_total",
                                          "Total number of update events sent to the SD consumers.",
                                          {{"name", "scrape"}})),
        updates_delayed(options.registry->counter(
            "prometheus_sd_updates_delayed_total",
            "Total number of update events that couldn't be sent immediately.",
            {{"name", "scrape"}})) {
    options.registry->gauge(
        "prometheus_sd_failed_configs",
        "Current number of service discovery configurations that failed to load.",
        {{"name", "scrape"}});
  }

  ScrapeContext context() {
    ScrapeContext c;
    c.io = options.io;
    c.ingest_pool = options.ingest_pool;
    c.file_pool = options.file_pool;
    c.storage = options.storage;
    c.clock = options.clock;
    c.logger = options.logger;
    c.metrics = &metrics;
    c.failure_logs = &failure_logs;
    c.ingest.created_zero = options.created_timestamp_zero_ingestion;
    return c;
  }

  std::shared_ptr<const ScrapeConfig> effective(const ScrapeConfig& config) const;
  void start_discovery(const std::shared_ptr<Job>& job);
  void forget_metrics(const Job& job);
  void take_update(const std::shared_ptr<Job>& job, bool settled);
  void schedule_sync(const std::shared_ptr<Job>& job, std::chrono::milliseconds delay);
  void sync(const std::shared_ptr<Job>& job);
  void reload(const std::shared_ptr<Job>& job, std::shared_ptr<const ScrapeConfig> config);
  void remove(const std::shared_ptr<Job>& job);
  std::shared_ptr<Job> create(std::shared_ptr<const ScrapeConfig> config, uint64_t seed);
  std::vector<std::shared_ptr<Job>> all_jobs() const EXCLUDES(mutex);
  void collect(base::metrics::Sink& sink) const;

  const Options options;
  ScrapeMetrics metrics;
  base::metrics::Counter& received_updates;
  base::metrics::Counter& updates;
  base::metrics::Counter& updates_delayed;
  FailureLogs failure_logs;
  LoopRegistry loops;

  base::Mutex apply_mutex;  // apply() and stop()
  bool stopped GUARDED_BY(apply_mutex) = false;

  mutable base::Mutex mutex;
  std::map<std::string, std::shared_ptr<Job>> jobs GUARDED_BY(mutex);

  std::shared_ptr<void> collector;
};

// The feature flags count for every job.
std::shared_ptr<const ScrapeConfig> ScrapeManager::Impl::effective(
    const ScrapeConfig& config) const {
  auto out = std::make_shared<ScrapeConfig>(config);
  out->extra_scrape_metrics = config.extra_scrape_metrics || options.extra_scrape_metrics;
  // Protobuf tells created times of everything; a job that lists its protocols keeps its list.
  if (options.created_timestamp_zero_ingestion &&
      out->protocols == default_scrape_protocols(false)) {
    out->protocols = default_scrape_protocols(true);
  }
  return out;
}

void ScrapeManager::Impl::start_discovery(const std::shared_ptr<Job>& job) {
  model::DiscoveryConfigs wanted;
  {
    const base::MutexLock lock(job->mutex);
    wanted = job->config->discovery;
  }
  job->discovery->apply(wanted);
}

void ScrapeManager::Impl::forget_metrics(const Job& job) {
  for (const char* name :
       {"prometheus_sd_refresh_failures_total", "prometheus_sd_refresh_duration_seconds"}) {
    options.registry->remove(name, {{"config", job.name}});
  }
}

// Groups are kept as they come; the pool follows at once the first time, then at most once per
// reload interval. After a reload that changed the discovery it follows when all have answered:
// targets that are still there must not be taken for gone.
void ScrapeManager::Impl::take_update(const std::shared_ptr<Job>& job, bool settled) {
  received_updates.inc();
  std::chrono::milliseconds delay{0};
  {
    const base::MutexLock lock(job->mutex);
    const bool complete = job->discovery_changed && settled;
    if (complete) job->discovery_changed = false;
    if (job->sync_pending && !complete) return;
    job->sync_pending = true;
    if (job->synced && !complete) delay = std::chrono::milliseconds(options.discovery_reload_ms);
    if (delay.count() > 0) updates_delayed.inc();
  }
  schedule_sync(job, delay);
}

void ScrapeManager::Impl::schedule_sync(const std::shared_ptr<Job>& job,
                                        std::chrono::milliseconds delay) {
  options.io->post_after(delay, [weak_impl = weak_from_this(), weak_job = std::weak_ptr<Job>(job)] {
    const auto impl = weak_impl.lock();
    if (!impl) return;
    const bool taken = impl->options.ingest_pool->post([weak_impl, weak_job] {
      const auto self = weak_impl.lock();
      const auto target = weak_job.lock();
      if (self && target) self->sync(target);
    });
    const auto target = weak_job.lock();
    if (taken || !target) return;
    impl->updates_delayed.inc();
    impl->schedule_sync(target, std::chrono::milliseconds(1000));
  });
}

void ScrapeManager::Impl::sync(const std::shared_ptr<Job>& job) {
  const base::MutexLock sync_lock(job->sync_mutex);
  if (job->stopped) return;
  std::vector<TargetGroup> groups;
  std::shared_ptr<const ScrapeConfig> config;
  {
    const base::MutexLock lock(job->mutex);
    job->sync_pending = false;
    job->synced = true;
    job->discovery_changed = false;
    config = job->config;
  }
  groups = job->discovery->groups();
  updates.inc();
  if (job->pool_config == config) {
    job->pool->sync(groups);
  } else {
    job->pool_config = config;
    job->pool->reload(std::move(config), groups);
  }
}

void ScrapeManager::Impl::reload(const std::shared_ptr<Job>& job,
                                 std::shared_ptr<const ScrapeConfig> config) {
  bool same_discovery = false;
  {
    const base::MutexLock lock(job->mutex);
    same_discovery = job->config->discovery == config->discovery;
    job->config = std::move(config);
  }
  if (same_discovery) {
    sync(job);
    return;
  }
  {
    const base::MutexLock lock(job->mutex);
    job->discovery_changed = true;
    job->sync_pending = true;
  }
  start_discovery(job);
  // For a discovery that does not answer, or a job that has nothing to wait for.
  schedule_sync(
      job, std::chrono::milliseconds(job->discovery->settled() ? 0 : options.discovery_reload_ms));
}

std::shared_ptr<Job> ScrapeManager::Impl::create(std::shared_ptr<const ScrapeConfig> config,
                                                 uint64_t seed) {
  auto job = std::make_shared<Job>();
  job->name = config->job_name;
  job->pool = std::make_unique<ScrapePool>(context(), loops, config, seed);
  DiscoveryContext c;
  c.io = options.io;
  c.file_pool = options.file_pool;
  c.clock = options.clock;
  c.logger = options.logger;
  c.registry = options.registry;
  c.config = job->name;
  c.resolv_conf = options.resolv_conf;
  c.dns_port = options.dns_port;
  job->discovery = std::make_unique<DiscoverySet>(
      c, [weak_impl = weak_from_this(), weak_job = std::weak_ptr<Job>(job)](bool settled) {
        const auto impl = weak_impl.lock();
        const auto target = weak_job.lock();
        if (impl && target) impl->take_update(target, settled);
      });
  {
    const base::MutexLock sync_lock(job->sync_mutex);
    job->pool_config = config;
  }
  const base::MutexLock lock(job->mutex);
  job->config = std::move(config);
  return job;
}

void ScrapeManager::Impl::remove(const std::shared_ptr<Job>& job) {
  job->discovery->stop();
  forget_metrics(*job);
  const base::MutexLock sync_lock(job->sync_mutex);
  job->stopped = true;
  job->pool->stop();
}

std::vector<std::shared_ptr<Job>> ScrapeManager::Impl::all_jobs() const {
  std::vector<std::shared_ptr<Job>> out;
  const base::MutexLock lock(mutex);
  for (const auto& [name, job] : jobs) out.push_back(job);
  return out;
}

void ScrapeManager::Impl::collect(base::metrics::Sink& sink) const {
  for (const std::shared_ptr<Job>& job : all_jobs()) {
    size_t entries = 0, bytes = 0;
    const size_t discovered = job->discovery->target_count();
    job->pool->metadata_size(&entries, &bytes);
    sink.gauge("prometheus_sd_discovered_targets", "Current number of discovered targets.",
               {{"config", job->name}, {"name", "scrape"}}, static_cast<double>(discovered));
    // What is kept as strings of its own here: the names of metrics.
    sink.gauge("prometheus_target_scrape_pool_symboltable_items",
               "Current number of symbols in table for this scrape pool.",
               {{"scrape_job", job->name}}, static_cast<double>(entries));
    sink.gauge("prometheus_target_metadata_cache_entries",
               "Total number of metric metadata entries in the cache.", {{"scrape_job", job->name}},
               static_cast<double>(entries));
    sink.gauge(
        "prometheus_target_metadata_cache_bytes",
        "The number of bytes that are currently used for storing metric metadata in the cache.",
        {{"scrape_job", job->name}}, static_cast<double>(bytes));
  }
}

ScrapeManager::ScrapeManager(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->collector = impl_->options.registry->add_collector(
      [weak = std::weak_ptr<Impl>(impl_)](base::metrics::Sink& sink) {
        if (const auto impl = weak.lock()) impl->collect(sink);
      });
}

ScrapeManager::~ScrapeManager() {
  stop();
}

void ScrapeManager::apply(const std::vector<ScrapeConfig>& configs,
                          const model::Labels& external_labels) {
  const base::MutexLock apply_lock(impl_->apply_mutex);
  if (impl_->stopped) return;
  const uint64_t seed = offset_seed(host_name(), external_labels);
  std::map<std::string, std::shared_ptr<Job>> old;
  {
    const base::MutexLock lock(impl_->mutex);
    old = impl_->jobs;
  }
  std::set<std::string> failure_logs;
  for (const ScrapeConfig& config : configs) failure_logs.insert(config.failure_log_file);
  impl_->failure_logs.reopen(failure_logs, *impl_->options.logger);
  std::map<std::string, std::shared_ptr<Job>> jobs;
  std::vector<std::shared_ptr<Job>> created;
  for (const ScrapeConfig& config : configs) {
    std::shared_ptr<const ScrapeConfig> wanted = impl_->effective(config);
    const auto found = old.find(config.job_name);
    if (found == old.end()) {
      created.push_back(impl_->create(std::move(wanted), seed));
      jobs[config.job_name] = created.back();
      continue;
    }
    const std::shared_ptr<Job>& job = found->second;
    bool same = false;
    {
      const base::MutexLock lock(job->mutex);
      same = *job->config == *wanted;
    }
    if (!same) impl_->reload(job, std::move(wanted));
    jobs[config.job_name] = job;
  }
  {
    const base::MutexLock lock(impl_->mutex);
    impl_->jobs = jobs;
  }
  for (const std::shared_ptr<Job>& job : created) impl_->start_discovery(job);
  for (const auto& [name, job] : old) {
    if (jobs.count(name) == 0) impl_->remove(job);
  }
}

void ScrapeManager::stop() {
  const base::MutexLock apply_lock(impl_->apply_mutex);
  if (std::exchange(impl_->stopped, true)) return;
  for (const std::shared_ptr<Job>& job : impl_->all_jobs()) {
    job->discovery->stop();
    const base::MutexLock sync_lock(job->sync_mutex);
    job->stopped = true;
  }
  impl_->loops.abort_all_and_wait();
}

TargetsSnapshot ScrapeManager::targets() const {
  TargetsSnapshot out;
  for (const std::shared_ptr<Job>& job : impl_->all_jobs()) job->pool->append_status(out);
  return out;
}

std::vector<std::string> ScrapeManager::pools() const {
  std::vector<std::string> out;
  for (const std::shared_ptr<Job>& job : impl_->all_jobs()) out.push_back(job->name);
  return out;
}

std::vector<TargetMetadata> ScrapeManager::metadata(const std::string& metric) const {
  std::vector<TargetMetadata> out;
  for (const std::shared_ptr<Job>& job : impl_->all_jobs()) job->pool->append_metadata(metric, out);
  return out;
}

}  // namespace silverback::scrape
