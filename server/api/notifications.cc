#include "server/notifications.h"

#include <deque>

#include "base/mutex.h"
#include "server/api/render.h"
#include "server/api/routes.h"

namespace silverback::server::api {

namespace {

constexpr size_t kMaxWaiting = 10;

void write_notification(base::JsonWriter& w, const Notification& notification) {
  w.begin_object();
  w.key("text");
  w.string(notification.text);
  w.key("date");
  w.string(go_time(notification.date_ms));
  w.key("active");
  w.boolean(notification.active);
  w.end_object();
}

/// What one subscriber has not been sent yet. Threads: any thread.
class Mailbox {
 public:
  /// False when it is full.
  bool put(const Notification& notification) {
    base::UniqueFunction<void()> wake;
    {
      const base::MutexLock lock(mutex_);
      if (waiting_.size() >= kMaxWaiting) return false;
      waiting_.push_back(notification);
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake();
    return true;
  }
  std::deque<Notification> take() {
    const base::MutexLock lock(mutex_);
    return std::exchange(waiting_, {});
  }
  void on_mail(base::UniqueFunction<void()> wake) {
    {
      const base::MutexLock lock(mutex_);
      if (waiting_.empty()) {
        wake_ = std::move(wake);
        return;
      }
    }
    wake();
  }

 private:
  base::Mutex mutex_;
  std::deque<Notification> waiting_ GUARDED_BY(mutex_);
  base::UniqueFunction<void()> wake_ GUARDED_BY(mutex_);
};

/// Server-sent events, until the client goes.
class LiveNotifications final : public BodySource {
 public:
  LiveNotifications(std::shared_ptr<Mailbox> mailbox, std::shared_ptr<void> subscription)
      : mailbox_(std::move(mailbox)), subscription_(std::move(subscription)) {}

  Step next(std::string& chunk) override {
    for (const Notification& notification : mailbox_->take()) {
      chunk += "data: ";
      base::JsonWriter w(chunk);
      write_notification(w, notification);
      chunk += "\n\n";
    }
    return Step::kWait;
  }
  void on_ready(base::UniqueFunction<void()> wake) override { mailbox_->on_mail(std::move(wake)); }

 private:
  const std::shared_ptr<Mailbox> mailbox_;
  const std::shared_ptr<void> subscription_;
};

}  // namespace

Answer notifications(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_array();
  for (const Notification& notification : ctx.notifications->list()) {
    write_notification(w, notification);
  }
  w.end_array();
  return Answer(std::move(json));
}

void notifications_live(Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  HttpResponse response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-cache");
  auto mailbox = std::make_shared<Mailbox>();
  std::shared_ptr<void> subscription = ctx.notifications->subscribe(
      [mailbox](const Notification& notification) { return mailbox->put(notification); });
  if (subscription == nullptr) {
    response.status = 204;
  } else {
    response.source =
        std::make_unique<LiveNotifications>(std::move(mailbox), std::move(subscription));
  }
  reply(std::move(response));
}

}  // namespace silverback::server::api
