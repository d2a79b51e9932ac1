#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace silverback::base {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirMode = 0750;

Status errno_status(const char* what, const std::string& path) {
  const int code = errno;
  Errc kind = Errc::kIo;
  if (code == ENOENT || code == ENOTDIR) kind = Errc::kNotFound;
  if (code == ENOSPC || code == EDQUOT) kind = Errc::kUnavailable;
  return {kind, std::string(what) + " " + path + ": " +
                    std::error_code(code, std::generic_category()).message()};
}

// Closes at scope end; for descriptors whose close cannot lose data.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~PosixWritableFile() override { close().permit_unchecked("the destructor has nobody to tell"); }

  Status append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno_status("write", path_);
      size_ += static_cast<uint64_t>(n);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  Status sync() override {
    // The kernel may report lost pages once only: a later success would be a lie.
    if (sync_failure_.is_ok() && ::fdatasync(fd_) != 0)
      sync_failure_ = errno_status("fdatasync", path_);
    return sync_failure_;
  }

  Status truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return errno_status("truncate", path_);
    size_ = size;
    return {};
  }

  Status close() override {
    if (fd_ < 0) return {};
    if (::close(std::exchange(fd_, -1)) != 0) return errno_status("close", path_);
    return {};
  }

  uint64_t size() const override { return size_; }

 private:
  const std::string path_;
  int fd_;
  uint64_t size_;
  Status sync_failure_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, open_writable(path, O_TRUNC));
    return wrap(path, fd, 0);
  }

  Result<std::unique_ptr<WritableFile>> open_append(const std::string& path) override {
    ASSIGN_OR_RETURN(const int fd, open_writable(path, 0));
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
      const Status status = errno_status("stat", path);
      ::close(fd);
      return status;
    }
    return wrap(path, fd, static_cast<uint64_t>(info.st_size));
  }

  Result<std::string> read_file(const std::string& path) override {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return errno_status("open", path);
    struct stat info {};
    std::string out;
    if (::fstat(fd.get(), &info) == 0 && info.st_size > 0)
      out.reserve(static_cast<size_t>(info.st_size) + 1);
    char buf[64 << 10];
    for (;;) {
      const ssize_t n = ::read(fd.get(), buf, sizeof buf);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno_status("read", path);
      if (n == 0) return out;
      out.append(buf, static_cast<size_t>(n));
    }
  }

  Status make_dirs(const std::string& path) override {
    for (size_t end = 0; end != std::string::npos;) {
      end = path.find('/', end + 1);
      const std::string part = path.substr(0, end);
      if (part.empty()) continue;
      if (::mkdir(part.c_str(), kDirMode) == 0) {
        if (::chmod(part.c_str(), kDirMode) != 0) return errno_status("chmod", part);
      } else if (errno != EEXIST) {
        return errno_status("mkdir", part);
      }
    }
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno_status("mkdir", path);
    if (S_ISDIR(info.st_mode)) return {};
    errno = EEXIST;
    return errno_status("mkdir", path);
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return errno_status("rename", from);
    return {};
  }

  Status remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return errno_status("remove", path);
    return {};
  }

  Status sync_dir(const std::string& path) override {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return errno_status("open", path);
    if (::fsync(fd.get()) != 0) return errno_status("fsync", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& dir) override {
    DIR* handle = ::opendir(dir.c_str());
    if (handle == nullptr) return errno_status("open", dir);
    std::vector<std::string> names;
    errno = 0;
    // One DIR per call: readdir is safe.
    for (const dirent* entry = nullptr; (entry = ::readdir(handle)) != nullptr;
         errno = 0) {  // NOLINT
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    const Status status = errno != 0 ? errno_status("read", dir) : Status();
    ::closedir(handle);
    if (!status.is_ok()) return status;
    std::sort(names.begin(), names.end());
    return names;
  }

  bool exists(const std::string& path) override {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
  }

  Result<uint64_t> file_size(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno_status("stat", path);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  static std::unique_ptr<WritableFile> wrap(const std::string& path, int fd, uint64_t size) {
    return std::make_unique<PosixWritableFile>(path, fd, size);
  }

  // A new file gets its mode whatever the umask; an old one keeps its own.
  static Result<int> open_writable(const std::string& path, int flags) {
    const int base = O_WRONLY | O_APPEND | O_CLOEXEC;
    Descriptor created(::open(path.c_str(), base | O_CREAT | O_EXCL, kFileMode));
    if (created.get() >= 0) {
      if (::fchmod(created.get(), kFileMode) != 0) return errno_status("chmod", path);
      return created.release();
    }
    if (errno != EEXIST) return errno_status("open", path);
    const int fd = ::open(path.c_str(), base | flags | O_CREAT, kFileMode);
    if (fd < 0) return errno_status("open", path);
    return fd;
  }
};

bool has_wildcard(std::string_view s) {
  return s.find_first_of("*?[\\") != std::string_view::npos;
}

// Matches `rest`'s elements below `found` (which ends with '/' unless empty).
void glob_below(const std::string& found, std::string_view rest, std::vector<std::string>& out) {
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string element(rest.substr(0, slash));
  const std::string_view after = rest.substr(std::min(slash + 1, rest.size()));
  const bool last = slash == rest.size();
  std::vector<std::string> names;
  if (has_wildcard(element)) {
    auto listed = FileSystem::real().list(found.empty() ? "." : found);
    if (!listed.is_ok()) return;  // as Go's: what cannot be read matches nothing
    for (std::string& name : *listed) {
      if (::fnmatch(element.c_str(), name.c_str(), 0) == 0) names.push_back(std::move(name));
    }
  } else {
    names.push_back(element);
  }
  for (const std::string& name : names) {
    const std::string path = found + name;
    if (!last) {
      glob_below(path + "/", after, out);
    } else if (FileSystem::real().exists(path)) {
      out.push_back(path);
    }
  }
}

}  // namespace

FileSystem& FileSystem::real() {
  static PosixFileSystem instance;
  return instance;
}

Status write_file_atomically(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> Status {
    ASSIGN_OR_RETURN(const auto file, fs.create(temporary));
    RETURN_IF_ERROR(file->append(content));
    RETURN_IF_ERROR(file->sync());
    RETURN_IF_ERROR(file->close());
    RETURN_IF_ERROR(fs.rename(temporary, path));
    return fs.sync_dir(dir_name(path));
  };
  Status status = write();
  if (!status.is_ok() && fs.exists(temporary)) {
    fs.remove(temporary).permit_unchecked("the first error is the one to tell");
  }
  return status;
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  if (!has_wildcard(pattern)) return {pattern};
  std::vector<std::string> out;
  const bool absolute = pattern[0] == '/';
  glob_below(absolute ? "/" : "", std::string_view(pattern).substr(absolute ? 1 : 0), out);
  return out;
}

std::string join_path(const std::string& dir, const std::string& path) {
  if (path.empty() || path[0] == '/' || dir.empty()) return path;
  return dir.back() == '/' ? dir + path : dir + "/" + path;
}

std::string dir_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace silverback::base
