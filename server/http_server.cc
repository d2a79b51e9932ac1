#include "server/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "base/mutex.h"
#include "server/http_head.h"
#include "server/listen_address.h"

namespace silverback::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kWriteBytes = 64 << 10;  // per step: the write timeout starts anew with each
constexpr size_t kMaxPipelinedBytes = 64 << 10;  // taken in while a handler runs
constexpr size_t kMaxLingerBytes = 1 << 20;
constexpr int64_t kMinBodyBytesPerSecond = 1024;
constexpr size_t kEvictAtOnce = 8;

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

class Session;

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(Options o, HttpHandler& h) : options(std::move(o)), handler(h) {}

  base::Status listen(const std::string& address);
  asio::awaitable<void> accept_loop(std::shared_ptr<Impl> self,
                                    std::shared_ptr<tcp::acceptor> acceptor);
  /// False when the server stops.
  bool add(const std::shared_ptr<Session>& session);
  void remove(Session* session);
  /// Room for one more connection; when it gets tight, the longest waiting ones are closed.
  bool make_room();
  int64_t now_ms() const { return options.clock->monotonic() / milliseconds(1); }
  int64_t now_ns() const { return options.clock->monotonic().count(); }

  const Options options;
  HttpHandler& handler;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;  // constant once started
  std::vector<std::string> bound;                         // likewise
  std::atomic<bool> stopping{false};
  mutable base::Mutex mutex;
  base::CondVar ended;
  std::unordered_map<Session*, std::weak_ptr<Session>> sessions GUARDED_BY(mutex);
};

namespace {

/// One connection. Threads: its strand, but for the members marked so.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<HttpServer::Impl> server, tcp::socket socket, std::string remote)
      : server_(std::move(server)),
        remote_(std::move(remote)),
        stream_(std::move(socket)),
        event_(stream_.get_executor(), asio::steady_timer::time_point::max()) {
    wait_since_ns_ = server_->now_ns();
  }

  static asio::awaitable<void> run(std::shared_ptr<Session> self);

  // Any thread:
  /// When it began to wait for its client; -1 while a request is answered, or it is evicted.
  int64_t waiting_since_ns() const { return evicted_ ? -1 : wait_since_ns_.load(); }
  /// Closes the connection if it is (still) waiting.
  void evict();
  /// Ends a waiting connection, and asks a running request to end.
  void begin_stop();
  void force_close();
  void deliver(HttpResponse response);

 private:
  using Parser = http::request_parser<http::string_body>;

  asio::awaitable<bool> serve_one();
  asio::awaitable<size_t> read_head();
  asio::awaitable<bool> read_body(Parser& parser, size_t limit);
  asio::awaitable<HttpResponse> run_handler(HttpRequest request);
  asio::awaitable<bool> write(HttpResponse response, bool keep_alive, bool head_only);
  asio::awaitable<void> refuse(HttpResponse response);
  asio::awaitable<void> finish();
  bool take_head(Parser& parser, size_t head_size, HttpRequest& request);
  std::optional<HttpResponse> feed(Parser& parser, size_t limit);
  bool bad_chunk_line() const;
  void watch();

  const std::shared_ptr<HttpServer::Impl> server_;
  const std::string remote_;
  std::atomic<int64_t> wait_since_ns_{0};  // any thread
  std::atomic<bool> evicted_{false};       // any thread: closing is on its way
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  asio::steady_timer event_;  // woken by deliver() and the watching read
  std::optional<HttpResponse> reply_;
  std::stop_source stop_;
  bool first_ = true;
  bool watching_ = false;
  bool linger_ = false;  // unread input is left: closing at once could destroy our answer
};

/// Makes sure that a request is answered, even when its task is dropped.
struct ReplySlot {
  explicit ReplySlot(std::shared_ptr<Session> s) : session(std::move(s)) {}
  ReplySlot(ReplySlot&&) = default;
  ReplySlot& operator=(ReplySlot&&) = delete;
  ~ReplySlot() {
    if (session) session->deliver(text_response(503, "Service Unavailable"));
  }
  void operator()(HttpResponse response) {
    if (!session) return;
    std::exchange(session, nullptr)->deliver(std::move(response));
  }
  std::shared_ptr<Session> session;
};

