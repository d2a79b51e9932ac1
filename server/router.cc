#include "server/router.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/compress.h"
#include "base/url.h"

namespace silverback::server {

using api::Lane;
using api::Phase;
using api::Route;

namespace {

constexpr size_t kFormBytes = 1 << 20;
constexpr size_t kWriteBytes = 32 << 20;
constexpr size_t kCompressBytes = 1024;  // smaller answers gain nothing
constexpr int kCompressLevel = 3;
constexpr std::chrono::seconds kLongestWait(10);
constexpr std::string_view kApiPrefix = "/api/v1/";

uint8_t method_bit(std::string_view method) {
  if (method == "GET") return api::kGet;
  if (method == "POST") return api::kPost;
  if (method == "PUT") return api::kPut;
  if (method == "HEAD") return api::kHead;
  return 0;
}

/// As an Allow header lists them.
std::string method_names(uint8_t methods) {
  constexpr std::pair<uint8_t, std::string_view> kNames[] = {{api::kGet, "GET"},
                                                             {api::kHead, "HEAD"},
                                                             {0, "OPTIONS"},
                                                             {api::kPost, "POST"},
                                                             {api::kPut, "PUT"}};
  std::string out;
  for (const auto& [bit, name] : kNames) {
    if (bit != 0 && (methods & bit) == 0) continue;
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

/// Whether `path` fits the row; fills what ":name" stands for.
bool fits(std::string_view pattern, std::string_view path, std::string& param) {
  const size_t colon = pattern.find(':');
  if (colon == std::string_view::npos) return pattern == path;
  const std::string_view before = pattern.substr(0, colon);
  const std::string_view after = pattern.substr(std::min(pattern.find('/', colon), pattern.size()));
  if (path.size() <= before.size() + after.size() || path.substr(0, before.size()) != before)
    return false;
  if (path.substr(path.size() - after.size()) != after) return false;
  const std::string_view middle =
      path.substr(before.size(), path.size() - before.size() - after.size());
  if (middle.find('/') != std::string_view::npos) return false;
  param = std::string(middle);
  return true;
}

std::string_view host_of_origin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
}

void compress(HttpResponse& response, std::string_view encoding) {
  if (encoding.empty() || response.body.size() < kCompressBytes ||
      response.headers.has("Content-Encoding"))
    return;
  response.body = encoding == "gzip" ? base::gzip(response.body, kCompressLevel)
                                     : base::zlib_deflate(response.body, kCompressLevel);
  response.headers.set("Content-Encoding", std::string(encoding));
}

}  // namespace

std::string_view pick_encoding(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    item = item.substr(0, item.find(';'));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (base::iequals(item, "gzip")) return "gzip";
    if (base::iequals(item, "deflate")) return "deflate";
  }
  return {};
}

/// Threads: any; children are looked up in the registry.
struct Router::Metrics {
  explicit Metrics(base::metrics::Registry& r)
      : registry(r),
        refused(r.counter("silverback_http_requests_refused_total",
                          "Requests refused because too many were waiting.")) {}
  void observe(std::string_view handler, int status, double seconds, size_t bytes) {
    const std::string name(handler);
    registry
        .counter("prometheus_http_requests_total", "Counter of HTTP requests.",
                 {{"handler", name}, {"code", std::to_string(status)}})
        .inc();
    registry
        .histogram("prometheus_http_request_duration_seconds",
                   "Histogram of latencies for HTTP requests.",
                   {0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120}, {{"handler", name}})
        .observe(seconds);
    registry
        .histogram("prometheus_http_response_size_bytes",
                   "Histogram of response size for HTTP requests.",
                   {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, {{"handler", name}})
        .observe(static_cast<double>(bytes));
  }
  base::metrics::Registry& registry;
  base::metrics::Counter& refused;
};

/// The row of a request, or why there is none.
struct Router::Match {
  const Route* route = nullptr;  // of the path and the method
  bool path_known = false;
  uint8_t methods = 0;  // of all rows of the path
  bool is_api = false;
  std::string param;
  std::string path;  // without the route prefix
};

Router::Router(Options options, api::Context& ctx)
    : options_(std::move(options)), ctx_(ctx), metrics_(std::make_unique<Metrics>(*ctx.registry)) {}

Router::~Router() = default;

Router::Match Router::match(const HttpRequest& request) const {
  Match match;
  std::string_view path = request.path;
  if (!ctx_.route_prefix.empty()) {
    const std::string_view prefix = ctx_.route_prefix;
    const bool below = path.substr(0, prefix.size()) == prefix &&
                       (path.size() == prefix.size() || path[prefix.size()] == '/');
    if (below) {
      path.remove_prefix(prefix.size());
      if (path.empty()) path = "/";
    } else if (path != "/") {
      return match;
    }
  }
  match.path = std::string(path);
  match.is_api = path.substr(0, kApiPrefix.size()) == kApiPrefix;
  const uint8_t method = method_bit(request.method);
  for (const Route& route : api::routes()) {
    std::string param;
    if (!fits(route.path, path, param)) continue;
    match.path_known = true;
    match.methods |= route.methods;
    if (match.route != nullptr || (route.methods & method) == 0) continue;
    match.route = &route;
    match.param = std::move(param);
  }
  return match;
}

bool Router::cross_site(const HttpRequest& request) const {
  const std::string_view origin = request.headers.get("Origin");
  if (!origin.empty() && options_.cors_origin && options_.cors_origin->matches(origin))
    return false;
  const std::string_view site = request.headers.get("Sec-Fetch-Site");
  if (!site.empty()) return site != "same-origin" && site != "none";
  if (origin.empty()) return false;  // not a browser, or not across sites
  const std::string_view host = host_of_origin(origin);
  return host != request.headers.get("Host") && host != ctx_.external_host;
}

std::optional<HttpResponse> Router::refusal(const HttpRequest& request, const Match& match) const {
  if (match.route == nullptr) {
    if (match.is_api && request.method == "OPTIONS") {
      HttpResponse response;
      response.status = 204;
      return response;
    }
    if (!match.path_known) return text_response(404, "404 page not found");
    HttpResponse response;
    if (request.method != "OPTIONS") response = text_response(405, "Method Not Allowed");
    response.headers.set("Allow", method_names(match.methods));
    return response;
  }
  const Phase phase = ctx_.phase.load();
  if ((match.route->traits & api::kNeedsReady) != 0 && phase != Phase::kReady) {
    HttpResponse response = text_response(503, "Service Unavailable");
    response.body.pop_back();  // no line end here, as in Prometheus
    response.headers.set("X-Prometheus-Stopping", phase == Phase::kStopping ? "true" : "false");
    return response;
  }
  if ((match.route->traits & api::kMutates) != 0 && cross_site(request)) {
    return text_response(403, "cross-site request refused; see --web.cors.origin");
  }
  return std::nullopt;
}

HeadVerdict Router::on_head(const HttpRequest& head) {
  const Match found = match(head);
  HeadVerdict verdict;
  verdict.body_limit = found.route != nullptr && (found.route->traits & api::kLargeBody) != 0
                           ? kWriteBytes
                           : kFormBytes;
  // A body that nobody will look at is not read.
  if (std::optional<HttpResponse> refused = refusal(head, found)) {
    std::optional<HttpResponse> answer;
    finishing(head, found, [&answer](HttpResponse response) { answer = std::move(response); })(
        std::move(*refused));
    verdict.refusal = std::move(answer);
  }
  return verdict;
}

void Router::add_cors(std::string_view origin, HttpResponse& response) const {
  response.headers.add("Vary", "Origin");
  if (origin.empty() || !options_.cors_origin || !options_.cors_origin->matches(origin)) return;
  response.headers.set("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Origin");
  response.headers.set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.headers.set("Access-Control-Expose-Headers", "Date");
  response.headers.set("Access-Control-Allow-Origin",
                       options_.cors_origin->matches_everything() ? "*" : std::string(origin));
}

HttpReply Router::finishing(const HttpRequest& request, const Match& match, HttpReply reply) {
  const std::chrono::nanoseconds began = ctx_.clock->monotonic();
  return [this, began, is_api = match.is_api,
          handler = match.route != nullptr ? match.route->path : std::string_view(),
          origin = std::string(request.headers.get("Origin")),
          encoding = pick_encoding(request.headers.get("Accept-Encoding")),
          reply = std::move(reply)](HttpResponse response) mutable {
    response.headers.set("X-Content-Type-Options", "nosniff");
    if (is_api) add_cors(origin, response);
    if (is_api || handler == "/metrics" || handler == "/federate")
      response.headers.add("Vary", "Accept-Encoding");
    if (response.status == 200) compress(response, encoding);
    if (!handler.empty()) {
      const std::chrono::duration<double> took = ctx_.clock->monotonic() - began;
      metrics_->observe(handler, response.status, took.count(), response.body.size());
    }
    reply(std::move(response));
  };
}

base::WorkerPool* Router::pool(Lane lane) const {
  switch (lane) {
    case Lane::kStatus: return options_.status_pool;
    case Lane::kQuery: return options_.query_pool;
    case Lane::kIngest: return options_.ingest_pool;
    case Lane::kInline: break;
  }
  return nullptr;
}

/// Why a request whose turn has come is not answered any more.
std::optional<base::Status> Router::too_late(const HttpRequest& request, Lane lane,
                                             std::chrono::nanoseconds queued) const {
  if (request.stop.stop_requested()) {
    return base::Status(base::Errc::kCanceled, "the request was canceled while it was waiting");
  }
  const bool bounded = lane == Lane::kQuery || lane == Lane::kIngest;
  if (!bounded || ctx_.clock->monotonic() - queued <= kLongestWait) return std::nullopt;
  metrics_->refused.inc();
  return base::Status(base::Errc::kTimeout,
                      "the request waited longer than 10s for its turn: too many are running");
}

void Router::handle(HttpRequest request, HttpReply reply) {
  Match found = match(request);
  HttpReply finish = finishing(request, found, std::move(reply));
  if (std::optional<HttpResponse> refused = refusal(request, found)) {
    finish(std::move(*refused));
    return;
  }
  base::WorkerPool* lane = pool(found.route->lane);
  const std::chrono::nanoseconds queued = ctx_.clock->monotonic();
  auto work = [this, route = found.route, param = std::move(found.param),
               request = std::move(request), finish = std::move(finish), queued]() mutable {
    if (std::optional<base::Status> late = too_late(request, route->lane, queued)) {
      finish(api::to_response(*late));
      return;
    }
    if (route->respond != nullptr) {
      route->respond(ctx_, request, std::move(finish));
      return;
    }
    base::Result<api::Params> params = api::Params::parse(request);
    if (!params) {
      finish(api::to_response(params.status()));
      return;
    }
    const api::Call call{request, std::move(*params), std::move(param)};
    finish(api::to_response(route->answer(ctx_, call)));
  };
  if (lane == nullptr) {
    work();
    return;
  }
  // A refused task is dropped, and with it `finish`: the session then answers 503.
  if (!lane->post(std::move(work))) {
    metrics_->refused.inc();
  }
}

}  // namespace silverback::server
