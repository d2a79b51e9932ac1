#include "tsdb/series_table.h"

#include <xxhash.h>

#include <string>

namespace silverback::tsdb {

SeriesTable::SeriesTable(uint64_t max_series)
    : max_series_(max_series), blocks_(new std::atomic<Block*>[kBlocks]()) {}

SeriesTable::~SeriesTable() {
  for (uint32_t b = 0; b < kBlocks; ++b) {
    const std::unique_ptr<Block> block(blocks_[b].load());
    if (block == nullptr) continue;
    for (const auto& entry : block->series) const std::unique_ptr<MemSeries> series(entry.load());
  }
}

size_t SeriesTable::BytesHash::operator()(std::string_view bytes) const {
  return XXH3_64bits(bytes.data(), bytes.size());
}

MemSeries* SeriesTable::at(uint32_t slot) const {
  const uint32_t b = slot / kBlockSize;
  if (b >= kBlocks) return nullptr;
  const Block* block = blocks_[b].load(std::memory_order_acquire);
  return block == nullptr ? nullptr
                          : block->series[slot % kBlockSize].load(std::memory_order_acquire);
}

MemSeries* SeriesTable::create(storage::SeriesRef ref, const model::Labels& labels) {
  auto series = std::make_unique<MemSeries>();
  series->labels = labels;
  series->hash = labels.hash();
  series->ref = ref;
  std::atomic<Block*>& block = blocks_[ref.slot / kBlockSize];
  if (block.load(std::memory_order_relaxed) == nullptr) {
    block.store(std::make_unique<Block>().release(), std::memory_order_release);
  }
  MemSeries* const made = series.get();
  block.load(std::memory_order_relaxed)
      ->series[ref.slot % kBlockSize]
      .store(series.release(), std::memory_order_release);
  if (ref.slot >= end_slot_.load(std::memory_order_relaxed)) {
    end_slot_.store(ref.slot + 1, std::memory_order_release);
  }
  postings_.add(ref.slot, made->labels);
  size_.fetch_add(1, std::memory_order_relaxed);
  created_.fetch_add(1, std::memory_order_relaxed);
  return made;
}

base::Result<MemSeries*> SeriesTable::resolve(const model::Labels& labels) {
  if (labels.empty())
    return base::Status(base::Errc::kBadData, "a series needs at least one label");
  const uint64_t hash = labels.hash64();
  Index& index = index_of(hash);
  base::MutexLock lock(index.mutex);
  if (const auto found = index.slots.find(labels.bytes(), hash); found != index.slots.end()) {
    return at(found->second);
  }
  base::MutexLock creating(create_mutex_);
  if (max_series_ != 0 && size() >= max_series_) {
    return base::Status(base::Errc::kLimit,
                        "the head holds " + std::to_string(size()) +
                            " series, its limit (--storage.tsdb.max-head-series=" +
                            std::to_string(max_series_) + ")");
  }
  const uint32_t slot = end_slot_.load(std::memory_order_relaxed);
  if (slot / kBlockSize >= kBlocks) {
    return base::Status(base::Errc::kLimit, "the head has no slot left for another series");
  }
  MemSeries* made = create({slot, 1}, labels);
  index.slots.emplace(made->labels.bytes(), slot);
  return made;
}

MemSeries* SeriesTable::restore(storage::SeriesRef ref, const model::Labels& labels) {
  if (labels.empty() || ref.slot / kBlockSize >= kBlocks || !ref) return nullptr;
  const uint64_t hash = labels.hash64();
  Index& index = index_of(hash);
  base::MutexLock lock(index.mutex);
  if (const auto found = index.slots.find(labels.bytes(), hash); found != index.slots.end()) {
    MemSeries* known = at(found->second);
    return known->ref == ref ? known : nullptr;
  }
  base::MutexLock creating(create_mutex_);
  if (at(ref.slot) != nullptr) return nullptr;
  MemSeries* made = create(ref, labels);
  index.slots.emplace(made->labels.bytes(), ref.slot);
  return made;
}

}  // namespace silverback::tsdb
