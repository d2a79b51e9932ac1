#include "server/http_session.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "server/http_head.h"
#include "server/http_request_parser.h"
#include "server/http_response_writer.h"
#include "server/strand_event.h"

namespace silverback::server {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kBodyReadBytes = 64 << 10;
constexpr size_t kMaxPipelinedBytes = 64 << 10;  // taken in while a handler runs
constexpr size_t kMaxLingerBytes = 1 << 20;
constexpr size_t kMaxRequestId = 128;
constexpr int64_t kMinBodyBytesPerSecond = 1024;
constexpr int64_t kStalledNs = 5'000'000'000;  // a reader this slow may have to make room
constexpr milliseconds kRoomPause(5);

/// Makes sure that a request is answered, even when its task is dropped.
struct ReplySlot {
  explicit ReplySlot(std::shared_ptr<HttpSession> s) : session(std::move(s)) {}
  ReplySlot(ReplySlot&&) = default;
  ReplySlot& operator=(ReplySlot&&) = delete;
  ~ReplySlot() {
    if (session) session->deliver(text_response(503, "Service Unavailable"));
  }
  void operator()(HttpResponse response) {
    if (!session) return;
    std::exchange(session, nullptr)->deliver(std::move(response));
  }
  std::shared_ptr<HttpSession> session;
};

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestId && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_.:/+=").find(c) != std::string_view::npos;
  });
}

}  // namespace

HttpSession::HttpSession(std::shared_ptr<SessionContext> server, std::unique_ptr<HttpStream> stream,
                         std::string remote)
    : server_(std::move(server)),
      remote_(std::move(remote)),
      stream_(std::move(stream)),
      event_(std::make_shared<StrandEvent>(stream_->executor())) {
  waiting();
}

HttpSession::~HttpSession() = default;

asio::awaitable<void> HttpSession::run(std::shared_ptr<HttpSession> self) {
  try {
    bool more = true;
    if (self->server_->tls_context) more = co_await self->open_tls();
    if (more) {
      while (more) more = co_await self->serve_one();
      co_await self->finish();
    }
  } catch (const std::exception& e) {
    self->server_->logger->error("Connection ended by an exception", {{"err", e.what()}});
  }
  self->stream_->close();
  self->server_->table.remove(self.get());
}

asio::awaitable<bool> HttpSession::open_tls() {
  stream_->expires_after(server_->timeouts.handshake);
  const bool shaken = co_await stream_->handshake(server_->tls_context());
  if (!shaken) co_return false;
  tls_ = true;
  const int64_t until_ms = server_->now_ms() + server_->timeouts.handshake.count();
  while (!server_->table.make_room(ConnectionTable::Stage::kOpen)) {
    if (server_->stopping || evicted_ || server_->now_ms() > until_ms) co_return false;
    base::AsyncTimer pause(stream_->executor());
    co_await pause.sleep(kRoomPause);
  }
  waiting();
  server_->table.advance(this);
  co_return true;
}

asio::awaitable<bool> HttpSession::serve_one() {
  current_ = HttpRequest();
  const size_t head_size = co_await read_head();
  if (head_size == 0) co_return false;
  HttpRequestParser parser;
  HttpRequest request;
  const bool sound = parser.take_head(input_.data().substr(0, head_size), request);
  if (!sound) {
    co_await refuse(text_response(400, "Bad Request"));
    co_return false;
  }
  input_.consume(head_size);
  request.remote_address = remote_;
  request.tls = tls_;
  request.request_id = request_id(request);
  current_.method = request.method;
  current_.request_id = request.request_id;
  http10_ = parser.http10();

  std::optional<HttpResponse> refusal = co_await admitted(request);
  size_t body_limit = 0;
  if (!refusal) {
    HeadVerdict verdict = server_->handler.on_head(request);
    body_limit = verdict.body_limit;
    refusal = std::move(verdict.refusal);
  }
  if (!refusal && parser.content_length().value_or(0) > body_limit) {
    refusal = text_response(413, "Request Entity Too Large");
  }
  if (refusal) {
    const bool go_on = co_await answer_refusal(parser, std::move(*refusal));
    co_return go_on;
  }
  BodyShare share(server_->body_bytes, server_->body_bytes_limit);  // until it is answered
  const bool have_body = co_await read_body(parser, body_limit, share);
  if (!have_body) co_return false;
  request.body = parser.take_body();
  const bool wanted = parser.keep_alive();
  wait_since_ns_ = -1;
  HttpResponse response = co_await run_handler(std::move(request));
  const bool streamed10 = http10_ && response.source != nullptr;
  const bool keep_alive = wanted && !response.close && !streamed10 && !server_->stopping.load();
  const bool sent = co_await write(std::move(response), keep_alive);
  co_await end_watch();
  const bool again = sent && keep_alive;
  co_return again;
}

