// Arbitrary bytes as a configuration: parsed or refused in bounded time and memory, no file is
// touched, and what the effective configuration shows can be read again and shows the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = silverback::server::parse_config(text, "/etc/p/prometheus.yml");
  if (!config.is_ok()) {
    if (config.status().message().empty()) std::abort();
    return 0;
  }
  if (!config->external_labels.empty()) return 0;  // the environment is put in once more
  const std::string yaml = config->to_yaml();
  const auto again = silverback::server::parse_config(yaml, "/etc/p/prometheus.yml");
  if (!again.is_ok() || again->to_yaml() != yaml) std::abort();
  return 0;
}
