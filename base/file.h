#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace silverback::base {

/// A file open for appending. Threads: one at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  /// All or an error; after an error the file may hold a part (see truncate).
  virtual Status append(std::string_view bytes) = 0;
  /// fdatasync. A failure is final: what was not synced may be lost and must be written elsewhere.
  virtual Status sync() = 0;
  virtual Status truncate(uint64_t size) = 0;
  virtual Status close() = 0;
  virtual uint64_t size() const = 0;
};

/// Every file call of tsdb's own files goes through here, so that a double can fail the n-th.
/// Threads: any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  static FileSystem& real();

  /// Creates or truncates. Mode 0640.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) = 0;
  virtual Result<std::string> read_file(const std::string& path) = 0;
  /// Creates parents. Mode 0750.
  virtual Status make_dirs(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  virtual Status sync_dir(const std::string& path) = 0;
  /// Names without the folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& dir) = 0;
  virtual bool exists(const std::string& path) = 0;
  virtual Result<uint64_t> file_size(const std::string& path) = 0;
};

/// create + append + sync + rename + sync_dir: the file is there whole or not at all.
Status write_file_atomically(FileSystem& fs, const std::string& path, std::string_view content);

/// Expands a glob whose last element may hold '*'; a pattern without one is returned as it is.
std::vector<std::string> expand_glob(const std::string& pattern);

/// `path` itself when absolute or empty, else below `dir`.
std::string join_path(const std::string& dir, const std::string& path);
std::string dir_name(const std::string& path);

}  // namespace silverback::base
