#include <algorithm>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/url.h"
#include "model/labels.h"
#include "model/regex_search.h"
#include "rules/template/function_table.h"
#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using Args = std::vector<Value>;

const std::string& text(const Args& args, size_t i) {
  return *args[i].as<std::string>();
}

/// Upper or lower case of Latin, Greek and Cyrillic letters; others stay.
char32_t to_upper(char32_t r) {
  if (r >= 'a' && r <= 'z') return r - 32;
  if (r < 0x80) return r;
  if (r == 0xb5) return 0x39c;
  if (r == 0xff) return 0x178;
  if ((r >= 0xe0 && r <= 0xfe && r != 0xf7)) return r - 32;
  if (r >= 0x100 && r <= 0x17f) {
    const bool odd_lower = (r <= 0x137 && r != 0x131) || (r >= 0x14a && r <= 0x177);
    const bool even_lower = (r >= 0x139 && r <= 0x148) || (r >= 0x179 && r <= 0x17e);
    if (odd_lower && (r & 1) == 1) return r - 1;
    if (even_lower && (r & 1) == 0) return r - 1;
    return r == 0x131 ? 'I' : r;
  }
  if (r >= 0x3b1 && r <= 0x3c9) return r == 0x3c2 ? 0x3a3 : r - 32;
  if (r >= 0x430 && r <= 0x44f) return r - 32;
  if (r >= 0x450 && r <= 0x45f) return r - 80;
  return r;
}

char32_t to_lower(char32_t r) {
  if (r >= 'A' && r <= 'Z') return r + 32;
  if (r < 0x80) return r;
  if (r >= 0xc0 && r <= 0xde && r != 0xd7) return r + 32;
  if (r == 0x178) return 0xff;
  if (r == 0x130) return 'i';
  if (r >= 0x100 && r <= 0x17f) {
    const bool even_upper = r <= 0x137 || (r >= 0x14a && r <= 0x177);
    const bool odd_upper = (r >= 0x139 && r <= 0x148) || (r >= 0x179 && r <= 0x17e);
    if (even_upper && (r & 1) == 0) return r + 1;
    if (odd_upper && (r & 1) == 1) return r + 1;
    return r;
  }
  if (r >= 0x391 && r <= 0x3a9 && r != 0x3a2) return r + 32;
  if (r >= 0x410 && r <= 0x42f) return r + 32;
  if (r >= 0x400 && r <= 0x40f) return r + 80;
  return r;
}

template <typename Map>
std::string map_runes(std::string_view s, Map map) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    size_t length = 0;
    const char32_t r = decode_rune(s.substr(i), length);
    append_rune(out, map(r));
    i += length;
  }
  return out;
}

/// The first letter of each word in upper case, the rest as it is. A word is letters, digits and
/// '_'; an apostrophe, full stop or colon between letters does not end it.
std::string title(std::string_view s) {
  bool in_word = false;
  bool cased = false;    // the word has had its letter
  char32_t pending = 0;  // a joining character that may turn out to end the word
  return map_runes(s, [&](char32_t r) {
    const bool word_char = is_letter(r) || (r >= '0' && r <= '9') || r == '_';
    const bool joins = r == '\'' || r == '.' || r == ':' || r == 0x2019;
    if (!word_char) {
      if (joins && in_word && pending == 0) {
        pending = r;
        return r;
      }
      in_word = cased = false;
      pending = 0;
      return r;
    }
    if (!in_word || (pending != 0 && !is_letter(r))) cased = false;
    in_word = true;
    pending = 0;
    if (cased || !is_letter(r)) return r;
    cased = true;
    return to_upper(r);
  });
}

struct HostPort {
  std::string_view host, port;
};

