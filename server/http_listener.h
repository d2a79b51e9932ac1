#pragma once

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/io_runtime.h"
#include "base/status.h"
#include "server/http_session.h"

namespace silverback::server {

/// One address that connections come to. Threads: open() by the owner, then its strand.
class HttpListener : public std::enable_shared_from_this<HttpListener> {
 public:
  HttpListener(base::IoRuntime& io, std::shared_ptr<SessionContext> sessions);
  ~HttpListener();

  /// Binds and lets connections queue up. kIo names the address it could not have.
  base::Status open(const std::string& address);
  /// "127.0.0.1:9090", once open.
  const std::string& bound() const;
  /// Accepts until close().
  void start();
  void close();  // any thread

 private:
  struct Impl;
  static boost::asio::awaitable<void> accept_loop(std::shared_ptr<HttpListener> self);
  boost::asio::awaitable<void> make_room();
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::server
