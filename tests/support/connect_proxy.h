#pragma once

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mutex.h"

namespace silverback::testing {

/// A proxy that connects through to ports of 127.0.0.1, one connection at a time; it answers with
/// `refusal` instead when that is set. Threads: any.
class ConnectProxy {
 public:
  explicit ConnectProxy(std::string refusal = "") : refusal_(std::move(refusal)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(0);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, length) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, generic, &length) != 0) {
      throw std::runtime_error("no free port");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ConnectProxy() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> heads() const {
    const base::MutexLock lock(mutex_);
    return heads_;
  }

 private:
  static sockaddr_in local(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }

  void run() {
    while (!stopping_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      serve(fd);
      ::close(fd);
    }
  }

  void serve(int fd) {
    std::string head;
    for (char byte = 0; !head.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1;) head += byte;
    {
      const base::MutexLock lock(mutex_);
      heads_.push_back(head);
    }
    const std::string answer = refusal_.empty() ? "HTTP/1.1 200 OK\r\n\r\n" : refusal_;
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0 || !refusal_.empty()) return;
    const size_t colon = head.find(':');
    const sockaddr_in to = local(static_cast<uint16_t>(std::stoul(head.substr(colon + 1))));
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(out, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) pump(fd, out);
    ::close(out);
  }

  void pump(int a, int b) const {
    std::array<char, 4096> bytes{};
    while (!stopping_) {
      std::array<pollfd, 2> waiting{{{a, POLLIN, 0}, {b, POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), 20) <= 0) continue;
      for (const pollfd& ready : waiting) {
        if (ready.revents == 0) continue;
        const ssize_t n = ::recv(ready.fd, bytes.data(), bytes.size(), 0);
        if (n <= 0) return;
        const int other = ready.fd == a ? b : a;
        if (::send(other, bytes.data(), static_cast<size_t>(n), MSG_NOSIGNAL) < 0) return;
      }
    }
  }

  const std::string refusal_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable base::Mutex mutex_;
  std::vector<std::string> heads_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace silverback::testing
