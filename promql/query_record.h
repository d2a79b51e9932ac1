#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/timestamp.h"

namespace silverback::promql {

/// Who asks: an HTTP request or a rule; empty fields else.
struct QueryOrigin {
  std::string client_ip, method, path;
  std::string rule_file, rule_group;
};

struct QueryStats {
  int64_t total_samples = 0;  // totalQueryableSamples
  int64_t samples_read = 0;   // from storage, each once a selector
  int64_t peak_samples = 0;
  double queue_seconds = 0, prepare_seconds = 0, eval_seconds = 0, sort_seconds = 0;
  double total_seconds() const {
    return queue_seconds + prepare_seconds + eval_seconds + sort_seconds;
  }
};

/// One query that has been answered or has failed. Views of the caller's.
struct QueryRecord {
  std::string_view query;
  model::TimestampMs start = 0, end = 0;
  int64_t step_ms = 0;  // 0: an instant query
  const base::Status& status;
  const QueryStats& stats;
  const QueryOrigin& origin;
};

}  // namespace silverback::promql
