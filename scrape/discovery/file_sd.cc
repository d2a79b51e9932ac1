#include "scrape/discovery/file_sd.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include <sys/stat.h>

#include "base/file.h"
#include "base/mutex.h"
#include "base/yaml.h"

namespace silverback::scrape {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{1000};

// What a change of a file shows in.
struct FileMark {
  int64_t seconds = 0, nanoseconds = 0;
  int64_t size = 0;
  uint64_t inode = 0;
  bool operator==(const FileMark&) const = default;
};

std::optional<FileMark> mark_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return std::nullopt;
  FileMark mark;
  mark.seconds = st.st_mtim.tv_sec;
  mark.nanoseconds = st.st_mtim.tv_nsec;
  mark.size = st.st_size;
  mark.inode = st.st_ino;
  return mark;
}

// Works on the file pool, one pass at a time; the timer only posts there. Shared with the timers
// and tasks under way, which find it stopped.
class FileWatch : public std::enable_shared_from_this<FileWatch> {
 public:
  FileWatch(model::FileSdConfig config, const DiscoveryContext& context)
      : config_(std::move(config)),
        context_(context),
        read_errors_(context.registry->counter("prometheus_sd_file_read_errors_total",
                                               "The number of File-SD read errors.")) {}

  void start(Discoverer::Update update) EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      update_ = std::move(update);
    }
    post_pass();
  }

  void stop() EXCLUDES(mutex_) {
    const base::MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [path, file] : files_) forget_mtime(path);
  }

 private:
  struct File {
    FileMark mark;
    size_t groups = 0;  // told so far: sources path:0 .. path:groups-1
  };

  void post_pass() {
    const bool taken = context_.file_pool->post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pass();
    });
    if (!taken) wait_for_next();
  }

  void wait_for_next() {
    context_.io->post_after(kWatchInterval, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->post_pass();
    });
  }

  // Updates are called under mutex_: stop() waits for them.
  void pass() EXCLUDES(mutex_) {
    {
      const base::MutexLock lock(mutex_);
      if (stopped_) return;
      const auto now = context_.clock->monotonic();
      const bool full =
          !started_ || now - last_full_ >= std::chrono::milliseconds(config_.refresh_ms);
      if (full) last_full_ = now;
      std::vector<model::TargetGroup> changed = look(full);
      if (!changed.empty() || !started_) update_(std::move(changed));
      started_ = true;
    }
    wait_for_next();
  }

  std::vector<model::TargetGroup> look(bool full) REQUIRES(mutex_) {
    std::vector<model::TargetGroup> changed;
    std::map<std::string, bool> present;
    for (const std::string& pattern : config_.files) {
      for (const std::string& path : base::expand_glob(pattern)) {
        const std::optional<FileMark> mark = mark_of(path);
        if (!mark || !present.emplace(path, true).second) continue;
        const auto known = files_.find(path);
        if (!full && known != files_.end() && known->second.mark == *mark) continue;
        read(path, *mark, changed);
      }
    }
    for (auto it = files_.begin(); it != files_.end();) {
      if (present.count(it->first) != 0) {
        ++it;
        continue;
      }
      clear_groups(it->first, 0, it->second.groups, changed);
      forget_mtime(it->first);
      it = files_.erase(it);
    }
    return changed;
  }

  void read(const std::string& path, const FileMark& mark, std::vector<model::TargetGroup>& changed)
      REQUIRES(mutex_) {
    File& file = files_[path];
    file.mark = mark;
    base::Result<std::string> content = base::FileSystem::real().read_file(path);
    base::Result<std::vector<model::TargetGroup>> groups =
        content.is_ok() ? parse_discovery_file(path, *content)
                        : base::Result<std::vector<model::TargetGroup>>(content.status());
    if (!groups.is_ok()) {
      read_errors_.inc();
      context_.logger->error(
          "Error reading file",
          {{"discovery", "file"}, {"path", path}, {"err", groups.status().message()}});
      return;
    }
    context_.registry
        ->gauge("prometheus_sd_file_mtime_seconds",
                "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.",
                {{"filename", path}})
        .set(static_cast<double>(mark.seconds) + static_cast<double>(mark.nanoseconds) / 1e9);
    const size_t count = groups->size();
    for (model::TargetGroup& group : *groups) changed.push_back(std::move(group));
    clear_groups(path, count, file.groups, changed);
    file.groups = count;
  }

  static void clear_groups(const std::string& path, size_t from, size_t to,
                           std::vector<model::TargetGroup>& changed) {
    for (size_t i = from; i < to; ++i) {
      model::TargetGroup gone;
      gone.source = path + ":" + std::to_string(i);
      changed.push_back(std::move(gone));
    }
  }

  void forget_mtime(const std::string& path) {
    context_.registry->remove("prometheus_sd_file_mtime_seconds", {{"filename", path}});
  }

  const model::FileSdConfig config_;
  const DiscoveryContext context_;
  base::metrics::Counter& read_errors_;
  base::Mutex mutex_;
  Discoverer::Update update_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  bool started_ GUARDED_BY(mutex_) = false;
  std::chrono::nanoseconds last_full_ GUARDED_BY(mutex_){0};
  std::map<std::string, File> files_ GUARDED_BY(mutex_);
};

class FileSd final : public Discoverer {
 public:
  FileSd(const model::FileSdConfig& config, const DiscoveryContext& context)
      : watch_(std::make_shared<FileWatch>(config, context)) {}
  ~FileSd() override { watch_->stop(); }
  FileSd(const FileSd&) = delete;
  FileSd& operator=(const FileSd&) = delete;
  void start(Update update) override { watch_->start(std::move(update)); }
  void stop() override { watch_->stop(); }

 private:
  std::shared_ptr<FileWatch> watch_;
};

}  // namespace

base::Result<std::vector<model::TargetGroup>> parse_discovery_file(const std::string& path,
                                                                   std::string_view content) {
  ASSIGN_OR_RETURN(const base::YamlNode list, base::parse_yaml(content, path));
  std::vector<model::TargetGroup> out;
  if (list.is_null()) return out;
  if (!list.is_sequence()) return list.error("a list of target groups is expected");
  for (const base::YamlNode& node : list.items()) {
    ASSIGN_OR_RETURN(model::StaticTargetGroup group, model::parse_target_group(node));
    std::erase_if(group.labels, [](const auto& label) { return label.first == "__meta_filepath"; });
    group.labels.emplace_back("__meta_filepath", path);
    out.push_back(model::to_target_group(group, path + ":" + std::to_string(out.size())));
  }
  return out;
}

std::unique_ptr<Discoverer> make_file_sd(const model::FileSdConfig& config,
                                         const DiscoveryContext& context) {
  return std::make_unique<FileSd>(config, context);
}

}  // namespace silverback::scrape