asio::awaitable<size_t> HttpSession::read_head() {
  waiting();
  bool head_began = first_;  // a fresh connection owes us a head at once
  stream_->expires_after(head_began ? server_->timeouts.head : server_->timeouts.idle);
  first_ = false;
  input_.shrink();
  while (!server_->stopping) {
    const std::string_view arrived = input_.data();
    if (!arrived.empty() && !head_began) {
      head_began = true;
      stream_->expires_after(server_->timeouts.head);
    }
    if (arrived.substr(0, 2) == "\r\n") {  // left over by clients that end a body with a line end
      input_.consume(2);
      continue;
    }
    HeadEnd end = find_head_end(arrived);
    if (end.size > 0) end.problem = check_head(arrived.substr(0, end.size));
    if (end.problem) {
      co_await refuse(text_response(end.problem->status, end.problem->text));
      co_return 0;
    }
    if (end.size > 0) co_return end.size;
    const size_t n = co_await stream_->read_some(input_.prepare(kReadBytes), kReadBytes);
    if (n == 0) co_return 0;
    input_.commit(n);
  }
  co_return 0;
}

/// Passwords may be checked on another thread; nothing is read meanwhile.
asio::awaitable<std::optional<HttpResponse>> HttpSession::admitted(const HttpRequest& head) {
  struct Verdict {
    bool given = false;
    std::optional<HttpResponse> refusal;
  };
  const auto verdict = std::make_shared<Verdict>();
  // At once when it is called right here, on the strand.
  auto done = [self = shared_from_this(), verdict](std::optional<HttpResponse> refusal) {
    asio::dispatch(self->stream_->executor(),
                   [self, verdict, refusal = std::move(refusal)]() mutable {
                     verdict->given = true;
                     verdict->refusal = std::move(refusal);
                     self->event_->notify();
                   });
  };
  server_->handler.admit(head, HttpHandler::Admitted(std::move(done)));
  while (!verdict->given) co_await event_->wait();
  co_return std::move(verdict->refusal);
}

asio::awaitable<bool> HttpSession::answer_refusal(HttpRequestParser& parser, HttpResponse refusal) {
  if (!parser.done() || refusal.close) {
    co_await refuse(std::move(refusal));
    co_return false;
  }
  const bool keep_alive = parser.keep_alive();
  const bool sent = co_await write(std::move(refusal), keep_alive);
  co_return sent&& keep_alive;
}

asio::awaitable<bool> HttpSession::read_body(HttpRequestParser& parser, size_t limit,
                                             BodyShare& share) {
  if (parser.done()) co_return true;
  const SessionContext::Timeouts& timeouts = server_->timeouts;
  const int64_t began_ms = server_->now_ms();
  if (parser.expects_continue() && input_.empty()) {
    stream_->expires_after(timeouts.write);
    const bool sent = co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n", {});
    if (!sent) co_return false;
  }
  while (true) {
    size_t used = 0;
    std::optional<HttpResponse> refusal = parser.feed(input_.data(), limit, used);
    input_.consume(used);
    if (!refusal && !share.grow_to(static_cast<int64_t>(parser.body_bytes()))) {
      refusal = text_response(503, "too many request bodies at a time");
    }
    if (refusal) {
      co_await refuse(std::move(*refusal));
      co_return false;
    }
    if (parser.done()) co_return true;
    // The fixed grace, and the pace that the received bytes have earned.
    const milliseconds earned(static_cast<int64_t>(parser.body_bytes()) * 1000 /
                              kMinBodyBytesPerSecond);
    const milliseconds allowed = std::min(timeouts.body, timeouts.body_grace + earned);
    const milliseconds spent(server_->now_ms() - began_ms);
    stream_->expires_after(std::max(milliseconds(1), allowed - spent));
    const size_t n = co_await stream_->read_some(input_.prepare(kBodyReadBytes), kBodyReadBytes);
    if (n == 0) co_return false;
    input_.commit(n);
  }
}

