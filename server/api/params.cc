#include "server/api/params.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/go_float.h"
#include "model/labels.h"

namespace silverback::server::api {

using base::Errc;
using base::Result;
using base::Status;

namespace {

// Go prints its smallest and largest representable instants so; clients send them back.
constexpr std::string_view kMinTimeText = "-292273086-05-16T16:47:06Z";
constexpr std::string_view kMaxTimeText = "292277025-08-18T07:12:54.999999999Z";

Status bad(std::string message) {
  return Status(Errc::kBadData, std::move(message));
}

bool is_form(const HttpRequest& request) {
  if (request.method != "POST" && request.method != "PUT" && request.method != "PATCH")
    return false;
  const std::string_view type = request.headers.get("Content-Type");
  std::string_view media = type.substr(0, type.find(';'));
  while (!media.empty() && media.back() == ' ') media.remove_suffix(1);
  return base::iequals(media, "application/x-www-form-urlencoded");
}

}  // namespace

Result<Params> Params::parse(const HttpRequest& request) {
  Params params;
  const auto form_error = [](const Status& cause) {
    return cause.with_context("error parsing form values");
  };
  if (is_form(request)) {
    Result<base::FormValues> body = base::parse_form(request.body);
    if (!body) return form_error(body.status());
    params.values_ = std::move(*body);
  }
  Result<base::FormValues> query = base::parse_form(request.query);
  if (!query) return form_error(query.status());
  for (auto& value : *query) params.values_.push_back(std::move(value));
  return params;
}

std::string_view Params::get(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> Params::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : values_) {
    if (key == name) out.push_back(value);
  }
  return out;
}

Status invalid_param(std::string_view name, std::string_view detail) {
  return bad(fmt::format("invalid parameter {}: {}", model::go_quote(name), detail));
}

Status invalid_param(std::string_view name, const Status& cause) {
  return invalid_param(name, cause.message());
}

Result<model::TimestampMs> parse_time(std::string_view text) {
  if (const std::optional<double> number = base::parse_go_float(text)) {
    if (std::isfinite(*number)) {
      double whole = 0;
      const double fraction = std::modf(*number, &whole);
      const double ms = whole * 1000 + std::round(fraction * 1000);
      if (ms >= static_cast<double>(model::kMaxTime)) return model::kMaxTime;
      if (ms <= static_cast<double>(model::kMinTime)) return model::kMinTime;
      return static_cast<model::TimestampMs>(ms);
    }
  } else if (const Result<int64_t> instant = base::parse_rfc3339_ms(text)) {
    return *instant;
  }
  if (text == kMinTimeText) return model::kMinTime;
  if (text == kMaxTimeText) return model::kMaxTime;
  return bad(fmt::format("cannot parse {} to a valid timestamp", model::go_quote(text)));
}

Result<int64_t> parse_duration(std::string_view text) {
  if (const std::optional<double> seconds = base::parse_go_float(text)) {
    // The bound is Prometheus's: int64 nanoseconds.
    if (!(std::fabs(*seconds) * 1e9 < 9223372036854775807.0)) {
      return bad(fmt::format("cannot parse {} to a valid duration. It overflows int64",
                             model::go_quote(text)));
    }
    return static_cast<int64_t>(*seconds * 1000);
  }
  if (const Result<int64_t> ms = base::parse_duration_ms(text)) return *ms;
  return bad(fmt::format("cannot parse {} to a valid duration", model::go_quote(text)));
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return bad(fmt::format("strconv.ParseBool: parsing {}: invalid syntax", model::go_quote(text)));
}

Result<int64_t> parse_int(std::string_view text) {
  int64_t number = 0;
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const char* end = digits.data() + digits.size();
  const auto [at, ec] = std::from_chars(digits.data(), end, number);
  if (ec == std::errc::result_out_of_range) {
    return bad(fmt::format("strconv.Atoi: parsing {}: value out of range", model::go_quote(text)));
  }
  if (ec != std::errc() || at != end) {
    return bad(fmt::format("strconv.Atoi: parsing {}: invalid syntax", model::go_quote(text)));
  }
  return number;
}

Result<model::TimestampMs> time_param(const Params& params, std::string_view name,
                                      model::TimestampMs fallback) {
  const std::string_view text = params.get(name);
  if (text.empty()) return fallback;
  const Result<model::TimestampMs> t = parse_time(text);
  if (!t) {
    return invalid_param(
        name, fmt::format("invalid time value for '{}': {}", name, t.status().message()));
  }
  return *t;
}

Result<size_t> limit_param(const Params& params) {
  const std::string_view text = params.get("limit");
  if (text.empty()) return size_t{0};
  const Result<int64_t> limit = parse_int(text);
  if (!limit) return invalid_param("limit", limit.status());
  if (*limit < 0) return invalid_param("limit", "limit must be non-negative");
  return static_cast<size_t>(*limit);
}

Result<std::optional<int64_t>> timeout_param(const Params& params) {
  const std::string_view text = params.get("timeout");
  if (text.empty()) return std::optional<int64_t>();
  const Result<int64_t> timeout = parse_duration(text);
  if (!timeout) return invalid_param("timeout", timeout.status());
  return std::optional<int64_t>(*timeout);
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool wants_openmetrics(std::string_view accept) {
  double open = 0, text = 0;
  while (!accept.empty()) {
    std::string_view part = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(part.size() + 1, accept.size()));
    const std::string_view media = trim(part.substr(0, part.find(';')));
    double quality = 1;
    std::string_view version;
    while (part.find(';') != std::string_view::npos) {
      part.remove_prefix(part.find(';') + 1);
      const std::string_view parameter = trim(part.substr(0, part.find(';')));
      if (parameter.rfind("q=", 0) == 0) {
        quality = base::parse_go_float(parameter.substr(2)).value_or(0);
      }
      if (parameter.rfind("version=", 0) == 0) version = parameter.substr(8);
    }
    const bool known = version.empty() || version == "1.0.0" || version == "0.0.1";
    if (base::iequals(media, "application/openmetrics-text") && known) {
      open = std::max(open, quality);
    } else if (base::iequals(media, "text/plain") || media == "text/*" || media == "*/*") {
      text = std::max(text, quality);
    }
  }
  return open > 0 && open >= text;
}

promql::QueryOrigin query_origin(const HttpRequest& request) {
  promql::QueryOrigin origin;
  const std::string& address = request.remote_address;
  origin.client_ip = address.substr(0, address.rfind(':'));
  if (origin.client_ip.size() > 1 && origin.client_ip.front() == '[') {
    origin.client_ip = origin.client_ip.substr(1, origin.client_ip.size() - 2);
  }
  origin.method = request.method;
  origin.path = request.path;
  return origin;
}

}  // namespace silverback::server::api
