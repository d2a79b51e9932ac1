#include "tsdb/mem_series.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace silverback::tsdb {
namespace {

constexpr uint32_t kSamplesPerChunk = 120;
// A reader copies the open chunk under a lock: histograms end theirs earlier.
constexpr size_t kChunkBytes = 16 << 10;

bool begun_in(uint64_t sequence, uint64_t after, uint64_t until) {
  return sequence > after && sequence <= until;
}

}  // namespace

FlushedWindows::FlushedWindows(std::vector<Window> windows) : windows_(std::move(windows)) {
  std::sort(windows_.begin(), windows_.end(),
            [](const Window& a, const Window& b) { return a.start < b.start; });
  for (const Window& w : windows_) {
    end_ = std::max(end_, w.end);
    longest_ = std::max(longest_, w.end - w.start);
  }
}

bool FlushedWindows::covers(model::TimestampMs t, uint64_t sequence) const {
  if (t >= end_) return false;
  auto at = std::upper_bound(windows_.begin(), windows_.end(), t,
                             [](model::TimestampMs v, const Window& w) { return v < w.start; });
  while (at != windows_.begin()) {
    --at;
    if (t - at->start >= longest_) return false;
    if (t < at->end && sequence <= at->sequence) return true;
  }
  return false;
}

void MemSeries::mark(const AppendContext& at, model::TimestampMs t) {
  if (newest_mark_.sequence == at.sequence) return;
  if (older_marks_ != nullptr) {
    auto keep = std::find_if(older_marks_->begin(), older_marks_->end(),
                             [&at](const Mark& m) { return m.sequence > at.low_sequence; });
    older_marks_->erase(older_marks_->begin(), keep);
  }
  if (newest_mark_.sequence > at.low_sequence) {
    if (older_marks_ == nullptr) older_marks_ = std::make_unique<std::vector<Mark>>();
    older_marks_->push_back(newest_mark_);
  } else {
    older_marks_.reset();
  }
  newest_mark_ = {at.sequence, t};
}

model::TimestampMs MemSeries::visible_until(uint64_t sequence) const {
  if (older_marks_ != nullptr) {
    for (const Mark& m : *older_marks_) {
      if (m.sequence > sequence) return m.first_t - 1;
    }
  }
  if (newest_mark_.sequence > sequence) return newest_mark_.first_t - 1;
  return std::numeric_limits<model::TimestampMs>::max();
}

std::shared_ptr<const SealedChunk> MemSeries::seal_copy() const {
  auto chunk = std::make_shared<SealedChunk>();
  chunk->first_sequence = open_->first_sequence;
  chunk->min_t = open_->builder.min_time();
  chunk->max_t = open_->builder.max_time();
  chunk->bytes = open_->builder.bytes();
  return chunk;
}

chunkenc::ChunkBuilder& MemSeries::open_for(const AppendContext& at, chunkenc::Encoding encoding) {
  if (open_ != nullptr) {
    const chunkenc::ChunkBuilder& b = open_->builder;
    const bool fits = b.encoding() == encoding && b.min_time() >= at.window_start &&
                      open_->first_sequence > at.window_cut && b.count() < kSamplesPerChunk &&
                      (encoding != chunkenc::Encoding::kHistogram || b.memory() < kChunkBytes);
    if (!fits) {
      sealed_.push_back(seal_copy());
      open_.reset();
    }
  }
  if (open_ == nullptr) open_ = std::make_unique<OpenChunk>(encoding, at.sequence);
  return open_->builder;
}

void MemSeries::append(const AppendContext& at, model::TimestampMs start, model::TimestampMs t,
                       double v) {
  mark(at, t);
  // A chunk that has start timestamps takes samples without one (0) as well.
  const bool keeps_start =
      open_ != nullptr && open_->builder.encoding() == chunkenc::Encoding::kXorStart;
  const auto encoding =
      start != 0 || keeps_start ? chunkenc::Encoding::kXorStart : chunkenc::Encoding::kXor;
  open_for(at, encoding).append(start, t, v);
}

void MemSeries::append(const AppendContext& at, model::TimestampMs start, model::TimestampMs t,
                       const model::Histogram& h) {
  mark(at, t);
  open_for(at, chunkenc::Encoding::kHistogram).append(start, t, h);
}

bool MemSeries::has_samples(model::TimeRange range, uint64_t sequence,
                            const FlushedWindows& flushed) const {
  const model::TimestampMs until = std::min(range.until, visible_until(sequence));
  for (const auto& c : sealed_) {
    if (c->min_t <= until && c->max_t > range.after &&
        !flushed.covers(c->min_t, c->first_sequence)) {
      return true;
    }
  }
  return open_ != nullptr && open_->builder.min_time() <= until &&
         open_->builder.max_time() > range.after &&
         !flushed.covers(open_->builder.min_time(), open_->first_sequence);
}

void MemSeries::collect(model::TimeRange range, const FlushedWindows& flushed,
                        SealedChunks& into) const {
  for (const auto& c : sealed_) {
    if (c->min_t <= range.until && c->max_t > range.after &&
        !flushed.covers(c->min_t, c->first_sequence)) {
      into.push_back(c);
    }
  }
  if (open_ != nullptr && open_->builder.min_time() <= range.until &&
      open_->builder.max_time() > range.after &&
      !flushed.covers(open_->builder.min_time(), open_->first_sequence)) {
    into.push_back(seal_copy());
  }
}

void MemSeries::collect_window(model::TimestampMs start, model::TimestampMs end, uint64_t after,
                               uint64_t until, SealedChunks& into) const {
  for (const auto& c : sealed_) {
    if (c->min_t >= start && c->min_t < end && begun_in(c->first_sequence, after, until)) {
      into.push_back(c);
    }
  }
  if (open_ != nullptr && open_->builder.min_time() >= start && open_->builder.min_time() < end &&
      begun_in(open_->first_sequence, after, until)) {
    into.push_back(seal_copy());
  }
}

bool MemSeries::has_window(model::TimestampMs start, model::TimestampMs end, uint64_t after,
                           uint64_t until) const {
  for (const auto& c : sealed_) {
    if (c->min_t >= start && c->min_t < end && begun_in(c->first_sequence, after, until))
      return true;
  }
  return open_ != nullptr && open_->builder.min_time() >= start &&
         open_->builder.min_time() < end && begun_in(open_->first_sequence, after, until);
}

size_t MemSeries::drop_window(model::TimestampMs start, model::TimestampMs end, uint64_t until) {
  const size_t before = chunks();
  std::erase_if(sealed_, [&](const std::shared_ptr<const SealedChunk>& c) {
    return c->min_t >= start && c->min_t < end && c->first_sequence <= until;
  });
  if (sealed_.empty()) sealed_.shrink_to_fit();
  if (open_ != nullptr && open_->builder.min_time() >= start && open_->builder.min_time() < end &&
      open_->first_sequence <= until) {
    open_.reset();
  }
  return before - chunks();
}

}  // namespace silverback::tsdb
