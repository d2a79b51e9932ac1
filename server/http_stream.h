#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/unique_function.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace silverback::server {

/// The bytes of one accepted connection, plain or TLS. A deadline that passes closes it; every call
/// then fails. One read and one write may be under way at a time.
/// Threads: its strand.
class HttpStream {
 public:
  /// Takes over the connected socket `fd`.
  HttpStream(boost::asio::any_io_executor strand, int fd, bool v6);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  const boost::asio::any_io_executor& executor() const;

  /// From here on everything is TLS.
  boost::asio::awaitable<bool> handshake(std::shared_ptr<ssl_ctx_st> context);
  /// How much has come; 0 = the client has ended, or an error.
  boost::asio::awaitable<size_t> read_some(char* into, size_t capacity);
  /// Both texts, one after the other.
  boost::asio::awaitable<bool> write(std::string_view first, std::string_view second);

  /// Reads beside a write; the deadline does not count. `done` runs on the strand.
  struct Seen {
    size_t bytes = 0;
    bool cancelled = false;  // by cancel(); else no bytes mean that the client has gone
  };
  void watch(char* into, size_t capacity, base::UniqueFunction<void(Seen)> done);
  void cancel();

  /// For what starts from now on.
  void expires_after(std::chrono::milliseconds delay);
  void expires_never();

  /// Tells the client that nothing more comes; false when it has gone.
  boost::asio::awaitable<bool> shut_down_send();
  void close();
  /// Closes so that the client sees a broken connection, not an end.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::server
