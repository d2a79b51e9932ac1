#include "rules/group_loop.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace silverback::rules {

namespace asio = boost::asio;

namespace {

/// A group that took so long on the pool lets others have their turn before its next rule.
constexpr std::chrono::milliseconds kSlice(5);
constexpr std::chrono::milliseconds kPoolRetry(10);

}  // namespace

GroupLoop::GroupLoop(const Services& services, std::unique_ptr<Group> group)
    : services_(services),
      interval_ms_(group->interval_ms()),
      strand_(services.io->make_strand()),
      timer_(strand_),
      group_(std::move(group)) {}

GroupLoop::~GroupLoop() = default;

std::shared_ptr<Group> GroupLoop::group() const {
  const base::MutexLock lock(mutex_);
  return group_;
}

void GroupLoop::start() {
  {
    const base::MutexLock lock(mutex_);
    if (phase_ != Phase::kNew) return;
    phase_ = Phase::kRunning;
  }
  services_.io->spawn(strand_, run(shared_from_this()));
}

void GroupLoop::request_stop() {
  {
    const base::MutexLock lock(mutex_);
    if (phase_ != Phase::kNew && phase_ != Phase::kRunning) return;
    phase_ = Phase::kStopped;
  }
  stop_.request_stop();
  services_.io->spawn(strand_, cancel_timer(shared_from_this()));
}

void GroupLoop::stop() {
  request_stop();
  const base::MutexLock lock(mutex_);
  while (busy_) idle_.wait(mutex_);
}

void GroupLoop::retire(model::TimestampMs ts) {
  {
    const base::MutexLock lock(mutex_);
    if (phase_ != Phase::kStopped) return;
    phase_ = Phase::kRetiring;
  }
  services_.io->post_after(
      std::chrono::milliseconds(2 * interval_ms_), [self = shared_from_this(), ts] {
        const bool taken = self->services_.pool->post([self, ts] { self->write_stale(ts); });
        if (!taken) {
          self->services_.logger->warn(
              "Series of a removed rule group get no stale markers: the "
              "rules pool is full or stopped");
        }
      });
}

void GroupLoop::close() {
  request_stop();
  std::shared_ptr<Group> last;  // a reader of its status may hold it a moment longer
  const base::MutexLock lock(mutex_);
  phase_ = Phase::kClosed;
  while (busy_) idle_.wait(mutex_);
  last.swap(group_);
}

bool GroupLoop::enter(Phase wanted) {
  const base::MutexLock lock(mutex_);
  if (phase_ != wanted) return false;
  busy_ = true;
  return true;
}

void GroupLoop::leave() {
  const base::MutexLock lock(mutex_);
  busy_ = false;
  idle_.notify_all();
}

bool GroupLoop::running() const {
  const base::MutexLock lock(mutex_);
  return phase_ == Phase::kRunning;
}

asio::awaitable<void> GroupLoop::on_pool(std::function<void()> work) {
  const auto call = [&work] {
    work();
    return true;
  };
  for (bool warned = false; running();) {
    const std::optional<bool> ran = co_await base::run_on(*services_.pool, call);
    if (ran) co_return;
    if (!std::exchange(warned, true)) {
      services_.logger->warn("Rule group evaluation waits: the rules pool is full");
    }
    co_await timer_.sleep(kPoolRetry);
  }
}

asio::awaitable<bool> GroupLoop::iterate(model::TimestampMs ts, int64_t missed) {
  if (!enter(Phase::kRunning)) co_return false;
  std::shared_ptr<Group> group = this->group();
  group->count_missed(missed);
  const std::unique_ptr<Group::Iteration> iteration = group->begin(ts, stop_.get_token());
  co_await evaluate_batches(group.get(), iteration.get());
  // The second evaluation has seen scrapes and the recording rules that alerts may depend on.
  const bool restore = ++evaluations_ >= 2 && group->wants_restore();
  std::function<void()> finish = [this, restore, g = group.get(), i = iteration.get()] {
    g->end(*i);
    if (restore && !stop_.stop_requested()) g->restore(services_.clock->now_ms());
  };
  co_await on_pool(finish);
  group.reset();  // before leave(): what the group borrowed may go then
  leave();
  co_return true;
}

