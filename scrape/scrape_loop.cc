#include "scrape/scrape_loop.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

namespace silverback::scrape {

namespace asio = boost::asio;

namespace {

// Scrape times within this of the grid are put on it: equal steps compress to nothing.
constexpr int64_t kSnapMs = 2;
// So that a wall clock that jumps is noticed.
constexpr int64_t kLongestSleepMs = 10'000;

// What a change of makes known lines worthless.
bool same_line_rules(const ScrapeConfig& a, const ScrapeConfig& b) {
  return a.metric_relabel_configs == b.metric_relabel_configs && a.honor_labels == b.honor_labels &&
         a.label_limit == b.label_limit && a.label_name_length_limit == b.label_name_length_limit &&
         a.label_value_length_limit == b.label_value_length_limit &&
         a.legacy_names == b.legacy_names;
}

}  // namespace

void LoopRegistry::add(const std::shared_ptr<ScrapeLoop>& loop) {
  const base::MutexLock lock(mutex_);
  loops_.insert(loop);
}

void LoopRegistry::remove(const std::shared_ptr<ScrapeLoop>& loop) {
  const base::MutexLock lock(mutex_);
  loops_.erase(loop);
  changed_.notify_all();
}

void LoopRegistry::abort_all_and_wait() {
  std::set<std::shared_ptr<ScrapeLoop>> loops;
  {
    const base::MutexLock lock(mutex_);
    loops = loops_;
  }
  for (const std::shared_ptr<ScrapeLoop>& loop : loops) loop->abort();
  loops.clear();
  const base::MutexLock lock(mutex_);
  while (!loops_.empty()) changed_.wait(mutex_);
}

ScrapeLoop::ScrapeLoop(ScrapeContext context, LoopSettings settings, uint64_t offset_seed)
    : context_(context),
      offset_seed_(offset_seed),
      strand_(context.io->make_strand()),
      ingest_(*context.storage, *context.metrics, *context.clock, settings.target.labels,
              context.ingest),
      timer_(strand_) {
  status_.labels = settings.target.labels;
  status_.scrape_url = settings.target.url.to_string();
  status_.interval_ms = settings.target.interval_ms;
  status_.timeout_ms = settings.target.timeout_ms;
  settings_ = std::make_shared<const LoopSettings>(std::move(settings));
}

void ScrapeLoop::start(LoopRegistry& registry) {
  registry.add(shared_from_this());
  context_.io->spawn(strand_, run(shared_from_this(), &registry));
}

void ScrapeLoop::stop() {
  asio::post(strand_, [self = shared_from_this()] {
    self->ending_ = true;
    self->timer_.cancel();
  });
}

void ScrapeLoop::abort() {
  asio::post(strand_, [self = shared_from_this()] {
    self->ending_ = true;
    self->stale_at_end_ = false;
    self->timer_.cancel();
  });
  fetch_stop_.request_stop();
}

void ScrapeLoop::reconfigure(LoopSettings settings) {
  auto fresh = std::make_shared<const LoopSettings>(std::move(settings));
  {
    const base::MutexLock lock(mutex_);
    status_.interval_ms = fresh->target.interval_ms;
    status_.timeout_ms = fresh->target.timeout_ms;
  }
  asio::post(strand_, [self = shared_from_this(), fresh] {
    if (!same_line_rules(*self->settings_->config, *fresh->config)) self->reset_cache_ = true;
    self->settings_ = fresh;
    self->timer_.cancel();  // the grid may have changed
  });
}

TargetStatus ScrapeLoop::status() const {
  const base::MutexLock lock(mutex_);
  return status_;
}

int64_t ScrapeLoop::next_grid(int64_t now) const {
  const int64_t interval = settings_->target.interval_ms;
  const int64_t offset = settings_->target.offset_ms(offset_seed_);
  const int64_t since = (now - offset) % interval;
  return now - (since < 0 ? since + interval : since) + interval;
}

model::TimestampMs ScrapeLoop::snap(int64_t now) const {
  const int64_t interval = settings_->target.interval_ms;
  const int64_t grid = next_grid(now) - interval;
  return now - grid <= std::min(interval / 100, kSnapMs) ? grid : now;
}

// False when the loop ends or was reconfigured before that time.
asio::awaitable<bool> ScrapeLoop::sleep_until(int64_t wall_ms) {
  for (;;) {
    const int64_t left = wall_ms - context_.clock->now_ms();
    if (left <= 0) co_return true;
    const bool slept =
        co_await timer_.sleep(std::chrono::milliseconds(std::min(left, kLongestSleepMs)));
    if (!slept) co_return false;
    // The wall clock went back: the time asked for is now too far away.
    if (wall_ms - context_.clock->now_ms() > left) co_return false;
  }
}

asio::awaitable<void> ScrapeLoop::run(std::shared_ptr<ScrapeLoop> self, LoopRegistry* registry) {
  co_await scrape_all();
  if (stale_at_end_ && last_started_ms_ != 0) co_await end_of_run();
  // Whoever waits for the end may take the storage away before this coroutine is destroyed.
  ingest_.close();
  registry->remove(self);
}

asio::awaitable<void> ScrapeLoop::scrape_all() {
  int64_t next = next_grid(context_.clock->now_ms());
  while (!ending_) {
    const bool due = co_await sleep_until(next);
    if (ending_) co_return;
    const int64_t now = context_.clock->now_ms();
    if (!due) {
      next = next_grid(now);
      continue;
    }
    // Late, a missed time is made up for at once, and the grid stays where it is.
    next = next_grid(now);
    co_await scrape(snap(now));
  }
}

asio::awaitable<void> ScrapeLoop::scrape(model::TimestampMs t) {
  const std::shared_ptr<const LoopSettings> settings = settings_;
  const int64_t started_ms = context_.clock->now_ms();
  const auto started = context_.clock->monotonic();
  if (last_started_ms_ != 0) {
    context_.metrics->interval_length(settings->target.interval_ms)
        .observe(static_cast<double>(started_ms - last_started_ms_) / 1000.0);
  }
  ScrapeIngest::Page page = co_await fetch(settings);
  // A server that stops tells nothing of the scrapes it broke off.
  if (ending_ && !stale_at_end_) co_return;
  page.t = t;
  page.started = started;
  const bool reset = std::exchange(reset_cache_, false);
  last_started_ms_ = started_ms;
  auto work = [this, reset, settings, moved = std::move(page)]() mutable {
    if (reset) ingest_.reset_cache();
    ScrapeIngest::Outcome done = ingest_.ingest(std::move(moved));
    const ScrapeConfig& config = *settings->config;
    // Of a target that is held back by target_limit nothing was scraped.
    if (!done.error.is_ok() && settings->forced_error.is_ok() && !config.failure_log_file.empty()) {
      context_.failure_logs->write(config.failure_log_file, config.job_name,
                                   settings->target.url.to_string(), done.error.message());
    }
    return done;
  };
  const std::optional<ScrapeIngest::Outcome> outcome =
      co_await base::run_on(*context_.ingest_pool, work);
  report(outcome, started_ms);
}

asio::awaitable<ScrapeIngest::Page> ScrapeLoop::fetch(
    std::shared_ptr<const LoopSettings> settings) {
  ScrapeIngest::Page page;
  page.config = settings->config;
  page.timeout_ms = settings->target.timeout_ms;
  page.histograms = settings->target.histograms;
  page.fetched = settings->forced_error;
  if (!page.fetched.is_ok()) co_return page;
  base::HttpClient::Limits limits;
  limits.timeout = std::chrono::milliseconds(settings->target.timeout_ms);
  limits.body_bytes = settings->config->body_size_limit;
  limits.inflate = false;
  limits.stop = fetch_stop_.get_token();
  base::HttpClient::Request request = make_scrape_request(*settings->config, settings->target);
  base::Result<base::HttpClient::Response> response =
      co_await settings->client->fetch(std::move(request), limits);
  if (!response.is_ok()) {
    page.fetched = response.status();
  } else if (response->status != 200) {
    page.fetched = base::Status(
        base::Errc::kIo,
        "server returned HTTP status " + std::to_string(response->status) + " " + response->reason);
  } else {
    page.body = std::move(response->body);
    page.content_type = response->headers.get("Content-Type");
    page.gzipped = base::iequals(response->headers.get("Content-Encoding"), "gzip");
  }
  co_return page;
}

void ScrapeLoop::report(const std::optional<ScrapeIngest::Outcome>& outcome, int64_t started_ms) {
  const std::string url = status().scrape_url;
  if (!outcome) context_.metrics->skipped_busy.inc();
  if (outcome && !outcome->stored.is_ok()) {
    context_.logger->error("Scrape commit failed",
                           {{"target", url}, {"err", outcome->stored.message()}});
  }
  if (outcome && !outcome->warning.empty()) {
    context_.logger->warn("Scrape incomplete", {{"target", url}, {"err", outcome->warning}});
  }
  if (outcome && !outcome->error.is_ok()) {
    context_.logger->debug("Scrape failed", {{"target", url}, {"err", outcome->error.message()}});
  }
  const base::MutexLock lock(mutex_);
  status_.last_scrape_ms = started_ms;
  if (!outcome) {
    status_.health = TargetHealth::kDown;
    status_.last_error = "the ingest queue is full";
    return;
  }
  status_.last_scrape_duration_s = outcome->duration_s;
  const bool up = outcome->error.is_ok() && outcome->stored.is_ok();
  status_.health = up ? TargetHealth::kUp : TargetHealth::kDown;
  status_.last_error = !outcome->error.is_ok()    ? outcome->error.message()
                       : !outcome->stored.is_ok() ? outcome->stored.message()
                                                  : outcome->warning;
}

// A target that is recreated must win over the markers: they carry the time of the scrape that
// did not happen, and are written after its successor's first scrape.
asio::awaitable<void> ScrapeLoop::end_of_run() {
  const std::shared_ptr<const LoopSettings> settings = settings_;
  const int64_t stale_at = next_grid(context_.clock->now_ms());
  const int64_t interval = settings->target.interval_ms;
  const int64_t until = stale_at + interval + interval / 10;
  for (bool reached = false; stale_at_end_ && !reached;) reached = co_await sleep_until(until);
  if (!stale_at_end_) co_return;
  auto work = [this, settings, stale_at] {
    ingest_.write_end_of_run(*settings->config, stale_at);
    return true;
  };
  const std::optional<bool> done = co_await base::run_on(*context_.ingest_pool, work);
  if (!done) context_.metrics->skipped_busy.inc();
}

}  // namespace silverback::scrape
