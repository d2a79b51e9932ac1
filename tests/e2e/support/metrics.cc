#include "tests/e2e/support/metrics.h"

#include <cstdlib>
#include <limits>
#include <sstream>

#include <catch2/catch.hpp>

#include "tests/e2e/support/http.h"

namespace silverback::e2e {

double OwnMetrics::at(const std::string& sample) const {
  const auto found = samples.find(sample);
  return found == samples.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

OwnMetrics own_metrics(int port) {
  const HttpReply reply = http_get(port, "/metrics");
  REQUIRE(reply.status == 200);
  OwnMetrics out;
  std::istringstream lines(reply.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) == 0) {
      const size_t end = line.find(' ', 7);
      out.types[line.substr(7, end - 7)] = line.substr(end + 1);
    } else if (line.rfind('#', 0) != 0) {
      const size_t end = line.rfind(' ');
      REQUIRE(end != std::string::npos);
      out.samples[line.substr(0, end)] = std::strtod(line.c_str() + end + 1, nullptr);
    }
  }
  return out;
}

}  // namespace silverback::e2e
