#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "server/connection_table.h"
#include "server/http_message.h"
#include "server/http_stream.h"
#include "server/input_buffer.h"

namespace silverback::server {

class HttpRequestParser;
class StrandEvent;

/// The part of one connection in the bytes that all request bodies may hold.
class BodyShare {
 public:
  BodyShare(std::atomic<int64_t>& held, int64_t limit) : held_(held), limit_(limit) {}
  ~BodyShare() { held_ -= bytes_; }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  /// False when the limit is reached.
  bool grow_to(int64_t bytes) {
    const int64_t more = bytes - bytes_;
    bytes_ = bytes;
    return held_.fetch_add(more) + more <= limit_;
  }

 private:
  std::atomic<int64_t>& held_;
  const int64_t limit_;
  int64_t bytes_ = 0;
};

/// What the sessions of one server share.
struct SessionContext {
  struct Timeouts {
    std::chrono::milliseconds idle{300'000};  // a keep-alive connection without a request
    /// First byte (or connect) to the end of the head.
    std::chrono::milliseconds head{10'000};
    std::chrono::milliseconds handshake{5'000};
    std::chrono::milliseconds body_grace{10'000};  // then a body must average 1 KiB/s
    std::chrono::milliseconds body{300'000};       // over all
    std::chrono::milliseconds write{60'000};       // without progress
  };
  SessionContext(HttpHandler& h, ConnectionTable::Options t) : handler(h), table(t) {}

  HttpHandler& handler;
  base::Clock* clock = nullptr;  // borrowed, as below
  base::Logger* logger = nullptr;
  Timeouts timeouts;
  int64_t body_bytes_limit = 0;  // of all request bodies that are not answered yet
  /// What a new connection shakes hands with; absent: plain HTTP.
  std::function<std::shared_ptr<ssl_ctx_st>()> tls_context;
  ConnectionTable table;
  std::atomic<bool> stopping{false};
  std::atomic<int64_t> body_bytes{0};
  std::atomic<uint64_t> next_request{0};
  uint64_t request_seed = 0;

  int64_t now_ms() const { return clock->monotonic() / std::chrono::milliseconds(1); }
  int64_t now_ns() const { return clock->monotonic().count(); }
};

/// One connection. Threads: its strand, but for TableEntry's part and deliver().
class HttpSession final : public TableEntry, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(std::shared_ptr<SessionContext> server, std::unique_ptr<HttpStream> stream,
              std::string remote);
  ~HttpSession() override;

  static boost::asio::awaitable<void> run(std::shared_ptr<HttpSession> self);

  // Any thread:
  int64_t waiting_since_ns() const override;
  void evict() override;
  void begin_stop() override;
  void force_close() override;
  void deliver(HttpResponse response);

 private:
  boost::asio::awaitable<bool> open_tls();
  boost::asio::awaitable<bool> serve_one();
  boost::asio::awaitable<size_t> read_head();
  boost::asio::awaitable<std::optional<HttpResponse>> admitted(const HttpRequest& head);
  boost::asio::awaitable<bool> answer_refusal(HttpRequestParser& parser, HttpResponse refusal);
  boost::asio::awaitable<bool> read_body(HttpRequestParser& parser, size_t limit, BodyShare& share);
  boost::asio::awaitable<HttpResponse> run_handler(HttpRequest request);
  boost::asio::awaitable<bool> write(HttpResponse response, bool keep_alive);
  boost::asio::awaitable<void> refuse(HttpResponse response);
  boost::asio::awaitable<void> end_watch();
  boost::asio::awaitable<void> finish();
  std::string request_id(const HttpRequest& request);
  void watch();
  void waiting() { wait_since_ns_ = server_->now_ns(); }

  const std::shared_ptr<SessionContext> server_;
  const std::string remote_;
  std::atomic<int64_t> wait_since_ns_{0};  // any thread; -1: a request is being answered
  std::atomic<int64_t> sent_ns_{-1};       // any thread: a write is under way since its last step
  std::atomic<bool> evicted_{false};       // any thread: closing is on its way
  const std::unique_ptr<HttpStream> stream_;
  InputBuffer input_;
  const std::shared_ptr<StrandEvent> event_;
  std::optional<HttpResponse> reply_;
  std::stop_source stop_;
  HttpRequest current_;  // method and id of what is being answered
  bool http10_ = false;
  bool tls_ = false;
  bool first_ = true;
  bool watching_ = false;
  bool answered_ = true;  // nothing more is to be watched for
  bool linger_ = false;   // unread input is left: closing at once could destroy our answer
};

}  // namespace silverback::server
