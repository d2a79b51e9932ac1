#include "server/listen_address.h"

#include <charconv>

#include <fmt/format.h>

namespace silverback::server {

base::Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto bad = [&](const char* why) {
    return base::Status(base::Errc::kBadData, fmt::format("listen tcp {}: {}", text, why));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad("missing port in address");
  ListenAddress address;
  address.host = text.substr(0, colon);
  address.port = text.substr(colon + 1);
  unsigned number = 0;
  const char* last = address.port.data() + address.port.size();
  const auto [end, error] = std::from_chars(address.port.data(), last, number);
  if (error != std::errc() || end != last || number > 65535) return bad("invalid port");
  std::string& host = address.host;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return bad("too many colons in address");
  }
  return address;
}

}  // namespace silverback::server
