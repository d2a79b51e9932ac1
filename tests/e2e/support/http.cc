#include "tests/e2e/support/http.h"

#include <snappy.h>
#include <strings.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/bytes.h"

namespace silverback::e2e {
namespace {

int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{30, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool send_all(int fd, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

std::string field(const std::string& headers, const std::string& name) {
  for (size_t at = headers.find("\r\n"); at != std::string::npos;
       at = headers.find("\r\n", at + 2)) {
    const char* line = headers.c_str() + at + 2;
    if (strncasecmp(line, name.c_str(), name.size()) != 0 || line[name.size()] != ':') continue;
    const size_t start = headers.find_first_not_of(' ', at + 3 + name.size());
    return headers.substr(start, headers.find("\r\n", start) - start);
  }
  return {};
}

std::string undo_chunks(const std::string& raw) {
  std::string out;
  for (size_t at = 0; at < raw.size();) {
    const size_t n = std::strtoul(raw.c_str() + at, nullptr, 16);
    const size_t data = raw.find("\r\n", at);
    if (n == 0 || data == std::string::npos) break;
    out += raw.substr(data + 2, n);
    at = data + 2 + n + 2;
  }
  return out;
}

void put_message(base::ByteWriter& out, uint32_t number, const std::string& body) {
  out.uvarint((number << 3) | 2);
  out.string(body);
}

}  // namespace

HttpReply http(int port, const std::string& method, const std::string& target,
               const std::string& body, const HttpFields& headers) {
  HttpReply reply;
  const int fd = connect_to(port);
  if (fd < 0) return reply;
  std::string request = method + " " + target +
                        " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                        "\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  if (!body.empty() || method == "POST")
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + body;
  std::string raw;
  if (send_all(fd, request)) {
    char buffer[65536];
    ssize_t n = 0;
    while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) raw.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  const size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  reply.headers = raw.substr(0, end + 2);
  reply.status = std::atoi(raw.c_str() + raw.find(' '));
  reply.body = raw.substr(end + 4);
  if (field(reply.headers, "Transfer-Encoding") == "chunked") reply.body = undo_chunks(reply.body);
  return reply;
}

HttpReply remote_write(int port, const std::vector<WireSeries>& series) {
  std::string request;
  base::ByteWriter out(request);
  for (const WireSeries& s : series) {
    std::string timeseries;
    base::ByteWriter ts(timeseries);
    for (const auto& [name, value] : s.labels) {
      std::string label;
      base::ByteWriter l(label);
      put_message(l, 1, name);
      put_message(l, 2, value);
      put_message(ts, 1, label);
    }
    for (const auto& [t, v] : s.samples) {
      std::string sample;
      base::ByteWriter w(sample);
      w.u8((1 << 3) | 1);
      w.f64(v);
      w.u8(2 << 3);
      w.uvarint(static_cast<uint64_t>(t));
      put_message(ts, 2, sample);
    }
    put_message(out, 1, timeseries);
  }
  std::string body;
  snappy::Compress(request.data(), request.size(), &body);
  return http(port, "POST", "/api/v1/write", body,
              {{"Content-Type", "application/x-protobuf"},
               {"Content-Encoding", "snappy"},
               {"X-Prometheus-Remote-Write-Version", "0.1.0"}});
}

}  // namespace silverback::e2e
