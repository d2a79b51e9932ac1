#include "tests/support/http_test_server.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace silverback::testing {
namespace {

std::string lower(std::string s) {
  for (char& c : s) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return s;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Reads more into `buffer`; false at the end.
bool receive(int fd, std::string& buffer) {
  char chunk[65536];
  const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  buffer.append(chunk, static_cast<size_t>(n));
  return true;
}

bool read_request(int fd, std::string& buffer, HttpTestRequest& out) {
  size_t head_end = std::string::npos;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!receive(fd, buffer)) return false;
  }
  const std::string head = buffer.substr(0, head_end);
  buffer.erase(0, head_end + 4);
  size_t at = head.find("\r\n");
  const std::string line = head.substr(0, at);
  const size_t first = line.find(' '), second = line.rfind(' ');
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, second - first - 1);
  while (at != std::string::npos) {
    const size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string field = head.substr(begin, at == std::string::npos ? at : at - begin);
    const size_t colon = field.find(": ");
    if (colon != std::string::npos)
      out.headers[lower(field.substr(0, colon))] = field.substr(colon + 2);
  }
  const std::string length = out.header("content-length");
  const size_t wanted = length.empty() ? 0 : std::stoul(length);
  while (buffer.size() < wanted) {
    if (!receive(fd, buffer)) return false;
  }
  out.body = buffer.substr(0, wanted);
  buffer.erase(0, wanted);
  return true;
}

}  // namespace

std::string HttpTestRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpTestAnswer HttpTestAnswer::text(std::string body) {
  HttpTestAnswer out;
  out.headers.emplace_back("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  out.body = std::move(body);
  return out;
}

HttpTestAnswer HttpTestAnswer::error(int status, std::string reason) {
  HttpTestAnswer out;
  out.status = status;
  out.reason = std::move(reason);
  return out;
}

HttpTestAnswer HttpTestAnswer::redirect(std::string location, int status) {
  HttpTestAnswer out;
  out.status = status;
  out.reason = "Found";
  out.headers.emplace_back("Location", std::move(location));
  return out;
}

HttpTestServer::HttpTestServer(Handler handler) : handler_(std::move(handler)) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, length) != 0 || ::getsockname(fd, generic, &length) != 0) {
    throw std::runtime_error("no free port");
  }
  port_ = ntohs(address.sin_port);
  listen_on(fd);
}

HttpTestServer::HttpTestServer(Handler handler, const std::string& unix_path)
    : handler_(std::move(handler)) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot bind " + unix_path);
  }
  listen_on(fd);
}

HttpTestServer::~HttpTestServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  drop_connections();
  std::vector<std::thread> threads;
  {
    const base::MutexLock lock(mutex_);
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
}

void HttpTestServer::listen_on(int fd) {
  listener_ = fd;
  if (::listen(fd, 64) != 0) throw std::runtime_error("cannot listen");
  acceptor_ = std::thread([this] { accept_loop(); });
}

void HttpTestServer::accept_loop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const uint64_t number = ++connections_;
    const base::MutexLock lock(mutex_);
    open_[fd] = true;
    threads_.emplace_back([this, fd, number] { serve(fd, number); });
  }
}

void HttpTestServer::serve(int fd, uint64_t number) {
  std::string buffer;
  for (bool more = true; more;) {
    HttpTestRequest request;
    if (!read_request(fd, buffer, request)) break;
    request.connection = number;
    Handler handler;
    {
      const base::MutexLock lock(mutex_);
      requests_.push_back(request);
      handler = handler_;
    }
    more = answer(fd, handler(request));
  }
  const base::MutexLock lock(mutex_);
  open_.erase(fd);
  ::close(fd);
}

bool HttpTestServer::answer(int fd, const HttpTestAnswer& answer) {
  if (answer.hang) {
    std::string ignored;
    while (!stopping_ && receive(fd, ignored)) ignored.clear();
    return false;
  }
  if (!answer.raw.empty()) {
    send_all(fd, answer.raw);
    return false;
  }
  std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " " + answer.reason + "\r\n";
  for (const auto& [name, value] : answer.headers) out += name + ": " + value + "\r\n";
  out += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  if (answer.close) out += "Connection: close\r\n";
  return send_all(fd, out + "\r\n" + answer.body) && !answer.close;
}

void HttpTestServer::set_handler(Handler handler) {
  const base::MutexLock lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<HttpTestRequest> HttpTestServer::requests() const {
  const base::MutexLock lock(mutex_);
  return requests_;
}

size_t HttpTestServer::request_count() const {
  const base::MutexLock lock(mutex_);
  return requests_.size();
}

void HttpTestServer::drop_connections() {
  const base::MutexLock lock(mutex_);
  for (const auto& [fd, open] : open_) ::shutdown(fd, SHUT_RDWR);
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace silverback::testing
