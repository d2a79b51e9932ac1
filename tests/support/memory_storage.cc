#include "tests/support/memory_storage.h"

#include <algorithm>
#include <bit>
#include <map>

#include "tests/support/memory_storage_impl.h"

namespace silverback::testing {

using base::Errc;
using base::MutexLock;
using base::Result;
using base::Status;

/// Stages a batch; MemoryStorage::apply judges it.
class MemoryAppender final : public storage::Appender {
 public:
  explicit MemoryAppender(MemoryStorage& storage) : storage_(storage) {}

  Result<storage::SeriesRef> resolve(const model::Labels& labels) override {
    return storage_.resolve(labels);
  }

  Status append_column(storage::TargetId, model::TimestampMs t,
                       std::span<const storage::SeriesRef> refs, std::span<const double> values,
                       std::vector<size_t>* dead) override {
    if (dead) dead->clear();
    bool all_alive = true;
    for (size_t i = 0; i < refs.size(); ++i) {
      if (storage_.alive(refs[i])) continue;
      all_alive = false;
      if (dead) dead->push_back(i);
    }
    if (!all_alive) return Status(Errc::kStaleRef, "series are gone");
    for (size_t i = 0; i < refs.size(); ++i) stage(refs[i], {t, values[i], nullptr, 0});
    return Status::ok();
  }

  Status append(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                double value) override {
    if (!storage_.alive(ref)) return Status(Errc::kStaleRef, "series is gone");
    stage(ref, {t, value, nullptr, start});
    return Status::ok();
  }

  Status append(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                const model::Histogram& h) override {
    if (!storage_.alive(ref)) return Status(Errc::kStaleRef, "series is gone");
    stage(ref, {t, 0, std::make_shared<const model::Histogram>(h), start});
    return Status::ok();
  }

  Status append_exemplar(storage::SeriesRef ref, const model::Exemplar& e) override {
    if (!storage_.alive(ref)) return Status(Errc::kStaleRef, "series is gone");
    stage(ref, {});
    batch_.back().exemplar = std::make_unique<model::Exemplar>(e);
    return Status::ok();
  }

  void commit(storage::Durability, Done done) override {
    storage::CommitCounts counts;
    Status status = storage_.apply(batch_, counts);
    batch_.clear();
    done(status, counts);
  }

 private:
  void stage(storage::SeriesRef ref, StoredSample sample) {
    MemoryStorage::Staged staged;
    staged.ref = ref;
    staged.sample = std::move(sample);
    batch_.push_back(std::move(staged));
  }

