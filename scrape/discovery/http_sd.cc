#include "scrape/discovery/http_sd.h"

#include <stop_token>
#include <utility>

#include "base/go_float.h"
#include "base/go_quote.h"
#include "base/http_client.h"
#include "base/json_reader.h"
#include "base/utf8.h"
#include "scrape/discovery/refresh_sd.h"

namespace silverback::scrape {
namespace {

using base::JsonValue;
using base::Result;
using base::Status;
using Groups = std::vector<model::TargetGroup>;

constexpr std::string_view kUrlLabel = "__meta_url";

Status bad(std::string message) {
  return {base::Errc::kBadData, std::move(message)};
}

std::string source_of(const std::string& url, size_t index) {
  return url + ":" + std::to_string(index);
}

// application/json, with or without charset=utf-8.
bool is_json_type(std::string_view type) {
  const auto trim = [](std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
  };
  type = trim(type);
  const size_t semicolon = type.find(';');
  if (!base::iequals(type.substr(0, semicolon), "application/json")) return false;
  if (semicolon == std::string_view::npos) return true;
  const std::string_view charset = trim(type.substr(semicolon + 1));
  return base::iequals(charset, "charset=utf-8") || base::iequals(charset, "charset=\"utf-8\"");
}

Status read_targets(const JsonValue& list, model::TargetGroup& group) {
  if (list.is(JsonValue::Kind::kNull)) return {};
  if (!list.is(JsonValue::Kind::kArray)) return bad("targets must be a list of strings");
  for (const JsonValue& item : list.items) {
    if (!item.is(JsonValue::Kind::kString)) return bad("targets must be a list of strings");
    group.targets.push_back(model::Labels::from({{"__address__", item.text}}));
  }
  return {};
}

Status read_labels(const JsonValue& map, model::LabelsBuilder& labels) {
  if (map.is(JsonValue::Kind::kNull)) return {};
  if (!map.is(JsonValue::Kind::kObject)) return bad("labels must be a map of strings");
  for (const auto& member : map.members) {
    if (!model::is_valid_name(member.first)) {
      return bad(base::go_quote(member.first) + " is not a valid label name");
    }
    if (!member.second.is(JsonValue::Kind::kString)) return bad("labels must be a map of strings");
    labels.set(member.first, member.second.text);
  }
  return {};
}

Result<model::TargetGroup> read_group(const JsonValue& value, const std::string& url) {
  if (value.is(JsonValue::Kind::kNull)) return bad("nil target group item found");
  if (!value.is(JsonValue::Kind::kObject)) return bad("a target group must be an object");
  model::TargetGroup group;
  model::LabelsBuilder labels;
  for (const auto& member : value.members) {
    if (member.first == "targets") {
      RETURN_IF_ERROR(read_targets(member.second, group));
    } else if (member.first == "labels") {
      RETURN_IF_ERROR(read_labels(member.second, labels));
    } else {
      return bad("unknown field " + base::go_quote(member.first) + " in a target group");
    }
  }
  labels.set(kUrlLabel, url);
  group.labels = labels.build();
  return group;
}

class HttpSd final : public Refresher {
 public:
  HttpSd(const model::HttpSdConfig& config, const DiscoveryContext& context)
      : config_(config),
        pool_(*context.file_pool),
        failures_(context.registry->counter("prometheus_sd_http_failures_total",
                                            "Number of HTTP service discovery refresh failures.")),
        client_(*context.io, config.http, context.file_pool) {}

  boost::asio::awaitable<Result<Groups>> refresh() override {
    Result<Groups> groups = co_await fetch();
    if (!groups.is_ok()) {
      failures_.inc();
      co_return groups;
    }
    const size_t count = groups->size();
    for (size_t i = count; i < told_; ++i) {
      model::TargetGroup gone;
      gone.source = source_of(config_.url, i);
      groups->push_back(std::move(gone));
    }
    told_ = count;
    co_return groups;
  }

  void cancel() override { stop_.request_stop(); }

 private:
  boost::asio::awaitable<Result<Groups>> fetch() {
    Result<base::Url> url = base::parse_url(config_.url);
    if (!url.is_ok()) co_return url.status();
    base::HttpClient::Request request;
    request.url = std::move(*url);
    request.headers.add("User-Agent", "Prometheus/3.14.0");
    request.headers.add("Accept", "application/json");
    request.headers.add("Accept-Encoding", "gzip");
    request.headers.add("X-Prometheus-Refresh-Interval-Seconds",
                        base::go_f(static_cast<double>(config_.refresh_ms) / 1000.0));
    base::HttpClient::Limits limits;
    limits.timeout = std::chrono::milliseconds(config_.refresh_ms);
    limits.stop = stop_.get_token();
    Result<base::HttpClient::Response> response = co_await client_.fetch(request, limits);
    if (!response.is_ok()) co_return response.status();
    if (response->status != 200) {
      co_return bad("server returned HTTP status " + std::to_string(response->status) + " " +
                    response->reason);
    }
    const std::string type(response->headers.get("Content-Type"));
    if (!is_json_type(type)) co_return bad("unsupported content type " + base::go_quote(type));
    auto parse = [url_text = config_.url, body = std::move(response->body)] {
      return parse_http_sd_body(url_text, body);
    };
    std::optional<Result<Groups>> groups = co_await base::run_on(pool_, parse);
    if (!groups) co_return Status(base::Errc::kUnavailable, "no worker free to parse the answer");
    co_return std::move(*groups);
  }

  const model::HttpSdConfig config_;
  base::WorkerPool& pool_;
  base::metrics::Counter& failures_;
  base::HttpClient client_;
  std::stop_source stop_;
  size_t told_ = 0;  // groups of the last good answer
};

}  // namespace

Result<Groups> parse_http_sd_body(const std::string& url, std::string_view body) {
  ASSIGN_OR_RETURN(const JsonValue list, base::parse_json(body));
  Groups out;
  if (list.is(JsonValue::Kind::kNull)) return out;
  if (!list.is(JsonValue::Kind::kArray)) return bad("a list of target groups is expected");
  for (const JsonValue& item : list.items) {
    ASSIGN_OR_RETURN(model::TargetGroup group, read_group(item, url));
    group.source = source_of(url, out.size());
    out.push_back(std::move(group));
  }
  return out;
}

std::unique_ptr<Discoverer> make_http_sd(const model::HttpSdConfig& config,
                                         const DiscoveryContext& context) {
  return make_refresh_sd("http", config.refresh_ms, std::make_shared<HttpSd>(config, context),
                         context);
}

}  // namespace silverback::scrape
