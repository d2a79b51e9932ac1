#include "tsdb/wal/writer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "tsdb/wal/record.h"

namespace silverback::tsdb::wal {
namespace {

using base::Errc;
using base::Status;

constexpr uint64_t kPageBytes = 32 << 10;  // what Prometheus counts written logs in
constexpr size_t kWriteAtBytes = 256
                                 << 10;   // pending records are written earlier than their second
constexpr size_t kAppendBytes = 1 << 20;  // of one write call, but for longer records
constexpr std::chrono::milliseconds kTick{1000};
constexpr std::chrono::milliseconds kSyncInterval{100};

void finish(std::vector<Writer::Done>& waiting, const Status& status) {
  for (Writer::Done& done : waiting) done(status);
  waiting.clear();
}

}  // namespace

Writer::Writer(Options options)
    : options_(std::move(options)),
      closed_(options_.segments),
      next_segment_(options_.next_segment),
      previous_segment_(options_.segments.empty() ? 0 : options_.segments.back().id),
      next_sequence_(options_.first_sequence) {}

Writer::~Writer() {
  stop();
}

void Writer::start() {
  if (Status s = open_segment(next_sequence_); !s.is_ok()) {
    options_.logger->error("WAL segment cannot be opened", {{"err", s.to_string()}});
    options_.metrics->wal_writes_failed.inc();
    failing_ = true;
  }
  {
    base::MutexLock lock(mutex_);
    started_ = true;
  }
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "wal");
}

