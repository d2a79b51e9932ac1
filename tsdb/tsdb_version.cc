#include "tsdb/tsdb_version.h"

#include <algorithm>

namespace silverback::tsdb {
namespace {

FlushedWindows::Window window_of(const storage::PartitionMeta& meta) {
  return {meta.window_start_ms, meta.window_end_ms, meta.wal_sequence};
}

}  // namespace

PartitionHandle::PartitionHandle(storage::BlockStore& store, const storage::PartitionMeta& meta)
    : partition_(store, meta),
      series_(static_cast<size_t>(meta.series)),
      verified_(new std::atomic<uint8_t>[series_]()) {}

PartitionHandle::~PartitionHandle() {
  if (unread_) unread_(meta().id);
}

void PartitionHandle::retire(std::function<void(uint32_t)> unread) {
  unread_ = std::move(unread);
}

bool PartitionHandle::verified(uint32_t rank) const {
  return rank < series_ && verified_[rank].load(std::memory_order_relaxed) != 0;
}

void PartitionHandle::set_verified(uint32_t rank) {
  if (rank < series_) verified_[rank].store(1, std::memory_order_relaxed);
}

base::Result<std::unique_ptr<VersionSet>> VersionSet::open(storage::BlockStore& store) {
  ASSIGN_OR_RETURN(const std::vector<storage::PartitionMeta> metas, store.partitions());
  std::unique_ptr<VersionSet> set(new VersionSet(store));
  std::vector<std::shared_ptr<PartitionHandle>> partitions;
  for (const storage::PartitionMeta& meta : metas) {
    partitions.push_back(std::make_shared<PartitionHandle>(store, meta));
  }
  set->install(std::move(partitions));
  return set;
}

std::shared_ptr<const TsdbVersion> VersionSet::current() const {
  base::MutexLock lock(mutex_);
  return current_;
}

void VersionSet::install(std::vector<std::shared_ptr<PartitionHandle>> partitions) {
  std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a->meta().window_start_ms, a->meta().id) <
           std::make_pair(b->meta().window_start_ms, b->meta().id);
  });
  std::vector<FlushedWindows::Window> windows = removed_;
  for (const auto& p : partitions) windows.push_back(window_of(p->meta()));
  auto next = std::make_shared<TsdbVersion>();
  next->partitions = std::move(partitions);
  next->flushed = FlushedWindows(std::move(windows));
  std::shared_ptr<const TsdbVersion> former;  // dies outside the lock
  base::MutexLock lock(mutex_);
  next->number = current_ == nullptr ? 1 : current_->number + 1;
  if (current_ != nullptr) former_.emplace_back(current_->number, current_);
  former = std::move(current_);
  current_ = std::move(next);
}

void VersionSet::add(const storage::PartitionMeta& meta) {
  auto partitions = current()->partitions;
  partitions.push_back(std::make_shared<PartitionHandle>(store_, meta));
  install(std::move(partitions));
}

void VersionSet::remove(const std::vector<uint32_t>& ids) {
  std::vector<std::shared_ptr<PartitionHandle>> kept;
  for (const auto& p : current()->partitions) {
    if (std::find(ids.begin(), ids.end(), p->meta().id) == ids.end()) {
      kept.push_back(p);
    } else {
      removed_.push_back(window_of(p->meta()));
      p->retire([dead = dead_](uint32_t id) {
        base::MutexLock lock(dead->mutex);
        dead->ids.push_back(id);
      });
    }
  }
  install(std::move(kept));
}

uint64_t VersionSet::oldest_alive() {
  base::MutexLock lock(mutex_);
  while (!former_.empty() && former_.front().second.expired()) former_.pop_front();
  return former_.empty() ? current_->number : former_.front().first;
}

base::Status VersionSet::delete_unread() {
  for (;;) {
    uint32_t id = 0;
    {
      base::MutexLock lock(dead_->mutex);
      if (dead_->ids.empty()) return {};
      id = dead_->ids.back();
    }
    RETURN_IF_ERROR(store_.drop_partition(id));
    base::MutexLock lock(dead_->mutex);
    std::erase(dead_->ids, id);
  }
}

}  // namespace silverback::tsdb
