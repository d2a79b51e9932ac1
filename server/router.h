#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/io_runtime.h"
#include "base/metrics.h"
#include "base/worker_pool.h"
#include "model/regex.h"
#include "server/api/quick_queries.h"
#include "server/api/routes.h"
#include "server/http_message.h"
#include "server/request_lane.h"
#include "server/web_security.h"

namespace silverback::server {

/// Finds the row of a request, sends it to its lane, and finishes the answer: CORS, security
/// headers, compression, metrics. Threads: any.
class Router final : public HttpHandler {
 public:
  struct Options {
    base::WorkerPool* status_pool = nullptr;  // borrowed, as all
    base::WorkerPool* query_pool = nullptr;
    base::WorkerPool* ingest_pool = nullptr;
    base::WorkerPool* quick_pool = nullptr;   // reserved for cheap queries; none: they queue up
    base::WorkerPool* render_pool = nullptr;  // makes the pieces of large answers
    base::IoRuntime* io = nullptr;            // for the lanes' timers
    WebSecurity* security = nullptr;          // none: everybody may ask
    size_t lane_capacity = 256;               // requests that wait, a lane
    std::chrono::milliseconds longest_wait{10'000};
    std::optional<model::Regex> cors_origin;  // whole origins that may read answers
  };
  Router(Options options, api::Context& ctx);
  ~Router() override;

  void admit(const HttpRequest& head, Admitted done) override;
  HeadVerdict on_head(const HttpRequest& head) override;
  void handle(HttpRequest request, HttpReply reply) override;

 private:
  struct Metrics;
  struct Match;
  struct Job;
  Match match(const HttpRequest& request) const;
  std::optional<HttpResponse> refusal(const HttpRequest& request, const Match& match) const;
  bool cross_site(const HttpRequest& request) const;
  HttpReply finishing(const HttpRequest& request, const Match& match, HttpReply reply);
  void add_cors(std::string_view origin, HttpResponse& response) const;
  std::optional<HttpResponse> redirect(const HttpRequest& request) const;
  RequestLane* lane(api::Lane lane) const;
  std::unique_ptr<RequestLane> make_lane(const char* name, base::WorkerPool* pool,
                                         bool patience_ends) const;
  void enqueue(RequestLane* line, std::unique_ptr<Job> job, bool quick_try);
  void run(std::unique_ptr<Job> job, bool quick_try);
  static HttpResponse not_served(RequestLane::Outcome outcome);

  const Options options_;
  api::Context& ctx_;
  std::shared_ptr<Metrics> metrics_;  // answers under way hold it too
  std::unique_ptr<RequestLane> status_lane_;
  std::unique_ptr<RequestLane> query_lane_;
  std::unique_ptr<RequestLane> ingest_lane_;
  std::unique_ptr<RequestLane> quick_lane_;
  api::QuickQueries quick_queries_;
};

}  // namespace silverback::server
