#include "server/descriptor_limit.h"

#include <algorithm>

#include <sys/resource.h>

namespace silverback::server {

namespace {

constexpr size_t kMostReserved = 4096;
constexpr size_t kLeastConnections = 8;

}  // namespace

size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur == RLIM_INFINITY ? size_t{1} << 30 : static_cast<size_t>(limit.rlim_cur);
}

ConnectionLimits connection_limits(size_t descriptors, size_t wanted, bool tls) {
  const size_t reserved = std::min(kMostReserved, descriptors / 2);
  const size_t fit = descriptors - reserved;
  ConnectionLimits limits;
  limits.open = std::max(kLeastConnections, std::min(wanted, tls ? fit * 2 / 3 : fit));
  if (tls) limits.handshakes = std::max(kLeastConnections, std::min(limits.open, fit / 3));
  return limits;
}

}  // namespace silverback::server
