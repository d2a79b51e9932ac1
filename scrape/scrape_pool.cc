#include "scrape/scrape_pool.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/dial_metrics.h"

namespace silverback::scrape {
namespace {

base::Status target_limit_error(const ScrapeConfig& config, size_t targets) {
  if (config.target_limit == 0 || targets <= config.target_limit) return {};
  return {base::Errc::kExecution,
          "target_limit exceeded (number of targets: " + std::to_string(targets) +
              ", limit: " + std::to_string(config.target_limit) + ")"};
}

bool same_settings(const LoopSettings& a, const LoopSettings& b) {
  return a.config == b.config && a.client == b.client &&
         a.target.interval_ms == b.target.interval_ms &&
         a.target.timeout_ms == b.target.timeout_ms && a.target.histograms == b.target.histograms &&
         a.forced_error.message() == b.forced_error.message();
}

std::shared_ptr<base::HttpClient> make_client(const ScrapeContext& context,
                                              const ScrapeConfig& config) {
  return std::make_shared<base::HttpClient>(
      *context.io, config.http, context.file_pool,
      std::make_shared<base::DialMetrics>(context.metrics->registry, config.job_name));
}

}  // namespace

ScrapePool::ScrapePool(ScrapeContext context, LoopRegistry& loops,
                       std::shared_ptr<const ScrapeConfig> config, uint64_t offset_seed)
    : context_(context),
      loops_(loops),
      offset_seed_(offset_seed),
      metrics_(context.metrics->registry, config->job_name),
      config_(std::move(config)),
      client_(make_client(context_, *config_)) {
  metrics_.target_limit.set(static_cast<double>(config_->target_limit));
  context_.metrics->pools.inc();
}

void ScrapePool::sync(const std::vector<TargetGroup>& groups) {
  const auto started = context_.clock->monotonic();
  {
    const base::MutexLock lock(mutex_);
    sync_locked(groups);
  }
  metrics_.syncs.inc();
  metrics_.sync_length.observe(
      std::chrono::duration<double>(context_.clock->monotonic() - started).count());
}

void ScrapePool::reload(std::shared_ptr<const ScrapeConfig> config,
                        const std::vector<TargetGroup>& groups) {
  const auto started = context_.clock->monotonic();
  const int64_t interval_ms = config->interval_ms;
  {
    const base::MutexLock lock(mutex_);
    if (!(config->http == config_->http)) {
      client_ = make_client(context_, *config);
    }
    config_ = std::move(config);
    metrics_.target_limit.set(static_cast<double>(config_->target_limit));
    sync_locked(groups);
  }
  context_.metrics->pool_reloads.inc();
  context_.metrics->reload_length(interval_ms)
      .observe(std::chrono::duration<double>(context_.clock->monotonic() - started).count());
}

void ScrapePool::sync_locked(const std::vector<TargetGroup>& groups) {
  TargetSet targets = make_targets(*config_, groups);
  for (const base::Status& failure : targets.failures) {
    metrics_.sync_failed.inc();
    context_.logger->error("Creating target failed",
                           {{"scrape_pool", config_->job_name}, {"err", failure.message()}});
  }
  const base::Status forced = target_limit_error(*config_, targets.active.size());
  if (!forced.is_ok()) context_.metrics->exceeded_target_limit.inc();
  std::set<uint64_t> present;
  for (Target& target : targets.active) {
    const uint64_t hash = target.hash;
    present.insert(hash);
    LoopSettings settings;
    settings.config = config_;
    settings.client = client_;
    settings.forced_error = forced;
    Entry& entry = entries_[hash];
    entry.discovered = target.discovered;
    settings.target = std::move(target);
    if (!entry.loop) {
      entry.settings = settings;
      entry.loop = std::make_shared<ScrapeLoop>(context_, std::move(settings), offset_seed_);
      entry.loop->start(loops_);
    } else if (!same_settings(entry.settings, settings)) {
      entry.settings = settings;
      entry.loop->reconfigure(std::move(settings));
    }
  }
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (present.count(it->first) != 0) {
      ++it;
      continue;
    }
    it->second.loop->stop();
    it = entries_.erase(it);
  }
  metrics_.targets.set(static_cast<double>(entries_.size()));
  dropped_count_ = targets.dropped.size();
  dropped_ = std::move(targets.dropped);
  if (config_->keep_dropped_targets != 0 && dropped_.size() > config_->keep_dropped_targets) {
    dropped_.resize(config_->keep_dropped_targets);
  }
}

void ScrapePool::stop() {
  const base::MutexLock lock(mutex_);
  for (const auto& [hash, entry] : entries_) entry.loop->stop();
  entries_.clear();
}

void ScrapePool::append_status(TargetsSnapshot& out) const {
  const base::MutexLock lock(mutex_);
  const size_t first = out.active.size();
  for (const auto& [hash, entry] : entries_) {
    TargetStatus status = entry.loop->status();
    status.discovered_labels = entry.discovered;
    status.scrape_pool = config_->job_name;
    out.active.push_back(std::move(status));
  }
  std::sort(out.active.begin() + static_cast<std::ptrdiff_t>(first), out.active.end(),
            [](const TargetStatus& a, const TargetStatus& b) { return a.labels < b.labels; });
  for (const model::Labels& labels : dropped_) {
    DroppedTarget dropped;
    dropped.discovered_labels = labels;
    dropped.scrape_pool = config_->job_name;
    out.dropped.push_back(std::move(dropped));
  }
  out.dropped_counts[config_->job_name] = dropped_count_;
}

void ScrapePool::append_metadata(const std::string& metric,
                                 std::vector<TargetMetadata>& out) const {
  const base::MutexLock lock(mutex_);
  for (const auto& [hash, entry] : entries_) {
    const model::Labels labels = entry.settings.target.labels;
    entry.loop->metadata().for_each([&](const std::string& name, const model::Metadata& metadata) {
      if (!metric.empty() && metric != name) return;
      TargetMetadata found;
      found.metric = name;
      found.metadata = metadata;
      found.target_labels = labels;
      out.push_back(std::move(found));
    });
  }
}

void ScrapePool::metadata_size(size_t* entries, size_t* bytes) const {
  const base::MutexLock lock(mutex_);
  for (const auto& [hash, entry] : entries_) {
    *entries += entry.loop->metadata().size();
    *bytes += entry.loop->metadata().bytes();
  }
}

}  // namespace silverback::scrape
