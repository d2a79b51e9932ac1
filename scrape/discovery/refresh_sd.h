#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "scrape/discovery/discoverer.h"

namespace silverback::scrape {

/// One look at a source of targets. Threads: one strand; cancel() from any.
class Refresher {
 public:
  virtual ~Refresher() = default;
  /// Groups as they are now, with empty ones for sources that are gone. An error changes nothing.
  virtual boost::asio::awaitable<base::Result<std::vector<model::TargetGroup>>> refresh() = 0;
  /// Ends a refresh under way.
  virtual void cancel() = 0;
};

/// Looks at once and then each `interval_ms`; counts failures and durations under `mechanism`.
std::unique_ptr<Discoverer> make_refresh_sd(std::string mechanism, int64_t interval_ms,
                                            std::shared_ptr<Refresher> refresher,
                                            const DiscoveryContext& context);

}  // namespace silverback::scrape
