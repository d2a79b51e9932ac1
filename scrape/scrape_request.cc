#include <string>

#include "base/go_float.h"
#include "scrape/content_type.h"
#include "scrape/scrape_loop.h"

namespace silverback::scrape {
namespace {

// Inflating costs ten times what parsing does, and on loopback it saves nothing.
bool is_loopback(const Target& target) {
  const std::string& host = target.url.host;
  return !target.unix_socket.empty() || host == "localhost" || host == "::1" ||
         (host.rfind("127.", 0) == 0 && host.find_first_not_of("0123456789.") == std::string::npos);
}

// Protocols in their order, the first with q=0.6; names are escaped only in the formats that know
// how to say so.
std::string accept_header(const ScrapeConfig& config) {
  std::string out;
  int weight = 6;
  for (const std::string& protocol : config.protocols) {
    out += protocol_media_type(protocol);
    if (protocol == "PrometheusText1.0.0" || protocol == "OpenMetricsText1.0.0") {
      out += ";escaping=" + config.escaping_scheme;
    }
    out += ";q=0." + std::to_string(weight--) + ",";
  }
  return out + "*/*;q=0." + std::to_string(weight);
}

}  // namespace

base::HttpClient::Request make_scrape_request(const ScrapeConfig& config, const Target& target) {
  base::HttpClient::Request request;
  request.url = target.url;
  request.unix_socket = target.unix_socket;
  request.headers.add("User-Agent", "Prometheus/3.14.0");
  request.headers.add("Accept", accept_header(config));
  const bool gzip = config.enable_compression && !is_loopback(target);
  request.headers.add("Accept-Encoding", gzip ? "gzip" : "identity");
  request.headers.add("X-Prometheus-Scrape-Timeout-Seconds",
                      base::go_f(static_cast<double>(target.timeout_ms) / 1000.0));
  return request;
}

}  // namespace silverback::scrape
