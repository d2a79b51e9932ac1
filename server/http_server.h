#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "server/http_message.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace silverback::server {

/// An HTTP/1.1 server: one coroutine and one strand a connection, keep-alive, pipelining, limits on
/// heads, bodies, speed and connections. Handlers run wherever HttpHandler sends them; while one
/// runs, its socket is watched, and the request's stop_token fires when the client goes away.
/// Threads: start and stop by the owner, everything else on the I/O threads.
class HttpServer {
 public:
  struct Options {
    base::IoRuntime* io = nullptr;  // all borrowed
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;  // none: nothing is counted
    std::vector<std::string> listen_addresses;    // "host:port", ":port", "[::1]:0"
    size_t max_connections = 512;
    size_t max_handshakes = 512;                      // TLS connections that may not ask yet
    std::chrono::milliseconds idle_timeout{300'000};  // a keep-alive connection without a request
    /// First byte (or connect) to the end of the head.
    std::chrono::milliseconds head_timeout{10'000};
    std::chrono::milliseconds handshake_timeout{5'000};
    std::chrono::milliseconds body_grace{10'000};     // then a body must average 1 KiB/s
    std::chrono::milliseconds body_timeout{300'000};  // over all
    std::chrono::milliseconds write_timeout{60'000};  // without progress
    int64_t body_bytes_limit = int64_t{512} << 20;    // of all bodies not answered yet
    /// What a new connection shakes hands with; absent: plain HTTP.
    std::function<std::shared_ptr<ssl_ctx_st>()> tls_context;
  };

  HttpServer(Options options, HttpHandler& handler);
  ~HttpServer();  // stop()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds every address and lets connections queue up. kIo names the address it could not have.
  base::Status bind();
  /// Begins to accept.
  void start();
  /// Accepts nothing more, fires every stop_token, lets running requests answer for up to `grace`,
  /// then closes what is left. Blocking; not on an I/O thread.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(2000));

  /// "127.0.0.1:9090" per listener, once bound.
  std::vector<std::string> bound_addresses() const;
  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::server
