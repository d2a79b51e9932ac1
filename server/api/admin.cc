#include "server/api/api.h"

namespace silverback::server::api {

/// Our own: writes every window that has data to its final form on disk. `compact` is accepted and
/// means nothing more: what is flushed is already in that form.
Answer admin_flush(Context& ctx, const Call& /*call*/) {
  if (!ctx.admin_enabled) return base::Status(base::Errc::kUnavailable, "admin APIs disabled");
  if (const base::Status status = ctx.db->flush(); !status.is_ok()) return status;
  return Answer::no_content();
}

}  // namespace silverback::server::api
