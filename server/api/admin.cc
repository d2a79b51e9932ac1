#include "server/api/api.h"

namespace silverback::server::api {

using base::Errc;
using base::Result;
using base::Status;

namespace {

Status disabled() {
  return Status(Errc::kUnavailable, "admin APIs disabled");
}

}  // namespace

/// The request is checked as if it were served; storage cannot delete yet.
Answer admin_delete_series(Context& ctx, const Call& call) {
  if (!ctx.admin_enabled) return disabled();
  if (call.params.all("match[]").empty())
    return Status(Errc::kBadData, "no match[] parameter provided");
  const Result<model::TimestampMs> start = time_param(call.params, "start", model::kMinTime);
  if (!start) return start.status();
  const Result<model::TimestampMs> end = time_param(call.params, "end", model::kMaxTime);
  if (!end) return end.status();
  for (const std::string& text : call.params.all("match[]")) {
    const Result<model::Matchers> matchers = promql::parse_metric_selector(text);
    if (!matchers) return invalid_param("match[]", matchers.status());
  }
  return Status(Errc::kUnsupported, "deleting series is not supported yet");
}

/// Nothing can be deleted yet, so nothing waits to be cleaned.
Answer admin_clean_tombstones(Context& ctx, const Call& /*call*/) {
  if (!ctx.admin_enabled) return disabled();
  return Status(Errc::kUnsupported, "cleaning tombstones is not supported yet");
}

Answer admin_snapshot(Context& ctx, const Call& call) {
  if (!ctx.admin_enabled) return disabled();
  const std::string_view skip_head = call.params.get("skip_head");
  if (!skip_head.empty()) {
    const Result<bool> parsed = parse_bool(skip_head);
    if (!parsed)
      return invalid_param("skip_head", parsed.status().with_context("unable to parse boolean"));
  }
  return Status(Errc::kUnsupported, "snapshots are not supported yet");
}

/// Our own: writes every window that has data to its final form on disk. `compact` is accepted and
/// means nothing more: what is flushed is already in that form.
Answer admin_flush(Context& ctx, const Call& /*call*/) {
  if (!ctx.admin_enabled) return disabled();
  if (const Status status = ctx.db->flush(); !status.is_ok()) return status;
  return Answer::no_content();
}

}  // namespace silverback::server::api
