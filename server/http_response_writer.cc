#include "server/http_response_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/io_runtime.h"
#include "server/http_head.h"

namespace silverback::server {

namespace asio = boost::asio;

namespace {

constexpr size_t kWriteBytes = 64 << 10;  // per step: the timeout starts anew with each
constexpr int kPoolTries = 100;           // a full pool is asked again, 10 ms later
constexpr std::chrono::milliseconds kPoolPause(10);

/// Notes that a source is worth another call, from any thread; also when it is dropped.
class Waker {
 public:
  struct State {
    explicit State(std::shared_ptr<StrandEvent> e) : event(std::move(e)) {}
    const std::shared_ptr<StrandEvent> event;
    bool ready = false;
    bool dropped = false;
  };
  Waker(std::shared_ptr<State> state, asio::any_io_executor strand)
      : state_(std::move(state)), strand_(std::move(strand)) {}
  Waker(Waker&&) = default;
  Waker& operator=(Waker&&) = delete;
  ~Waker() {
    if (state_) finish(true);
  }
  void operator()() {
    if (state_) finish(false);
  }

 private:
  void finish(bool dropped) {
    asio::post(strand_, [state = std::exchange(state_, nullptr), dropped] {
      (dropped ? state->dropped : state->ready) = true;
      state->event->notify();
    });
  }
  std::shared_ptr<State> state_;
  asio::any_io_executor strand_;
};

/// Sends one answer's bytes. Lives in the coroutine frame of write_response().
class Writer {
 public:
  Writer(HttpStream& stream, std::shared_ptr<StrandEvent> event, const WriteTerms& terms)
      : stream_(stream), event_(std::move(event)), terms_(terms) {}

  /// `head` goes with the first step of `text`.
  asio::awaitable<bool> send(std::string_view head, std::string_view text) {
    bool ok = true;
    do {
      const std::string_view part = text.substr(0, kWriteBytes);
      text.remove_prefix(part.size());
      if (terms_.progress_ns != nullptr) *terms_.progress_ns = terms_.clock->monotonic().count();
      stream_.expires_after(terms_.timeout);
      ok = co_await stream_.write(head, part);
      head = {};
    } while (ok && !text.empty());
    if (terms_.progress_ns != nullptr) *terms_.progress_ns = -1;
    co_return ok;
  }

  asio::awaitable<bool> send_piece(std::string piece) {
    if (piece.empty()) co_return true;
    if (terms_.http10) {
      const bool plain_sent = co_await send({}, piece);
      co_return plain_sent;
    }
    const std::string size = fmt::format("{:x}\r\n", piece.size());
    piece += "\r\n";
    const bool sent = co_await send(size, piece);
    co_return sent;
  }

  /// Everything that `source` gives; false when the connection must be cut.
  asio::awaitable<bool> pump(BodySource& source, base::WorkerPool& pool) {
    int refused = 0;
    while (!terms_.gone.stop_requested()) {
      std::string piece;
      const auto call = [&source, &piece] { return source.next(piece); };
      const std::optional<BodySource::Step> step = co_await base::run_on(pool, call);
      if (!step) {
        if (++refused > kPoolTries) co_return false;
        base::AsyncTimer pause(stream_.executor());
        co_await pause.sleep(kPoolPause);
        continue;
      }
      refused = 0;
      if (*step == BodySource::Step::kFailed) co_return false;
      const bool sent = co_await send_piece(std::move(piece));
      if (!sent) co_return false;
      if (*step == BodySource::Step::kEnd) co_return true;
      if (*step == BodySource::Step::kWait) {
        const bool woken = co_await wait_for(source);
        if (!woken) co_return false;
      }
    }
    co_return false;
  }

 private:
  asio::awaitable<bool> wait_for(BodySource& source) {
    const auto state = std::make_shared<Waker::State>(event_);
    source.on_ready(Waker(state, stream_.executor()));
    while (!state->ready && !state->dropped && !terms_.gone.stop_requested()) {
      co_await event_->wait();
    }
    co_return state->ready;
  }

  HttpStream& stream_;
  const std::shared_ptr<StrandEvent> event_;
  const WriteTerms& terms_;
};

}  // namespace

asio::awaitable<bool> write_response(HttpStream& stream, std::shared_ptr<StrandEvent> event,
                                     HttpResponse response, WriteTerms terms) {
  HeadTerms head_terms;
  head_terms.keep_alive = terms.keep_alive;
  head_terms.http10 = terms.http10;
  head_terms.now_ms = terms.clock->now_ms();
  const std::string head = response_head(response, head_terms);
  Writer writer(stream, std::move(event), terms);
  if (response.source == nullptr || terms.head_only) {
    const std::string_view body = terms.head_only ? std::string_view() : response.body;
    const bool whole = co_await writer.send(head, body);
    co_return whole;
  }
  bool sent = co_await writer.send(head, {});
  if (sent) sent = co_await writer.send_piece(std::move(response.body));
  if (!sent) co_return false;
  if (response.source_pool == nullptr) {
    stream.reset();
    co_return false;
  }
  const bool complete = co_await writer.pump(*response.source, *response.source_pool);
  // Large results are not freed here. A full pool drops the task, and the source with it.
  auto free_source = [source = std::move(response.source)] {};
  if (!response.source_pool->post(std::move(free_source))) response.source_pool = nullptr;
  if (!complete) {
    stream.reset();
    co_return false;
  }
  if (terms.http10) co_return true;
  const bool ended = co_await writer.send("0\r\n\r\n", {});
  co_return ended;
}

}  // namespace silverback::server
