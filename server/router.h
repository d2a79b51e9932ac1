#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/worker_pool.h"
#include "model/regex.h"
#include "server/api/routes.h"
#include "server/http_message.h"

namespace silverback::server {

/// Finds the row of a request, sends it to its lane, and finishes the answer: CORS, security
/// headers, compression, metrics. Threads: any.
class Router final : public HttpHandler {
 public:
  struct Options {
    base::WorkerPool* status_pool = nullptr;  // borrowed, as all
    base::WorkerPool* query_pool = nullptr;
    base::WorkerPool* ingest_pool = nullptr;
    std::optional<model::Regex> cors_origin;  // whole origins that may read answers
  };
  Router(Options options, api::Context& ctx);
  ~Router() override;

  HeadVerdict on_head(const HttpRequest& head) override;
  void handle(HttpRequest request, HttpReply reply) override;

 private:
  struct Metrics;
  struct Match;
  Match match(const HttpRequest& request) const;
  std::optional<HttpResponse> refusal(const HttpRequest& request, const Match& match) const;
  bool cross_site(const HttpRequest& request) const;
  std::optional<base::Status> too_late(const HttpRequest& request, api::Lane lane,
                                       std::chrono::nanoseconds queued) const;
  HttpReply finishing(const HttpRequest& request, const Match& match, HttpReply reply);
  void add_cors(std::string_view origin, HttpResponse& response) const;
  base::WorkerPool* pool(api::Lane lane) const;

  const Options options_;
  api::Context& ctx_;
  std::unique_ptr<Metrics> metrics_;
};

/// gzip or deflate, whichever Accept-Encoding names first; "" = as it is.
std::string_view pick_encoding(std::string_view accept_encoding);

}  // namespace silverback::server
