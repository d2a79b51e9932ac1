#pragma once

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace silverback::testing {

/// A TCP client that says exactly what it is told. Reads give up after ten seconds.
class RawClient {
 public:
  /// `address` is "127.0.0.1:port".
  explicit RawClient(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<uint16_t>(std::atoi(address.substr(address.rfind(':') + 1).c_str())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void send(std::string_view data) {
    while (!data.empty()) {
      const ssize_t n = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      data.remove_prefix(static_cast<size_t>(n));
    }
  }
  void get(const std::string& path, const std::string& fields = "") {
    send("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + fields + "\r\n");
  }

  /// One whole response (head and body by Content-Length); what has arrived when it ends early.
  std::string read_response(bool head_only = false) {
    size_t head_end = std::string::npos;
    while ((head_end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_some()) return take(pending_.size());
    }
    size_t size = head_end + 4;
    const size_t length = pending_.find("Content-Length: ");
    if (!head_only && length < head_end)
      size += static_cast<size_t>(std::atoll(pending_.c_str() + length + 16));
    while (pending_.size() < size) {
      if (!read_some()) break;
    }
    return take(std::min(size, pending_.size()));
  }
  /// What has come up to the end of `text`, or all of it when the connection ends before.
  std::string read_until(std::string_view text) {
    while (pending_.find(text) == std::string::npos) {
      if (!read_some()) return take(pending_.size());
    }
    return take(pending_.find(text) + text.size());
  }
  /// Everything until the server closes; `closed` tells whether it did.
  std::string read_to_end(bool* closed = nullptr) {
    while (read_some()) {
    }
    if (closed != nullptr) *closed = ended_;
    return take(pending_.size());
  }

 private:
  bool read_some() {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 10'000) <= 0) return false;
    char buffer[16384];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    pending_.append(buffer, static_cast<size_t>(n));
    return true;
  }
  std::string take(size_t n) {
    std::string out = pending_.substr(0, n);
    pending_.erase(0, n);
    return out;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string pending_;
};

}  // namespace silverback::testing
