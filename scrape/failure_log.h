#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/log.h"
#include "base/mutex.h"

namespace silverback::scrape {

/// The files of scrape_failure_log_file: one JSON line for each scrape that failed.
/// Threads: any thread.
class FailureLogs {
 public:
  FailureLogs();
  ~FailureLogs();
  FailureLogs(const FailureLogs&) = delete;
  FailureLogs& operator=(const FailureLogs&) = delete;

  /// Opens each path anew, so that a rotated file is let go; others are closed. What cannot be
  /// opened is told to `logger`, and its lines are lost. "" is passed over.
  void reopen(const std::set<std::string>& paths, base::Logger& logger) EXCLUDES(mutex_);
  void write(const std::string& path, const std::string& job_name, const std::string& target,
             const std::string& error) EXCLUDES(mutex_);

 private:
  class File;

  base::Mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_ GUARDED_BY(mutex_);
};

}  // namespace silverback::scrape
