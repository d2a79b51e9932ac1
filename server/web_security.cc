#include "server/web_security.h"

#include <atomic>
#include <utility>

#include <sys/stat.h>

#include "base/file.h"
#include "base/mutex.h"
#include "server/basic_auth.h"
#include "server/tls_context.h"
#include "server/web_config.h"

namespace silverback::server {

using base::Errc;
using base::Result;
using base::Status;

namespace {

/// The files as they were read, or why they could not be. Equal ones need no second look.
struct Content {
  std::string config;
  TlsMaterial material;
  Status problem;

  bool same_as(const Content& other) const {
    return config == other.config && material == other.material &&
           problem.message() == other.problem.message();
  }
};

/// What is in force. Immutable.
struct InForce {
  WebConfig config;
  std::shared_ptr<ssl_ctx_st> tls;
  std::shared_ptr<const WebSecurity::Headers> headers;
};

bool readable_by_all(const std::string& path) {
  struct stat info = {};
  return !path.empty() && ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

HttpResponse refusal(LoginVerdict verdict) {
  if (verdict == LoginVerdict::kRefused) {
    HttpResponse response = text_response(401, "Unauthorized");
    response.headers.set("WWW-Authenticate", "Basic");
    return response;
  }
  HttpResponse response = verdict == LoginVerdict::kThrottled
                              ? text_response(429, "Too Many Requests")
                              : text_response(503, "Service Unavailable");
  response.headers.set("Retry-After", "1");
  return response;
}

/// Protection goes away by a restart only: half-written files must not open the door.
Status check_change(const WebConfig& now, const WebConfig& next) {
  if (now.tls.has_value() != next.tls.has_value()) {
    return Status(Errc::kBadData, "TLS cannot be switched on or off without a restart");
  }
  if (!now.users.empty() && next.users.empty()) {
    return Status(Errc::kBadData, "basic_auth_users cannot be switched off without a restart");
  }
  return {};
}

}  // namespace

struct WebSecurity::Impl : std::enable_shared_from_this<WebSecurity::Impl> {
  explicit Impl(Options o);

  Status read();
  Result<WebConfig> read_files(Content& content) const;
  Status put_in_force(const WebConfig& config, const TlsMaterial& material);
  void warn_of_open_files(const WebConfig& config) const;
  void check_again();
  void schedule();
  std::shared_ptr<const InForce> in_force() const;

  const Options options;
  BasicAuth auth;
  base::metrics::Gauge& successful;
  base::metrics::Gauge& success_time;
  Content last;  // one check at a time
  std::atomic<bool> stopping{false};
  mutable base::Mutex mutex;
  std::shared_ptr<const InForce> state GUARDED_BY(mutex);
};

namespace {

BasicAuth::Options auth_options(const WebSecurity::Options& options) {
  BasicAuth::Options out;
  out.io = options.io;
  out.clock = options.clock;
  out.registry = options.registry;
  out.refusal_delay = options.refusal_delay;
  return out;
}

}  // namespace

WebSecurity::Impl::Impl(Options o)
    : options(std::move(o)),
      auth(auth_options(options)),
      successful(options.registry->gauge(
          "silverback_web_config_last_reload_successful",
          "Whether the last look at the web configuration and its certificates was successful.")),
      success_time(
          options.registry->gauge("silverback_web_config_last_reload_success_timestamp_seconds",
                                  "When the web configuration in force was put in force.")) {}

std::shared_ptr<const InForce> WebSecurity::Impl::in_force() const {
  const base::MutexLock lock(mutex);
  return state;
}

Result<WebConfig> WebSecurity::Impl::read_files(Content& content) const {
  ASSIGN_OR_RETURN(content.config, base::FileSystem::real().read_file(options.path));
  ASSIGN_OR_RETURN(WebConfig config, parse_web_config(content.config, options.path));
  if (config.tls) {
    ASSIGN_OR_RETURN(content.material, read_tls_material(*config.tls));
  }
  return config;
}

/// Reads everything; puts it in force when it is new and sound.
Status WebSecurity::Impl::read() {
  Content content;
  Result<WebConfig> config = read_files(content);
  content.problem = config.status();
  const bool first = in_force() == nullptr;
  if (!first && content.same_as(last)) return {};
  Status status = content.problem;
  if (status.is_ok()) status = put_in_force(*config, content.material);
  last = std::move(content);
  if (status.is_ok()) {
    warn_of_open_files(*config);
    successful.set(1);
    success_time.set(static_cast<double>(options.clock->now_ms()) / 1000);
    if (!first) options.logger->info("Web configuration put in force", {{"file", options.path}});
  } else if (!first) {
    successful.set(0);
    options.logger->error("Web configuration is not usable: what was in force stays",
                          {{"file", options.path}, {"err", status.message()}});
  }
  return status;
}

Status WebSecurity::Impl::put_in_force(const WebConfig& config, const TlsMaterial& material) {
  const std::shared_ptr<const InForce> before = in_force();
  if (before) RETURN_IF_ERROR(check_change(before->config, config));
  auto next = std::make_shared<InForce>();
  next->config = config;
  next->headers = std::make_shared<const Headers>(config.headers);
  if (config.tls) {
    ASSIGN_OR_RETURN(next->tls, make_tls_context(*config.tls, material));
  }
  auth.set_users(config.users);
  const base::MutexLock lock(mutex);
  state = std::move(next);
  return {};
}

void WebSecurity::Impl::warn_of_open_files(const WebConfig& config) const {
  const bool inline_key = config.tls && config.tls->key_file.empty();
  if (config.tls && readable_by_all(config.tls->key_file)) {
    options.logger->warn("The private key is readable by every user of this machine",
                         {{"file", config.tls->key_file}});
  }
  if ((inline_key || !config.users.empty()) && readable_by_all(options.path)) {
    options.logger->warn(
        "The web configuration holds secrets and is readable by every user of this machine",
        {{"file", options.path}});
  }
}

void WebSecurity::Impl::check_again() {
  if (stopping) return;
  read().permit_unchecked("logged and counted");
  schedule();
}

void WebSecurity::Impl::schedule() {
  if (stopping) return;
  options.io->post_after(options.check_interval, [weak = weak_from_this()] {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || self->stopping) return;
    // A full pool: tried again at the next turn.
    if (!self->options.pool->post([self] { self->check_again(); })) self->schedule();
  });
}

WebSecurity::WebSecurity(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<WebSecurity>> WebSecurity::open(Options options) {
  auto impl = std::make_shared<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->read());
  return std::unique_ptr<WebSecurity>(new WebSecurity(std::move(impl)));
}

WebSecurity::~WebSecurity() {
  stop();
}

void WebSecurity::start() {
  impl_->schedule();
}

void WebSecurity::stop() {
  impl_->stopping = true;
  impl_->auth.stop();
}

bool WebSecurity::tls() const {
  return impl_->in_force()->tls != nullptr;
}

std::shared_ptr<ssl_ctx_st> WebSecurity::tls_context() const {
  return impl_->in_force()->tls;
}

void WebSecurity::authorize(const HttpRequest& head, Done done) {
  impl_->auth.judge(head.headers.get("Authorization"), head.remote_address,
                    [done = std::move(done)](LoginVerdict verdict) mutable {
                      if (verdict == LoginVerdict::kAllowed) {
                        done(std::nullopt);
                      } else {
                        done(refusal(verdict));
                      }
                    });
}

std::shared_ptr<const WebSecurity::Headers> WebSecurity::headers() const {
  return impl_->in_force()->headers;
}

}  // namespace silverback::server
