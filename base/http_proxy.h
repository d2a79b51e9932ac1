#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/http_client_config.h"
#include "base/result.h"
#include "base/url.h"

namespace silverback::base {

/// Reads one variable of the environment; "" when it is not set.
using Environment = std::function<std::string(const char* name)>;

/// The proxy that a request to `url` goes through, if any. Hosts that `no_proxy` names, and
/// loopback wherever such a list may stand, are reached directly, as Go's httpproxy decides.
Result<std::optional<Url>> proxy_for(const ProxyConfig& config, const Url& url,
                                     const Environment& environment);

/// With the environment of the process.
Result<std::optional<Url>> proxy_for(const ProxyConfig& config, const Url& url);

/// True when a no_proxy list ("a.b,.c,10.0.0.0/8,h:80,*") covers host and port.
bool matches_no_proxy(std::string_view list, const Url& url);

/// The head that asks a proxy to connect through to `url`'s host.
std::string connect_request(const ProxyConfig& config, const Url& proxy, const Url& url);

/// "Basic ..." for a proxy URL with credentials, else "".
std::string proxy_authorization(const Url& proxy);

}  // namespace silverback::base
