#include "server/http_stream.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <openssl/ssl.h>

namespace silverback::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t kHelloBytes = 2048;
constexpr char kTlsHandshakeRecord = 0x16;
constexpr std::string_view kPlainToTls =
    "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n"
    "Client sent an HTTP request to an HTTPS server.\n";

}  // namespace

struct HttpStream::Impl {
  Impl(asio::any_io_executor strand, int fd, bool v6) : executor(strand), stream(strand) {
    error_code ec;
    stream.socket().assign(v6 ? tcp::v6() : tcp::v4(), fd, ec);
    if (!ec) stream.socket().set_option(tcp::no_delay(true), ec);
  }

  using Tls = asio::ssl::stream<boost::beast::tcp_stream&>;

  const asio::any_io_executor executor;
  boost::beast::tcp_stream stream;
  std::optional<Tls> tls;
};

HttpStream::HttpStream(asio::any_io_executor strand, int fd, bool v6)
    : impl_(std::make_unique<Impl>(std::move(strand), fd, v6)) {}

HttpStream::~HttpStream() = default;

const asio::any_io_executor& HttpStream::executor() const {
  return impl_->executor;
}

asio::awaitable<bool> HttpStream::handshake(std::shared_ptr<ssl_ctx_st> context) {
  std::array<char, kHelloBytes> hello;
  const size_t n = co_await read_some(hello.data(), hello.size());
  if (n == 0) co_return false;
  if (hello[0] != kTlsHandshakeRecord) {
    co_await write(kPlainToTls, {});
    co_return false;
  }
  SSL* ssl = context ? SSL_new(context.get()) : nullptr;
  if (ssl == nullptr) co_return false;
  impl_->tls.emplace(impl_->stream, ssl);  // owns it now
  error_code ec;
  co_await impl_->tls->async_handshake(asio::ssl::stream_base::server,
                                       asio::buffer(hello.data(), n),
                                       asio::redirect_error(asio::use_awaitable, ec));
  co_return !ec;
}

asio::awaitable<size_t> HttpStream::read_some(char* into, size_t capacity) {
  error_code ec;
  size_t n = 0;
  if (impl_->tls) {
    n = co_await impl_->tls->async_read_some(asio::buffer(into, capacity),
                                             asio::redirect_error(asio::use_awaitable, ec));
  } else {
    n = co_await impl_->stream.async_read_some(asio::buffer(into, capacity),
                                               asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return ec ? 0 : n;
}

asio::awaitable<bool> HttpStream::write(std::string_view first, std::string_view second) {
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(first.data(), first.size()),
                                                   asio::buffer(second.data(), second.size())};
  error_code ec;
  if (impl_->tls) {
    co_await asio::async_write(*impl_->tls, parts, asio::redirect_error(asio::use_awaitable, ec));
  } else {
    co_await asio::async_write(impl_->stream, parts, asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return !ec;
}

void HttpStream::watch(char* into, size_t capacity, base::UniqueFunction<void(Seen)> done) {
  auto finished = [done = std::move(done)](const error_code& ec, size_t n) mutable {
    Seen seen;
    seen.bytes = ec ? 0 : n;
    seen.cancelled = ec == asio::error::operation_aborted;
    done(seen);
  };
  impl_->stream.expires_never();
  if (impl_->tls) {
    impl_->tls->async_read_some(asio::buffer(into, capacity), std::move(finished));
  } else {
    impl_->stream.async_read_some(asio::buffer(into, capacity), std::move(finished));
  }
}

void HttpStream::cancel() {
  impl_->stream.cancel();
}

void HttpStream::expires_after(std::chrono::milliseconds delay) {
  impl_->stream.expires_after(delay);
}

void HttpStream::expires_never() {
  impl_->stream.expires_never();
}

asio::awaitable<bool> HttpStream::shut_down_send() {
  error_code ec;
  if (impl_->tls && impl_->stream.socket().is_open()) {
    // Ours is sent, theirs is waited for: until the deadline.
    co_await impl_->tls->async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
  }
  ec = {};
  impl_->stream.socket().shutdown(tcp::socket::shutdown_send, ec);
  co_return !ec;
}

void HttpStream::close() {
  impl_->stream.close();
}

void HttpStream::reset() {
  error_code ignored;
  impl_->stream.socket().set_option(asio::socket_base::linger(true, 0), ignored);
  impl_->stream.close();
}

}  // namespace silverback::server