asio::awaitable<void> Session::run(std::shared_ptr<Session> self) {
  try {
    bool more = true;
    while (more) more = co_await self->serve_one();
    co_await self->finish();
  } catch (const std::exception& e) {
    self->server_->options.logger->error("Connection ended by an exception", {{"err", e.what()}});
  }
  self->server_->remove(self.get());
}

asio::awaitable<bool> Session::serve_one() {
  const size_t head_size = co_await read_head();
  if (head_size == 0) co_return false;
  Parser parser;
  HttpRequest request;
  if (!take_head(parser, head_size, request)) {
    co_await refuse(text_response(400, "Bad Request"));
    co_return false;
  }
  HeadVerdict verdict = server_->handler.on_head(request);
  const auto length = parser.content_length();
  if (!verdict.refusal && length && *length > verdict.body_limit) {
    verdict.refusal = text_response(413, "Request Entity Too Large");
  }
  if (verdict.refusal) {
    if (!parser.is_done()) verdict.refusal->close = true;
    if (verdict.refusal->close) {
      co_await refuse(std::move(*verdict.refusal));
      co_return false;
    }
    const bool refusal_keep = parser.keep_alive();
    const bool refusal_sent =
        co_await write(std::move(*verdict.refusal), refusal_keep, request.method == "HEAD");
    const bool again = refusal_sent && refusal_keep;
    co_return again;
  }
  const bool have_body = co_await read_body(parser, verdict.body_limit);
  if (!have_body) co_return false;
  const bool head_only = request.method == "HEAD";
  bool keep_alive = parser.keep_alive();
  request.body = std::move(parser.get().body());
  wait_since_ns_ = -1;
  HttpResponse response = co_await run_handler(std::move(request));
  keep_alive = keep_alive && !response.close && !server_->stopping.load();
  const bool sent = co_await write(std::move(response), keep_alive, head_only);
  const bool again = sent && keep_alive;
  co_return again;
}

