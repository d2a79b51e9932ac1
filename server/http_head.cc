#include "server/http_head.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/http_types.h"
#include "base/url.h"

namespace silverback::server {

namespace {

bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u < 0x20 || u == 0x7f;
}

HeadProblem bad_request(std::string why) {
  return {400, "Bad Request: " + std::move(why)};
}

/// What the fields say about the message's borders.
struct Framing {
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
};

std::optional<HeadProblem> check_request_line(std::string_view line, bool& http10) {
  if (line.size() > kMaxLineBytes) return HeadProblem{414, "URI Too Long"};
  const size_t first = line.find(' ');
  const size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return bad_request("malformed request line");
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!is_token(line.substr(0, first))) return bad_request("malformed method");
  if (target.empty()) return bad_request("malformed request target");
  for (const char c : target) {
    if (is_control(c) || static_cast<unsigned char>(c) >= 0x80 || c == '#') {
      return bad_request("malformed request target");
    }
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    if (version.substr(0, 5) == "HTTP/" && version.find(' ') == std::string_view::npos) {
      return HeadProblem{505, "HTTP Version Not Supported"};
    }
    return bad_request("malformed request line");
  }
  http10 = version == "HTTP/1.0";
  return std::nullopt;
}

bool is_host(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) {
                       return is_token_char(c) ||
                              std::string_view("[]:()=;,@/").find(c) != std::string_view::npos;
                     }) &&
         value.find_first_of("/@,") == std::string_view::npos;
}

std::optional<HeadProblem> check_field(std::string_view line, Framing& framing) {
  if (line.size() > kMaxLineBytes) return HeadProblem{431, "Request Header Fields Too Large"};
  if (line[0] == ' ' || line[0] == '\t') return bad_request("folded header line");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return bad_request("malformed header name");
  }
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  for (const char c : value) {
    if (is_control(c) && c != '\t') return bad_request("control character in a header value");
  }
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (base::iequals(name, "Host")) {
    ++framing.hosts;
    if (!is_host(value)) return bad_request("malformed Host");
  } else if (base::iequals(name, "Content-Length")) {
    ++framing.content_lengths;
    const bool decimal =
        !value.empty() && value.size() <= 18 &&
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!decimal) return bad_request("malformed Content-Length");
  } else if (base::iequals(name, "Transfer-Encoding")) {
    ++framing.transfer_encodings;
    if (!base::iequals(value, "chunked")) return bad_request("unsupported Transfer-Encoding");
  }
  return std::nullopt;
}

std::optional<HeadProblem> check_framing(const Framing& framing, bool http10) {
  if (framing.hosts > 1 || (framing.hosts == 0 && !http10))
    return bad_request("one Host is needed");
  if (framing.content_lengths > 1) return bad_request("repeated Content-Length");
  if (framing.transfer_encodings > 1) return bad_request("repeated Transfer-Encoding");
  if (framing.transfer_encodings > 0 && (framing.content_lengths > 0 || http10)) {
    return bad_request("ambiguous message length");
  }
  return std::nullopt;
}

std::string http_date(int64_t now_ms) {
  const std::time_t seconds = now_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  const size_t n = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return std::string(text.data(), n);
}

/// A header value must not be able to end its line.
std::string one_line(std::string_view value) {
  std::string out(value);
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return out;
}

