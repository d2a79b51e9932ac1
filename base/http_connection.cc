#include "base/http_connection.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

namespace silverback::base {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Endpoint = asio::generic::stream_protocol::endpoint;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// A dead first address must leave time for the second.
constexpr std::chrono::milliseconds kLeastAttempt{2000};

// strerror's text with a small first letter is what Go prints.
std::string error_text(const ErrorCode& error) {
  std::string text = error.message();
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z')) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

std::string host_port(const std::string& host, const std::string& port) {
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

template <typename Stream>
class StreamConnection final : public HttpConnection {
 public:
  StreamConnection(Stream stream, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(stream)) {}

  asio::awaitable<Read> read_some(char* into, size_t capacity) override {
    const std::tuple<ErrorCode, size_t> done =
        co_await stream_.async_read_some(asio::buffer(into, capacity), kAwait);
    const ErrorCode error = std::get<0>(done);
    Read read;
    read.bytes = std::get<1>(done);
    if (error == asio::error::eof) {
      read.end = ReadEnd::kEof;
    } else if (error == ssl::error::stream_truncated) {
      read.end = ReadEnd::kError;
      read.error = "unexpected EOF";
    } else if (error) {
      read.end = ReadEnd::kError;
      read.error = "read: " + error_text(error);
    }
    co_return read;
  }

  asio::awaitable<std::string> write_all(std::string_view bytes) override {
    const std::tuple<ErrorCode, size_t> done =
        co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), kAwait);
    const ErrorCode error = std::get<0>(done);
    co_return error ? "write: " + error_text(error) : std::string();
  }

  void close() override {
    ErrorCode ignored;
    stream_.lowest_layer().close(ignored);
  }

  bool quiet() override {
    char byte;
    const ssize_t n =
        ::recv(stream_.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  Stream& stream() { return stream_; }

 private:
  std::shared_ptr<TlsContext> tls_;  // outlives stream_
  Stream stream_;
};

bool is_link_local(const asio::ip::address& address) {
  if (address.is_v6()) {
    if (!address.to_v6().is_v4_mapped()) return address.to_v6().is_link_local();
    const auto v4 = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return v4.to_bytes()[0] == 169 && v4.to_bytes()[1] == 254;
  }
  const auto bytes = address.to_v4().to_bytes();
  return bytes[0] == 169 && bytes[1] == 254;
}

struct Addresses {
  std::vector<asio::ip::tcp::endpoint> list;
};

// Resolving runs on Asio's own thread and cannot be interrupted there: the coroutine waits on a
// gate that the answer, or the end of the fetch, opens.
struct ResolveState {
  ResolveState(asio::io_context& io, const asio::any_io_executor& strand)
      : resolver(io), gate(strand, asio::steady_timer::time_point::max()) {}
  asio::ip::tcp::resolver resolver;
  asio::steady_timer gate;
  bool answered = false;
  ErrorCode error;
  std::vector<asio::ip::tcp::endpoint> endpoints;
};

asio::awaitable<Result<Addresses>> resolve(IoRuntime* io, std::string host, std::string port,
                                           std::shared_ptr<FetchGuard> guard) {
  Addresses out;
  ErrorCode error;
  const auto literal = asio::ip::make_address(host, error);
  if (!error) {
    out.list.emplace_back(literal, static_cast<uint16_t>(std::strtoul(port.c_str(), nullptr, 10)));
    co_return out;
  }
  auto state = std::make_shared<ResolveState>(io->context(), guard->strand());
  guard->on_abort([state] {
    state->resolver.cancel();
    state->gate.cancel();
  });
  state->resolver.async_resolve(
      host, port,
      asio::bind_executor(guard->strand(), [state](const ErrorCode& e,
                                                   const asio::ip::tcp::resolver::results_type& r) {
        state->answered = true;
        state->error = e;
        for (const auto& entry : r) state->endpoints.push_back(entry.endpoint());
        state->gate.cancel();
      }));
  const std::tuple<ErrorCode> opened = co_await state->gate.async_wait(kAwait);
  static_cast<void>(opened);  // a gate never expires: it is always cancelled
  guard->on_abort({});
  if (guard->stopped()) co_return guard->status();
  if (state->error || state->endpoints.empty()) {
    const bool unknown = !state->error || state->error == asio::error::host_not_found ||
                         state->error == asio::error::no_data;
    co_return Status(Errc::kIo, "dial tcp: lookup " + host + ": " +
                                    (unknown ? "no such host" : error_text(state->error)));
  }
  out.list = state->endpoints;
  co_return out;
}

struct Attempt {
  ErrorCode error;
  bool timed_out = false;
  bool over = false;  // the clock of an attempt that is over must not close its socket
};

// Closes the socket when its share of the time is over, so that the next address gets a turn.
asio::awaitable<Attempt> connect_one(std::shared_ptr<Socket> socket, Endpoint endpoint,
                                     std::shared_ptr<FetchGuard> guard,
                                     std::chrono::milliseconds share) {
  auto attempt = std::make_shared<Attempt>();
  asio::steady_timer timer(guard->strand(), share);
  timer.async_wait([socket, attempt](const ErrorCode& error) {
    if (error || attempt->over) return;
    attempt->timed_out = true;
    ErrorCode ignored;
    socket->close(ignored);
  });
  guard->on_abort([socket] {
    ErrorCode ignored;
    socket->close(ignored);
  });
  const std::tuple<ErrorCode> done = co_await socket->async_connect(endpoint, kAwait);
  attempt->over = true;
  timer.cancel();
  guard->on_abort({});
  attempt->error = std::get<0>(done);
  // Connected in the very moment the time ran out: the socket is closed all the same.
  if (!attempt->error && attempt->timed_out) attempt->error = asio::error::timed_out;
  co_return *attempt;
}

struct Connected {
  std::shared_ptr<Socket> socket;
};

asio::awaitable<Result<Connected>> connect_unix(IoRuntime* io, std::string path,
                                                std::shared_ptr<FetchGuard> guard) {
  Connected out;
  out.socket = std::make_shared<Socket>(io->context());
  if (path.size() >= 108) {
    co_return Status(Errc::kIo, "dial unix " + path + ": connect: invalid argument");
  }
  const Endpoint endpoint{asio::local::stream_protocol::endpoint(path)};
  const Attempt attempt = co_await connect_one(out.socket, endpoint, guard, guard->remaining());
  if (guard->stopped()) co_return guard->status();
  if (attempt.error) {
    co_return Status(Errc::kIo, "dial unix " + path + ": connect: " + error_text(attempt.error));
  }
  co_return out;
}

asio::awaitable<Result<Connected>> connect_tcp(IoRuntime* io, Addresses addresses,
                                               bool refuse_link_local,
                                               std::shared_ptr<FetchGuard> guard) {
  Status first_error;
  for (size_t i = 0; i < addresses.list.size(); ++i) {
    const asio::ip::tcp::endpoint& address = addresses.list[i];
    const std::string where =
        host_port(address.address().to_string(), std::to_string(address.port()));
    if (refuse_link_local && is_link_local(address.address())) {
      if (first_error.is_ok()) {
        first_error =
            Status(Errc::kIo, "dial tcp " + where + ": redirect to a link-local address refused");
      }
      continue;
    }
    const auto left = guard->remaining();
    const auto count = static_cast<int64_t>(addresses.list.size() - i);
    const auto share = std::min(left, std::max(kLeastAttempt, left / count));
    Connected out;
    out.socket = std::make_shared<Socket>(io->context());
    const Endpoint endpoint{address};
    const Attempt attempt = co_await connect_one(out.socket, endpoint, guard, share);
    if (guard->stopped()) co_return guard->status();
    if (!attempt.error) {
      ErrorCode ignored;
      out.socket->set_option(asio::ip::tcp::no_delay(true), ignored);
      co_return out;
    }
    if (first_error.is_ok()) {
      const std::string text =
          attempt.timed_out ? "i/o timeout" : "connect: " + error_text(attempt.error);
      first_error = Status(Errc::kIo, "dial tcp " + where + ": " + text);
    }
  }
  co_return first_error;
}

std::string verify_error_text(long verify_result, const std::string& name) {
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "x509: certificate is not valid for " + name;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return "x509: certificate has expired or is not yet valid";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "x509: certificate signed by unknown authority";
    default: return std::string("x509: ") + X509_verify_cert_error_string(verify_result);
  }
}

int tls_version(const std::string& name, int unset) {
  if (name == "TLS10") return TLS1_VERSION;
  if (name == "TLS11") return TLS1_1_VERSION;
  if (name == "TLS12") return TLS1_2_VERSION;
  if (name == "TLS13") return TLS1_3_VERSION;
  return unset;
}

}  // namespace

class TlsContext {
 public:
  TlsContext() : context(ssl::context::tls_client) {}
  ssl::context context;
  bool verify = true;
};

namespace {

using TlsStream = ssl::stream<Socket>;

asio::awaitable<Result<std::unique_ptr<HttpConnection>>> shake_hands(
    Socket socket, DialOptions options, std::shared_ptr<FetchGuard> guard) {
  auto connection = std::make_unique<StreamConnection<TlsStream>>(
      TlsStream(std::move(socket), options.tls->context), options.tls);
  TlsStream& stream = connection->stream();
  const std::string& name = options.server_name.empty() ? options.host : options.server_name;
  SSL* const handle = stream.native_handle();
  X509_VERIFY_PARAM* const verify = SSL_get0_param(handle);
  ErrorCode not_an_ip;
  static_cast<void>(asio::ip::make_address(name, not_an_ip));
  // SSL_set_tlsext_host_name spelled out: the macro holds an old-style cast.
  const bool named = not_an_ip
                         ? SSL_ctrl(handle, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                    const_cast<char*>(name.c_str())) == 1 &&
                               X509_VERIFY_PARAM_set1_host(verify, name.c_str(), 0) == 1
                         : X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str()) == 1;
  if (!named) co_return Status(Errc::kIo, "tls: bad server name \"" + name + "\"");
  HttpConnection* const raw = connection.get();
  guard->on_abort([raw] { raw->close(); });
  const std::tuple<ErrorCode> done =
      co_await stream.async_handshake(ssl::stream_base::client, kAwait);
  guard->on_abort({});
  if (guard->stopped()) co_return guard->status();
  if (const ErrorCode error = std::get<0>(done)) {
    const long verified = SSL_get_verify_result(handle);
    if (options.tls->verify && verified != X509_V_OK) {
      co_return Status(Errc::kIo,
                       "tls: failed to verify certificate: " + verify_error_text(verified, name));
    }
    if (error == asio::error::eof || error == ssl::error::stream_truncated) {
      co_return Status(Errc::kIo, "EOF");
    }
    co_return Status(Errc::kIo, "tls: " + error_text(error));
  }
  co_return std::unique_ptr<HttpConnection>(std::move(connection));
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsConfig& config,
                                                     const HttpCredentials& credentials,
                                                     bool with_client_cert) {
  auto out = std::make_shared<TlsContext>();
  ssl::context& context = out->context;
  ErrorCode error;
  if (credentials.ca_pem.empty()) {
    context.set_default_verify_paths(error);
  } else {
    context.add_certificate_authority(asio::buffer(credentials.ca_pem), error);
  }
  if (error) {
    return Status(Errc::kIo,
                  "unable to use specified CA cert " + config.ca_file + ": " + error_text(error));
  }
  out->verify = !config.insecure_skip_verify;
  context.set_verify_mode(out->verify ? ssl::verify_peer : ssl::verify_none, error);
  if (with_client_cert && !credentials.cert_pem.empty()) {
    context.use_certificate_chain(asio::buffer(credentials.cert_pem), error);
    if (!error)
      context.use_private_key(asio::buffer(credentials.key_pem), ssl::context::pem, error);
    if (error) {
      return Status(Errc::kIo, "unable to use specified client cert (" + config.cert_file +
                                   ") & key (" + config.key_file + "): " + error_text(error));
    }
  }
  SSL_CTX* const handle = context.native_handle();
  if (SSL_CTX_set_min_proto_version(handle, tls_version(config.min_version, TLS1_2_VERSION)) != 1 ||
      SSL_CTX_set_max_proto_version(handle, tls_version(config.max_version, 0)) != 1) {
    return Status(Errc::kIo, "tls: unusable min_version or max_version");
  }
  return out;
}

namespace {

constexpr size_t kTunnelHead = 64 * 1024;

// Asks a proxy to connect through. Byte by byte, so that nothing of what follows the head is taken;
// it comes once a connection.
asio::awaitable<Status> open_tunnel(std::shared_ptr<Socket> socket, std::string request,
                                    std::shared_ptr<FetchGuard> guard) {
  guard->on_abort([raw = socket.get()] {
    ErrorCode ignored;
    raw->close(ignored);
  });
  const std::tuple<ErrorCode, size_t> sent =
      co_await asio::async_write(*socket, asio::buffer(request), kAwait);
  ErrorCode error = std::get<0>(sent);
  std::string head;
  while (!error && head.size() < kTunnelHead && !head.ends_with("\r\n\r\n")) {
    char byte = 0;
    const std::tuple<ErrorCode, size_t> got =
        co_await socket->async_read_some(asio::buffer(&byte, 1), kAwait);
    error = std::get<0>(got);
    if (!error) head += byte;
  }
  guard->on_abort({});
  if (guard->stopped()) co_return guard->status();
  if (error) {
    co_return Status(Errc::kIo, error == asio::error::eof ? "unexpected EOF" : error_text(error));
  }
  // "HTTP/1.1 200 OK"
  const size_t code = head.find(' ');
  const size_t line_end = head.find("\r\n");
  if (head.compare(0, 7, "HTTP/1.") != 0 || code == std::string::npos || code + 4 > line_end) {
    co_return Status(Errc::kIo, "malformed HTTP response");
  }
  if (head.compare(code + 1, 3, "200") == 0) co_return Status();
  const size_t reason = std::min(code + 5, line_end);
  co_return Status(Errc::kIo, reason < line_end ? head.substr(reason, line_end - reason)
                                                : "status " + head.substr(code + 1, 3));
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<HttpConnection>>> dial(IoRuntime* io, DialOptions options,
                                                              std::shared_ptr<FetchGuard> guard) {
  std::optional<Result<Connected>> connected;
  if (!options.unix_socket.empty()) {
    connected = co_await connect_unix(io, options.unix_socket, guard);
  } else {
    const bool tunnel = !options.tunnel_request.empty();
    const std::string host = tunnel ? options.tunnel_host : options.host;
    const std::string port = tunnel ? options.tunnel_port : options.port;
    Result<Addresses> addresses = co_await resolve(io, host, port, guard);
    if (!addresses.is_ok()) co_return addresses.status();
    connected = co_await connect_tcp(io, *addresses, options.refuse_link_local, guard);
    if (tunnel && connected->is_ok()) {
      const Status opened =
          co_await open_tunnel((*connected)->socket, options.tunnel_request, guard);
      if (!opened.is_ok()) co_return opened;
    } else if (tunnel && !guard->stopped()) {
      co_return connected->status().with_context("proxyconnect tcp");
    }
  }
  if (!connected->is_ok()) co_return connected->status();
  Socket socket = std::move(*(*connected)->socket);
  if (options.tls) {
    Result<std::unique_ptr<HttpConnection>> secured =
        co_await shake_hands(std::move(socket), std::move(options), guard);
    co_return secured;
  }
  co_return std::unique_ptr<HttpConnection>(
      std::make_unique<StreamConnection<Socket>>(std::move(socket), nullptr));
}

struct FetchGuard::Timer {
  explicit Timer(const asio::any_io_executor& strand) : timer(strand) {}
  asio::steady_timer timer;
};

FetchGuard::FetchGuard(asio::any_io_executor strand, std::chrono::milliseconds timeout)
    : strand_(std::move(strand)), timeout_(timeout), timer_(std::make_unique<Timer>(strand_)) {}

FetchGuard::~FetchGuard() = default;

void FetchGuard::start() {
  timer_->timer.expires_after(timeout_);
  timer_->timer.async_wait([weak = weak_from_this()](const ErrorCode& error) {
    const auto self = weak.lock();
    if (!error && self) self->stop(State::kExpired);
  });
}

void FetchGuard::finish() {
  abort_ = {};
  timer_->timer.cancel();
}

void FetchGuard::cancel() {
  asio::post(strand_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->stop(State::kCanceled);
  });
}

Status FetchGuard::status() const {
  switch (state_) {
    case State::kRunning: return {};
    case State::kExpired: return {Errc::kTimeout, "context deadline exceeded"};
    case State::kCanceled: return {Errc::kCanceled, "context canceled"};
  }
  return {};
}

std::chrono::milliseconds FetchGuard::remaining() const {
  return std::max(std::chrono::milliseconds(1),
                  std::chrono::duration_cast<std::chrono::milliseconds>(
                      timer_->timer.expiry() - std::chrono::steady_clock::now()));
}

void FetchGuard::stop(State state) {
  if (state_ != State::kRunning) return;
  state_ = state;
  // Taken out first: the abort may resume what sets the next one.
  UniqueFunction<void()> abort = std::move(abort_);
  abort_ = {};
  if (abort) abort();
}

}  // namespace silverback::base
