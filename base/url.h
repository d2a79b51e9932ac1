#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace silverback::base {

/// An absolute http(s) URL, taken apart.
struct Url {
  std::string scheme;    // lower case
  std::string userinfo;  // never printed
  std::string host;      // without brackets for IPv6
  std::string port;      // "" = the scheme's default
  std::string path;      // starts with '/', or ""
  std::string query;     // without '?'

  std::string port_or_default() const {
    return !port.empty() ? port : scheme == "https" ? "443" : "80";
  }
  std::string host_port() const;         // as for a Host header
  std::string target() const;            // path?query, at least "/"
  std::string to_string() const;         // userinfo's password masked as xxxxx
  bool same_origin(const Url& o) const;  // scheme, host, port
};

Result<Url> parse_url(std::string_view text);
/// RFC 3986 reference resolution, for redirects.
Result<Url> resolve_url(const Url& base, std::string_view reference);

/// Go's url.QueryEscape / url.PathEscape.
std::string query_escape(std::string_view s);
std::string path_escape(std::string_view s);
/// %XX decoding; '+' means space when `plus` is set. Errors name the bad escape.
Result<std::string> unescape(std::string_view s, bool plus);

using FormValues = std::vector<std::pair<std::string, std::string>>;
/// application/x-www-form-urlencoded, in order; kBadData on a bad escape.
Result<FormValues> parse_form(std::string_view text);

}  // namespace silverback::base