  MemoryStorage& storage_;
  std::vector<MemoryStorage::Staged> batch_;
};

namespace {

bool same_value(const StoredSample& a, const StoredSample& b) {
  if (a.h && b.h) return a.h->equals(*b.h);
  return !a.h && !b.h && std::bit_cast<uint64_t>(a.v) == std::bit_cast<uint64_t>(b.v);
}

/// Gives every entry the id of its float timestamps.
void number_columns(std::vector<MemoryStorage::Snapshot::Entry>& entries) {
  std::map<std::vector<model::TimestampMs>, uint64_t> ids;
  for (MemoryStorage::Snapshot::Entry& entry : entries) {
    std::vector<model::TimestampMs> times;
    for (const StoredSample& s : entry.data->samples) {
      if (!s.h) times.push_back(s.t);
    }
    entry.column_id = ids.emplace(std::move(times), ids.size() + 1).first->second;
  }
}

}  // namespace

MemoryStorage::MemoryStorage() = default;
MemoryStorage::~MemoryStorage() = default;

uint32_t MemoryStorage::slot_of(const model::Labels& labels) {
  auto [it, is_new] = slot_by_labels_.emplace(labels.bytes(), static_cast<uint32_t>(slots_.size()));
  if (is_new) {
    auto data = std::make_shared<SeriesData>();
    data->labels = labels;
    data->hash = labels.hash();
    slots_.push_back(std::move(data));
    snapshot_ = nullptr;
  }
  return it->second;
}

MemoryStorage::SeriesData& MemoryStorage::writable(uint32_t slot) {
  snapshot_ = nullptr;
  std::shared_ptr<SeriesData>& data = slots_[slot];
  if (data->shared) {
    data = std::make_shared<SeriesData>(*data);
    data->shared = false;
  }
  return *data;
}

void MemoryStorage::insert(const model::Labels& labels, StoredSample sample) {
  MutexLock lock(mutex_);
  std::vector<StoredSample>& samples = writable(slot_of(labels)).samples;
  auto it = std::lower_bound(samples.begin(), samples.end(), sample.t,
                             [](const StoredSample& s, model::TimestampMs t) { return s.t < t; });
  if (it != samples.end() && it->t == sample.t) {
    *it = std::move(sample);
  } else {
    samples.insert(it, std::move(sample));
  }
}

void MemoryStorage::add(const model::Labels& labels, model::TimestampMs t, double value,
                        model::TimestampMs start) {
  insert(labels, {t, value, nullptr, start});
}

void MemoryStorage::add(const model::Labels& labels, model::TimestampMs t,
                        const model::Histogram& h, model::TimestampMs start) {
  insert(labels, {t, 0, std::make_shared<const model::Histogram>(h), start});
}

void MemoryStorage::add_exemplar(const model::Labels& labels, const model::Exemplar& exemplar) {
  MutexLock lock(mutex_);
  writable(slot_of(labels)).exemplars.push_back(exemplar);
}

void MemoryStorage::clear() {
  MutexLock lock(mutex_);
  slots_.clear();
  slot_by_labels_.clear();
  snapshot_ = nullptr;
  ++generation_;
}

size_t MemoryStorage::series_count() const {
  MutexLock lock(mutex_);
  return slots_.size();
}

std::vector<StoredSample> MemoryStorage::samples(const model::Labels& labels) const {
  MutexLock lock(mutex_);
  auto it = slot_by_labels_.find(labels.bytes());
  return it == slot_by_labels_.end() ? std::vector<StoredSample>{} : slots_[it->second]->samples;
}

std::vector<model::Labels> MemoryStorage::series() const {
  std::vector<model::Labels> all;
  {
    MutexLock lock(mutex_);
    for (const auto& data : slots_) all.push_back(data->labels);
  }
  std::sort(all.begin(), all.end());
  return all;
}

void MemoryStorage::fail_commits(Status status) {
  MutexLock lock(mutex_);
  commit_failure_ = std::move(status);
}

void MemoryStorage::fail_queries(Status status) {
  MutexLock lock(mutex_);
  query_failure_ = std::move(status);
}

void MemoryStorage::set_warnings(std::vector<std::string> warnings) {
  MutexLock lock(mutex_);
  warnings_ = std::move(warnings);
  snapshot_ = nullptr;
}

Result<std::unique_ptr<storage::Querier>> MemoryStorage::querier(storage::QuerierOptions options) {
  MutexLock lock(mutex_);
  if (!query_failure_.is_ok()) return query_failure_;
  if (!snapshot_) {
    auto snapshot = std::make_shared<Snapshot>();
    for (const auto& data : slots_) {
      data->shared = true;
      snapshot->by_hash.push_back({data, 0});
    }
    number_columns(snapshot->by_hash);
    std::sort(snapshot->by_hash.begin(), snapshot->by_hash.end(),
              [](const Snapshot::Entry& a, const Snapshot::Entry& b) {
                return a.data->hash < b.data->hash;
              });
    snapshot->by_labels = snapshot->by_hash;
    std::sort(snapshot->by_labels.begin(), snapshot->by_labels.end(),
              [](const Snapshot::Entry& a, const Snapshot::Entry& b) {
                return a.data->labels < b.data->labels;
              });
    snapshot->warnings = warnings_;
    snapshot_ = std::move(snapshot);
  }
  return make_memory_querier(snapshot_, std::move(options));
}

storage::TargetId MemoryStorage::open_target() {
  MutexLock lock(mutex_);
  return next_target_++;
}

void MemoryStorage::close_target(storage::TargetId) {}

std::unique_ptr<storage::Appender> MemoryStorage::appender() {
  return std::make_unique<MemoryAppender>(*this);
}

Result<storage::SeriesRef> MemoryStorage::resolve(const model::Labels& labels) {
  if (labels.empty()) return Status(Errc::kBadData, "a series needs at least one label");
  MutexLock lock(mutex_);
  return storage::SeriesRef{slot_of(labels), generation_};
}

bool MemoryStorage::alive(storage::SeriesRef ref) const {
  MutexLock lock(mutex_);
  return ref.generation == generation_ && ref.slot < slots_.size();
}

Status MemoryStorage::apply(const std::vector<Staged>& batch, storage::CommitCounts& counts) {
  MutexLock lock(mutex_);
  if (!commit_failure_.is_ok()) return commit_failure_;
  for (const Staged& staged : batch) {
    if (staged.ref.generation != generation_) {
      return Status(Errc::kStaleRef, "storage was cleared under a batch");
    }
    if (staged.exemplar) {
      writable(staged.ref.slot).exemplars.push_back(*staged.exemplar);
      ++counts.exemplars_accepted;
      continue;
    }
    SeriesData& series = writable(staged.ref.slot);
    const StoredSample* last = series.samples.empty() ? nullptr : &series.samples.back();
    if (last && staged.sample.t == last->t && same_value(staged.sample, *last)) {
      ++counts.repeated;
    } else if (last && staged.sample.t <= last->t) {
      bool duplicate = staged.sample.t == last->t;
      ++(duplicate ? counts.duplicate : counts.out_of_order);
      if (counts.first_error.is_ok()) {
        counts.first_error =
            Status(duplicate ? Errc::kDuplicate : Errc::kOutOfOrder,
                   (duplicate ? "duplicate sample for " : "out of order sample for ") +
                       series.labels.to_string() + " at " + std::to_string(staged.sample.t));
      }
    } else {
      series.samples.push_back(staged.sample);
      ++counts.accepted;
      counts.histograms_accepted += staged.sample.h ? 1 : 0;
    }
  }
  return Status::ok();
}

}  // namespace silverback::testing
