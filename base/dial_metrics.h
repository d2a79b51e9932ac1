#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/status.h"

namespace silverback::base {

/// net_conntrack_dialer_*: the connections of one client by its name. The metrics stay when the
/// client goes. Threads: any thread.
class DialMetrics {
 public:
  DialMetrics(metrics::Registry& registry, const std::string& dialer_name);

  void attempted() { attempted_.inc(); }
  /// By the error's wording: resolution, refused, timeout or unknown.
  void failed(const Status& why);
  /// To be kept with the connection: its end is the connection's.
  std::shared_ptr<void> established();

 private:
  metrics::Counter& attempted_;
  metrics::Counter& established_;
  metrics::Counter& closed_;
  metrics::Counter& failed_resolution_;
  metrics::Counter& failed_refused_;
  metrics::Counter& failed_timeout_;
  metrics::Counter& failed_unknown_;
};

}  // namespace silverback::base
