#pragma once

namespace silverback::server {

/// Our own version, and the Prometheus version whose behaviour we follow. Clients such as Grafana
/// derive features from `version` in status/buildinfo, so that one is the second.
inline constexpr const char* kVersion = "0.1.0";
inline constexpr const char* kPrometheusVersion = "3.14.0";

}  // namespace silverback::server
