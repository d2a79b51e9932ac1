#include "scrape/content_type.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "model/labels.h"

namespace silverback::scrape {
namespace {

struct Protocol {
  std::string_view name;
  std::string_view media_type;
  ExpositionFormat format;
};
constexpr std::array<Protocol, 5> kProtocols = {{
    {"PrometheusProto",
     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
     ExpositionFormat::kProtobuf},
    {"OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0",
     ExpositionFormat::kOpenMetrics},
    {"OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1",
     ExpositionFormat::kOpenMetrics},
    {"PrometheusText1.0.0", "text/plain;version=1.0.0", ExpositionFormat::kText},
    {"PrometheusText0.0.4", "text/plain;version=0.0.4", ExpositionFormat::kText},
}};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  while (!s.empty() && is_blank(s.front())) s.remove_prefix(1);
  return s;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// RFC 9110 5.6.2.
bool is_token_char(char c) {
  if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string_view take_token(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && is_token_char(rest[end])) ++end;
  const std::string_view token = rest.substr(0, end);
  rest.remove_prefix(end);
  return token;
}

// False when the string has no end or holds a line break.
bool take_value(std::string_view& rest) {
  if (rest.empty() || rest.front() != '"') return !take_token(rest).empty();
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return true;
    }
    if (rest[i] == '\r' || rest[i] == '\n') return false;
    if (rest[i] == '\\') ++i;
  }
  return false;
}

// `; name=value` again and again. "" when they are well formed, else what is wrong.
std::string check_parameters(std::string_view rest) {
  std::map<std::string, std::string_view> values;
  while (!rest.empty()) {
    rest = trimmed(rest);
    if (rest.empty()) break;
    if (rest == ";") break;
    if (rest.front() != ';') return "mime: invalid media parameter";
    rest = trimmed(rest.substr(1));
    std::string name(take_token(rest));
    for (char& c : name) c = lower(c);
    if (name.empty()) return "mime: invalid media parameter";
    rest = trimmed(rest);
    if (rest.empty() || rest.front() != '=') return "mime: invalid media parameter";
    rest = trimmed(rest.substr(1));
    const std::string_view before = rest;
    if (!take_value(rest)) return "mime: invalid media parameter";
    const std::string_view value = before.substr(0, before.size() - rest.size());
    const auto [known, fresh] = values.try_emplace(std::move(name), value);
    if (!fresh && known->second != value) return "mime: duplicate parameter name";
  }
  return {};
}

// Go's mime.ParseMediaType: the type in lower case, or what is wrong with it.
base::Result<std::string> parse_media_type(std::string_view header) {
  const size_t semicolon = header.find(';');
  std::string type(trimmed(header.substr(0, semicolon)));
  for (char& c : type) c = lower(c);
  std::string_view rest = type;
  if (take_token(rest).empty()) return base::Status(base::Errc::kBadData, "mime: no media type");
  if (!rest.empty()) {
    if (rest.front() != '/') {
      return base::Status(base::Errc::kBadData, "mime: expected slash after first token");
    }
    rest.remove_prefix(1);
    if (take_token(rest).empty()) {
      return base::Status(base::Errc::kBadData, "mime: expected token after slash");
    }
    if (!rest.empty()) {
      return base::Status(base::Errc::kBadData, "mime: unexpected content after media subtype");
    }
  }
  if (semicolon == std::string_view::npos) return type;
  std::string bad = check_parameters(header.substr(semicolon));
  if (!bad.empty()) return base::Status(base::Errc::kBadData, std::move(bad));
  return type;
}

std::optional<ExpositionFormat> format_of(std::string_view media_type) {
  if (media_type == "text/plain") return ExpositionFormat::kText;
  if (media_type == "application/openmetrics-text") return ExpositionFormat::kOpenMetrics;
  if (media_type == "application/vnd.google.protobuf") return ExpositionFormat::kProtobuf;
  return std::nullopt;
}

}  // namespace

base::Result<ExpositionFormat> select_format(std::string_view content_type,
                                             std::string_view fallback_protocol) {
  std::string problem;
  if (content_type.empty()) {
    problem =
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
        "specified for target";
  } else {
    const base::Result<std::string> type = parse_media_type(content_type);
    const std::string quoted = model::go_quote(content_type);
    if (!type.is_ok()) {
      problem = "cannot parse Content-Type " + quoted;
      problem += " and no fallback_scrape_protocol for target\n";
      problem += type.status().message();
    } else if (const auto format = format_of(*type); format.has_value()) {
      return *format;
    } else {
      problem = "received unsupported Content-Type " + quoted;
      problem += " and no fallback_scrape_protocol specified for target";
    }
  }
  for (const Protocol& protocol : kProtocols) {
    if (protocol.name == fallback_protocol) return protocol.format;
  }
  return base::Status(base::Errc::kBadData, std::move(problem));
}

std::string_view protocol_media_type(std::string_view protocol) {
  for (const Protocol& known : kProtocols) {
    if (known.name == protocol) return known.media_type;
  }
  return {};
}

}  // namespace silverback::scrape
