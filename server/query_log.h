#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "promql/query_record.h"

namespace silverback::server {

/// The file of global.query_log_file: one JSON object a query (spec 13.1). And the log's warning of
/// queries that took longer than --query.slow-log-threshold. Threads: any thread.
class QueryLog {
 public:
  /// `slow_ms` = 0: no warnings.
  QueryLog(base::Clock& clock, base::Logger& logger, base::metrics::Registry& registry,
           int64_t slow_ms);
  ~QueryLog();

  /// Opens the file of a configuration that is about to come into force; "" is none. Blocking.
  base::Status prepare(const std::string& path);
  /// Puts what was prepared in force. The same path is a new file when the old one was moved away.
  void adopt();

  void on_query(const promql::QueryRecord& record);

 private:
  class File;
  void write(const promql::QueryRecord& record, const std::shared_ptr<File>& file);
  void warn(const promql::QueryRecord& record);

  base::Clock& clock_;
  base::Logger& logger_;
  const int64_t slow_ms_;
  base::metrics::Gauge& enabled_;
  base::metrics::Counter& failures_;

  base::Mutex mutex_;
  std::shared_ptr<File> prepared_ GUARDED_BY(mutex_);
  std::shared_ptr<File> file_ GUARDED_BY(mutex_);  // nullptr: off
};

}  // namespace silverback::server
