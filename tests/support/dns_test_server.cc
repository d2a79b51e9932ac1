#include "tests/support/dns_test_server.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace silverback::testing {
namespace {

void put16(std::string& out, unsigned v) {
  out.push_back(static_cast<char>(v >> 8 & 0xff));
  out.push_back(static_cast<char>(v & 0xff));
}

DnsTestRecord record(uint16_t type, std::string data) {
  DnsTestRecord out;
  out.type = type;
  out.data = std::move(data);
  return out;
}

std::string packed(int family, size_t size, const std::string& address) {
  std::string out(size, '\0');
  if (inet_pton(family, address.c_str(), out.data()) != 1) throw std::runtime_error("address");
  return out;
}

uint16_t get16(const std::string& s, size_t at) {
  return static_cast<uint16_t>(static_cast<unsigned char>(s.at(at)) << 8 |
                               static_cast<unsigned char>(s.at(at + 1)));
}

int bound_socket(int type, uint16_t port) {
  const int fd = ::socket(AF_INET, type, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (fd >= 0) ::close(fd);
    return -1;
  }
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

std::string dns_name(const std::string& name) {
  std::string out;
  for (size_t at = 0; at < name.size();) {
    const size_t dot = name.find('.', at);
    out.push_back(static_cast<char>(dot - at));
    out += name.substr(at, dot - at);
    at = dot + 1;
  }
  out.push_back('\0');
  return out;
}
DnsTestRecord dns_a(const std::string& address) {
  return record(1, packed(AF_INET, 4, address));
}
DnsTestRecord dns_aaaa(const std::string& address) {
  return record(28, packed(AF_INET6, 16, address));
}
DnsTestRecord dns_srv(const std::string& target, uint16_t port) {
  std::string data(4, '\0');
  put16(data, port);
  return record(33, data + dns_name(target));
}
DnsTestRecord dns_mx(const std::string& target) {
  return record(15, std::string(2, '\0') + dns_name(target));
}
DnsTestRecord dns_ns(const std::string& target) {
  return record(2, dns_name(target));
}
DnsTestRecord dns_cname(const std::string& target) {
  return record(5, dns_name(target));
}

DnsTestServer::DnsTestServer(Handler handler) : handler_(std::move(handler)) {
  // The port that UDP was given may be taken for TCP: then another.
  for (int attempt = 0; attempt < 50 && tcp_ < 0; ++attempt) {
    if (udp_ >= 0) ::close(udp_);
    udp_ = bound_socket(SOCK_DGRAM, 0);
    if (udp_ < 0) continue;
    port_ = port_of(udp_);
    tcp_ = bound_socket(SOCK_STREAM, port_);
  }
  if (tcp_ < 0 || ::listen(tcp_, 8) != 0) throw std::runtime_error("no port for a DNS server");
  thread_ = std::thread([this] { serve(); });
}

DnsTestServer::~DnsTestServer() {
  stopping_ = true;
  thread_.join();
  ::close(udp_);
  ::close(tcp_);
}

void DnsTestServer::set_handler(Handler handler) {
  const base::MutexLock lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<std::string> DnsTestServer::names_asked() const {
  const base::MutexLock lock(mutex_);
  return asked_;
}

void DnsTestServer::serve() {
  std::array<char, 4096> bytes{};
  while (!stopping_) {
    std::array<pollfd, 2> waiting{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), 20) <= 0) continue;
    if (waiting[0].revents != 0) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      auto* const address = reinterpret_cast<sockaddr*>(&peer);
      const ssize_t n = ::recvfrom(udp_, bytes.data(), bytes.size(), 0, address, &size);
      if (n <= 0) continue;
      const std::string out = answer(std::string(bytes.data(), static_cast<size_t>(n)), true);
      if (!out.empty()) ::sendto(udp_, out.data(), out.size(), 0, address, size);
    }
    if (waiting[1].revents != 0) {
      const int fd = ::accept(tcp_, nullptr, nullptr);
      const ssize_t n = fd < 0 ? -1 : ::recv(fd, bytes.data(), bytes.size(), 0);
      if (n > 2) {
        const std::string out =
            answer(std::string(bytes.data() + 2, static_cast<size_t>(n) - 2), false);
        std::string framed;
        put16(framed, static_cast<unsigned>(out.size()));
        framed += out;
        static_cast<void>(::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL));
      }
      if (fd >= 0) ::close(fd);
    }
  }
}

std::string DnsTestServer::answer(const std::string& query, bool udp) {
  std::string name;
  size_t at = 12;
  while (query.at(at) != '\0') {
    const auto length = static_cast<size_t>(query[at]);
    name += query.substr(at + 1, length) + ".";
    at += length + 1;
  }
  const uint16_t type = get16(query, at + 1);
  const std::string question = query.substr(12, at + 5 - 12);
  Handler handler;
  {
    const base::MutexLock lock(mutex_);
    asked_.push_back(name);
    handler = handler_;
  }
  const DnsTestAnswer given = handler(name, type);
  if (given.silent) return "";
  const bool cut = given.truncate_udp && udp;
  std::string out = query.substr(0, 2);
  put16(out, 0x8180U | static_cast<unsigned>(given.rcode) | (cut ? 0x0200U : 0U));
  put16(out, 1);
  put16(out, cut ? 0 : static_cast<unsigned>(given.records.size()));
  put16(out, 0);
  put16(out, 0);
  out += question;
  if (cut) return out;
  for (const DnsTestRecord& r : given.records) {
    put16(out, 0xc00c);  // the question's name
    put16(out, r.type);
    put16(out, 1);
    out.append(4, '\0');
    put16(out, static_cast<unsigned>(r.data.size()));
    out += r.data;
  }
  return out;
}

}  // namespace silverback::testing
