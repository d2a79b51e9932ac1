#include "server/http_request_parser.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "server/http_head.h"

namespace silverback::server {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

/// What the parser leaves over inside a chunked body is a line that is not whole yet. One that ends
/// with a bare line feed, or does not end, would only be waited for.
bool bad_chunk_line(std::string_view rest) {
  for (size_t at = rest.find('\n'); at != std::string_view::npos; at = rest.find('\n', at + 1)) {
    if (at == 0 || rest[at - 1] != '\r') return true;
  }
  return rest.size() > kMaxLineBytes;
}

}  // namespace

struct HttpRequestParser::Impl {
  http::request_parser<http::string_body> parser;
};

HttpRequestParser::HttpRequestParser() : impl_(std::make_unique<Impl>()) {}
HttpRequestParser::~HttpRequestParser() = default;

bool HttpRequestParser::take_head(std::string_view head, HttpRequest& request) {
  auto& parser = impl_->parser;
  parser.header_limit(static_cast<uint32_t>(kMaxHeadBytes + kMaxLineBytes));
  parser.body_limit(boost::none);  // feed() counts
  parser.eager(false);
  error_code ec;
  parser.put(boost::asio::buffer(head.data(), head.size()), ec);
  if (ec || !parser.is_header_done()) return false;
  request.method = std::string(parser.get().method_string());
  for (const auto& field : parser.get().base()) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  parser.eager(true);
  const auto target = parser.get().target();
  return split_target(std::string_view(target.data(), target.size()), request);
}

bool HttpRequestParser::done() const {
  return impl_->parser.is_done();
}

bool HttpRequestParser::keep_alive() const {
  return impl_->parser.keep_alive();
}

bool HttpRequestParser::http10() const {
  return impl_->parser.get().version() < 11;
}

bool HttpRequestParser::expects_continue() const {
  const auto expect = impl_->parser.get()[http::field::expect];
  return !http10() && base::iequals(std::string_view(expect.data(), expect.size()), "100-continue");
}

std::optional<uint64_t> HttpRequestParser::content_length() const {
  const auto length = impl_->parser.content_length();
  return length ? std::optional<uint64_t>(*length) : std::nullopt;
}

size_t HttpRequestParser::body_bytes() const {
  return impl_->parser.get().body().size();
}

std::optional<HttpResponse> HttpRequestParser::feed(std::string_view arrived, size_t limit,
                                                    size_t& used) {
  auto& parser = impl_->parser;
  used = 0;
  while (used < arrived.size() && !parser.is_done()) {
    error_code ec;
    const size_t n =
        parser.put(boost::asio::buffer(arrived.data() + used, arrived.size() - used), ec);
    used += n;
    if (ec && ec != http::error::need_more) {
      return text_response(400, "Bad Request: " + ec.message());
    }
    if (parser.get().body().size() > limit) {
      return text_response(413, "Request Entity Too Large");
    }
    if (ec || n == 0) break;
  }
  if (!parser.is_done() && parser.chunked() && bad_chunk_line(arrived.substr(used))) {
    return text_response(400, "Bad Request: malformed chunk");
  }
  return std::nullopt;
}

std::string HttpRequestParser::take_body() {
  return std::move(impl_->parser.get().body());
}

}  // namespace silverback::server
