#include "server/http_server.h"

#include <random>
#include <utility>

#include "server/http_listener.h"
#include "server/http_session.h"

namespace silverback::server {

using std::chrono::milliseconds;

namespace {

std::shared_ptr<SessionContext> session_context(const HttpServer::Options& options,
                                                HttpHandler& handler) {
  ConnectionTable::Options table;
  table.max_open = options.max_connections;
  table.max_handshakes = options.max_handshakes;
  table.registry = options.registry;
  auto context = std::make_shared<SessionContext>(handler, table);
  context->clock = options.clock;
  context->logger = options.logger;
  context->timeouts.idle = options.idle_timeout;
  context->timeouts.head = options.head_timeout;
  context->timeouts.handshake = options.handshake_timeout;
  context->timeouts.body_grace = options.body_grace;
  context->timeouts.body = options.body_timeout;
  context->timeouts.write = options.write_timeout;
  context->body_bytes_limit = options.body_bytes_limit;
  context->tls_context = options.tls_context;
  std::random_device random;
  context->request_seed = (uint64_t{random()} << 32) | random();
  return context;
}

}  // namespace

struct HttpServer::Impl {
  Impl(Options o, HttpHandler& handler)
      : options(std::move(o)), sessions(session_context(options, handler)) {}

  const Options options;
  const std::shared_ptr<SessionContext> sessions;
  std::vector<std::shared_ptr<HttpListener>> listeners;  // constant once bound
};

HttpServer::HttpServer(Options options, HttpHandler& handler)
    : impl_(std::make_unique<Impl>(std::move(options), handler)) {}

HttpServer::~HttpServer() {
  stop();
}

base::Status HttpServer::bind() {
  for (const std::string& address : impl_->options.listen_addresses) {
    auto listener = std::make_shared<HttpListener>(*impl_->options.io, impl_->sessions);
    RETURN_IF_ERROR(listener->open(address));
    impl_->listeners.push_back(std::move(listener));
  }
  return {};
}

void HttpServer::start() {
  for (const auto& listener : impl_->listeners) listener->start();
}

void HttpServer::stop(milliseconds grace) {
  SessionContext& sessions = *impl_->sessions;
  if (sessions.stopping.exchange(true)) return;
  for (const auto& listener : impl_->listeners) listener->close();
  sessions.table.close();
  for (const auto& entry : sessions.table.all()) entry->begin_stop();
  if (sessions.table.wait_empty(grace)) return;
  for (const auto& entry : sessions.table.all()) entry->force_close();
  sessions.table.wait_empty(milliseconds(500));
}

std::vector<std::string> HttpServer::bound_addresses() const {
  std::vector<std::string> addresses;
  for (const auto& listener : impl_->listeners) addresses.push_back(listener->bound());
  return addresses;
}

size_t HttpServer::connections() const {
  return impl_->sessions->table.size();
}

}  // namespace silverback::server
