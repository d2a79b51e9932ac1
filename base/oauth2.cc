#include "base/oauth2.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "base/file.h"
#include "base/go_float.h"
#include "base/go_quote.h"
#include "base/http_client.h"
#include "base/http_credentials.h"
#include "base/json_reader.h"
#include "base/mutex.h"

namespace silverback::base {

namespace asio = boost::asio;

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds kEarly{10};          // a token is given up before its end
constexpr std::chrono::milliseconds kWaitTurn{10};  // for the request that another fetch makes
constexpr uint64_t kMostBody = 1 << 20;

struct Token {
  std::string header;  // "Bearer x"; "" = none yet
  std::string secret;  // it was given for this one
  std::optional<SteadyTime> end;

  bool serves(const std::string& wanted_secret) const {
    return !header.empty() && secret == wanted_secret &&
           (!end || std::chrono::steady_clock::now() < *end - kEarly);
  }
};

HttpClientConfig client_config(const OAuth2Config& config) {
  HttpClientConfig out;
  out.tls = config.tls;
  out.proxy = config.proxy;
  return out;
}

std::string scheme_of(const std::string& type) {
  if (type.empty() || iequals(type, "bearer")) return "Bearer";
  if (iequals(type, "mac")) return "MAC";
  if (iequals(type, "basic")) return "Basic";
  return type;
}

std::string text_of(const JsonValue& object, const char* name) {
  const JsonValue* value = object.find(name);
  return value == nullptr ? std::string() : value->text;
}

// A token of an answer in JSON, or as a form where its type says so.
Result<Token> read_token(const HttpClient::Response& response) {
  std::string access, type, lifetime;
  const std::string_view content = response.headers.get("Content-Type");
  const std::string_view media = content.substr(0, content.find(';'));
  if (media == "application/x-www-form-urlencoded" || media == "text/plain") {
    ASSIGN_OR_RETURN(const FormValues form, parse_form(response.body));
    for (const auto& field : form) {
      if (field.first == "access_token") access = field.second;
      if (field.first == "token_type") type = field.second;
      if (field.first == "expires_in") lifetime = field.second;
    }
  } else {
    const Result<JsonValue> json = parse_json(response.body);
    if (!json.is_ok()) return json.status().with_context("oauth2: cannot parse json");
    access = text_of(*json, "access_token");
    type = text_of(*json, "token_type");
    lifetime = text_of(*json, "expires_in");
  }
  if (access.empty()) {
    return Status(Errc::kIo, "oauth2: server response missing access_token");
  }
  Token token;
  token.header = scheme_of(type) + " " + access;
  if (!is_valid_header_value(token.header)) {
    return Status(Errc::kIo, "oauth2: the token is no header value");
  }
  const std::optional<double> seconds = parse_go_float(lifetime);
  if (seconds && *seconds > 0 && *seconds < 1e9) {
    token.end = std::chrono::steady_clock::now() +
                std::chrono::seconds(static_cast<int64_t>(std::floor(*seconds)));
  }
  return token;
}

// What the server said, cut: it may be a whole page.
Status refusal(const HttpClient::Response& response) {
  std::string text = "oauth2: cannot fetch token: ";
  text += std::to_string(response.status);
  text += ' ';
  text += response.reason;
  const Result<JsonValue> json = parse_json(response.body);
  if (json.is_ok() && !text_of(*json, "error").empty()) {
    text = "oauth2: " + go_quote(text_of(*json, "error"));
    const std::string why = text_of(*json, "error_description");
    if (!why.empty()) text += " " + go_quote(why);
  } else {
    text += "\nResponse: ";
    text += response.body.substr(0, 500);
  }
  return {Errc::kIo, std::move(text)};
}

}  // namespace

struct OAuth2Tokens::Impl {
  Impl(IoRuntime& io, OAuth2Config c, WorkerPool* pool)
      : config(std::move(c)), file_pool(pool), client(io, client_config(config), pool) {}

  asio::awaitable<Result<std::string>> secret() const;
  HttpClient::Request request(const std::string& secret_text, bool in_header) const;
  asio::awaitable<Result<Token>> fetch(std::string secret_text, HttpClient::Limits limits);

  const OAuth2Config config;
  WorkerPool* const file_pool;
  HttpClient client;

  Mutex mutex;
  Token token GUARDED_BY(mutex);
  bool fetching GUARDED_BY(mutex) = false;
  /// Whether the server takes the credentials in a header; unknown until one has worked.
  std::optional<bool> in_header GUARDED_BY(mutex);
};

