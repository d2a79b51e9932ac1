#include "rules/rule_manager.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/mutex.h"
#include "rules/group.h"
#include "rules/group_loop.h"

namespace silverback::rules {

struct RuleManager::Impl {
  using LoopPtr = std::shared_ptr<GroupLoop>;

  explicit Impl(Options o)
      : options(std::move(o)), metrics(*options.registry), services(make_services()) {}

  GroupServices make_services() {
    GroupServices s;
    s.engine = options.engine;
    s.queryable = options.queryable;
    s.appendable = options.appendable;
    s.notifier = options.notifier;
    s.clock = options.clock;
    s.logger = options.logger;
    s.metrics = &metrics;
    s.external_url = options.external_url;
    s.for_outage_tolerance_ms = options.for_outage_tolerance_ms;
    s.for_grace_period_ms = options.for_grace_period_ms;
    s.resend_delay_ms = options.resend_delay_ms;
    s.concurrent = options.concurrent_evals;
    return s;
  }

  std::vector<LoopPtr> snapshot() const EXCLUDES(mutex) {
    const base::MutexLock lock(mutex);
    return loops;
  }
  LoopPtr make_loop(Group::Options group) {
    GroupLoop::Services loop;
    loop.io = options.io;
    loop.pool = options.rules_pool;
    loop.slots = &slots;
    loop.clock = options.clock;
    loop.logger = options.logger;
    return std::make_shared<GroupLoop>(loop, std::make_unique<Group>(services, std::move(group)));
  }
  void retire(const LoopPtr& loop, bool was_started) REQUIRES(apply_mutex);

  const Options options;
  RuleMetrics metrics;
  const GroupServices services;
  EvaluationSlots slots{options.max_concurrent_evals};

  base::Mutex apply_mutex;  // one apply, start or stop at a time; taken before `mutex`
  bool applied GUARDED_BY(apply_mutex) = false;
  bool started GUARDED_BY(apply_mutex) = false;
  bool stopped GUARDED_BY(apply_mutex) = false;
  /// Groups that still have stale markers to write.
  std::vector<std::weak_ptr<GroupLoop>> retired GUARDED_BY(apply_mutex);

  mutable base::Mutex mutex;
  std::vector<LoopPtr> loops GUARDED_BY(mutex);  // by file, then group name
};

void RuleManager::Impl::retire(const LoopPtr& loop, bool was_started) {
  loop->stop();
  GroupMetrics::remove(*options.registry, loop->group()->key());
  if (!was_started) {
    loop->close();
    return;
  }
  loop->retire(options.clock->now_ms());
  retired.erase(
      std::remove_if(retired.begin(), retired.end(), [](const auto& old) { return old.expired(); }),
      retired.end());
  retired.push_back(loop);
}

RuleManager::RuleManager(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

RuleManager::~RuleManager() {
  stop();
  // Coroutines may hold their loop a little longer, but not what it borrowed.
  for (const auto& loop : impl_->snapshot()) loop->close();
}

void RuleManager::apply(const std::vector<RuleGroupConfig>& groups, int64_t default_interval_ms,
                        int64_t default_query_offset_ms, const model::Labels& external_labels) {
  Impl& m = *impl_;
  const base::MutexLock applying(m.apply_mutex);
  if (m.stopped) return;
  std::map<std::string, Impl::LoopPtr> former;
  for (const auto& loop : m.snapshot()) former.emplace(loop->group()->key(), loop);

  std::vector<Impl::LoopPtr> current, fresh, replaced;
  for (const RuleGroupConfig& config : groups) {
    Group::Options options;
    options.config = config;
    if (config.interval_ms == 0) options.config.interval_ms = default_interval_ms;
    options.external_labels = external_labels;
    options.default_query_offset_ms = default_query_offset_ms;

    const auto old = former.find(Group::key(config));
    if (old == former.end()) {
      options.restore = !m.applied;
      current.push_back(m.make_loop(std::move(options)));
      fresh.push_back(current.back());
      continue;
    }
    const Impl::LoopPtr loop = old->second;
    former.erase(old);
    Group& group = *loop->group();
    const bool same_labels =
        !group.has_alerting_rules() || group.external_labels() == external_labels;
    if (group.config() == options.config && same_labels) {
      group.set_default_query_offset(default_query_offset_ms);
      current.push_back(loop);
      continue;
    }
    loop->stop();
    // A group that has not come to its restore yet still wants it in its new edition.
    options.restore = group.wants_restore();
    current.push_back(m.make_loop(std::move(options)));
    current.back()->group()->copy_state(group);
    fresh.push_back(current.back());
    replaced.push_back(loop);
  }
  std::sort(current.begin(), current.end(), [](const auto& a, const auto& b) {
    const RuleGroupConfig& x = a->group()->config();
    const RuleGroupConfig& y = b->group()->config();
    return std::tie(x.file, x.name) < std::tie(y.file, y.name);
  });
  {
    const base::MutexLock lock(m.mutex);
    m.loops = std::move(current);
  }
  for (const auto& loop : replaced) loop->close();
  for (const auto& entry : former) m.retire(entry.second, m.started);
  if (m.started) {
    for (const auto& loop : fresh) loop->start();
  }
  m.applied = true;
}

void RuleManager::start() {
  const base::MutexLock applying(impl_->apply_mutex);
  if (impl_->started || impl_->stopped) return;
  impl_->started = true;
  impl_->options.logger->info("Starting rule manager...");
  for (const auto& loop : impl_->snapshot()) loop->start();
}

void RuleManager::stop() {
  const base::MutexLock applying(impl_->apply_mutex);
  if (impl_->stopped) return;
  impl_->stopped = true;
  const std::vector<Impl::LoopPtr> loops = impl_->snapshot();
  for (const auto& loop : loops) loop->request_stop();
  for (const auto& loop : loops) loop->stop();
  for (const auto& weak : impl_->retired) {
    if (const auto loop = weak.lock()) loop->close();
  }
  impl_->options.logger->info("Rule manager stopped");
}

std::vector<GroupStatus> RuleManager::groups() const {
  std::vector<GroupStatus> out;
  for (const auto& loop : impl_->snapshot()) {
    if (const auto group = loop->group()) out.push_back(group->status());
  }
  return out;
}

std::vector<AlertStatus> RuleManager::active_alerts() const {
  std::vector<AlertStatus> out;
  for (const auto& loop : impl_->snapshot()) {
    const auto group = loop->group();
    if (!group) continue;
    for (AlertStatus& alert : group->active_alerts()) out.push_back(std::move(alert));
  }
  return out;
}

}  // namespace silverback::rules
