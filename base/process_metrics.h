#pragma once

#include <memory>

#include "base/metrics.h"

namespace silverback::base::metrics {

/// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
/// process_open_fds, process_max_fds and process_start_time_seconds, read from /proc at each
/// render. A figure that the system does not give is left out. Ends when the handle dies.
[[nodiscard]] std::shared_ptr<void> add_process_metrics(Registry& registry);

}  // namespace silverback::base::metrics