asio::awaitable<Result<std::string>> OAuth2Tokens::Impl::secret() const {
  if (config.client_secret_file.empty()) co_return config.client_secret.reveal();
  auto read = [path = config.client_secret_file]() -> Result<std::string> {
    Result<std::string> text = FileSystem::real().read_file(path);
    if (!text.is_ok()) return text.status().with_context("unable to read oauth2 client secret");
    const size_t end = text->find_last_not_of(" \t\r\n\v\f");
    const size_t begin = text->find_first_not_of(" \t\r\n\v\f");
    return begin == std::string::npos ? std::string() : text->substr(begin, end - begin + 1);
  };
  if (file_pool == nullptr) co_return read();
  std::optional<Result<std::string>> text = co_await run_on(*file_pool, read);
  if (!text) co_return Status(Errc::kUnavailable, "no worker free to read credential files");
  co_return std::move(*text);
}

HttpClient::Request OAuth2Tokens::Impl::request(const std::string& secret_text,
                                                bool header_auth) const {
  std::string body = "grant_type=client_credentials";
  const auto add = [&body](const std::string& name, const std::string& value) {
    body += '&';
    body += query_escape(name);
    body += '=';
    body += query_escape(value);
  };
  std::string scopes;
  for (const std::string& scope : config.scopes) {
    if (!scopes.empty()) scopes += ' ';
    scopes += scope;
  }
  if (!scopes.empty()) add("scope", scopes);
  for (const auto& param : config.endpoint_params) add(param.first, param.second);
  HttpClient::Request out;
  out.method = "POST";
  const Result<Url> url = parse_url(config.token_url);
  if (url.is_ok()) out.url = *url;  // it was checked when the configuration was read
  if (header_auth) {
    out.headers.add("Authorization", "Basic " + base64_encode(query_escape(config.client_id) + ":" +
                                                              query_escape(secret_text)));
  } else {
    add("client_id", config.client_id);
    if (!secret_text.empty()) add("client_secret", secret_text);
  }
  out.headers.add("Content-Type", "application/x-www-form-urlencoded");
  out.headers.add("User-Agent", "Prometheus/3.14.0");
  out.body = std::move(body);
  return out;
}

// Servers differ in where they want the credentials: the header first, then the body, and what
// worked is kept.
asio::awaitable<Result<Token>> OAuth2Tokens::Impl::fetch(std::string secret_text,
                                                         HttpClient::Limits limits) {
  std::optional<bool> known;
  {
    const MutexLock lock(mutex);
    known = in_header;
  }
  bool header_auth = known.value_or(true);
  HttpClient::Request first = request(secret_text, header_auth);
  Result<HttpClient::Response> response = co_await client.fetch(first, limits);
  if (!response.is_ok()) co_return response.status();
  if (!known && (response->status < 200 || response->status > 299)) {
    header_auth = false;
    HttpClient::Request second = request(secret_text, false);
    response = co_await client.fetch(second, limits);
    if (!response.is_ok()) co_return response.status();
  }
  if (response->status < 200 || response->status > 299) co_return refusal(*response);
  Result<Token> fresh = read_token(*response);
  if (!fresh.is_ok()) co_return fresh;
  fresh->secret = std::move(secret_text);
  const MutexLock lock(mutex);
  in_header = header_auth;
  co_return fresh;
}

OAuth2Tokens::OAuth2Tokens(IoRuntime& io, OAuth2Config config, WorkerPool* file_pool)
    : impl_(std::make_shared<Impl>(io, std::move(config), file_pool)) {}

OAuth2Tokens::~OAuth2Tokens() = default;

asio::awaitable<Result<std::string>> OAuth2Tokens::authorization(std::chrono::milliseconds timeout,
                                                                 std::stop_token stop) {
  const std::shared_ptr<Impl> impl = impl_;
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  const Result<std::string> secret = co_await impl->secret();
  if (!secret.is_ok()) co_return secret.status();
  while (true) {
    bool mine = false;
    {
      const MutexLock lock(impl->mutex);
      if (impl->token.serves(*secret)) co_return impl->token.header;
      mine = !std::exchange(impl->fetching, true);
    }
    if (mine) break;
    if (stop.stop_requested()) co_return Status(Errc::kCanceled, "context canceled");
    if (std::chrono::steady_clock::now() >= deadline) {
      co_return Status(Errc::kTimeout, "context deadline exceeded");
    }
    AsyncTimer timer(co_await asio::this_coro::executor);
    co_await timer.sleep(kWaitTurn);
  }
  HttpClient::Limits limits;
  limits.timeout =
      std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(
                                                 deadline - std::chrono::steady_clock::now()));
  limits.body_bytes = kMostBody;
  limits.stop = stop;
  const std::string secret_text = *secret;
  Result<Token> fresh = co_await impl->fetch(secret_text, limits);
  const MutexLock lock(impl->mutex);
  impl->fetching = false;
  if (!fresh.is_ok()) co_return fresh.status();
  impl->token = std::move(*fresh);
  co_return impl->token.header;
}

}  // namespace silverback::base
