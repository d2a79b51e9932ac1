#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/http_types.h"
#include "base/unique_function.h"

namespace silverback::base {
class WorkerPool;
}

namespace silverback::server {

/// One request, whole. `path` is percent-decoded, `query` is not.
struct HttpRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string raw_path;  // as sent, still percent-encoded
  base::HttpHeaders headers;
  std::string body;
  std::string remote_address;  // "127.0.0.1:40312"
  std::string request_id;      // the client's X-Request-Id if it is sane, else made here
  bool tls = false;
  std::stop_token stop;  // the client went away, or the server stops
};

/// A body that is made piece by piece, as fast as the client takes it: next() is called again only
/// when the socket has taken the piece before, so no answer is ever whole in memory. Destroyed when
/// it has ended or its client has gone. Small state only: a client may take hours.
/// Threads: next() on HttpResponse::source_pool, on_ready() on an I/O thread, one call at a time;
/// destroyed on either.
class BodySource {
 public:
  enum class Step : uint8_t {
    kMore,    // call again
    kWait,    // nothing to tell for now: call again after on_ready()
    kEnd,     // that was the last piece
    kFailed,  // too late for a status: the connection is cut, so that the client notices
  };
  virtual ~BodySource() = default;
  /// Appends the next piece to `chunk`, which is empty; kPieceBytes is a good size, an empty piece
  /// is no harm. Returns within milliseconds, never blocks.
  virtual Step next(std::string& chunk) = 0;
  /// After kWait: `wake` is called once, on any thread, when next() is worth a call; before this
  /// returns when it already is. Dropping `wake` uncalled ends the answer.
  virtual void on_ready(base::UniqueFunction<void()> wake) { wake(); }

  static constexpr size_t kPieceBytes = 128 << 10;
};

struct HttpResponse {
  int status = 200;
  base::HttpHeaders headers;
  std::string body;
  std::unique_ptr<BodySource> source;       // sent behind `body`, chunked
  base::WorkerPool* source_pool = nullptr;  // borrowed; where `source` runs; the router fills it
  bool close = false;                       // end the connection after this answer
};

/// A plain text answer with a line end, as Go's http.Error writes it.
inline HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.headers.set("X-Content-Type-Options", "nosniff");
  text += '\n';
  response.body = std::move(text);
  return response;
}

/// To be called once, from any thread. Dropping it uncalled answers 503.
using HttpReply = base::UniqueFunction<void(HttpResponse)>;

/// What the server asks about a request whose head has arrived.
struct HeadVerdict {
  size_t body_limit = 0;
  std::optional<HttpResponse> refusal;  // answered at once, the body is not read
};

/// What HttpServer serves. Threads: called on I/O threads; must not block.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  /// Who may ask at all, before anything else is looked at. `done` is called once, on any thread,
  /// perhaps before this returns; a refusal is answered without reading the body.
  using Admitted = base::UniqueFunction<void(std::optional<HttpResponse> refusal)>;
  virtual void admit(const HttpRequest& /*head*/, Admitted done) { done(std::nullopt); }
  virtual HeadVerdict on_head(const HttpRequest& head) = 0;
  virtual void handle(HttpRequest request, HttpReply reply) = 0;
};

}  // namespace silverback::server