/// Go's net.SplitHostPort.
std::optional<HostPort> split_host_port(std::string_view s) {
  const size_t colon = s.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostPort out;
  size_t no_open = 0, no_close = 0;  // brackets may not appear from here on
  if (s[0] == '[') {
    const size_t end = s.find(']');
    if (end == std::string_view::npos || end + 1 != colon) return std::nullopt;
    out.host = s.substr(1, end - 1);
    no_open = 1;
    no_close = end + 1;
  } else {
    out.host = s.substr(0, colon);
    if (out.host.find(':') != std::string_view::npos) return std::nullopt;
  }
  if (s.substr(no_open).find('[') != std::string_view::npos) return std::nullopt;
  if (s.substr(no_close).find(']') != std::string_view::npos) return std::nullopt;
  out.port = s.substr(colon + 1);
  return out;
}

bool is_ip(std::string_view host) {
  in6_addr address;
  const std::string text(host);
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string strip_domain(const std::string& host_port) {
  const auto split = split_host_port(host_port);
  std::string_view host = split ? split->host : std::string_view(host_port);
  if (is_ip(host)) return host_port;
  host = host.substr(0, host.find('.'));
  if (!split || split->port.empty()) return std::string(host);
  const bool brackets = host.find_first_of(":%") != std::string_view::npos;
  const std::string joined = brackets ? "[" + std::string(host) + "]" : std::string(host);
  return joined + ":" + std::string(split->port);
}

Result<Value> fn_match(const Environment&, Args& args) {
  ASSIGN_OR_RETURN(const auto regex, model::SearchRegex::compile(text(args, 0)));
  return Value(regex.matches(text(args, 1)));
}

Result<Value> fn_replace(const Environment&, Args& args) {
  const auto regex = model::SearchRegex::compile(text(args, 0));
  if (!regex.is_ok()) {
    const std::string& pattern = text(args, 0);
    const bool raw = pattern.find_first_of("`\n\r") == std::string::npos;
    return call_error("regexp: Compile(" + (raw ? "`" + pattern + "`" : model::go_quote(pattern)) +
                      "): " + regex.status().message());
  }
  return Value(regex->replace_all(text(args, 2), text(args, 1)));
}

std::string link(const std::string& expr, const char* tab) {
  return "/graph?g0.expr=" + base::query_escape(expr) + "&g0.tab=" + tab;
}

Result<Value> fn_path_prefix(const Environment& env, Args&) {
  const size_t scheme = env.external_url.find("://");
  const size_t path = scheme == std::string::npos ? 0 : env.external_url.find('/', scheme + 3);
  return Value(path == std::string::npos ? std::string() : env.external_url.substr(path));
}

/// A function of one string.
template <auto transform>
Result<Value> fn_text(const Environment&, Args& args) {
  return Value(transform(text(args, 0)));
}

const std::vector<FunctionDef>& rows() {
  static const std::vector<Param> one = {Param::kString};
  static const std::vector<FunctionDef> all = {
      {"title", one, false, fn_text<[](const std::string& s) { return title(s); }>},
      {"toUpper", one, false, fn_text<[](const std::string& s) { return map_runes(s, to_upper); }>},
      {"toLower", one, false, fn_text<[](const std::string& s) { return map_runes(s, to_lower); }>},
      {"stripPort", one, false, fn_text<[](const std::string& s) {
         const auto split = split_host_port(s);
         return split ? std::string(split->host) : s;
       }>},
      {"stripDomain", one, false, fn_text<[](const std::string& s) { return strip_domain(s); }>},
      {"urlQueryEscape", one, false,
       fn_text<[](const std::string& s) { return base::query_escape(s); }>},
      {"graphLink", one, false, fn_text<[](const std::string& s) { return link(s, "0"); }>},
      {"tableLink", one, false, fn_text<[](const std::string& s) { return link(s, "1"); }>},
      {"safeHtml", one, false, fn_text<[](const std::string& s) { return Html{s}; }>},
      {"match", {Param::kString, Param::kString}, false, fn_match},
      {"reReplaceAll", {Param::kString, Param::kString, Param::kString}, false, fn_replace},
      {"externalURL",
       {},
       false,
       [](const Environment& env, Args&) -> Result<Value> { return Value(env.external_url); }},
      {"pathPrefix", {}, false, fn_path_prefix},
  };
  return all;
}

}  // namespace

std::span<const FunctionDef> text_functions() {
  return rows();
}

}  // namespace silverback::rules::text_template
