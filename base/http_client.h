#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/http_client_config.h"
#include "base/http_types.h"
#include "base/io_runtime.h"
#include "base/result.h"
#include "base/url.h"

namespace silverback::base {

class DialMetrics;

/// An HTTP/1.1 client for one configuration (auth, TLS, redirects). Keeps idle connections alive,
/// one pool per origin. Credentials go only to the origin of the first URL, never to a redirect's.
/// Redirects: at most 5, http(s) only. A kept-alive connection that turns out dead before a byte
/// came is replaced once. Threads: any strand; fetches may run side by side.
class HttpClient {
 public:
  struct Request {
    std::string method = "GET";
    Url url;
    HttpHeaders headers;  // Host, auth and Content-Length are added
    std::string body;
    std::string unix_socket;  // connect to this path instead of the URL's host
  };
  struct Response {
    int status = 0;
    std::string reason;  // "404 Not Found" is status + reason
    HttpHeaders headers;
    std::string body;  // Content-Encoding gzip undone, unless Limits::inflate is off
    uint64_t wire_bytes = 0;
  };
  struct Limits {
    std::chrono::milliseconds timeout{10000};  // over DNS, connect, TLS, head and body together
    /// Inflated; a body of exactly this size fails too; 0 = 128 MiB.
    uint64_t body_bytes = 0;
    /// False: a gzip body is given as it came, and the limit holds for that; the caller inflates it
    /// (base/compress.h) off the I/O threads. For answers of more than a few KB.
    bool inflate = true;
    std::stop_token stop;  // ends the fetch with kCanceled
  };

  /// `file_pool` reads the config's *_file paths; without one they are read where fetch() runs.
  /// `dials` counts the connections.
  HttpClient(IoRuntime& io, HttpClientConfig config, WorkerPool* file_pool = nullptr,
             std::shared_ptr<DialMetrics> dials = nullptr);
  ~HttpClient();  // fetches under way go on
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Any HTTP status is a Response. kTimeout: "context deadline exceeded"; kLimit: body too large;
  /// kIo: connect, TLS or protocol trouble, worded with host and cause.
  boost::asio::awaitable<Result<Response>> fetch(Request request, Limits limits);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace silverback::base
