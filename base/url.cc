#include "base/url.h"

#include <algorithm>
#include <charconv>

#include "base/go_quote.h"
#include "base/http_types.h"

namespace silverback::base {
namespace {

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || std::string_view("-_.~").find(c) != std::string_view::npos;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_percent(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  const auto b = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[b >> 4];
  out += kHex[b & 0xf];
}

// Escapes what may not stand in a request line; existing escapes stay.
std::string escape_stray(std::string_view s, std::string_view also) {
  std::string out;
  for (const char c : s) {
    const auto b = static_cast<unsigned char>(c);
    if (b <= 0x20 || b >= 0x7f || also.find(c) != std::string_view::npos) {
      append_percent(out, c);
    } else {
      out += c;
    }
  }
  return out;
}

// Size of the "scheme" in "scheme:...", npos if there is none.
size_t scheme_size(std::string_view text) {
  size_t i = 0;
  while (i < text.size() &&
         (is_alpha(text[i]) ||
          (i > 0 &&
           (is_digit(text[i]) || std::string_view("+-.").find(text[i]) != std::string_view::npos))))
    ++i;
  return i > 0 && i < text.size() && text[i] == ':' ? i : std::string_view::npos;
}

std::string lower_copy(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

// "user:pass@[::1]:80" into its parts; the reason when it is malformed.
std::string_view parse_authority(std::string_view authority, Url& out) {
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    out.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!authority.empty() && authority[0] == '[') {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return "missing ']' in host";
    out.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && port[0] != ':') return "invalid port after host";
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    out.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!port.empty()) port.remove_prefix(1);
  unsigned number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!port.empty() && (ec != std::errc() || end != port.data() + port.size() || number > 65535)) {
    return "invalid port after host";
  }
  out.port = port;
  const bool bad_host = std::any_of(out.host.begin(), out.host.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 ||
           std::string_view("<>\"\\^`{|}").find(c) != std::string_view::npos;
  });
  if (bad_host) return "invalid character in host name";
  return out.host.empty() ? "no host in request URL" : "";
}

// RFC 3986, 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool ends_open = false;  // the last segment was a dot: the path ends with '/'
  std::string_view rest = path;
  while (!rest.empty()) {
    if (rest[0] == '/') rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    rest.remove_prefix(end);
    ends_open = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!ends_open) kept.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += '/';
    out += segment;
  }
  if (ends_open || out.empty()) out += '/';
  return out;
}

std::string escape(std::string_view s, std::string_view also_plain, bool plus) {
  std::string out;
  for (const char c : s) {
    if (is_unreserved(c) || also_plain.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ' && plus) {
      out += '+';
    } else {
      append_percent(out, c);
    }
  }
  return out;
}

}  // namespace

std::string Url::host_port() const {
  std::string out = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (!port.empty()) out += ':' + port;
  return out;
}

std::string Url::target() const {
  std::string out = path.empty() ? "/" : path;
  if (!query.empty()) out += '?' + query;
  return out;
}

std::string Url::to_string() const {
  std::string out = scheme + "://";
  if (!userinfo.empty()) {
    const size_t colon = userinfo.find(':');
    out += userinfo.substr(0, colon);
    out += colon == std::string::npos ? "@" : ":xxxxx@";
  }
  out += host_port() + path;
  if (!query.empty()) out += '?' + query;
  return out;
}

bool Url::same_origin(const Url& o) const {
  return scheme == o.scheme && iequals(host, o.host) && port_or_default() == o.port_or_default();
}

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    // The text may carry a password: only what follows the userinfo is shown.
    const size_t at = text.rfind('@');
    const std::string_view shown = at == std::string_view::npos ? text : text.substr(at + 1);
    return Status(Errc::kBadData, "parse " + go_quote(shown) + ": " + std::string(why));
  };
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return bad("invalid control character in URL");
  const size_t scheme = scheme_size(text);
  if (scheme == std::string_view::npos) return bad("missing protocol scheme");
  Url url;
  url.scheme = lower_copy(text.substr(0, scheme));
  if (url.scheme != "http" && url.scheme != "https") {
    return bad("unsupported protocol scheme " + go_quote(url.scheme));
  }
  std::string_view rest = text.substr(scheme + 1);
  if (rest.substr(0, 2) != "//") return bad("no host in request URL");
  rest.remove_prefix(2);
  rest = rest.substr(0, rest.find('#'));
  const size_t authority = std::min(rest.find_first_of("/?"), rest.size());
  if (const auto why = parse_authority(rest.substr(0, authority), url); !why.empty())
    return bad(why);
  rest.remove_prefix(authority);
  const size_t question = std::min(rest.find('?'), rest.size());
  const Result<std::string> path = unescape(rest.substr(0, question), false);
  if (!path.is_ok()) return bad(path.status().message());
  url.path = escape_stray(rest.substr(0, question), "\"<>\\^`{|}");
  if (question < rest.size()) url.query = escape_stray(rest.substr(question + 1), "");
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  if (scheme_size(reference) != std::string_view::npos) return parse_url(reference);
  if (reference.substr(0, 2) == "//") return parse_url(base.scheme + ":" + std::string(reference));
  reference = reference.substr(0, reference.find('#'));
  const size_t question = std::min(reference.find('?'), reference.size());
  const std::string path = escape_stray(reference.substr(0, question), "\"<>\\^`{|}");
  Url out = base;
  if (question < reference.size()) {
    out.query = escape_stray(reference.substr(question + 1), "");
  } else if (!path.empty()) {
    out.query.clear();
  }
  if (path.empty()) return out;
  if (path[0] == '/') {
    out.path = remove_dot_segments(path);
  } else {
    const size_t slash = base.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "/" : base.path.substr(0, slash + 1);
    out.path = remove_dot_segments(folder + path);
  }
  return out;
}

std::string query_escape(std::string_view s) {
  return escape(s, "", true);
}
std::string path_escape(std::string_view s) {
  return escape(s, "$&+=:@", false);
}

Result<std::string> unescape(std::string_view s, bool plus) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%') {
      const int high = i + 2 < s.size() ? hex_value(s[i + 1]) : -1;
      const int low = i + 2 < s.size() ? hex_value(s[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Status(Errc::kBadData, "invalid URL escape " + go_quote(s.substr(i, 3)));
      }
      out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
      i += 2;
    } else {
      out += s[i] == '+' && plus ? ' ' : s[i];
    }
  }
  return out;
}

Result<FormValues> parse_form(std::string_view text) {
  FormValues out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (pair.find(';') != std::string_view::npos) {
      return Status(Errc::kBadData, "invalid semicolon separator in query");
    }
    const size_t equals = std::min(pair.find('='), pair.size());
    ASSIGN_OR_RETURN(std::string key, unescape(pair.substr(0, equals), true));
    ASSIGN_OR_RETURN(std::string value,
                     unescape(pair.substr(std::min(equals + 1, pair.size())), true));
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

}  // namespace silverback::base
