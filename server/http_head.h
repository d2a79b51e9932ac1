#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace silverback::server {

/// Limits of a request's head.
inline constexpr size_t kMaxHeadBytes = 64 << 10;
inline constexpr size_t kMaxLineBytes = 16 << 10;
inline constexpr size_t kMaxFields = 128;

/// Why a head is refused.
struct HeadProblem {
  int status = 400;
  std::string text;
};

/// Judges a request head more strictly than the parser behind it does, so that nobody before or
/// after us can see other message borders than we do: no bare LF, no folded lines, no space before
/// a colon, one Host, one decimal Content-Length or one `Transfer-Encoding: chunked`, never both.
/// `head` ends with the empty line. Pure.
std::optional<HeadProblem> check_head(std::string_view head);

/// Finds the end of the head in what has arrived so far; 0 = not there yet. A line feed without its
/// carriage return is a problem at once, since the end would never come.
struct HeadEnd {
  size_t size = 0;
  std::optional<HeadProblem> problem;
};
HeadEnd find_head_end(std::string_view arrived);

/// The request's target in origin or absolute form, or `*`: fills raw_path, path (percent-decoded)
/// and query. False for other forms, a bad escape, or a control character in the path.
bool split_target(std::string_view target, HttpRequest& request);

struct HeadTerms {
  bool keep_alive = false;
  bool http10 = false;  // the client speaks HTTP/1.0
  int64_t now_ms = 0;
};
/// Status line and header fields of an answer, with Date, the body's framing and the empty line.
std::string response_head(const HttpResponse& response, const HeadTerms& terms);

}  // namespace silverback::server