std::string_view reason_phrase(int status) {
  struct Reason {
    int status;
    std::string_view text;
  };
  static constexpr Reason kReasons[] = {{200, "OK"},
                                        {204, "No Content"},
                                        {206, "Partial Content"},
                                        {301, "Moved Permanently"},
                                        {302, "Found"},
                                        {303, "See Other"},
                                        {304, "Not Modified"},
                                        {307, "Temporary Redirect"},
                                        {400, "Bad Request"},
                                        {401, "Unauthorized"},
                                        {403, "Forbidden"},
                                        {404, "Not Found"},
                                        {405, "Method Not Allowed"},
                                        {406, "Not Acceptable"},
                                        {408, "Request Timeout"},
                                        {409, "Conflict"},
                                        {413, "Request Entity Too Large"},
                                        {414, "URI Too Long"},
                                        {415, "Unsupported Media Type"},
                                        {417, "Expectation Failed"},
                                        {422, "Unprocessable Entity"},
                                        {429, "Too Many Requests"},
                                        {431, "Request Header Fields Too Large"},
                                        {499, "Client Closed Request"},
                                        {500, "Internal Server Error"},
                                        {501, "Not Implemented"},
                                        {502, "Bad Gateway"},
                                        {503, "Service Unavailable"},
                                        {504, "Gateway Timeout"},
                                        {505, "HTTP Version Not Supported"}};
  for (const Reason& reason : kReasons) {
    if (reason.status == status) return reason.text;
  }
  return "Unknown";
}

}  // namespace

std::optional<HeadProblem> check_head(std::string_view head) {
  Framing framing;
  bool http10 = false;
  size_t lines = 0;
  while (true) {
    const size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return bad_request("malformed header line");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty()) break;
    if (line.find('\r') != std::string_view::npos) return bad_request("bare carriage return");
    if (lines > kMaxFields) return HeadProblem{431, "Request Header Fields Too Large"};
    std::optional<HeadProblem> problem =
        lines == 0 ? check_request_line(line, http10) : check_field(line, framing);
    if (problem) return problem;
    ++lines;
  }
  if (lines == 0) return bad_request("malformed request line");
  return check_framing(framing, http10);
}

HeadEnd find_head_end(std::string_view arrived) {
  HeadEnd found;
  for (size_t at = arrived.find('\n'); at != std::string_view::npos;
       at = arrived.find('\n', at + 1)) {
    if (at == 0 || arrived[at - 1] != '\r') {
      found.problem = bad_request("bare line feed");
      return found;
    }
    if (at >= 3 && arrived.substr(at - 3, 4) == "\r\n\r\n") {
      found.size = at + 1;
      break;
    }
  }
  if ((found.size == 0 && arrived.size() > kMaxHeadBytes) || found.size > kMaxHeadBytes) {
    found.size = 0;
    const bool one_line = arrived.substr(0, kMaxLineBytes).find('\n') == std::string_view::npos;
    found.problem = one_line ? HeadProblem{414, "URI Too Long"}
                             : HeadProblem{431, "Request Header Fields Too Large"};
  }
  return found;
}

bool split_target(std::string_view target, HttpRequest& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!base::iequals(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (target.empty() || target.front() == '?') request.raw_path = "/";
    break;
  }
  const size_t question = std::min(target.find('?'), target.size());
  if (question > 0) request.raw_path = std::string(target.substr(0, question));
  request.query = std::string(target.substr(std::min(question + 1, target.size())));
  if (request.raw_path != "*" && request.raw_path.substr(0, 1) != "/") return false;
  base::Result<std::string> decoded = base::unescape(request.raw_path, false);
  if (!decoded || std::any_of(decoded->begin(), decoded->end(), is_control)) return false;
  request.path = std::move(*decoded);
  return true;
}

std::string response_head(const HttpResponse& response, const HeadTerms& terms) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                                 reason_phrase(response.status), http_date(terms.now_ms));
  for (const auto& [name, value] : response.headers.fields()) {
    head += fmt::format("{}: {}\r\n", name, one_line(value));
  }
  const bool until_close = response.source != nullptr && terms.http10;
  if (response.source != nullptr) {
    if (!terms.http10) head += "Transfer-Encoding: chunked\r\n";
  } else if (response.status != 204 && response.status != 304) {
    head += fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  if (!terms.keep_alive || until_close) {
    head += "Connection: close\r\n";
  } else if (terms.http10) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

}  // namespace silverback::server
