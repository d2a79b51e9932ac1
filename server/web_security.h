#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/io_runtime.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "base/worker_pool.h"
#include "server/http_message.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace silverback::server {

/// What --web.config.file asks for: TLS, passwords, extra response headers. The file, certificates
/// and keys are looked at twice a second and put in force when they changed and are sound; else
/// what is in force stays, the log and a metric say so. Without that flag there is no WebSecurity.
/// Threads: start and stop by the owner, everything else any thread; nothing blocks.
class WebSecurity {
 public:
  struct Options {
    std::string path;                  // of the web configuration file
    base::IoRuntime* io = nullptr;     // all borrowed
    base::WorkerPool* pool = nullptr;  // re-reads files
    base::Clock* clock = nullptr;
    base::Logger* logger = nullptr;
    base::metrics::Registry* registry = nullptr;
    std::chrono::milliseconds check_interval{500};
    /// A refused login is answered no sooner: it neither tells what was wrong nor lets one
    /// connection guess faster than the limit.
    std::chrono::milliseconds refusal_delay{120};
  };

  /// Reads and checks everything; the error names file and line.
  static base::Result<std::unique_ptr<WebSecurity>> open(Options options);
  ~WebSecurity();  // stop()
  WebSecurity(const WebSecurity&) = delete;
  WebSecurity& operator=(const WebSecurity&) = delete;

  /// Begins to look for changes; needs the pool and the I/O threads.
  void start();
  /// Checks no more passwords: authorize() then answers 503. Blocking.
  void stop();

  /// Whether connections speak TLS. Never changes while running.
  bool tls() const;
  /// What a new connection shakes hands with; null when plain. SSL_new takes its own reference, so
  /// the caller may let go at once. Client certificates and their names are checked inside.
  std::shared_ptr<ssl_ctx_st> tls_context() const;

  /// nullopt: go on. Else the answer (401, 429 or 503), to be finished as any other.
  using Done = base::UniqueFunction<void(std::optional<HttpResponse> refusal)>;
  /// Judges the Authorization header of a request whose head has arrived; uses `headers` and
  /// `remote_address`. Calls `done` exactly once: before it returns when no password is asked for,
  /// the login is known or the header is no use; else later, from a thread of its own or of io.
  void authorize(const HttpRequest& head, Done done);

  /// Headers that every answer carries, 401s included; they replace ours of the same name.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  std::shared_ptr<const Headers> headers() const;

 private:
  struct Impl;
  explicit WebSecurity(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace silverback::server
