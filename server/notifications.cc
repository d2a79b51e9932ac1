#include "server/notifications.h"

#include <algorithm>
#include <map>
#include <utility>

namespace silverback::server {

struct Notifications::Impl {
  Impl(size_t limit, base::Clock& c, base::metrics::Registry& registry)
      : max_subscribers(limit),
        clock(c),
        subscribed(registry.gauge("prometheus_api_notification_active_subscribers",
                                  "The current number of active notification subscribers.")),
        sent(registry.counter("prometheus_api_notification_updates_sent_total",
                              "Total number of notification updates sent.")),
        dropped(registry.counter("prometheus_api_notification_updates_dropped_total",
                                 "Total number of notification updates dropped.")) {}

  using Listeners = std::map<uint64_t, std::shared_ptr<Listener>>;

  /// Without the lock: a listener may wake somebody.
  void tell(const Listeners& to, const Notification& notification) {
    for (const auto& entry : to) {
      sent.inc();
      if (!(*entry.second)(notification)) dropped.inc();
    }
  }
  std::vector<Notification>::iterator find(std::string_view text) REQUIRES(mutex) {
    return std::find_if(listed.begin(), listed.end(),
                        [&](const Notification& n) { return n.text == text; });
  }
  void unsubscribe(uint64_t id) {
    const base::MutexLock lock(mutex);
    listeners.erase(id);
    subscribed.set(static_cast<double>(listeners.size()));
  }

  const size_t max_subscribers;
  base::Clock& clock;
  base::metrics::Gauge& subscribed;
  base::metrics::Counter& sent;
  base::metrics::Counter& dropped;

  base::Mutex mutex;
  std::vector<Notification> listed GUARDED_BY(mutex);
  Listeners listeners GUARDED_BY(mutex);
  uint64_t next_id GUARDED_BY(mutex) = 0;
};

Notifications::Notifications(size_t max_subscribers, base::Clock& clock,
                             base::metrics::Registry& registry)
    : impl_(std::make_shared<Impl>(max_subscribers, clock, registry)) {}

void Notifications::add(std::string_view text) {
  Notification added{std::string(text), impl_->clock.now_ms(), true};
  Impl::Listeners to;
  {
    const base::MutexLock lock(impl_->mutex);
    const auto at = impl_->find(text);
    if (at == impl_->listed.end()) {
      impl_->listed.push_back(added);
    } else {
      at->date_ms = added.date_ms;
    }
    to = impl_->listeners;
  }
  impl_->tell(to, added);
}

void Notifications::remove(std::string_view text) {
  Notification last;
  Impl::Listeners to;
  {
    const base::MutexLock lock(impl_->mutex);
    const auto at = impl_->find(text);
    if (at == impl_->listed.end()) return;
    last = std::move(*at);
    impl_->listed.erase(at);
    to = impl_->listeners;
  }
  last.active = false;
  impl_->tell(to, last);
}

std::vector<Notification> Notifications::list() const {
  const base::MutexLock lock(impl_->mutex);
  return impl_->listed;
}

std::shared_ptr<void> Notifications::subscribe(Listener listener) {
  std::vector<Notification> listed;
  Impl::Listeners only;
  uint64_t id = 0;
  {
    const base::MutexLock lock(impl_->mutex);
    if (impl_->listeners.size() >= impl_->max_subscribers) return nullptr;
    id = impl_->next_id++;
    listed = impl_->listed;
    only.emplace(id, std::make_shared<Listener>(std::move(listener)));
    impl_->listeners.insert(only.begin(), only.end());
    impl_->subscribed.set(static_cast<double>(impl_->listeners.size()));
  }
  for (const Notification& notification : listed) impl_->tell(only, notification);
  // A pointer that is not null, so that it can be told from a refusal.
  return std::shared_ptr<void>(impl_.get(), [impl = impl_, id](void*) { impl->unsubscribe(id); });
}

}  // namespace silverback::server
