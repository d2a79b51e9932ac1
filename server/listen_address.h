#pragma once

#include <string>

#include "base/result.h"

namespace silverback::server {

/// One --web.listen-address, taken apart.
struct ListenAddress {
  std::string host;  // "" = every address of the machine; IPv6 without brackets
  std::string port;  // 0..65535; 0 = any free one
};
/// "host:port", ":port" or "[::1]:port".
base::Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace silverback::server
