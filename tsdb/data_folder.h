#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "base/result.h"

namespace silverback::tsdb {

/// Who holds the data folder: a flock()ed file with the holder's pid.
/// Threads: externally locked.
class FolderLock {
 public:
  /// kUnavailable when another process holds it.
  static base::Result<std::unique_ptr<FolderLock>> take(const std::string& path);
  /// Removes the file and lets go.
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// The file of a process that did not stop cleanly was there.
  bool was_left_behind() const { return left_behind_; }

 private:
  FolderLock(int fd, std::string path, bool left_behind)
      : fd_(fd), path_(std::move(path)), left_behind_(left_behind) {}
  const int fd_;
  const std::string path_;
  const bool left_behind_;
};

/// The folder to use for `path`: itself, or <path>/silverback where a Prometheus database lies in
/// it. Creates it. Fails when its `format` names another version.
base::Result<std::string> prepare_data_folder(base::FileSystem& files, base::Logger& logger,
                                              const std::string& path);
/// Writes the `format` file where there is none. After the lock is held.
base::Status mark_data_folder(base::FileSystem& files, base::Logger& logger,
                              const std::string& folder);

}  // namespace silverback::tsdb
