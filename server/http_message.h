#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

#include "base/http_types.h"
#include "base/unique_function.h"

namespace silverback::server {

/// One request, whole. `path` is percent-decoded, `query` is not.
struct HttpRequest {
  std::string method;
  std::string path;
  std::string query;
  base::HttpHeaders headers;
  std::string body;
  std::string remote_address;  // "127.0.0.1:40312"
  std::stop_token stop;        // the client went away, or the server stops
};

struct HttpResponse {
  int status = 200;
  base::HttpHeaders headers;
  std::string body;
  bool close = false;  // end the connection after this answer
};

/// A plain text answer with a line end, as Go's http.Error writes it.
inline HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
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
  virtual HeadVerdict on_head(const HttpRequest& head) = 0;
  virtual void handle(HttpRequest request, HttpReply reply) = 0;
};

}  // namespace silverback::server