asio::awaitable<size_t> Session::read_head() {
  wait_since_ns_ = server_->now_ns();
  const HttpServer::Options& options = server_->options;
  bool head_began = first_;  // a fresh connection owes us a head at once
  stream_.expires_after(head_began ? options.head_timeout : options.idle_timeout);
  first_ = false;
  while (!server_->stopping) {
    const auto data = buffer_.data();
    const std::string_view arrived(static_cast<const char*>(data.data()), data.size());
    if (!arrived.empty() && !head_began) {
      head_began = true;
      stream_.expires_after(options.head_timeout);
    }
    if (arrived.substr(0, 2) == "\r\n") {  // left over by clients that end a body with a line end
      buffer_.consume(2);
      continue;
    }
    HeadEnd end = find_head_end(arrived);
    if (end.size > 0) end.problem = check_head(arrived.substr(0, end.size));
    if (end.problem) {
      co_await refuse(text_response(end.problem->status, end.problem->text));
      co_return 0;
    }
    if (end.size > 0) co_return end.size;
    error_code ec;
    const size_t n = co_await stream_.async_read_some(
        buffer_.prepare(kReadBytes), asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return 0;
    buffer_.commit(n);
  }
  co_return 0;
}

bool Session::take_head(Parser& parser, size_t head_size, HttpRequest& request) {
  parser.header_limit(static_cast<uint32_t>(kMaxHeadBytes + kReadBytes));
  parser.body_limit(boost::none);  // read_body counts
  parser.eager(false);
  error_code ec;
  parser.put(asio::buffer(buffer_.data(), head_size), ec);
  if (ec || !parser.is_header_done()) return false;
  buffer_.consume(head_size);
  request.method = std::string(parser.get().method_string());
  for (const auto& field : parser.get().base()) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  request.remote_address = remote_;
  const auto target = parser.get().target();
  return split_target(std::string_view(target.data(), target.size()), request.path, request.query);
}

asio::awaitable<bool> Session::read_body(Parser& parser, size_t limit) {
  if (parser.is_done()) co_return true;
  const HttpServer::Options& options = server_->options;
  const int64_t began_ms = server_->now_ms();
  const auto expect = parser.get()[http::field::expect];
  error_code ec;
  if (base::iequals(std::string_view(expect.data(), expect.size()), "100-continue")) {
    stream_.expires_after(options.write_timeout);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
  }
  parser.eager(true);
  while (true) {
    if (std::optional<HttpResponse> refusal = feed(parser, limit)) {
      co_await refuse(std::move(*refusal));
      co_return false;
    }
    if (parser.is_done()) co_return true;
    // The fixed grace, and the pace that the received bytes have earned.
    const auto bytes = static_cast<int64_t>(parser.get().body().size());
    const milliseconds earned(bytes * 1000 / kMinBodyBytesPerSecond);
    const milliseconds allowed = std::min(options.body_timeout, options.body_grace + earned);
    const milliseconds used(server_->now_ms() - began_ms);
    stream_.expires_after(std::max(milliseconds(1), allowed - used));
    const size_t n = co_await stream_.async_read_some(
        buffer_.prepare(kWriteBytes), asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
    buffer_.commit(n);
  }
}

/// Gives the parser what has arrived; an answer when the body cannot be taken.
std::optional<HttpResponse> Session::feed(Parser& parser, size_t limit) {
  while (buffer_.size() > 0 && !parser.is_done()) {
    error_code ec;
    const size_t n = parser.put(buffer_.data(), ec);
    buffer_.consume(n);
    if (ec && ec != http::error::need_more) {
      return text_response(400, "Bad Request: " + ec.message());
    }
    if (parser.get().body().size() > limit) {
      return text_response(413, "Request Entity Too Large");
    }
    if (ec || n == 0) break;
  }
  if (!parser.is_done() && parser.chunked() && bad_chunk_line()) {
    return text_response(400, "Bad Request: malformed chunk");
  }
  return std::nullopt;
}

asio::awaitable<HttpResponse> Session::run_handler(HttpRequest request) {
  reply_.reset();
  stop_ = std::stop_source();
  request.stop = stop_.get_token();
  if (server_->stopping) stop_.request_stop();
  stream_.expires_never();
  server_->handler.handle(std::move(request), HttpReply(ReplySlot(shared_from_this())));
  watch();
  bool cancelled = false;
  while (!reply_ || watching_) {
    if (reply_ && !cancelled) {
      cancelled = true;
      stream_.cancel();
    }
    error_code ignored;  // the timer never expires, it is only cancelled
    co_await event_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  HttpResponse response = std::move(*reply_);
  reply_.reset();
  co_return response;
}

/// What the parser has left over inside a chunked body is a line that is not whole yet. One that
/// ends with a bare line feed, or does not end, would only be waited for.
bool Session::bad_chunk_line() const {
  const auto data = buffer_.data();
  const std::string_view rest(static_cast<const char*>(data.data()), data.size());
  for (size_t at = rest.find('\n'); at != std::string_view::npos; at = rest.find('\n', at + 1)) {
    if (at == 0 || rest[at - 1] != '\r') return true;
  }
  return rest.size() > kMaxLineBytes;
}

/// Reads on while the handler runs: the only way to learn that the client has gone. What a
/// pipelining client sends early is kept for later.
void Session::watch() {
  if (reply_ || buffer_.size() >= kMaxPipelinedBytes) return;
  watching_ = true;
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const error_code& ec, size_t n) {
                            self->watching_ = false;
                            if (!ec) {
                              self->buffer_.commit(n);
                              self->watch();
                            } else if (ec != asio::error::operation_aborted) {
                              self->stop_.request_stop();
                            }
                            self->event_.cancel();
                          });
}

void Session::deliver(HttpResponse response) {
  asio::post(stream_.get_executor(),
             [self = shared_from_this(), r = std::move(response)]() mutable {
               if (self->reply_) return;
               self->reply_ = std::move(r);
               self->event_.cancel();
             });
}

asio::awaitable<bool> Session::write(HttpResponse response, bool keep_alive, bool head_only) {
  const std::string head = response_head(response, keep_alive, server_->options.clock->now_ms());
  const std::string_view body = head_only ? std::string_view() : std::string_view(response.body);
  std::string_view part = body.substr(0, kWriteBytes);
  const std::array<asio::const_buffer, 2> first = {asio::buffer(head),
                                                   asio::buffer(part.data(), part.size())};
  error_code ec;
  stream_.expires_after(server_->options.write_timeout);
  co_await asio::async_write(stream_, first, asio::redirect_error(asio::use_awaitable, ec));
  for (size_t at = part.size(); !ec && at < body.size(); at += part.size()) {
    part = body.substr(at, kWriteBytes);
    stream_.expires_after(server_->options.write_timeout);
    co_await asio::async_write(stream_, asio::buffer(part.data(), part.size()),
                               asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return !ec;
}

asio::awaitable<void> Session::refuse(HttpResponse response) {
  wait_since_ns_ = server_->now_ns();
  linger_ = co_await write(std::move(response), false, false);
}

asio::awaitable<void> Session::finish() {
  error_code ec;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
  if (linger_ && !ec) {
    stream_.expires_after(std::chrono::seconds(1));
    size_t total = 0;
    while (!ec && total < kMaxLingerBytes && !server_->stopping) {
      buffer_.clear();
      total += co_await stream_.async_read_some(buffer_.prepare(kReadBytes),
                                                asio::redirect_error(asio::use_awaitable, ec));
    }
  }
  stream_.close();
}

void Session::evict() {
  evicted_ = true;
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    if (self->wait_since_ns_ >= 0) {
      self->stream_.close();
    } else {
      self->evicted_ = false;  // its request came in the meantime
    }
  });
}

void Session::begin_stop() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] {
    self->stop_.request_stop();
    if (self->wait_since_ns_ >= 0) self->stream_.close();
  });
}

