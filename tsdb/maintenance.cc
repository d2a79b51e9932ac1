#include "tsdb/maintenance.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include <sys/resource.h>

namespace silverback::tsdb {
namespace {

constexpr std::chrono::milliseconds kLookEvery{1000};
constexpr int kNice = 10;
constexpr int kMaxSkips = 60;  // looks between two tries of a flush that fails

}  // namespace

Maintenance::Maintenance(const Flusher::Parts& parts, RetentionLimits limits)
    : parts_(parts), flusher_(parts), limits_(limits) {}

Maintenance::~Maintenance() {
  stop();
}

void Maintenance::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "maintenance");
}

void Maintenance::stop() {
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Maintenance::run() {
  // Linux keeps niceness per thread; without the right to it the work is done all the same.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice));
  for (;;) {
    {
      base::MutexLock lock(mutex_);
      if (!stopping_) wake_.wait_for(mutex_, kLookEvery);
      if (stopping_) return;
    }
    look();
  }
}

void Maintenance::look() {
  base::MutexLock lock(work_mutex_);
  flush_frozen();
  finish_work();
}

void Maintenance::flush_frozen() {
  if (looks_to_skip_ > 0) {
    --looks_to_skip_;
    return;
  }
  const auto flushed = flusher_.flush(true);
  if (flushed.is_ok()) {
    failures_ = 0;
    return;
  }
  failures_ = std::min(failures_ + 1, 6);
  looks_to_skip_ = std::min(kMaxSkips, 1 << failures_);
  parts_.logger->error("flush failed, it is tried again",
                       {{"err", flushed.status().to_string()}, {"after_s", looks_to_skip_}});
}

void Maintenance::finish_work() {
  enforce_retention();
  flusher_.drop_unread();
  const base::Status s = parts_.versions->delete_unread();
  if (!s.is_ok() && !delete_failed_) {
    parts_.logger->error("partitions cannot be deleted, it is tried again",
                         {{"err", s.to_string()}});
  }
  delete_failed_ = !s.is_ok();
}

base::Status Maintenance::flush_all() {
  base::MutexLock lock(work_mutex_);
  const auto flushed = flusher_.flush(false);
  finish_work();
  return flushed.status();
}

void Maintenance::set_limits(RetentionLimits limits) {
  base::MutexLock lock(mutex_);
  limits_ = limits;
  wake_.notify_all();
}

RetentionLimits Maintenance::limits() const {
  base::MutexLock lock(mutex_);
  return limits_;
}

void Maintenance::enforce_retention() {
  std::vector<storage::PartitionMeta> metas;
  for (const auto& p : parts_.versions->current()->partitions) metas.push_back(p->meta());
  if (metas.empty()) return;
  // Counted from the newest sample, as Prometheus counts from its newest block: a database of old
  // data, or one that was off for long, keeps what it has until newer samples come.
  const int64_t newest = std::min(parts_.clock->now_ms(), parts_.head->max_time());
  const Expired expired = find_expired(std::move(metas), limits(), newest, parts_.log->bytes());
  std::vector<uint32_t> ids = expired.by_time;
  ids.insert(ids.end(), expired.by_size.begin(), expired.by_size.end());
  if (ids.empty()) return;
  parts_.versions->remove(ids);
  if (!expired.by_time.empty()) parts_.metrics->time_retentions.inc();
  if (!expired.by_size.empty()) parts_.metrics->size_retentions.inc();
  parts_.metrics->reloads.inc();
  parts_.logger->info("retention removed partitions",
                      {{"by_time", expired.by_time.size()}, {"by_size", expired.by_size.size()}});
}

}  // namespace silverback::tsdb
