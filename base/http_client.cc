#include "base/http_client.h"

#include <algorithm>
#include <map>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/compress.h"
#include "base/dial_metrics.h"
#include "base/http_connection.h"
#include "base/http_credentials.h"
#include "base/http_proxy.h"
#include "base/mutex.h"
#include "base/oauth2.h"

namespace silverback::base {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using SteadyTime = std::chrono::steady_clock::time_point;

namespace {

constexpr uint64_t kDefaultBodyLimit = uint64_t{128} << 20;
constexpr uint32_t kHeadLimit = 256 * 1024;
constexpr size_t kReadChunk = 64 * 1024;
constexpr int kMaxRedirects = 5;
constexpr std::chrono::minutes kIdleTimeout{5};
constexpr size_t kMaxIdlePerOrigin = 64;

struct IdleConnection {
  std::unique_ptr<HttpConnection> connection;
  SteadyTime since;
};

// What a config's files came to last, and the TLS contexts built from that (at the first https).
struct Prepared {
  HttpCredentials credentials;
  uint64_t generation = 0;  // names the idle TLS connections that were made with it
  std::shared_ptr<TlsContext> tls, foreign_tls;
};

// How far an exchange got, which decides whether a kept-alive connection was merely stale.
struct Exchange {
  Status status;
  bool received = false;
  HttpClient::Response response;
  bool reusable = false;
};

std::string go_method(const std::string& method) {
  std::string out = method;
  for (size_t i = 1; i < out.size(); ++i) {
    if (out[i] >= 'A' && out[i] <= 'Z') out[i] = static_cast<char>(out[i] - 'A' + 'a');
  }
  return out;
}

bool is_idempotent(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

bool is_clean_target(std::string_view target) {
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  }
  return true;
}

// Auth of the URL itself counts when the config names none, as in Go.
void add_credentials(const HttpCredentials& credentials, const Url& url, HttpHeaders& headers) {
  for (const HttpHeaders::Field& field : credentials.headers.fields()) {
    headers.add(field.first, field.second);
  }
  if (url.userinfo.empty() || headers.has("Authorization")) return;
  const Result<std::string> plain = unescape(url.userinfo, false);
  std::string text = plain.is_ok() ? *plain : url.userinfo;
  if (url.userinfo.find(':') == std::string::npos) text += ':';
  headers.set("Authorization", "Basic " + base64_encode(text));
}

// `absolute`: the whole URL is named, as proxies want it.
std::string serialize(const HttpClient::Request& request, const HttpHeaders& headers,
                      bool absolute) {
  std::string out;
  out.reserve(512 + request.body.size());
  out += request.method;
  out += ' ';
  if (absolute) {
    out += request.url.scheme;
    out += "://";
    out += request.url.host_port();
  }
  out += request.url.target();
  out += " HTTP/1.1\r\nHost: ";
  out += headers.has("Host") ? std::string(headers.get("Host")) : request.url.host_port();
  out += "\r\n";
  for (const HttpHeaders::Field& field : headers.fields()) {
    if (iequals(field.first, "Host") || iequals(field.first, "Content-Length")) continue;
    out += field.first;
    out += ": ";
    out += field.second;
    out += "\r\n";
  }
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  out += "\r\n";
  out += request.body;
  return out;
}

Status check_request(const HttpClient::Request& request) {
  if (request.url.scheme != "http" && request.url.scheme != "https") {
    return {Errc::kBadData, "unsupported protocol scheme \"" + request.url.scheme + "\""};
  }
  if (request.url.host.empty()) return {Errc::kBadData, "http: no Host in request URL"};
  if (!is_clean_target(request.url.target()) || !is_clean_target(request.url.host)) {
    return {Errc::kBadData, "net/url: invalid control character in URL"};
  }
  for (const HttpHeaders::Field& field : request.headers.fields()) {
    if (!is_valid_header_value(field.second)) {
      return {Errc::kBadData, "net/http: invalid header field value for \"" + field.first + "\""};
    }
  }
  return {};
}

Status body_too_large() {
  return {Errc::kLimit, "body size limit exceeded"};
}

// The head of an answer that is not to be followed or kept in Beast's types.
void take_head(const http::response<http::string_body>& message, HttpClient::Response& out) {
  out.status = static_cast<int>(message.result_int());
  out.reason = std::string(message.reason());
  if (out.reason.empty()) {
    out.reason = std::string(http::obsolete_reason(message.result()));
  }
  for (const auto& field : message) {
    out.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
}

using Parser = http::response_parser<http::string_body>;

void prepare_parser(Parser& parser, bool head_only, uint64_t limit) {
  parser.header_limit(kHeadLimit);
  parser.body_limit(limit - 1);  // a body of exactly the limit fails too
  parser.skip(head_only);
  parser.eager(true);
}

// Feeds what is buffered. OK with parser.is_done() or more bytes wanted.
Status feed(Parser& parser, beast::flat_buffer& buffer) {
  while (buffer.size() > 0 && !parser.is_done()) {
    beast::error_code error;
    const size_t used = parser.put(buffer.data(), error);
    buffer.consume(used);
    if (error == http::error::need_more) return {};
    if (error == http::error::body_limit) return body_too_large();
    if (error == http::error::header_limit) {
      return {Errc::kIo, "net/http: server response headers exceeded " +
                             std::to_string(kHeadLimit) + " bytes"};
    }
    if (error) return {Errc::kIo, "malformed HTTP response: " + error.message()};
    if (used == 0) return {};
  }
  return {};
}

// Ends a body that lasts until the connection does.
Status feed_end(Parser& parser, bool received) {
  if (!received) return {Errc::kIo, "EOF"};
  if (!parser.is_header_done()) return {Errc::kIo, "unexpected EOF"};
  beast::error_code error;
  parser.put_eof(error);
  return error ? Status(Errc::kIo, "unexpected EOF") : Status();
}

bool is_interim(const Parser& parser) {
  const unsigned code = parser.get().result_int();
  return code >= 100 && code < 200 && code != 101;
}

// Writes the request, reads one answer.
asio::awaitable<Exchange> exchange(HttpConnection* connection, std::string bytes, bool head_only,
                                   uint64_t limit, std::shared_ptr<FetchGuard> guard) {
  Exchange out;
  guard->on_abort([connection] { connection->close(); });
  const std::string write_error = co_await connection->write_all(bytes);
  if (!write_error.empty()) {
    out.status = Status(Errc::kIo, write_error);
    co_return out;
  }
  beast::flat_buffer buffer;
  std::optional<Parser> parser;
  parser.emplace();
  prepare_parser(*parser, head_only, limit);
  while (out.status.is_ok() && !parser->is_done()) {
    const auto space = buffer.prepare(kReadChunk);
    const HttpConnection::Read read =
        co_await connection->read_some(static_cast<char*>(space.data()), space.size());
    if (guard->stopped()) break;
    if (read.end == HttpConnection::ReadEnd::kError) {
      out.status = Status(Errc::kIo, read.error);
      break;
    }
    if (read.end == HttpConnection::ReadEnd::kEof) {
      out.status = feed_end(*parser, out.received);
      break;
    }
    buffer.commit(read.bytes);
    out.received = true;
    out.response.wire_bytes += read.bytes;
    out.status = feed(*parser, buffer);
    while (out.status.is_ok() && parser->is_done() && is_interim(*parser)) {
      parser.emplace();
      prepare_parser(*parser, head_only, limit);
      out.status = feed(*parser, buffer);
    }
  }
  guard->on_abort({});
  if (!parser->is_header_done()) {
    if (guard->stopped()) out.status = guard->status();
    co_return out;
  }
  take_head(parser->get(), out.response);
  // Set even when the time is up: what failed then was the body, not the request.
  if (guard->stopped()) out.status = guard->status();
  if (!out.status.is_ok()) co_return out;
  out.response.body = std::move(parser->get().body());
  out.reusable = parser->keep_alive() && buffer.size() == 0;
  co_return out;
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(IoRuntime& runtime, HttpClientConfig c, WorkerPool* pool, std::shared_ptr<DialMetrics> d)
      : io(runtime),
        config(std::move(c)),
        file_pool(pool),
        dials(std::move(d)),
        has_files(reads_files(config)) {
    if (config.oauth2) tokens = std::make_unique<OAuth2Tokens>(io, *config.oauth2, file_pool);
  }

  asio::awaitable<Result<Response>> run(Request request, Limits limits,
                                        std::shared_ptr<FetchGuard> guard);
  asio::awaitable<Result<Response>> follow(Request request, Limits limits,
                                           std::shared_ptr<FetchGuard> guard,
                                           std::string* url_text);
  asio::awaitable<Exchange> send(Request request, bool own_origin, bool redirected, uint64_t limit,
                                 std::shared_ptr<const Prepared> prepared,
                                 std::shared_ptr<FetchGuard> guard);
  asio::awaitable<Result<std::shared_ptr<const Prepared>>> prepare(bool need_tls);
  Result<std::shared_ptr<const Prepared>> prepare_now(bool need_tls);

  /// Sets what a proxy needs; true when the request must name its whole URL.
  bool go_through(const Url& proxy, const Url& url, HttpHeaders& headers, DialOptions& options);
  std::unique_ptr<HttpConnection> take_idle(const std::string& key);
  void keep_idle(const std::string& key, std::unique_ptr<HttpConnection> connection);

  IoRuntime& io;
  const HttpClientConfig config;
  WorkerPool* const file_pool;
  const std::shared_ptr<DialMetrics> dials;  // nullptr: not counted
  const bool has_files;
  std::unique_ptr<OAuth2Tokens> tokens;  // constant after construction; null without oauth2

  Mutex mutex;
  std::map<std::string, std::vector<IdleConnection>> idle GUARDED_BY(mutex);
  SteadyTime last_sweep GUARDED_BY(mutex);
  std::shared_ptr<const Prepared> prepared GUARDED_BY(mutex);
};

std::unique_ptr<HttpConnection> HttpClient::Impl::take_idle(const std::string& key) {
  const SteadyTime oldest = std::chrono::steady_clock::now() - kIdleTimeout;
  const MutexLock lock(mutex);
  const auto found = idle.find(key);
  if (found == idle.end()) return nullptr;
  std::vector<IdleConnection>& list = found->second;
  while (!list.empty()) {
    IdleConnection last = std::move(list.back());
    list.pop_back();
    if (last.since >= oldest && last.connection->quiet()) return std::move(last.connection);
  }
  return nullptr;
}

void HttpClient::Impl::keep_idle(const std::string& key,
                                 std::unique_ptr<HttpConnection> connection) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const MutexLock lock(mutex);
  std::vector<IdleConnection>& list = idle[key];
  if (list.size() < kMaxIdlePerOrigin) {
    IdleConnection entry;
    entry.connection = std::move(connection);
    entry.since = now;
    list.push_back(std::move(entry));
  }
  if (now - last_sweep < kIdleTimeout / 4) return;
  last_sweep = now;
  for (auto it = idle.begin(); it != idle.end();) {
    std::erase_if(it->second,
                  [now](const IdleConnection& c) { return c.since < now - kIdleTimeout; });
    it = it->second.empty() ? idle.erase(it) : std::next(it);
  }
}

Result<std::shared_ptr<const Prepared>> HttpClient::Impl::prepare_now(bool need_tls) {
  ASSIGN_OR_RETURN(HttpCredentials credentials, load_http_credentials(config));
  std::shared_ptr<const Prepared> old;
  {
    const MutexLock lock(mutex);
    old = prepared;
  }
  auto fresh = std::make_shared<Prepared>();
  if (old && (old->tls || !need_tls) && old->credentials.same_tls(credentials)) {
    fresh->tls = old->tls;
    fresh->foreign_tls = old->foreign_tls;
    fresh->generation = old->generation;
  } else {
    fresh->generation = old ? old->generation + 1 : 1;
    if (need_tls) {
      ASSIGN_OR_RETURN(fresh->tls, make_tls_context(config.tls, credentials, true));
      fresh->foreign_tls = fresh->tls;
      if (!credentials.cert_pem.empty()) {
        ASSIGN_OR_RETURN(fresh->foreign_tls, make_tls_context(config.tls, credentials, false));
      }
    }
  }
  fresh->credentials = std::move(credentials);
  const MutexLock lock(mutex);
  prepared = fresh;
  return std::shared_ptr<const Prepared>(std::move(fresh));
}

asio::awaitable<Result<std::shared_ptr<const Prepared>>> HttpClient::Impl::prepare(bool need_tls) {
  if (!has_files) {
    std::shared_ptr<const Prepared> ready;
    {
      const MutexLock lock(mutex);
      ready = prepared;
    }
    if (ready && (ready->tls || !need_tls)) co_return ready;
  }
  if (file_pool == nullptr) co_return prepare_now(need_tls);
  auto self = shared_from_this();
  auto work = [self, need_tls] { return self->prepare_now(need_tls); };
  auto done = co_await run_on(*file_pool, work);
  if (!done) co_return Status(Errc::kUnavailable, "no worker free to read credential files");
  co_return std::move(*done);
}

bool HttpClient::Impl::go_through(const Url& proxy, const Url& url, HttpHeaders& headers,
                                  DialOptions& options) {
  if (url.scheme == "https") {
    options.tunnel_host = proxy.host;
    options.tunnel_port = proxy.port_or_default();
    options.tunnel_request = connect_request(config.proxy, proxy, url);
    return false;
  }
  options.host = proxy.host;
  options.port = proxy.port_or_default();
  if (std::string auth = proxy_authorization(proxy); !auth.empty()) {
    headers.set("Proxy-Authorization", std::move(auth));
  }
  return true;
}

asio::awaitable<Exchange> HttpClient::Impl::send(Request request, bool own_origin, bool redirected,
                                                 uint64_t limit,
                                                 std::shared_ptr<const Prepared> ready,
                                                 std::shared_ptr<FetchGuard> guard) {
  HttpHeaders headers = request.headers;
  if (own_origin) add_credentials(ready->credentials, request.url, headers);
  DialOptions options;
  options.host = request.url.host;
  options.port = request.url.port_or_default();
  if (!redirected) options.unix_socket = request.unix_socket;
  bool absolute = false;
  if (options.unix_socket.empty()) {
    const Result<std::optional<Url>> proxy = proxy_for(config.proxy, request.url);
    if (!proxy.is_ok()) {
      Exchange refused;
      refused.status = proxy.status();
      co_return refused;
    }
    if (proxy->has_value()) absolute = go_through(**proxy, request.url, headers, options);
  }
  const std::string bytes = serialize(request, headers, absolute);
  options.refuse_link_local = redirected && !own_origin;
  std::string key = options.host + ":" + options.port + "\n" + options.unix_socket;
  if (!options.tunnel_request.empty()) {
    key += "\n" + options.tunnel_host + ":" + options.tunnel_port + "\n" + options.tunnel_request;
  }
  if (request.url.scheme == "https") {
    options.tls = own_origin ? ready->tls : ready->foreign_tls;
    if (own_origin) options.server_name = config.tls.server_name;
    key += (own_origin ? "\ntls " : "\nforeign tls ") + std::to_string(ready->generation);
  }
  for (bool may_retry = true;; may_retry = false) {
    Exchange out;
    std::unique_ptr<HttpConnection> connection = may_retry ? take_idle(key) : nullptr;
    const bool reused = connection != nullptr;
    if (!reused) {
      if (dials) dials->attempted();
      Result<std::unique_ptr<HttpConnection>> dialed = co_await dial(&io, options, guard);
      if (!dialed.is_ok()) {
        out.status = dialed.status();
        if (dials) dials->failed(out.status);
        co_return out;
      }
      connection = std::move(*dialed);
      if (dials) connection->lifetime = dials->established();
    }
    out = co_await exchange(connection.get(), bytes, request.method == "HEAD", limit, guard);
    if (out.status.is_ok() && out.reusable) keep_idle(key, std::move(connection));
    const bool stale =
        reused && may_retry && !out.status.is_ok() && !out.received && !guard->stopped();
    if (!stale || !is_idempotent(request.method)) co_return out;
  }
}

asio::awaitable<Result<HttpClient::Response>> HttpClient::Impl::follow(
    Request request, Limits limits, std::shared_ptr<FetchGuard> guard, std::string* url_text) {
  const uint64_t limit = limits.body_bytes == 0 ? kDefaultBodyLimit : limits.body_bytes;
  const Url first = request.url;
  for (int hop = 0;; ++hop) {
    *url_text = request.url.to_string();
    if (const Status bad = check_request(request); !bad.is_ok()) co_return bad;
    Result<std::shared_ptr<const Prepared>> ready = co_await prepare(request.url.scheme == "https");
    if (!ready.is_ok()) co_return ready.status();
    if (guard->stopped()) co_return guard->status();
    const bool own_origin = hop == 0 || request.url.same_origin(first);
    if (tokens && own_origin) {
      Result<std::string> token = co_await tokens->authorization(guard->remaining(), limits.stop);
      if (!token.is_ok()) co_return token.status();
      request.headers.set("Authorization", std::move(*token));
    }
    Exchange done = co_await send(request, own_origin, hop > 0, limit, *ready, guard);
    Response& response = done.response;
    if (!done.status.is_ok()) {
      // As in Go, an error while the body is read is told without the URL.
      if (response.status != 0) url_text->clear();
      co_return done.status;
    }
    const int status = response.status;
    const bool redirect =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    const std::string location(response.headers.get("Location"));
    if (!redirect || location.empty() || !config.follow_redirects) co_return std::move(response);
    if (hop == kMaxRedirects) {
      co_return Status(Errc::kIo, "stopped after " + std::to_string(kMaxRedirects) + " redirects");
    }
    Result<Url> next = resolve_url(request.url, location);
    if (!next.is_ok()) {
      const size_t colon = location.find(':');
      const bool other_scheme = colon != std::string::npos && location.compare(0, 4, "http") != 0;
      *url_text = location;
      co_return other_scheme
          ? Status(Errc::kIo, "unsupported protocol scheme \"" + location.substr(0, colon) + "\"")
          : next.status();
    }
    request.url = std::move(*next);
    if (!request.url.same_origin(first)) {
      request.headers.remove("Authorization");
      request.headers.remove("Cookie");
      request.url.userinfo.clear();
    }
    if (status <= 303 && request.method != "HEAD") {
      request.method = "GET";
      request.body.clear();
      request.headers.remove("Content-Type");
      request.headers.remove("Content-Encoding");
    }
  }
}

asio::awaitable<Result<HttpClient::Response>> HttpClient::Impl::run(
    Request request, Limits limits, std::shared_ptr<FetchGuard> guard) {
  const std::string method = go_method(request.method);
  std::string url_text;
  Result<Response> done = co_await follow(std::move(request), limits, guard, &url_text);
  if (!done.is_ok()) {
    if (url_text.empty() || done.status().code() == Errc::kLimit) co_return done.status();
    co_return done.status().with_context(method + " \"" + url_text + "\"");
  }
  Response& response = *done;
  if (limits.inflate && iequals(response.headers.get("Content-Encoding"), "gzip") &&
      !response.body.empty()) {
    const uint64_t limit = limits.body_bytes == 0 ? kDefaultBodyLimit : limits.body_bytes;
    Result<std::string> plain = gunzip(response.body, static_cast<size_t>(limit - 1));
    if (!plain.is_ok()) {
      co_return plain.status().code() == Errc::kLimit ? body_too_large() : plain.status();
    }
    response.body = std::move(*plain);
    response.headers.remove("Content-Encoding");
  }
  co_return done;
}

HttpClient::HttpClient(IoRuntime& io, HttpClientConfig config, WorkerPool* file_pool,
                       std::shared_ptr<DialMetrics> dials)
    : impl_(std::make_shared<Impl>(io, std::move(config), file_pool, std::move(dials))) {}

HttpClient::~HttpClient() = default;

asio::awaitable<Result<HttpClient::Response>> HttpClient::fetch(Request request, Limits limits) {
  const std::shared_ptr<Impl> impl = impl_;  // the client may go while we wait
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto guard = std::make_shared<FetchGuard>(executor, limits.timeout);
  guard->start();
  const std::stop_callback cancel(limits.stop, [guard] { guard->cancel(); });
  Result<Response> done = co_await impl->run(std::move(request), limits, guard);
  guard->finish();
  co_return done;
}

}  // namespace silverback::base