asio::awaitable<void> GroupLoop::evaluate_batches(Group* group, Group::Iteration* iteration) {
  const RuleBatches& batches = group->batches();
  for (size_t at = 0; at < batches.size() && running();) {
    if (batches[at].size() > 1) {
      co_await evaluate_together(group, iteration, at);
      ++at;
      continue;
    }
    std::function<void()> slice = [this, group, iteration, &batches, &at] {
      const auto end = services_.clock->monotonic() + kSlice;
      do {
        group->evaluate_rule(*iteration, batches[at].front());
        ++at;
      } while (at < batches.size() && batches[at].size() == 1 && !stop_.stop_requested() &&
               services_.clock->monotonic() < end);
    };
    co_await on_pool(slice);
  }
}

asio::awaitable<void> GroupLoop::evaluate_together(Group* group, Group::Iteration* iteration,
                                                   size_t batch) {
  for (const size_t index : group->batches()[batch]) {
    if (!running()) break;
    if (services_.slots->try_take()) {
      ++rules_under_way_;
      const bool taken = services_.pool->post([self = shared_from_this(), group, iteration, index] {
        group->evaluate_rule(*iteration, index);
        self->services_.slots->give_back();
        self->services_.io->spawn(self->strand_, rule_done(self));
      });
      if (taken) continue;
      --rules_under_way_;
      services_.slots->give_back();
    }
    std::function<void()> alone = [group, iteration, index] {
      group->evaluate_rule(*iteration, index);
    };
    co_await on_pool(alone);
  }
  while (rules_under_way_ > 0) co_await timer_.sleep(std::chrono::hours(1));
}

asio::awaitable<void> GroupLoop::rule_done(std::shared_ptr<GroupLoop> self) {
  --self->rules_under_way_;
  self->timer_.cancel();
  co_return;
}

void GroupLoop::write_stale(model::TimestampMs ts) {
  if (!enter(Phase::kRetiring)) return;
  group()->write_all_stale(ts);
  leave();
}

asio::awaitable<void> GroupLoop::cancel_timer(std::shared_ptr<GroupLoop> self) {
  self->timer_.cancel();
  co_return;
}

asio::awaitable<void> GroupLoop::run(std::shared_ptr<GroupLoop> self) {
  const Services& services = self->services_;
  const int64_t interval_ms = self->interval_ms_;
  if (!self->enter(Phase::kRunning)) co_return;
  model::TimestampMs next = self->group()->grid_point(services.clock->now_ms()) + interval_ms;
  self->leave();
  int64_t missed = 0;
  while (self->running()) {
    int64_t wait_ms = next - services.clock->now_ms();
    if (wait_ms > 0) {
      // In pieces, so that a clock set back does not put the group to sleep for as long.
      wait_ms = std::min(wait_ms, interval_ms);
      const bool reached = co_await self->timer_.sleep(std::chrono::milliseconds(wait_ms));
      if (!reached || !self->running()) co_return;
      const int64_t early_ms = next - services.clock->now_ms();
      if (early_ms > interval_ms) next -= early_ms / interval_ms * interval_ms;
      if (early_ms > 0) continue;
    }
    const model::TimestampMs ts = next;
    const bool ran = co_await self->iterate(ts, std::exchange(missed, 0));
    if (!ran) co_return;
    // Grid points that passed meanwhile are not made up, but the last one is due at once.
    const int64_t since = services.clock->now_ms() - ts;
    if (since >= 2 * interval_ms) missed = since / interval_ms - 1;
    next = ts + std::max<int64_t>(since / interval_ms, 1) * interval_ms;
  }
}

}  // namespace silverback::rules