asio::awaitable<HttpResponse> HttpSession::run_handler(HttpRequest request) {
  reply_.reset();
  answered_ = false;
  stop_ = std::stop_source();
  request.stop = stop_.get_token();
  if (server_->stopping) stop_.request_stop();
  server_->handler.handle(std::move(request), HttpReply(ReplySlot(shared_from_this())));
  watch();
  while (!reply_) co_await event_->wait();
  HttpResponse response = std::move(*reply_);
  reply_.reset();
  co_return response;
}

/// Reads on until the request is answered: the only way to learn that the client has gone. What a
/// pipelining client sends early is kept for later.
void HttpSession::watch() {
  if (answered_ || input_.size() >= kMaxPipelinedBytes) return;
  watching_ = true;
  auto seen = [self = shared_from_this()](HttpStream::Seen what) {
    self->watching_ = false;
    if (what.bytes > 0) {
      self->input_.commit(what.bytes);
      self->watch();
    } else if (!what.cancelled) {
      self->stop_.request_stop();
    }
    self->event_->notify();
  };
  stream_->watch(input_.prepare(kReadBytes), kReadBytes, std::move(seen));
}

asio::awaitable<void> HttpSession::end_watch() {
  answered_ = true;
  if (watching_) stream_->cancel();
  while (watching_) co_await event_->wait();
}

void HttpSession::deliver(HttpResponse response) {
  asio::post(stream_->executor(), [self = shared_from_this(), r = std::move(response)]() mutable {
    if (self->reply_) return;
    self->reply_ = std::move(r);
    self->event_->notify();
  });
}

asio::awaitable<bool> HttpSession::write(HttpResponse response, bool keep_alive) {
  WriteTerms terms;
  terms.keep_alive = keep_alive;
  terms.head_only = current_.method == "HEAD";
  terms.http10 = http10_;
  terms.timeout = server_->timeouts.write;
  terms.gone = stop_.get_token();
  terms.clock = server_->clock;
  terms.progress_ns = &sent_ns_;
  if (!current_.request_id.empty()) response.headers.set("X-Request-Id", current_.request_id);
  const bool sent = co_await write_response(*stream_, event_, std::move(response), terms);
  co_return sent;
}

asio::awaitable<void> HttpSession::refuse(HttpResponse response) {
  waiting();
  linger_ = co_await write(std::move(response), false);
}

asio::awaitable<void> HttpSession::finish() {
  waiting();
  stream_->expires_after(std::chrono::seconds(1));
  const bool reachable = co_await stream_->shut_down_send();
  if (!linger_ || !reachable || tls_) co_return;
  size_t total = 0;
  while (total < kMaxLingerBytes && !server_->stopping) {
    input_.consume(input_.size());
    const size_t n = co_await stream_->read_some(input_.prepare(kReadBytes), kReadBytes);
    if (n == 0) break;
    total += n;
  }
}

std::string HttpSession::request_id(const HttpRequest& request) {
  const std::string_view given = request.headers.get("X-Request-Id");
  if (is_sane_id(given)) return std::string(given);
  uint64_t x = server_->request_seed + ++server_->next_request * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;  // splitmix64
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return fmt::format("{:016x}", x ^ (x >> 31));
}

int64_t HttpSession::waiting_since_ns() const {
  if (evicted_) return -1;
  const int64_t sent_ns = sent_ns_;
  if (sent_ns >= 0 && server_->now_ns() - sent_ns > kStalledNs) return sent_ns;
  return wait_since_ns_;
}

void HttpSession::evict() {
  evicted_ = true;
  asio::post(stream_->executor(), [self = shared_from_this()] {
    self->evicted_ = false;
    if (self->waiting_since_ns() < 0) return;  // its request came in the meantime
    self->evicted_ = true;
    self->stream_->close();
  });
}

void HttpSession::begin_stop() {
  asio::post(stream_->executor(), [self = shared_from_this()] {
    self->stop_.request_stop();
    self->event_->notify();
    if (self->wait_since_ns_ >= 0) self->stream_->close();
  });
}

void HttpSession::force_close() {
  asio::post(stream_->executor(), [self = shared_from_this()] { self->stream_->close(); });
}

}  // namespace silverback::server
