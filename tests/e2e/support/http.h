#pragma once

#include <string>
#include <utility>
#include <vector>

namespace silverback::e2e {

struct HttpReply {
  int status = 0;  // 0: no connection, or it broke
  std::string headers;
  std::string body;
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// One request to 127.0.0.1 on a connection of its own; blocks at most 30 s.
HttpReply http(int port, const std::string& method, const std::string& target,
               const std::string& body = "", const HttpFields& headers = {});
inline HttpReply http_get(int port, const std::string& target) {
  return http(port, "GET", target);
}

/// A remote-write 1.0 body: one sample a series, snappy-framed.
struct WireSeries {
  std::vector<std::pair<std::string, std::string>> labels;  // sorted
  std::vector<std::pair<int64_t, double>> samples;          // ms, value
};
HttpReply remote_write(int port, const std::vector<WireSeries>& series);

}  // namespace silverback::e2e
