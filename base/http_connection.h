#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/http_client_config.h"
#include "base/http_credentials.h"
#include "base/io_runtime.h"
#include "base/result.h"
#include "base/unique_function.h"

namespace silverback::base {

/// The clock of one fetch: when its time is up, or it is cancelled, whatever the fetch waits on is
/// aborted. Threads: one strand, but for cancel().
class FetchGuard : public std::enable_shared_from_this<FetchGuard> {
 public:
  FetchGuard(boost::asio::any_io_executor strand, std::chrono::milliseconds timeout);
  ~FetchGuard();

  void start();
  void finish();  // stops the clock
  /// Ends the fetch with kCanceled. Threads: any.
  void cancel();

  bool stopped() const { return state_ != State::kRunning; }
  /// kTimeout "context deadline exceeded" or kCanceled "context canceled"; OK while running.
  Status status() const;
  std::chrono::milliseconds remaining() const;
  const boost::asio::any_io_executor& strand() const { return strand_; }

  /// What to call when stopped; replaces the former. Empty clears.
  void on_abort(UniqueFunction<void()> abort) { abort_ = std::move(abort); }

 private:
  enum class State : uint8_t { kRunning, kExpired, kCanceled };
  void stop(State state);

  struct Timer;
  const boost::asio::any_io_executor strand_;
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<Timer> timer_;
  State state_ = State::kRunning;
  UniqueFunction<void()> abort_;
};

/// A TLS client context made from one state of a config's files. Threads: any thread.
class TlsContext;
/// `with_client_cert` false leaves out the certificate, for origins that are not the configured
/// one.
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsConfig& config,
                                                     const HttpCredentials& credentials,
                                                     bool with_client_cert);

/// An open stream to a server, plain or TLS. Threads: the strand of the fetch that holds it.
class HttpConnection {
 public:
  enum class ReadEnd : uint8_t { kData, kEof, kError };
  struct Read {
    ReadEnd end = ReadEnd::kData;
    size_t bytes = 0;
    std::string error;  // Go's wording
  };

  virtual ~HttpConnection() = default;
  virtual boost::asio::awaitable<Read> read_some(char* into, size_t capacity) = 0;
  /// Empty when all was written, else what went wrong.
  virtual boost::asio::awaitable<std::string> write_all(std::string_view bytes) = 0;
  virtual void close() = 0;
  /// False when an idle connection was closed by the peer, or spoke out of turn.
  virtual bool quiet() = 0;

  std::shared_ptr<void> lifetime;  // whoever counts connections: goes with this one
};

struct DialOptions {
  std::string host, port;
  std::string unix_socket;               // a path: used instead of host and port
  std::shared_ptr<TlsContext> tls;       // null = plain
  std::string server_name;               // what the certificate must name; "" = host
  std::string tunnel_host, tunnel_port;  // a proxy that is asked to connect through
  std::string tunnel_request;            // the head of that; "" = no proxy
  bool refuse_link_local = false;        // 169.254/16 and fe80::/10, where clouds keep secrets
};

/// Resolves, connects, shakes hands. Errors in Go's wording ("dial tcp 1.2.3.4:80: connect: ...").
boost::asio::awaitable<Result<std::unique_ptr<HttpConnection>>> dial(
    IoRuntime* io, DialOptions options, std::shared_ptr<FetchGuard> guard);

}  // namespace silverback::base
