#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "server/api/api.h"

namespace silverback::server::api {

/// Where a handler runs.
enum class Lane : uint8_t {
  kInline,  // on the I/O thread: microseconds only
  kStatus,  // own small pool: stays quick while queries are slow
  kQuery,
  kIngest,
};

enum Method : uint8_t { kGet = 1, kPost = 2, kPut = 4, kHead = 8 };

/// Traits of a row.
enum Trait : uint8_t {
  kNeedsReady = 1,  // 503 until storage is open
  kMutates = 2,     // refused when a browser sends it across sites
  kLargeBody = 4,   // 32 MiB instead of 1 MiB
  kQuickFirst = 8,  // cheap ones are tried beside the queue (QuickQueries)
};

/// One endpoint. Exactly one of `answer` (JSON envelope) and `respond` is set.
struct Route {
  uint8_t methods;
  std::string_view path;  // a segment ":name" matches any one segment
  Lane lane;
  uint8_t traits;
  Answer (*answer)(Context& ctx, const Call& call);
  void (*respond)(Context& ctx, const HttpRequest& request, HttpReply reply);
  std::string_view doc;
};

std::span<const Route> routes();

// Everything outside of /api/v1. Threads: the row's lane.
void healthy(Context& ctx, const HttpRequest& request, HttpReply reply);
void ready(Context& ctx, const HttpRequest& request, HttpReply reply);
void own_metrics(Context& ctx, const HttpRequest& request, HttpReply reply);
void federate(Context& ctx, const HttpRequest& request, HttpReply reply);
void notifications_live(Context& ctx, const HttpRequest& request, HttpReply reply);
void remote_read(Context& ctx, const HttpRequest& request, HttpReply reply);
void reload(Context& ctx, const HttpRequest& request, HttpReply reply);
void quit(Context& ctx, const HttpRequest& request, HttpReply reply);
void only_post(Context& ctx, const HttpRequest& request, HttpReply reply);
void version(Context& ctx, const HttpRequest& request, HttpReply reply);

}  // namespace silverback::server::api