void Writer::stop() {
  {
    base::MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  Work left;
  {
    base::MutexLock lock(mutex_);
    stopped_ = true;
    left = take();
  }
  finish(left.waiting, Status(Errc::kUnavailable, "the write-ahead log is closed"));
}

Status Writer::admit(storage::Durability wanted) const {
  base::MutexLock lock(mutex_);
  if (stopping_) return Status(Errc::kUnavailable, "the write-ahead log is closed");
  if (held_bytes_ > options_.max_pending_bytes) {
    return Status(Errc::kUnavailable, "the write-ahead log is " + std::to_string(held_bytes_) +
                                          " bytes behind; try again later");
  }
  if (wanted == storage::Durability::kDurable && (failing_ || !started_)) {
    return Status(Errc::kUnavailable, "the write-ahead log cannot be written now; try again later");
  }
  return {};
}

void Writer::enqueue(uint64_t sequence, std::string body, Done done) {
  {
    base::MutexLock lock(mutex_);
    if (!stopped_) {
      pending_.bytes += body.size();
      held_bytes_ += body.size();
      pending_.items.push_back({sequence, std::move(body)});
      if (done) pending_.waiting.push_back(std::move(done));
      if (due()) wake_.notify_one();
      return;
    }
  }
  if (done) done(Status(Errc::kUnavailable, "the write-ahead log is closed"));
}

void Writer::barrier(Done done) {
  {
    base::MutexLock lock(mutex_);
    if (!stopped_) {
      pending_.waiting.push_back(std::move(done));
      wake_.notify_one();
      return;
    }
  }
  done(Status(Errc::kUnavailable, "the write-ahead log is closed"));
}

Status Writer::flush(bool rotate) {
  // Shared with the callback, which may still be leaving when the waiter is gone.
  struct Wait {
    base::Mutex mutex;
    base::CondVar changed;
    bool done GUARDED_BY(mutex) = false;
    Status status GUARDED_BY(mutex);
  };
  const auto wait = std::make_shared<Wait>();
  {
    base::MutexLock lock(mutex_);
    if (!started_ || stopping_) return Status(Errc::kUnavailable, "the write-ahead log is closed");
    pending_.sync = true;
    pending_.rotate = pending_.rotate || rotate;
    pending_.waiting.push_back([wait](const Status& s) {
      base::MutexLock done_lock(wait->mutex);
      wait->status = s;
      wait->done = true;
      wait->changed.notify_all();
    });
    wake_.notify_one();
  }
  base::MutexLock lock(wait->mutex);
  while (!wait->done) wait->changed.wait(wait->mutex);
  return wait->status;
}

bool Writer::has_removable(uint64_t sequence) const {
  base::MutexLock lock(mutex_);
  return !closed_.empty() && closed_.front().last_sequence < sequence;
}

Status Writer::remove_below(uint64_t sequence) {
  for (;;) {
    ClosedSegment oldest;
    {
      base::MutexLock lock(mutex_);
      if (closed_.empty() || closed_.front().last_sequence >= sequence) break;
      oldest = closed_.front();
    }
    const std::string path = options_.dir + "/" + segment_name(oldest.id);
    if (options_.files->exists(path)) RETURN_IF_ERROR(options_.files->remove(path));
    base::MutexLock lock(mutex_);
    closed_.erase(closed_.begin());
  }
  return options_.files->sync_dir(options_.dir);
}

uint64_t Writer::bytes() const {
  base::MutexLock lock(mutex_);
  uint64_t sum = current_bytes_;
  for (const ClosedSegment& s : closed_) sum += s.bytes;
  return sum;
}

bool Writer::due() const {
  return stopping_ || pending_.rotate || !pending_.waiting.empty() ||
         pending_.bytes >= kWriteAtBytes;
}

Writer::Work Writer::take() {
  return std::exchange(pending_, Work());
}

void Writer::run() {
  for (;;) {
    Work work;
    bool timed_out = false;
    bool last = false;
    {
      base::MutexLock lock(mutex_);
      const auto tick = options_.sync == WalSync::kInterval ? kSyncInterval : kTick;
      // While failing, full buffers alone are no reason to try again before the tick.
      if (!due() || (failing_ && pending_.waiting.empty() && !stopping_)) {
        timed_out = !wake_.wait_for(mutex_, tick);
      }
      if (!timed_out && !due()) continue;
      last = stopping_;
      work = take();
    }
    if (last) work.sync = true;
    process(std::move(work), timed_out || last);
    if (!last) continue;
    if (Status s = close_segment(); !s.is_ok()) {
      options_.logger->error("WAL segment cannot be closed", {{"err", s.to_string()}});
    }
    return;
  }
}

void Writer::process(Work work, bool timed_out) {
  const size_t from = unsynced_.size();
  for (Item& item : work.items) {
    next_sequence_ = item.sequence + 1;
    unsynced_.push_back(std::move(item));
  }
  Status status;
  if (failing_) {
    if (timed_out || options_.clock->monotonic() - last_attempt_ >= kTick) {
      status = recover();
    } else {
      status = Status(Errc::kUnavailable, "the write-ahead log cannot be written now");
    }
  } else {
    status = write_unsynced(from);
    const bool interval_over =
        options_.clock->monotonic() - last_sync_ >= kSyncInterval || timed_out;
    const bool wants_sync = options_.sync == WalSync::kAlways ||
                            (options_.sync == WalSync::kInterval && interval_over) || work.sync;
    if (status.is_ok() && wants_sync) status = sync_segment();
    if (status.is_ok() && work.rotate) status = rotate_segment();
    if (status.is_ok() && options_.sync == WalSync::kNone) forget_unsynced();
    if (!status.is_ok()) {
      options_.logger->error("WAL write failed, its records go to a new segment",
                             {{"segment", current_segment()}, {"err", status.to_string()}});
      options_.metrics->wal_writes_failed.inc();
      recover().permit_unchecked("it leaves failing_ set, and the next tick tries again");
      status = Status(Errc::kUnavailable, "write-ahead log: " + status.message());
    }
  }
  finish(work.waiting, status);
}

Status Writer::write_unsynced(size_t from) {
  std::string frames;
  for (size_t i = from; i < unsynced_.size(); ++i) {
    const uint64_t size = file_->size() + frames.size();
    if (size >= static_cast<uint64_t>(options_.segment_bytes) && size > kHeaderBytes) {
      RETURN_IF_ERROR(append_frames(frames, i));
      RETURN_IF_ERROR(rotate_to(unsynced_[i].sequence));
    }
    append_frame(current_segment(), unsynced_[i].body, frames);
    if (frames.size() >= kAppendBytes) RETURN_IF_ERROR(append_frames(frames, i + 1));
  }
  return append_frames(frames, unsynced_.size());
}

Status Writer::append_frames(std::string& frames, size_t end) {
  if (frames.empty()) return {};
  const uint64_t good = file_->size();
  if (Status s = file_->append(frames); !s.is_ok()) {
    // What a short write left would look like damage to the next start.
    file_->truncate(good).permit_unchecked("replay copes with the rest of a record");
    return s;
  }
  dirty_ = true;
  options_.metrics->wal_written_bytes.inc(static_cast<double>(frames.size()));
  options_.metrics->wal_page_flushes.inc();
  options_.metrics->wal_completed_pages.inc(
      static_cast<double>(file_->size() / kPageBytes - good / kPageBytes));
  frames.clear();
  last_sequence_ = unsynced_[end - 1].sequence;
  note_size(file_->size());
  return {};
}

Status Writer::sync_segment() {
  if (dirty_) {
    const auto begun = options_.clock->monotonic();
    RETURN_IF_ERROR(file_->sync());
    last_sync_ = options_.clock->monotonic();
    const std::chrono::duration<double> took = last_sync_ - begun;
    options_.metrics->wal_fsync_seconds.observe(took.count());
    dirty_ = false;
  }
  forget_unsynced();
  return {};
}

void Writer::forget_unsynced() {
  size_t bytes = 0;
  for (const Item& item : unsynced_) bytes += item.body.size();
  unsynced_.clear();
  base::MutexLock lock(mutex_);
  held_bytes_ -= bytes;
}

void Writer::note_size(uint64_t bytes) {
  base::MutexLock lock(mutex_);
  current_bytes_ = bytes;
}

Status Writer::open_segment(uint64_t first_sequence) {
  base::FileSystem& fs = *options_.files;
  const uint64_t id = next_segment_++;
  const std::string path = options_.dir + "/" + segment_name(id);
  const std::string header = SegmentHeader{id, previous_segment_, first_sequence}.encode();
  const auto publish = [&]() -> Status {
    ASSIGN_OR_RETURN(file_, fs.create(path + ".tmp"));
    RETURN_IF_ERROR(file_->append(header));
    RETURN_IF_ERROR(file_->sync());
    RETURN_IF_ERROR(fs.rename(path + ".tmp", path));
    return fs.sync_dir(options_.dir);
  };
  if (Status s = publish(); !s.is_ok()) {
    file_.reset();
    for (const std::string& left : {path + ".tmp", path}) {
      if (fs.exists(left)) fs.remove(left).permit_unchecked("an empty segment does no harm");
    }
    return s;
  }
  current_id_ = id;
  last_sequence_ = 0;
  dirty_ = false;
  note_size(header.size());
  return {};
}

Status Writer::close_segment() {
  if (file_ == nullptr) return {};
  RETURN_IF_ERROR(sync_segment());
  RETURN_IF_ERROR(file_->close());
  retire_segment();
  return {};
}

void Writer::retire_segment() {
  previous_segment_ = current_segment();
  const uint64_t bytes = file_->size();
  file_.reset();
  base::MutexLock lock(mutex_);
  closed_.push_back({previous_segment_, last_sequence_, bytes});
  current_bytes_ = 0;
}

Status Writer::rotate_to(uint64_t first_sequence) {
  // Only what is written counts as synced by closing: the rest stays in unsynced_.
  if (dirty_) RETURN_IF_ERROR(file_->sync());
  dirty_ = false;
  RETURN_IF_ERROR(file_->close());
  retire_segment();
  return open_segment(first_sequence);
}

Status Writer::rotate_segment() {
  if (last_sequence_ == 0) return {};  // holds nothing yet
  return rotate_to(next_sequence_);
}

Status Writer::abandon_segment() {
  if (file_ == nullptr) return {};
  file_->close().permit_unchecked("its records are written again elsewhere");
  if (last_sequence_ != 0) {
    retire_segment();
    return {};
  }
  file_.reset();
  note_size(0);
  return options_.files->remove(options_.dir + "/" + segment_name(current_segment()));
}

Status Writer::recover() {
  last_attempt_ = options_.clock->monotonic();
  const auto attempt = [this]() -> Status {
    RETURN_IF_ERROR(abandon_segment());
    RETURN_IF_ERROR(open_segment(unsynced_.empty() ? next_sequence_ : unsynced_.front().sequence));
    RETURN_IF_ERROR(write_unsynced(0));
    return sync_segment();
  };
  const bool failed_before = failing_;
  Status status = attempt();
  failing_ = !status.is_ok();
  if (status.is_ok()) {
    options_.logger->info("WAL is written again", {{"segment", current_segment()}});
  } else if (!failed_before) {
    options_.logger->error("WAL cannot be written, durable writes are refused until it can",
                           {{"err", status.to_string()}});
  } else {
    options_.metrics->wal_writes_failed.inc();
  }
  return status;
}

}  // namespace silverback::tsdb::wal
