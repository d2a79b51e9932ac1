#include "server/notifications.h"

#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

Answer notifications(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_array();
  for (const Notification& notification : ctx.notifications->list()) {
    w.begin_object();
    w.key("text");
    w.string(notification.text);
    w.key("date");
    w.string(go_time(notification.date_ms));
    w.key("active");
    w.boolean(notification.active);
    w.end_object();
  }
  w.end_array();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