void Session::force_close() {
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->stream_.close(); });
}

}  // namespace

base::Status HttpServer::Impl::listen(const std::string& address) {
  const auto failed = [&](const error_code& ec) {
    return base::Status(base::Errc::kIo, fmt::format("listen tcp {}: {}", address, ec.message()));
  };
  ASSIGN_OR_RETURN(const ListenAddress where, parse_listen_address(address));
  const bool any = where.host.empty();
  error_code ec;
  tcp::resolver resolver(options.io->context());
  const auto found = resolver.resolve(any ? "::" : where.host, where.port,
                                      tcp::resolver::passive | tcp::resolver::numeric_service, ec);
  if (ec || found.empty()) return failed(ec ? ec : error_code(asio::error::host_not_found));
  tcp::endpoint endpoint = found.begin()->endpoint();
  auto acceptor = std::make_shared<tcp::acceptor>(options.io->make_strand());
  acceptor->open(endpoint.protocol(), ec);
  if (ec && any) {  // no IPv6 on this machine
    endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
    acceptor->open(endpoint.protocol(), ec);
  }
  if (!ec && endpoint.protocol() == tcp::v6()) acceptor->set_option(asio::ip::v6_only(!any), ec);
  if (!ec) acceptor->set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return failed(ec);
  bound.push_back(endpoint_text(acceptor->local_endpoint(ec)));
  acceptors.push_back(std::move(acceptor));
  return {};
}

