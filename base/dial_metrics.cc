#include "base/dial_metrics.h"

namespace silverback::base {
namespace {

constexpr const char* kPrefix = "net_conntrack_dialer_conn_";

metrics::Counter& counter(metrics::Registry& registry, const char* what, const char* help,
                          const std::string& name) {
  return registry.counter(std::string(kPrefix) + what + "_total", help, {{"dialer_name", name}});
}

metrics::Counter& failure(metrics::Registry& registry, const std::string& name,
                          const char* reason) {
  return registry.counter(std::string(kPrefix) + "failed_total",
                          "Total number of connections failed to dial by the dialer a given name.",
                          {{"dialer_name", name}, {"reason", reason}});
}

}  // namespace

DialMetrics::DialMetrics(metrics::Registry& registry, const std::string& dialer_name)
    : attempted_(counter(registry, "attempted",
                         "Total number of connections attempted by the given dialer a given name.",
                         dialer_name)),
      established_(counter(registry, "established",
                           "Total number of connections successfully established by the given "
                           "dialer a given name.",
                           dialer_name)),
      closed_(counter(registry, "closed",
                      "Total number of connections closed which originated from the dialer of a "
                      "given name.",
                      dialer_name)),
      failed_resolution_(failure(registry, dialer_name, "resolution")),
      failed_refused_(failure(registry, dialer_name, "refused")),
      failed_timeout_(failure(registry, dialer_name, "timeout")),
      failed_unknown_(failure(registry, dialer_name, "unknown")) {}

void DialMetrics::failed(const Status& why) {
  const std::string& text = why.message();
  if (why.code() == Errc::kTimeout) {
    failed_timeout_.inc();
  } else if (text.find("connection refused") != std::string::npos) {
    failed_refused_.inc();
  } else if (text.find("lookup ") != std::string::npos) {
    failed_resolution_.inc();
  } else {
    failed_unknown_.inc();
  }
}

std::shared_ptr<void> DialMetrics::established() {
  established_.inc();
  return std::shared_ptr<void>(nullptr, [&closed = closed_](std::nullptr_t) { closed.inc(); });
}

}  // namespace silverback::base
