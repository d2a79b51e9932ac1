#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace silverback::testing {

/// One request as it came over the wire.
struct HttpTestRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  uint64_t connection = 0;  // counted from 1, to see what is kept alive
  /// "" when absent.
  std::string header(const std::string& name) const;
};

/// What to send back. `raw` wins: bytes as they are, then the connection closes.
struct HttpTestAnswer {
  int status = 200;
  std::string reason = "OK";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string raw;
  bool close = false;  // close after this answer
  bool hang = false;   // send nothing, hold the connection until the server stops

  static HttpTestAnswer text(std::string body);  // text/plain; version=0.0.4
  static HttpTestAnswer error(int status, std::string reason);
  static HttpTestAnswer redirect(std::string location, int status = 302);
};

/// A tiny HTTP/1.1 server on 127.0.0.1 and a free port: plain sockets, a thread a connection, a
/// scripted handler. Threads: any; the handler runs on connection threads.
class HttpTestServer {
 public:
  using Handler = std::function<HttpTestAnswer(const HttpTestRequest&)>;

  explicit HttpTestServer(Handler handler);
  /// Listens on a Unix socket instead.
  HttpTestServer(Handler handler, const std::string& unix_path);
  ~HttpTestServer();
  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;

  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& path = "/metrics") const {
    return "http://" + address() + path;
  }

  void set_handler(Handler handler);
  std::vector<HttpTestRequest> requests() const;
  size_t request_count() const;
  uint64_t connection_count() const { return connections_; }
  /// Shuts every open connection, as a server that restarts does.
  void drop_connections();

 private:
  void listen_on(int fd);
  void accept_loop();
  void serve(int fd, uint64_t number);
  bool answer(int fd, const HttpTestAnswer& answer);

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> connections_{0};
  std::thread acceptor_;

  mutable base::Mutex mutex_;
  base::CondVar changed_;
  Handler handler_ GUARDED_BY(mutex_);
  std::vector<HttpTestRequest> requests_ GUARDED_BY(mutex_);
  std::map<int, bool> open_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

/// Polls until `condition` holds; false when `limit` passed first.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace silverback::testing
