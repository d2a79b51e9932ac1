#include "scrape/failure_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace silverback::scrape {

/// Closes its file when the last line is written.
class FailureLogs::File {
 public:
  explicit File(int fd) : fd_(fd), logger_(fd, base::LogLevel::kInfo, base::LogFormat::kJson) {}
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  base::Logger& logger() { return logger_; }

 private:
  const int fd_;
  base::Logger logger_;
};

FailureLogs::FailureLogs() = default;
FailureLogs::~FailureLogs() = default;

void FailureLogs::reopen(const std::set<std::string>& paths, base::Logger& logger) {
  std::map<std::string, std::shared_ptr<File>> fresh;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
      const std::string cause = std::generic_category().message(errno);
      logger.error("can't create json log file", {{"file", path}, {"err", cause}});
      continue;
    }
    fresh[path] = std::make_shared<File>(fd);
  }
  const base::MutexLock lock(mutex_);
  files_.swap(fresh);
}

void FailureLogs::write(const std::string& path, const std::string& job_name,
                        const std::string& target, const std::string& error) {
  std::shared_ptr<File> file;
  {
    const base::MutexLock lock(mutex_);
    const auto found = files_.find(path);
    if (found != files_.end()) file = found->second;
  }
  if (file) file->logger().error(error, {{"job_name", job_name}, {"target", target}});
}

}  // namespace silverback::scrape
