#pragma once

#include <map>
#include <string>

namespace silverback::e2e {

/// What a server's /metrics shows.
struct OwnMetrics {
  std::map<std::string, std::string> types;  // family -> type
  std::map<std::string, double> samples;     // `name{a="b"}` as printed -> value
  bool has(const std::string& sample) const { return samples.count(sample) != 0; }
  /// NaN when there is none.
  double at(const std::string& sample) const;
};

/// Fails the test when /metrics is not answered or not readable.
OwnMetrics own_metrics(int port);

}  // namespace silverback::e2e
