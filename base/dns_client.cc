#include "base/dns_client.h"

#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <sys/random.h>

namespace silverback::base {

namespace asio = boost::asio;

namespace {

using ErrorCode = boost::system::error_code;
using Deadline = std::chrono::steady_clock::time_point;
using Done = std::tuple<ErrorCode>;
using Moved = std::tuple<ErrorCode, size_t>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kUdpBytes = 4096;

struct Server {
  asio::ip::address address;
  uint16_t port = 53;
  std::string text;  // as configured
};

// A socket that is closed at the deadline, which ends whatever waits on it.
template <typename Socket>
struct Timed {
  explicit Timed(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}

  static std::shared_ptr<Timed> open(const asio::any_io_executor& executor, Deadline deadline) {
    auto out = std::make_shared<Timed>(executor);
    out->timer.expires_at(deadline);
    out->timer.async_wait([weak = std::weak_ptr<Timed>(out)](const ErrorCode& error) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->expired = true;
      ErrorCode ignored;
      self->socket.close(ignored);
    });
    return out;
  }
  Status trouble(const char* what, const Server& server, const ErrorCode& error) const {
    std::string text = what;
    text += ' ';
    text += server.text;
    text += ": ";
    text += expired ? std::string("i/o timeout") : error.message();
    return {Errc::kIo, std::move(text)};
  }

  Socket socket;
  asio::steady_timer timer;
  bool expired = false;
};

uint16_t random_id() {
  uint16_t id = 0;
  // Never short for two bytes once the system's pool is up; zero would do all the same.
  static_cast<void>(::getrandom(&id, sizeof id, 0));
  return id;
}

asio::awaitable<Result<DnsResponse>> ask_udp(Server server, std::string query, Deadline deadline) {
  using Socket = asio::ip::udp::socket;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const std::shared_ptr<Timed<Socket>> io = Timed<Socket>::open(executor, deadline);
  const asio::ip::udp::endpoint endpoint(server.address, server.port);
  ErrorCode error;
  io->socket.open(endpoint.protocol(), error);
  if (!error) io->socket.connect(endpoint, error);  // other senders are not heard
  if (error) co_return io->trouble("dial udp", server, error);
  const Moved sent = co_await io->socket.async_send(asio::buffer(query), kAwait);
  if (std::get<0>(sent)) co_return io->trouble("write udp", server, std::get<0>(sent));
  std::array<char, kUdpBytes> bytes{};
  while (true) {
    const Moved got = co_await io->socket.async_receive(asio::buffer(bytes), kAwait);
    if (std::get<0>(got)) co_return io->trouble("read udp", server, std::get<0>(got));
    Result<DnsResponse> response =
        decode_dns_response(std::string_view(bytes.data(), std::get<1>(got)), query);
    if (response.is_ok()) co_return response;  // what is no answer of ours is passed over
  }
}

asio::awaitable<Result<DnsResponse>> ask_tcp(Server server, std::string query, Deadline deadline) {
  using Socket = asio::ip::tcp::socket;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const std::shared_ptr<Timed<Socket>> io = Timed<Socket>::open(executor, deadline);
  const asio::ip::tcp::endpoint endpoint(server.address, server.port);
  const Done connected = co_await io->socket.async_connect(endpoint, kAwait);
  if (std::get<0>(connected)) co_return io->trouble("dial tcp", server, std::get<0>(connected));
  std::string framed;
  framed.push_back(static_cast<char>(query.size() >> 8));
  framed.push_back(static_cast<char>(query.size() & 0xff));
  framed += query;
  const Moved sent = co_await asio::async_write(io->socket, asio::buffer(framed), kAwait);
  if (std::get<0>(sent)) co_return io->trouble("write tcp", server, std::get<0>(sent));
  std::array<unsigned char, 2> length{};
  const Moved head = co_await asio::async_read(io->socket, asio::buffer(length), kAwait);
  if (std::get<0>(head)) co_return io->trouble("read tcp", server, std::get<0>(head));
  std::string bytes(static_cast<size_t>(length[0]) << 8 | length[1], '\0');
  const Moved body = co_await asio::async_read(io->socket, asio::buffer(bytes), kAwait);
  if (std::get<0>(body)) co_return io->trouble("read tcp", server, std::get<0>(body));
  Result<DnsResponse> response = decode_dns_response(bytes, query);
  if (response.is_ok() && response->truncated) {
    co_return Status(Errc::kIo, "got truncated message on TCP (64kiB limit exceeded?)");
  }
  co_return response;
}

asio::awaitable<Result<DnsResponse>> ask(Server server, std::string name, DnsType type,
                                         std::chrono::milliseconds timeout) {
  const uint16_t id = random_id();
  Result<std::string> query = encode_dns_query(id, name, type, true);
  if (!query.is_ok()) co_return query.status();
  Result<DnsResponse> response =
      co_await ask_udp(server, *query, std::chrono::steady_clock::now() + timeout);
  if (!response.is_ok() || !response->truncated) co_return response;
  query = encode_dns_query(id, name, type, false);
  response = co_await ask_tcp(server, *query, std::chrono::steady_clock::now() + timeout);
  co_return response;
}

bool is_viable(const DnsResponse& response) {
  return response.rcode == kDnsNoError || response.rcode == kDnsNameError;
}

// The first server that knows the name, or knows that there is none.
asio::awaitable<Result<DnsResponse>> ask_any(std::vector<Server> servers, std::string name,
                                             DnsType type, Logger* logger,
                                             std::chrono::milliseconds timeout) {
  for (const Server& server : servers) {
    Result<DnsResponse> response = co_await ask(server, name, type, timeout);
    if (response.is_ok() && is_viable(*response)) co_return response;
    if (logger == nullptr) continue;
    const std::string why =
        response.is_ok() ? "rcode " + std::to_string(response->rcode) : response.status().message();
    logger->warn("DNS resolution failed", {{"server", server.text}, {"name", name}, {"err", why}});
  }
  co_return Status(Errc::kIo,
                   "could not resolve " + name + ": no servers returned a viable answer");
}

}  // namespace

asio::awaitable<Result<DnsResponse>> dns_lookup(DnsConfig config, std::string name, DnsType type,
                                                Logger* logger, std::chrono::milliseconds timeout) {
  std::vector<Server> servers;
  for (const std::string& text : config.servers) {
    ErrorCode error;
    Server server;
    server.address = asio::ip::make_address(text, error);
    server.port = config.port;
    server.text = text;
    if (!error) servers.push_back(std::move(server));
  }
  bool all_answered = true;
  const std::vector<std::string> names = dns_name_list(config, name);
  for (const std::string& full : names) {
    Result<DnsResponse> response = co_await ask_any(servers, full, type, logger, timeout);
    if (!response.is_ok()) {
      all_answered = false;  // a later name may still be known
    } else if (response->rcode == kDnsNoError) {
      co_return response;
    }
  }
  if (all_answered) co_return DnsResponse();
  co_return Status(Errc::kIo, "could not resolve \"" + name +
                                  "\": all servers responded with errors to at least one search "
                                  "domain");
}

}  // namespace silverback::base
