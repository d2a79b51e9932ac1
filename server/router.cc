#include "server/router.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/url.h"
#include "server/response_body.h"

namespace silverback::server {

using api::Lane;
using api::Phase;
using api::Route;

namespace {

constexpr size_t kFormBytes = 1 << 20;
constexpr size_t kWriteBytes = 32 << 20;
constexpr std::string_view kApiPrefix = "/api/v1/";

uint8_t method_bit(std::string_view method) {
  if (method == "GET") return api::kGet;
  if (method == "POST") return api::kPost;
  if (method == "PUT") return api::kPut;
  if (method == "HEAD") return api::kHead | api::kGet;  // as GET, without the body
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

/// The path that Go's ServeMux would redirect to: no empty, "." or ".." segments.
std::string clean_path(std::string_view path) {
  std::string out;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (segment == "..") {
      out.erase(std::min(out.rfind('/'), out.size()));
    } else if (!segment.empty() && segment != ".") {
      out += '/';
      out += segment;
    }
  }
  if (out.empty() || path.back() == '/') out += '/';
  return out;
}

bool is_html(const HttpResponse& response) {
  return response.headers.get("Content-Type").substr(0, 9) == "text/html";
}

bool is_event_stream(const HttpResponse& response) {
  return response.headers.get("Content-Type").substr(0, 17) == "text/event-stream";
}

/// What every answer says to browsers; a handler's own policy stays.
void add_security_headers(HttpResponse& response) {
  response.headers.set("X-Content-Type-Options", "nosniff");
  if (response.headers.has("Content-Security-Policy")) return;
  response.headers.set("Content-Security-Policy",
                       is_html(response) ? "default-src 'self'; frame-ancestors 'none'; "
                                           "form-action 'self'; base-uri 'none'"
                                         : "default-src 'none'; frame-ancestors 'none'");
}

}  // namespace

/// Threads: any; children are looked up in the registry.
struct Router::Metrics {
  explicit Metrics(base::metrics::Registry& r) : registry(r) {}
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
    : options_(std::move(options)),
      ctx_(ctx),
      metrics_(std::make_shared<Metrics>(*ctx.registry)),
      status_lane_(make_lane("status", options_.status_pool, false)),
      query_lane_(make_lane("query", options_.query_pool, true)),
      ingest_lane_(make_lane("ingest", options_.ingest_pool, true)),
      quick_queries_(*ctx.clock) {
  if (options_.quick_pool != nullptr) quick_lane_ = make_lane("quick", options_.quick_pool, true);
}

std::unique_ptr<RequestLane> Router::make_lane(const char* name, base::WorkerPool* pool,
                                               bool patience_ends) const {
  RequestLane::Options lane;
  lane.name = name;
  lane.pool = pool;
  lane.io = options_.io;
  lane.clock = ctx_.clock;
  lane.registry = ctx_.registry;
  lane.capacity = options_.lane_capacity;
  lane.longest_wait = patience_ends ? options_.longest_wait : std::chrono::milliseconds(0);
  return std::make_unique<RequestLane>(std::move(lane));
}

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

/// Paths are looked at in one spelling only, as Go's ServeMux does.
std::optional<HttpResponse> Router::redirect(const HttpRequest& request) const {
  if (request.raw_path.empty() || request.raw_path.front() != '/') return std::nullopt;
  const std::string clean = clean_path(request.raw_path);
  if (clean == request.raw_path) return std::nullopt;
  HttpResponse response;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  response.status = reads ? 301 : 307;
  response.headers.set("Location", clean + (request.query.empty() ? "" : "?" + request.query));
  return response;
}

std::optional<HttpResponse> Router::refusal(const HttpRequest& request, const Match& match) const {
  if (std::optional<HttpResponse> elsewhere = redirect(request)) return elsewhere;
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
    add_security_headers(response);
    if (is_api) add_cors(origin, response);
    if (is_api || handler == "/metrics" || handler == "/federate") {
      response.headers.add("Vary", "Accept-Encoding");
    }
    if (options_.security != nullptr) {
      for (const auto& [name, value] : *options_.security->headers()) {
        response.headers.set(name, value);
      }
    }
    if (response.source != nullptr && response.source_pool == nullptr) {
      response.source_pool = options_.render_pool;
    }
    if (response.status == 200 && !is_event_stream(response)) compress_body(response, encoding);
    if (!handler.empty()) {
      when_sent(response, [metrics = metrics_, clock = ctx_.clock, began, handler,
                           status = response.status](size_t bytes) {
        const std::chrono::duration<double> took = clock->monotonic() - began;
        metrics->observe(handler, status, took.count(), bytes);
      });
    }
    reply(std::move(response));
  };
}

void Router::admit(const HttpRequest& head, Admitted done) {
  if (options_.security == nullptr) {
    done(std::nullopt);
    return;
  }
  const auto shared = std::make_shared<Admitted>(std::move(done));
  HttpReply finish = finishing(head, match(head),
                               [shared](HttpResponse response) { (*shared)(std::move(response)); });
  options_.security->authorize(
      head, [shared, finish = std::move(finish)](std::optional<HttpResponse> refusal) mutable {
        if (refusal) {
          finish(std::move(*refusal));
        } else {
          (*shared)(std::nullopt);
        }
      });
}

RequestLane* Router::lane(Lane lane) const {
  switch (lane) {
    case Lane::kStatus: return status_lane_.get();
    case Lane::kQuery: return query_lane_.get();
    case Lane::kIngest: return ingest_lane_.get();
    case Lane::kInline: break;
  }
  return nullptr;
}

/// A request on its way through the lanes.
struct Router::Job {
  const Route* route = nullptr;
  std::string param;
  HttpRequest request;
  HttpReply finish;
};

void Router::handle(HttpRequest request, HttpReply reply) {
  Match found = match(request);
  HttpReply finish = finishing(request, found, std::move(reply));
  if (std::optional<HttpResponse> refused = refusal(request, found)) {
    finish(std::move(*refused));
    return;
  }
  auto job = std::make_unique<Job>();
  job->route = found.route;
  job->param = std::move(found.param);
  job->request = std::move(request);
  job->finish = std::move(finish);
  const bool quick = (found.route->traits & api::kQuickFirst) != 0 && quick_lane_ != nullptr;
  enqueue(quick ? quick_lane_.get() : lane(found.route->lane), std::move(job), quick);
}

void Router::enqueue(RequestLane* line, std::unique_ptr<Job> job, bool quick_try) {
  if (line == nullptr) {
    run(std::move(job), false);
    return;
  }
  const std::stop_token stop = job->request.stop;
  line->post(stop, [this, quick_try, job = std::move(job)](RequestLane::Outcome outcome) mutable {
    if (outcome == RequestLane::Outcome::kRun) {
      run(std::move(job), quick_try);
    } else {
      job->finish(not_served(outcome));
    }
  });
}

HttpResponse Router::not_served(RequestLane::Outcome outcome) {
  if (outcome == RequestLane::Outcome::kStopped) {
    return api::to_response(
        base::Status(base::Errc::kCanceled, "the request was canceled while it was waiting"));
  }
  const bool full = outcome == RequestLane::Outcome::kFull;
  HttpResponse response = api::to_response(
      base::Status(base::Errc::kTimeout,
                   full ? "too many requests are waiting"
                        : "the request waited longer than 10s for its turn: too many are running"));
  response.headers.set("Retry-After", "5");
  return response;
}

void Router::run(std::unique_ptr<Job> job, bool quick_try) {
  const Route& route = *job->route;
  if (route.respond != nullptr) {
    route.respond(ctx_, job->request, std::move(job->finish));
    return;
  }
  base::Result<api::Params> params = api::Params::parse(job->request);
  if (!params) {
    job->finish(api::to_response(params.status()));
    return;
  }
  if (quick_try &&
      !quick_queries_.worth_a_try(params->get("query"), ctx_.engine->options().parser)) {
    enqueue(lane(route.lane), std::move(job), false);
    return;
  }
  const api::Call call{job->request, std::move(*params), job->param, quick_try};
  api::Answer answer = route.answer(ctx_, call);
  const base::Errc code = answer.status.code();
  if (quick_try && (code == base::Errc::kTimeout || code == base::Errc::kLimit)) {
    quick_queries_.was_slow(call.params.get("query"));
    enqueue(lane(route.lane), std::move(job), false);
    return;
  }
  job->finish(api::to_response(std::move(answer)));
}

}  // namespace silverback::server
