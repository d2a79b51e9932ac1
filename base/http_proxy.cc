#include "base/http_proxy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <arpa/inet.h>

#include "base/http_credentials.h"
#include "base/http_types.h"

namespace silverback::base {
namespace {

// An address as 16 bytes; v4 in its mapped form.
using AddressBytes = std::array<unsigned char, 16>;

std::optional<AddressBytes> parse_address(const std::string& text) {
  AddressBytes out{};
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    out[10] = out[11] = 0xff;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&v4);
    std::copy(bytes, bytes + 4, out.begin() + 12);
    return out;
  }
  if (inet_pton(AF_INET6, text.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

bool is_loopback(const AddressBytes& a) {
  const bool mapped =
      std::all_of(a.begin(), a.begin() + 10, [](unsigned char c) { return c == 0; }) &&
      a[10] == 0xff && a[11] == 0xff;
  if (mapped) return a[12] == 127;
  return std::all_of(a.begin(), a.begin() + 15, [](unsigned char c) { return c == 0; }) &&
         a[15] == 1;
}

bool matches_cidr(std::string_view entry, const AddressBytes& address) {
  const size_t slash = entry.find('/');
  const std::string net_text(entry.substr(0, slash));
  const std::optional<AddressBytes> net = parse_address(net_text);
  const std::string_view bits_text = entry.substr(slash + 1);
  unsigned bits = 0;
  const auto parsed = std::from_chars(bits_text.data(), bits_text.data() + bits_text.size(), bits);
  if (!net || parsed.ec != std::errc()) return false;
  if (net_text.find(':') == std::string::npos) bits += 96;
  if (bits > 128) return false;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned here = std::min(8U, bits > 8 * i ? bits - 8 * i : 0U);
    const auto mask = static_cast<unsigned>(0xff00 >> here) & 0xffU;
    if (((*net)[i] & mask) != (address[i] & mask)) return false;
  }
  return true;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool ends_with_name(std::string_view host, std::string_view suffix) {
  return host.size() >= suffix.size() && iequals(host.substr(host.size() - suffix.size()), suffix);
}

// One entry that is a name: "a.b" covers itself and what is below it, ".a.b" and "*.a.b" only the
// latter.
bool matches_name(std::string_view entry, std::string_view host) {
  if (entry.substr(0, 2) == "*.") entry.remove_prefix(1);
  if (entry.empty()) return false;
  if (entry.front() == '.') return host.size() > entry.size() && ends_with_name(host, entry);
  return iequals(entry, host) || (host.size() > entry.size() && ends_with_name(host, entry) &&
                                  host[host.size() - entry.size() - 1] == '.');
}

// Takes ":port" off an entry; false when it names another port.
bool take_port(std::string_view& entry, const std::string& port) {
  const size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos) return true;
  const bool bracketed = colon > 0 && entry[colon - 1] == ']';
  if (!bracketed && entry.find(':') != colon) return true;  // a bare IPv6 address
  if (entry.back() == ']') return true;
  const bool same = entry.substr(colon + 1) == port;
  entry = entry.substr(0, colon);
  return same;
}

bool matches_entry(std::string_view entry, const std::string& host,
                   const std::optional<AddressBytes>& address, const std::string& port) {
  if (entry == "*") return true;
  if (entry.find('/') != std::string_view::npos) return address && matches_cidr(entry, *address);
  if (!take_port(entry, port)) return false;
  if (entry.size() > 2 && entry.front() == '[' && entry.back() == ']') {
    entry = entry.substr(1, entry.size() - 2);
  }
  const std::optional<AddressBytes> named = parse_address(std::string(entry));
  if (named) return address && *named == *address;
  return !address && matches_name(entry, host);
}

std::string first_of(const Environment& environment, const char* upper, const char* lower) {
  std::string value = environment(upper);
  return value.empty() ? environment(lower) : value;
}

// "host:port" is taken for http, as Go does.
Result<Url> parse_proxy(const std::string& text) {
  Result<Url> url = parse_url(text);
  if (url.is_ok() || text.find("://") != std::string::npos) return url;
  Result<Url> plain = parse_url("http://" + text);
  return plain.is_ok() ? plain : url;
}

}  // namespace

bool matches_no_proxy(std::string_view list, const Url& url) {
  std::string host = url.host;
  if (!host.empty() && host.back() == '.') host.pop_back();
  const std::optional<AddressBytes> address = parse_address(host);
  if (iequals(host, "localhost") || (address && is_loopback(*address))) return true;
  const std::string port = url.port_or_default();
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view entry = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!entry.empty() && matches_entry(entry, host, address, port)) return true;
  }
  return false;
}

Result<std::optional<Url>> proxy_for(const ProxyConfig& config, const Url& url,
                                     const Environment& environment) {
  std::string text = config.url;
  std::string no_proxy = config.no_proxy;
  bool list_counts = !no_proxy.empty();
  if (config.from_environment) {
    text = url.scheme == "https" ? first_of(environment, "HTTPS_PROXY", "https_proxy")
                                 : first_of(environment, "HTTP_PROXY", "http_proxy");
    no_proxy = first_of(environment, "NO_PROXY", "no_proxy");
    list_counts = true;
  }
  if (text.empty() || (list_counts && matches_no_proxy(no_proxy, url))) {
    return std::optional<Url>();
  }
  ASSIGN_OR_RETURN(Url proxy, parse_proxy(text));
  if (proxy.scheme != "http") {
    return Status(Errc::kUnsupported, "proxies of scheme " + proxy.scheme + ": not supported yet");
  }
  return std::optional<Url>(std::move(proxy));
}

Result<std::optional<Url>> proxy_for(const ProxyConfig& config, const Url& url) {
  if (config.url.empty() && !config.from_environment) return std::optional<Url>();
  return proxy_for(config, url, [](const char* name) -> std::string {
    // The environment is never changed after the start, so reading it needs no lock.
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    return value != nullptr ? value : "";
  });
}

std::string proxy_authorization(const Url& proxy) {
  if (proxy.userinfo.empty()) return {};
  const Result<std::string> plain = unescape(proxy.userinfo, false);
  std::string text = plain.is_ok() ? *plain : proxy.userinfo;
  if (proxy.userinfo.find(':') == std::string::npos) text += ':';
  return "Basic " + base64_encode(text);
}

std::string connect_request(const ProxyConfig& config, const Url& proxy, const Url& url) {
  const std::string host =
      url.host.find(':') != std::string::npos ? "[" + url.host + "]" : url.host;
  const std::string target = host + ":" + url.port_or_default();
  std::string out = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  for (const auto& header : config.connect_headers) {
    for (const Secret& value : header.second) {
      if (!is_valid_header_value(value.reveal())) continue;  // refused when it was read
      out += header.first;
      out += ": ";
      out += value.reveal();
      out += "\r\n";
    }
  }
  if (const std::string auth = proxy_authorization(proxy); !auth.empty()) {
    out += "Proxy-Authorization: ";
    out += auth;
    out += "\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace silverback::base
