#include "scrape/discovery/refresh_sd.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/mutex.h"

namespace silverback::scrape {
namespace {

using Groups = std::vector<model::TargetGroup>;

// Shared with its coroutine, which finds it stopped.
class RefreshLoop : public std::enable_shared_from_this<RefreshLoop> {
 public:
  RefreshLoop(std::string mechanism, int64_t interval_ms, std::shared_ptr<Refresher> refresher,
              DiscoveryContext context)
      : mechanism_(std::move(mechanism)),
        interval_(interval_ms),
        refresher_(std::move(refresher)),
        context_(std::move(context)),
        strand_(context_.io->make_strand()),
        timer_(std::make_shared<base::AsyncTimer>(strand_)) {}

  void start(Discoverer::Update update) EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      update_ = std::move(update);
    }
    context_.io->spawn(strand_, run(shared_from_this()));
  }

  void stop() EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      if (std::exchange(stopped_, true)) return;
    }
    refresher_->cancel();
    context_.io->spawn(strand_, cancel_timer(timer_));
  }

 private:
  static boost::asio::awaitable<void> cancel_timer(std::shared_ptr<base::AsyncTimer> timer) {
    timer->cancel();
    co_return;
  }

  // Refreshes stand on a grid from the start; one that takes longer leaves out what it missed.
  static boost::asio::awaitable<void> run(std::shared_ptr<RefreshLoop> self) {
    auto next = self->context_.clock->monotonic();
    while (true) {
      const auto began = self->context_.clock->monotonic();
      base::Result<Groups> groups = co_await self->refresher_->refresh();
      const auto ended = self->context_.clock->monotonic();
      if (!self->deliver(std::move(groups), std::chrono::duration<double>(ended - began).count())) {
        co_return;
      }
      while (next <= ended) next += self->interval_;
      const auto pause = std::chrono::ceil<std::chrono::milliseconds>(next - ended);
      const bool elapsed = co_await self->timer_->sleep(pause);
      if (!elapsed) co_return;
    }
  }

  // Updates are called under mutex_: stop() waits for them. False: stopped.
  bool deliver(base::Result<Groups> groups, double seconds) EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    if (stopped_) return false;
    base::metrics::Registry& registry = *context_.registry;
    const base::metrics::LabelPairs labels = {{"config", context_.config},
                                              {"mechanism", mechanism_}};
    base::metrics::Counter& failures =
        registry.counter("prometheus_sd_refresh_failures_total",
                         "Number of refresh failures for the given SD mechanism.", labels);
    registry
        .summary("prometheus_sd_refresh_duration_seconds",
                 "The duration of a refresh in seconds for the given SD mechanism.",
                 {0.5, 0.9, 0.99}, labels)
        .observe(seconds);
    registry
        .histogram("prometheus_sd_refresh_duration_histogram_seconds",
                   "The duration of a refresh for the given SD mechanism.", {0.01, 0.1, 1, 10},
                   {{"mechanism", mechanism_}})
        .observe(seconds);
    if (groups.is_ok()) {
      update_(std::move(*groups));
      return true;
    }
    failures.inc();
    context_.logger->error("Unable to refresh target groups", {{"discovery", mechanism_},
                                                               {"config", context_.config},
                                                               {"err", groups.status().message()}});
    return true;
  }

  const std::string mechanism_;
  const std::chrono::milliseconds interval_;
  const std::shared_ptr<Refresher> refresher_;
  const DiscoveryContext context_;
  const boost::asio::any_io_executor strand_;
  const std::shared_ptr<base::AsyncTimer> timer_;  // strand_ only

  base::Mutex mutex_;
  Discoverer::Update update_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

class RefreshSd final : public Discoverer {
 public:
  explicit RefreshSd(std::shared_ptr<RefreshLoop> loop) : loop_(std::move(loop)) {}
  ~RefreshSd() override { loop_->stop(); }
  RefreshSd(const RefreshSd&) = delete;
  RefreshSd& operator=(const RefreshSd&) = delete;
  void start(Update update) override { loop_->start(std::move(update)); }
  void stop() override { loop_->stop(); }

 private:
  const std::shared_ptr<RefreshLoop> loop_;
};

}  // namespace

std::unique_ptr<Discoverer> make_refresh_sd(std::string mechanism, int64_t interval_ms,
                                            std::shared_ptr<Refresher> refresher,
                                            const DiscoveryContext& context) {
  return std::make_unique<RefreshSd>(std::make_shared<RefreshLoop>(
      std::move(mechanism), interval_ms, std::move(refresher), context));
}

}  // namespace silverback::scrape
