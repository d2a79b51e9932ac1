// What a Head writes into the WAL again before old segments go.
#include <algorithm>

#include "tsdb/head.h"

namespace silverback::tsdb {
namespace {

using base::Status;

// A record, and the commit lock's longest hold.
constexpr uint32_t kCheckpointSeries = 512;
constexpr size_t kCheckpointExemplars = 512;

}  // namespace

Status Head::write_checkpoint() {
  const uint32_t end = table_.end_slot();
  for (uint32_t from = 0; from < end; from += kCheckpointSeries) {
    if (!log_->admit(storage::Durability::kVisible).is_ok()) RETURN_IF_ERROR(log_->flush(false));
    base::MutexLock lock(commit_mutex_);
    wal::CheckpointEncoder encoder;
    for (uint32_t slot = from; slot < std::min(end, from + kCheckpointSeries); ++slot) {
      const MemSeries* s = table_.at(slot);
      if (s == nullptr || !s->logged) continue;
      encoder.series(s->ref, s->labels,
                     {static_cast<uint8_t>(s->newest_kind), s->newest_t, s->newest_bits});
    }
    if (encoder.count() == 0) continue;
    const uint64_t sequence = published_.load(std::memory_order_relaxed) + 1;
    log_->enqueue(sequence, encoder.finish(sequence), {});
    published_.store(sequence, std::memory_order_release);
  }
  RETURN_IF_ERROR(checkpoint_exemplars());
  return log_->flush(false);
}

Status Head::checkpoint_exemplars() {
  for (uint64_t from = 0;;) {
    if (!log_->admit(storage::Durability::kVisible).is_ok()) RETURN_IF_ERROR(log_->flush(false));
    base::MutexLock lock(commit_mutex_);
    wal::BatchEncoder encoder;
    const uint64_t until = exemplars_.visit(from, kCheckpointExemplars,
                                            [&](storage::SeriesRef ref, const model::Exemplar& e) {
                                              if (table_.find(ref) != nullptr)
                                                encoder.exemplar(ref, e);
                                            });
    if (until == from) return {};
    from = until;
    if (encoder.exemplars() == 0) continue;
    const uint64_t sequence = published_.load(std::memory_order_relaxed) + 1;
    log_->enqueue(sequence, encoder.finish(sequence), {});
    published_.store(sequence, std::memory_order_release);
  }
}

}  // namespace silverback::tsdb
