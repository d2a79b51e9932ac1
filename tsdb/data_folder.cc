#include "tsdb/data_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include <sys/file.h>
#include <sys/stat.h>

#include "tsdb/wal/record.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr std::string_view kFormat = "silverback-tsdb 1\n";
constexpr std::string_view kFormatName = "/format";
constexpr std::string_view kSubfolder = "/silverback";
constexpr size_t kUlidSize = 26;

Status os_error(const std::string& what) {
  return Status(Errc::kIo, what + ": " + std::generic_category().message(errno));
}

bool is_ulid(const std::string& name) {
  return name.size() == kUlidSize && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

/// What Prometheus's own database looks like; never asked about a folder with our mark.
bool holds_prometheus_data(base::FileSystem& files, const std::string& path) {
  const auto names = files.list(path);
  if (!names.is_ok()) return false;
  for (const std::string& name : *names) {
    if (name == "chunks_head" || name == "wbl" || name == "queries.active") return true;
    if (is_ulid(name) && files.exists(path + "/" + name + "/meta.json")) return true;
    if (name != "wal") continue;
    const auto segments = files.list(path + "/wal");
    if (!segments.is_ok()) continue;
    for (const std::string& segment : *segments) {
      const bool digits =
          segment.size() == 8 && segment.find_first_not_of("0123456789") == std::string::npos;
      if (digits || segment.rfind("checkpoint.", 0) == 0) return true;
    }
  }
  return false;
}

/// Nothing was written to the file before a crash.
bool is_blank(const std::string& content) {
  return std::all_of(content.begin(), content.end(), [](char c) { return c == '\0'; });
}

Status check_format(base::FileSystem& files, const std::string& folder) {
  const std::string path = folder + std::string(kFormatName);
  if (!files.exists(path)) return {};
  ASSIGN_OR_RETURN(const std::string content, files.read_file(path));
  if (content == kFormat || is_blank(content)) return {};
  return Status(Errc::kCorruption, path + " names a format that this version does not read: \"" +
                                       content.substr(0, content.find('\n')).substr(0, 64) + "\"");
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& path) {
  for (;;) {
    const bool there = ::access(path.c_str(), F_OK) == 0;
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return os_error("open " + path);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const bool held = errno == EWOULDBLOCK;
      const Status status = held ? Status(Errc::kUnavailable, "another process holds " + path)
                                 : os_error("lock " + path);
      ::close(fd);
      return status;
    }
    // The holder before may have removed the file between open and flock.
    struct stat opened = {}, named = {};
    if (::fstat(fd, &opened) != 0 || ::stat(path.c_str(), &named) != 0 ||
        opened.st_ino != named.st_ino) {
      ::close(fd);
      continue;
    }
    std::unique_ptr<FolderLock> lock(new FolderLock(fd, path, there));
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0) return os_error("write " + path);
    // On a full disk the lock holds without the pid in it.
    static_cast<void>(!::write(fd, pid.data(), pid.size()));
    return lock;
  }
}

FolderLock::~FolderLock() {
  ::unlink(path_.c_str());
  ::close(fd_);
}

Result<std::string> prepare_data_folder(base::FileSystem& files, base::Logger& logger,
                                        const std::string& path) {
  std::string folder = path;
  if (!files.exists(path + std::string(kFormatName)) && holds_prometheus_data(files, path)) {
    folder += kSubfolder;
    logger.warn("the data folder holds a Prometheus database, which is left as it is",
                {{"path", path}, {"ours", folder}});
  }
  RETURN_IF_ERROR(files.make_dirs(folder));
  RETURN_IF_ERROR(check_format(files, folder));
  return folder;
}

Status mark_data_folder(base::FileSystem& files, base::Logger& logger, const std::string& folder) {
  const std::string path = folder + std::string(kFormatName);
  if (files.exists(path)) {
    ASSIGN_OR_RETURN(const std::string content, files.read_file(path));
    if (content == kFormat) return {};
    logger.warn("the data folder's format file is empty and written again", {{"file", path}});
  }
  return base::write_file_atomically(files, path, kFormat);
}

}  // namespace silverback::tsdb
