#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "promql/engine.h"
#include "rules/notifier.h"
#include "rules/rule_manager.h"
#include "scrape/scrape_manager.h"
#include "server/api/json_pieces.h"
#include "server/api/params.h"
#include "server/config.h"
#include "server/http_message.h"
#include "server/notifications.h"
#include "storage/querier.h"
#include "storage/query_budget.h"
#include "storage/remote/read_server.h"
#include "storage/remote/write_receiver.h"
#include "tsdb/db.h"

namespace silverback::server::api {

enum class Phase : uint8_t { kStarting, kReady, kStopping };

/// What the handlers talk to. App fills it and then sets the phase to kReady; handlers of rows that
/// need readiness run only then, so the pointers need no lock.
struct Context {
  std::atomic<Phase> phase{Phase::kStarting};

  base::Clock* clock = nullptr;  // all borrowed
  base::Logger* logger = nullptr;
  base::metrics::Registry* registry = nullptr;
  storage::Queryable* queryable = nullptr;
  promql::Engine* engine = nullptr;
  tsdb::Db* db = nullptr;
  scrape::ScrapeManager* scrape = nullptr;
  rules::RuleManager* rules = nullptr;
  rules::Notifier* notifier = nullptr;
  storage::remote::WriteReceiver* receiver = nullptr;  // nullptr: not enabled
  std::vector<storage::remote::WriteMessage> accepted_messages = {
      storage::remote::WriteMessage::kV1, storage::remote::WriteMessage::kV2};

  storage::remote::ReadServer* reader = nullptr;
  Notifications* notifications = nullptr;  // these two from the start, before kReady
  tsdb::ReplayProgress* replay = nullptr;

  bool admin_enabled = false;
  bool lifecycle_enabled = false;
  int64_t start_ms = 0;
  std::string route_prefix;   // "" or "/x", no slash at the end
  std::string external_url;   // no slash at the end
  std::string external_host;  // host:port of the external URL
  std::string listen_port;    // of the first listen address
  /// What browsers put before our paths; nullopt: route_prefix.
  std::optional<std::string> browser_path;
  std::string page_title;
  std::map<std::string, std::string> flags;
  /// The configuration in force; any thread.
  std::function<std::shared_ptr<const Config>()> config;
  std::function<std::string()> retention_text;
  struct ReloadState {
    bool successful = true;
    int64_t time_ms = 0;
  };
  std::function<ReloadState()> reload_state;
  /// Reads the configuration anew; `done` gets the outcome. Any thread, does not block.
  std::function<void(base::UniqueFunction<void(base::Status)> done)> request_reload;
  std::function<void()> request_quit;
};

/// A request on its way to one handler.
struct Call {
  const HttpRequest& http;
  Params params;
  std::string path_param;  // of the row's ":name"
  bool quick_try = false;  // kQuickFirst: kTimeout and kLimit are no answer, it comes again
};

/// The start of a successful answer; a handler writes the JSON of `data` behind it. So that large
/// answers are not copied into their envelope.
inline constexpr const char* kDataPrefix = R"({"status":"success","data":)";

/// What an API handler gives: JSON for `data`, nothing (HTTP 204), or an error.
struct Answer {
  Answer(base::Status error)
      : status(std::move(error)) {}  // NOLINT: `return Status(...)` reads well
  /// `json` starts with kDataPrefix.
  explicit Answer(std::string json) : data(std::move(json)) {}
  /// Large ones are streamed.
  explicit Answer(std::unique_ptr<JsonPieces> json) : pieces(std::move(json)) {}
  static Answer no_content() { return Answer(); }

  base::Status status;
  std::optional<std::string> data;
  std::unique_ptr<JsonPieces> pieces;  // instead of `data`, and without kDataPrefix
  std::vector<std::string> warnings;
  std::vector<std::string> infos;

 private:
  Answer() = default;
};

/// The envelope around an Answer, with its HTTP status; streamed when it is large.
HttpResponse to_response(Answer answer);

// Handlers, one a row of routes.cc. Threads: any; several at a time.
Answer query(Context& ctx, const Call& call);
Answer query_range(Context& ctx, const Call& call);
Answer format_query(Context& ctx, const Call& call);
Answer query_exemplars(Context& ctx, const Call& call);
Answer parse_query(Context& ctx, const Call& call);
Answer series(Context& ctx, const Call& call);
Answer label_names(Context& ctx, const Call& call);
Answer label_values(Context& ctx, const Call& call);
Answer targets(Context& ctx, const Call& call);
Answer target_metadata(Context& ctx, const Call& call);
Answer target_relabel_steps(Context& ctx, const Call& call);
Answer scrape_pools(Context& ctx, const Call& call);
Answer scrape_pool_config(Context& ctx, const Call& call);
Answer metadata(Context& ctx, const Call& call);
Answer alertmanagers(Context& ctx, const Call& call);
Answer rules(Context& ctx, const Call& call);
Answer alerts(Context& ctx, const Call& call);
Answer status_config(Context& ctx, const Call& call);
Answer status_flags(Context& ctx, const Call& call);
Answer status_runtimeinfo(Context& ctx, const Call& call);
Answer status_buildinfo(Context& ctx, const Call& call);
Answer status_tsdb(Context& ctx, const Call& call);
Answer status_tsdb_blocks(Context& ctx, const Call& call);
Answer status_walreplay(Context& ctx, const Call& call);
Answer status_self_metrics(Context& ctx, const Call& call);
Answer features(Context& ctx, const Call& call);
Answer notifications(Context& ctx, const Call& call);
Answer admin_delete_series(Context& ctx, const Call& call);
Answer admin_clean_tombstones(Context& ctx, const Call& call);
Answer admin_snapshot(Context& ctx, const Call& call);
Answer admin_flush(Context& ctx, const Call& call);
void remote_write(Context& ctx, const HttpRequest& request, HttpReply reply);

}  // namespace silverback::server::api
