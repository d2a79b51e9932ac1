#include "tests/support/recording_appendable.h"

#include <bit>
#include <utility>

#include "model/stale.h"

namespace silverback::testing {
namespace {

uint64_t key_of(storage::SeriesRef ref) {
  return (static_cast<uint64_t>(ref.generation) << 32) | ref.slot;
}

}  // namespace

class RecordingAppender final : public storage::Appender {
 public:
  explicit RecordingAppender(RecordingAppendable& owner) : owner_(owner) {}

  base::Result<storage::SeriesRef> resolve(const model::Labels& labels) override {
    return owner_.resolve(labels);
  }

  base::Status append_column(storage::TargetId target, model::TimestampMs t,
                             std::span<const storage::SeriesRef> refs,
                             std::span<const double> values, std::vector<size_t>* dead) override {
    for (size_t i = 0; i < refs.size(); ++i) {
      if (!owner_.alive(refs[i])) dead->push_back(i);
    }
    if (!dead->empty()) return {base::Errc::kStaleRef, "series collected"};
    for (size_t i = 0; i < refs.size(); ++i) stage(refs[i], t, values[i], target);
    return {};
  }

  base::Status append(storage::SeriesRef ref, model::TimestampMs /*start*/, model::TimestampMs t,
                      double value) override {
    if (!owner_.alive(ref)) return {base::Errc::kStaleRef, "series collected"};
    stage(ref, t, value, 0);
    return {};
  }

  base::Status append(storage::SeriesRef, model::TimestampMs, model::TimestampMs,
                      const model::Histogram&) override {
    return {base::Errc::kUnsupported, "no histograms here"};
  }
  base::Status append_start(storage::SeriesRef ref, model::TimestampMs start, model::TimestampMs t,
                            const model::Histogram* /*like*/) override {
    if (!owner_.alive(ref)) return {base::Errc::kStaleRef, "series collected"};
    if (start <= 0 || start >= t) return {};
    stage(ref, start, 0, 0);
    staged_.back().only_if_newer = true;
    return {};
  }
  base::Status append_exemplar(storage::SeriesRef ref, const model::Exemplar& e) override {
    if (!owner_.alive(ref)) return {base::Errc::kStaleRef, "series collected"};
    if (owner_.exemplars_refused()) return {base::Errc::kUnsupported, "no exemplars here"};
    RecordingAppendable::Staged staged;
    staged.exemplar = owner_.name_of(ref) + " " + e.labels.to_string() + " " +
                      std::to_string(static_cast<int64_t>(e.value)) + " @" + std::to_string(e.t);
    staged_.push_back(std::move(staged));
    return {};
  }

  void commit(storage::Durability /*wanted*/, Done done) override {
    storage::CommitCounts counts;
    const base::Status status = owner_.commit(staged_, counts);
    done(status, counts);
  }

 private:
  void stage(storage::SeriesRef ref, model::TimestampMs t, double value, storage::TargetId target) {
    RecordingAppendable::Staged staged;
    staged.ref = ref;
    staged.sample.series = owner_.name_of(ref);
    staged.sample.t = t;
    staged.sample.value = value;
    staged.sample.target = target;
    staged_.push_back(std::move(staged));
  }

  RecordingAppendable& owner_;
  std::vector<RecordingAppendable::Staged> staged_;
};

std::optional<double> RecordingAppendable::Batch::value(const std::string& series) const {
  for (const Sample& sample : samples) {
    if (sample.series == series) return sample.value;
  }
  return std::nullopt;
}

bool RecordingAppendable::Batch::stale(const std::string& series) const {
  const std::optional<double> v = value(series);
  return v && model::is_stale(*v);
}

storage::TargetId RecordingAppendable::open_target() {
  const base::MutexLock lock(mutex_);
  targets_.insert(next_target_);
  return next_target_++;
}

void RecordingAppendable::close_target(storage::TargetId target) {
  const base::MutexLock lock(mutex_);
  targets_.erase(target);
}

std::unique_ptr<storage::Appender> RecordingAppendable::appender() {
  return std::make_unique<RecordingAppender>(*this);
}

std::vector<RecordingAppendable::Batch> RecordingAppendable::batches() const {
  const base::MutexLock lock(mutex_);
  return batches_;
}

size_t RecordingAppendable::batch_count() const {
  const base::MutexLock lock(mutex_);
  return batches_.size();
}

size_t RecordingAppendable::open_targets() const {
  const base::MutexLock lock(mutex_);
  return targets_.size();
}

uint64_t RecordingAppendable::resolves() const {
  const base::MutexLock lock(mutex_);
  return resolves_;
}

void RecordingAppendable::collect(const std::string& series) {
  const base::MutexLock lock(mutex_);
  const auto found = series_.find(series);
  if (found == series_.end()) return;
  by_ref_.erase(key_of(found->second.ref));
  series_.erase(found);
}

void RecordingAppendable::set_series_limit(size_t limit) {
  const base::MutexLock lock(mutex_);
  series_limit_ = limit;
}

void RecordingAppendable::refuse_exemplars() {
  base::MutexLock lock(mutex_);
  exemplars_refused_ = true;
}

bool RecordingAppendable::exemplars_refused() const {
  base::MutexLock lock(mutex_);
  return exemplars_refused_;
}

void RecordingAppendable::fail_commits(base::Status status) {
  const base::MutexLock lock(mutex_);
  commit_failure_ = std::move(status);
}

base::Result<storage::SeriesRef> RecordingAppendable::resolve(const model::Labels& labels) {
  const base::MutexLock lock(mutex_);
  ++resolves_;
  const std::string name = labels.to_string();
  const auto found = series_.find(name);
  if (found != series_.end()) return found->second.ref;
  if (series_limit_ != 0 && series_.size() >= series_limit_) {
    return base::Status(base::Errc::kLimit, "head series limit reached");
  }
  Series series;
  series.name = name;
  series.ref.slot = next_slot_++;
  series.ref.generation = next_generation_++;
  by_ref_[key_of(series.ref)] = name;
  const storage::SeriesRef ref = series.ref;
  series_.emplace(name, std::move(series));
  return ref;
}

bool RecordingAppendable::alive(storage::SeriesRef ref) const {
  const base::MutexLock lock(mutex_);
  return by_ref_.count(key_of(ref)) != 0;
}

std::string RecordingAppendable::name_of(storage::SeriesRef ref) const {
  const base::MutexLock lock(mutex_);
  return by_ref_.at(key_of(ref));
}

base::Status RecordingAppendable::commit(const std::vector<Staged>& staged,
                                         storage::CommitCounts& counts) {
  const base::MutexLock lock(mutex_);
  if (!commit_failure_.is_ok()) return commit_failure_;
  Batch batch;
  for (const Staged& s : staged) {
    if (!s.exemplar.empty()) {
      batch.exemplars.push_back(s.exemplar);
      continue;
    }
    Series& series = series_.at(s.sample.series);
    if (s.only_if_newer && series.newest && series.newest->t >= s.sample.t) continue;
    if (series.newest && series.newest->t > s.sample.t) {
      ++counts.out_of_order;
      continue;
    }
    if (series.newest && series.newest->t == s.sample.t) {
      const bool same =
          std::bit_cast<uint64_t>(series.newest->value) == std::bit_cast<uint64_t>(s.sample.value);
      ++(same ? counts.repeated : counts.duplicate);
      continue;
    }
    series.newest = s.sample;
    batch.samples.push_back(s.sample);
    ++counts.accepted;
  }
  batches_.push_back(std::move(batch));
  return {};
}

}  // namespace silverback::testing