asio::awaitable<void> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self,
                                                    std::shared_ptr<tcp::acceptor> acceptor) {
  asio::steady_timer pause(acceptor->get_executor());
  const auto redirect = [](error_code& ec) {
    return asio::redirect_error(asio::use_awaitable, ec);
  };
  while (!self->stopping) {
    error_code ec;
    tcp::socket socket(self->options.io->make_strand());
    co_await acceptor->async_accept(socket, redirect(ec));
    if (self->stopping) co_return;
    if (ec) {  // mostly: out of file descriptors
      self->options.logger->warn("Accepting a connection failed", {{"err", ec.message()}});
      pause.expires_after(milliseconds(100));
      co_await pause.async_wait(redirect(ec));
      continue;
    }
    socket.set_option(tcp::no_delay(true), ec);
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    if (ec) continue;  // gone already
    while (!self->make_room() && !self->stopping) {
      pause.expires_after(milliseconds(1));
      co_await pause.async_wait(redirect(ec));
    }
    const asio::any_io_executor strand = socket.get_executor();
    auto session = std::make_shared<Session>(self, std::move(socket), endpoint_text(remote));
    if (self->add(session)) self->options.io->spawn(strand, Session::run(session));
  }
}

bool HttpServer::Impl::add(const std::shared_ptr<Session>& session) {
  const base::MutexLock lock(mutex);
  if (stopping) return false;
  sessions.emplace(session.get(), session);
  return true;
}

void HttpServer::Impl::remove(Session* session) {
  const base::MutexLock lock(mutex);
  sessions.erase(session);
  ended.notify_all();
}

bool HttpServer::Impl::make_room() {
  std::vector<std::pair<int64_t, std::shared_ptr<Session>>> waiting;
  bool room = true;
  {
    const base::MutexLock lock(mutex);
    if ((sessions.size() + 1) * 5 <= options.max_connections * 4) return true;
    room = sessions.size() < options.max_connections;
    for (const auto& entry : sessions) {
      std::shared_ptr<Session> session = entry.second.lock();
      const int64_t since = session ? session->waiting_since_ns() : -1;
      if (since >= 0) waiting.emplace_back(since, std::move(session));
    }
  }
  // Several at once: a flood arrives faster than closing is done.
  const size_t n = std::min(kEvictAtOnce, waiting.size());
  std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(n),
                    waiting.end());
  for (size_t i = 0; i < n; ++i) waiting[i].second->evict();
  return room;
}

HttpServer::HttpServer(Options options, HttpHandler& handler)
    : impl_(std::make_shared<Impl>(std::move(options), handler)) {}

HttpServer::~HttpServer() {
  stop();
}

base::Status HttpServer::bind() {
  for (const std::string& address : impl_->options.listen_addresses) {
    RETURN_IF_ERROR(impl_->listen(address));
  }
  return {};
}

void HttpServer::start() {
  for (const auto& acceptor : impl_->acceptors) {
    impl_->options.io->spawn(acceptor->get_executor(), impl_->accept_loop(impl_, acceptor));
  }
}

void HttpServer::stop(milliseconds grace) {
  if (impl_->stopping.exchange(true)) return;
  for (const auto& acceptor : impl_->acceptors) {
    asio::post(acceptor->get_executor(), [acceptor] {
      error_code ec;
      acceptor->close(ec);
    });
  }
  const auto each = [this](void (Session::*call)()) {
    std::vector<std::shared_ptr<Session>> all;
    {
      const base::MutexLock lock(impl_->mutex);
      for (const auto& entry : impl_->sessions) {
        if (auto session = entry.second.lock()) all.push_back(std::move(session));
      }
    }
    for (const auto& session : all) (session.get()->*call)();
  };
  const auto wait = [this](milliseconds longest) {
    const int64_t until_ms = impl_->now_ms() + longest.count();
    const base::MutexLock lock(impl_->mutex);
    while (!impl_->sessions.empty() && impl_->now_ms() < until_ms) {
      impl_->ended.wait_for(impl_->mutex, milliseconds(20));
    }
  };
  each(&Session::begin_stop);
  wait(grace);
  each(&Session::force_close);
  wait(milliseconds(500));
}

std::vector<std::string> HttpServer::bound_addresses() const {
  return impl_->bound;
}

size_t HttpServer::connections() const {
  const base::MutexLock lock(impl_->mutex);
  return impl_->sessions.size();
}

}  // namespace silverback::server
