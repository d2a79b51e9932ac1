// Request heads: whatever arrives is refused or has one meaning, and what stands behind it is a
// body with borders that everybody sees alike.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http_head.h"
#include "server/http_request_parser.h"

namespace server = silverback::server;
namespace base = silverback::base;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

int count(const base::HttpHeaders& headers, std::string_view name) {
  int found = 0;
  for (const auto& field : headers.fields()) found += base::iequals(field.first, name) ? 1 : 0;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const server::HeadEnd end = server::find_head_end(input);
  require(end.size <= input.size() && (end.size == 0 || !end.problem));
  if (end.size == 0) return 0;
  const std::string_view head = input.substr(0, end.size);
  const auto problem = server::check_head(head);
  if (problem) {
    require(problem->status >= 400 && problem->status < 600);
    return 0;
  }
  server::HttpRequest request;
  server::HttpRequestParser parser;
  if (!parser.take_head(head, request)) return 0;
  const int lengths = count(request.headers, "Content-Length");
  const int encodings = count(request.headers, "Transfer-Encoding");
  require(lengths + encodings <= 1 && count(request.headers, "Host") <= 1);
  require(encodings == 0 || base::iequals(request.headers.get("Transfer-Encoding"), "chunked"));
  require(request.path == "*" || request.path.substr(0, 1) == "/");
  require(lengths > 0 || encodings > 0 || parser.done());
  for (std::string_view rest = input.substr(end.size); !parser.done();) {
    size_t used = 0;
    const auto refusal = parser.feed(rest, 1 << 16, used);
    require(used <= rest.size() && parser.body_bytes() <= input.size());
    rest.remove_prefix(used);
    if (refusal || used == 0) break;
  }
  return 0;
}
