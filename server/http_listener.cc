#include "server/http_listener.h"

#include <chrono>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "server/listen_address.h"

namespace silverback::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kRoomPause(1);
constexpr milliseconds kErrorPause(100);

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

}  // namespace

struct HttpListener::Impl {
  Impl(base::IoRuntime& runtime, std::shared_ptr<SessionContext> s)
      : io(runtime), sessions(std::move(s)), acceptor(runtime.make_strand()) {}

  base::IoRuntime& io;
  const std::shared_ptr<SessionContext> sessions;
  tcp::acceptor acceptor;
  bool v6 = false;
  std::string bound;
};

HttpListener::HttpListener(base::IoRuntime& io, std::shared_ptr<SessionContext> sessions)
    : impl_(std::make_unique<Impl>(io, std::move(sessions))) {}

HttpListener::~HttpListener() = default;

base::Status HttpListener::open(const std::string& address) {
  const auto failed = [&](const error_code& ec) {
    return base::Status(base::Errc::kIo, fmt::format("listen tcp {}: {}", address, ec.message()));
  };
  ASSIGN_OR_RETURN(const ListenAddress where, parse_listen_address(address));
  const bool any = where.host.empty();
  error_code ec;
  tcp::resolver resolver(impl_->io.context());
  const auto found = resolver.resolve(any ? "::" : where.host, where.port,
                                      tcp::resolver::passive | tcp::resolver::numeric_service, ec);
  if (ec || found.empty()) return failed(ec ? ec : error_code(asio::error::host_not_found));
  tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), ec);
  if (ec && any) {  // no IPv6 on this machine
    endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
    acceptor.open(endpoint.protocol(), ec);
  }
  impl_->v6 = endpoint.protocol() == tcp::v6();
  if (!ec && impl_->v6) acceptor.set_option(asio::ip::v6_only(!any), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return failed(ec);
  impl_->bound = endpoint_text(acceptor.local_endpoint(ec));
  return {};
}

const std::string& HttpListener::bound() const {
  return impl_->bound;
}

void HttpListener::start() {
  impl_->io.spawn(impl_->acceptor.get_executor(), accept_loop(shared_from_this()));
}

void HttpListener::close() {
  asio::post(impl_->acceptor.get_executor(), [self = shared_from_this()] {
    error_code ec;
    self->impl_->acceptor.close(ec);
  });
}

asio::awaitable<void> HttpListener::make_room() {
  const SessionContext& sessions = *impl_->sessions;
  const auto stage =
      sessions.tls_context ? ConnectionTable::Stage::kHandshake : ConnectionTable::Stage::kOpen;
  while (!impl_->sessions->table.make_room(stage) && !sessions.stopping) {
    base::AsyncTimer pause(impl_->acceptor.get_executor());
    co_await pause.sleep(kRoomPause);
  }
}

asio::awaitable<void> HttpListener::accept_loop(std::shared_ptr<HttpListener> self) {
  Impl& impl = *self->impl_;
  SessionContext& sessions = *impl.sessions;
  const auto stage =
      sessions.tls_context ? ConnectionTable::Stage::kHandshake : ConnectionTable::Stage::kOpen;
  while (!sessions.stopping) {
    error_code ec;
    tcp::socket socket(impl.io.make_strand());
    co_await impl.acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
    if (sessions.stopping) co_return;
    if (ec) {  // mostly: out of file descriptors
      sessions.logger->warn("Accepting a connection failed", {{"err", ec.message()}});
      base::AsyncTimer pause(impl.acceptor.get_executor());
      co_await pause.sleep(kErrorPause);
      continue;
    }
    const tcp::endpoint remote = socket.remote_endpoint(ec);
    if (ec) continue;  // gone already
    co_await self->make_room();
    const asio::any_io_executor strand = socket.get_executor();
    const int fd = socket.release(ec);
    if (ec) continue;
    auto stream = std::make_unique<HttpStream>(strand, fd, impl.v6);
    auto session =
        std::make_shared<HttpSession>(impl.sessions, std::move(stream), endpoint_text(remote));
    if (sessions.table.add(session, stage)) impl.io.spawn(strand, HttpSession::run(session));
  }
}

}  // namespace silverback::server
