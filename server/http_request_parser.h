#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "server/http_message.h"

namespace silverback::server {

/// Takes one request apart, once check_head() has found no fault with its head.
/// Threads: externally locked.
class HttpRequestParser {
 public:
  HttpRequestParser();
  ~HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  /// Fills method, path, query and headers. False = not a request after all.
  bool take_head(std::string_view head, HttpRequest& request);

  /// After the head:
  bool done() const;  // the body is complete
  bool keep_alive() const;
  bool http10() const;
  bool expects_continue() const;
  std::optional<uint64_t> content_length() const;
  size_t body_bytes() const;

  /// Takes what it can of the body; `used` bytes are not to come again. An answer when it cannot be
  /// taken: malformed, or over `limit`.
  std::optional<HttpResponse> feed(std::string_view arrived, size_t limit, size_t& used);
  std::string take_body();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::server
