#include "tsdb/head.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Status;
using storage::CommitCounts;

constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;
constexpr int64_t kMaxLateMs = 3600 * 1000;
constexpr uint64_t kRepeatAfterRecords = 16;

uint64_t hash_of(std::string_view encoded) {
  return XXH3_64bits(encoded.data(), encoded.size());
}

model::TimestampMs floor_to(model::TimestampMs t, int64_t step) {
  const model::TimestampMs rest = t % step;
  return rest < 0 ? t - rest - step : t - rest;
}

}  // namespace

/// Decides about samples by what the head looked like when the batch came.
struct Head::Judge {
  model::TimestampMs oldest = 0, newest = 0;  // inclusive bounds of what is taken

  Errc operator()(const MemSeries& s, model::TimestampMs t, MemSeries::Kind kind, uint64_t bits,
                  bool* repeated) const {
    if (t < oldest || t > newest) return Errc::kOutOfBounds;
    if (s.newest_kind == MemSeries::Kind::kNone || t > s.newest_t) return Errc::kOk;
    if (t < s.newest_t) return Errc::kOutOfOrder;
    *repeated = s.newest_kind == kind && s.newest_bits == bits;
    return *repeated ? Errc::kOk : Errc::kDuplicate;
  }
};

/// What one commit carries along.
struct Head::CommitState {
  Judge judge;
  AppendContext at;
  Windows::value_type* window = nullptr;  // of the sample before
  wal::BatchEncoder encoder;
  CommitCounts counts;
  model::TimestampMs max_t = model::kMinTime;
  std::string encoded;  // of the current histogram
};

Head::Head(const Options& options)
    : options_(options), table_(options.max_series), exemplars_(options.max_exemplars) {}

model::TimestampMs Head::window_of(model::TimestampMs t) const {
  return floor_to(t, options_.window_ms);
}

model::TimestampMs Head::oldest_open_time() const {
  const model::TimestampMs newest = max_time();
  if (newest == model::kMinTime) return model::kMinTime;
  return window_of(newest - std::min(kMaxLateMs, options_.window_ms / 2));
}

Head::Windows::value_type& Head::window_for(model::TimestampMs t) {
  const model::TimestampMs start = window_of(t);
  const auto [at, made] = windows_.try_emplace(start);
  if (made) at->second.end = start + options_.window_ms;
  return *at;
}

void Head::define(MemSeries& series, CommitState& state) {
  series.logged = true;
  state.encoder.series(series.ref, series.labels);
  if (defined_once_.empty()) defined_since_ = state.at.sequence;
  defined_once_.push_back(&series);
}

void Head::repeat_definitions(CommitState& state) {
  if (defined_once_.empty() || state.at.sequence - defined_since_ < kRepeatAfterRecords) return;
  for (const MemSeries* s : defined_once_) state.encoder.series(s->ref, s->labels);
  defined_once_.clear();
  defined_once_.shrink_to_fit();
}

void Head::accept(const Batch& batch, const Batch::Sample& sample, CommitState& state) {
  MemSeries& series = *sample.series;
  if (!series.logged) define(series, state);
  if (state.window == nullptr || sample.t < state.window->first ||
      sample.t >= state.window->second.end) {
    state.window = &window_for(sample.t);
    state.at.window_start = state.window->first;
    state.at.window_cut = state.window->second.cut;
  }
  Window& window = state.window->second;
  if (window.first_sequence == 0) window.first_sequence = state.at.sequence;
  window.min_t = std::min(window.min_t, sample.t);
  const bool is_float = sample.histogram == Batch::kFloat;
  if (is_float) {
    state.encoder.sample(series.ref, sample.start, sample.t, sample.value);
  } else {
    state.encoder.sample(series.ref, sample.start, sample.t, state.encoded);
    ++state.counts.histograms_accepted;
  }
  {
    base::MutexLock lock(table_.shard(series.ref.slot));
    const size_t before = series.chunks();
    if (is_float) {
      series.append(state.at, sample.start, sample.t, sample.value);
    } else {
      series.append(state.at, sample.start, sample.t, batch.histograms[sample.histogram]);
    }
    if (const size_t made = series.chunks() - before; made > 0) {
      chunks_.fetch_add(static_cast<int64_t>(made), std::memory_order_relaxed);
      options_.metrics->chunks_created.inc(static_cast<double>(made));
    }
  }
  series.newest_t = sample.t;
  state.max_t = std::max(state.max_t, sample.t);
  ++state.counts.accepted;
}

bool Head::apply(const Batch& batch, CommitState& state) {
  for (const Batch::Sample& sample : batch.samples) {
    MemSeries& series = *sample.series;
    MemSeries::Kind kind = MemSeries::Kind::kFloat;
    uint64_t bits = std::bit_cast<uint64_t>(sample.value);
    if (sample.histogram != Batch::kFloat) {
      kind = MemSeries::Kind::kHistogram;
      state.encoded = wal::BatchEncoder::encode_value(batch.histograms[sample.histogram]);
      bits = hash_of(state.encoded);
    }
    bool repeated = false;
    const Errc verdict = state.judge(series, sample.t, kind, bits, &repeated);
    if (repeated) {
      ++state.counts.repeated;
      continue;
    }
    if (verdict == Errc::kOk) {
      accept(batch, sample, state);
      series.newest_kind = kind;
      series.newest_bits = bits;
      continue;
    }
    if (sample.only_if_newer) continue;
    const char* what = "out of order sample";
    if (verdict == Errc::kOutOfBounds) {
      what =
          sample.t > state.judge.newest ? "out of bounds: too far in the future" : "out of bounds";
      ++state.counts.out_of_bounds;
    } else if (verdict == Errc::kDuplicate) {
      what = "duplicate sample for timestamp";
      ++state.counts.duplicate;
    } else {
      ++state.counts.out_of_order;
    }
    if (state.counts.first_error.is_ok()) {
      state.counts.first_error =
          Status(verdict, std::string(what) + ": series " + series.labels.to_string() +
                              ", timestamp " + std::to_string(sample.t));
    }
  }
  return state.counts.accepted > 0;
}

// Exemplars count as out of order where all of their series' in the batch are.
bool Head::apply_exemplars(const Batch& batch, CommitState& state) {
  uint64_t late = 0, taken = 0;  // of one series
  for (size_t i = 0; i < batch.exemplars.size(); ++i) {
    MemSeries& series = *batch.exemplars[i].series;
    const model::Exemplar& e = batch.exemplars[i].exemplar;
    const ExemplarStore::Verdict verdict = exemplars_.add(series.ref, series.labels, e);
    ++(verdict == ExemplarStore::Verdict::kOutOfOrder ? late : taken);
    if (verdict == ExemplarStore::Verdict::kStored) {
      if (!series.logged) define(series, state);
      state.encoder.exemplar(series.ref, e);
      ++state.counts.exemplars_accepted;
    }
    if (i + 1 < batch.exemplars.size() && batch.exemplars[i + 1].series == &series) continue;
    if (taken == 0) state.counts.exemplars_out_of_order += late;
    late = taken = 0;
  }
  return state.encoder.exemplars() > 0;
}

void Head::commit(const Batch& batch, storage::Durability wanted, storage::Appender::Done done) {
  const bool durable = wanted == storage::Durability::kDurable;
  CommitCounts counts;
  Status status;
  {
    base::MutexLock lock(commit_mutex_);
    status = log_->admit(wanted);
    if (status.is_ok()) {
      CommitState state;
      state.judge.oldest = oldest_open_time();
      state.judge.newest = options_.clock->now_ms() + kMaxAheadMs;
      state.at.sequence = published_.load(std::memory_order_relaxed) + 1;
      state.at.low_sequence = readers_.low(published_);
      bool changed = apply(batch, state);
      if (apply_exemplars(batch, state)) changed = true;
      counts = state.counts;
      wal::Writer::Done on_disk;
      if (durable) {
        on_disk = [finish = std::move(done), counts](const Status& s) mutable {
          finish(s, counts);
        };
      }
      if (changed) {
        repeat_definitions(state);
        log_->enqueue(state.at.sequence, state.encoder.finish(state.at.sequence),
                      std::move(on_disk));
        if (state.max_t > max_time()) max_time_.store(state.max_t, std::memory_order_relaxed);
        published_.store(state.at.sequence, std::memory_order_release);
      } else if (durable) {
        // What it repeats may still be on its way to the disk.
        log_->barrier(std::move(on_disk));
      }
    }
  }
  count(counts);
  if (!durable || !status.is_ok()) done(status, counts);
}

void Head::count(const CommitCounts& counts) {
  const auto add = [](base::metrics::Counter& counter, uint64_t n) {
    if (n > 0) counter.inc(static_cast<double>(n));
  };
  add(options_.metrics->float_samples, counts.accepted - counts.histograms_accepted);
  add(options_.metrics->histogram_samples, counts.histograms_accepted);
  add(options_.metrics->out_of_order, counts.out_of_order);
  add(options_.metrics->out_of_bound, counts.out_of_bounds);
  add(options_.metrics->duplicates, counts.duplicate);
}

bool Head::restore_series(storage::SeriesRef ref, const model::Labels& labels) {
  MemSeries* series = table_.restore(ref, labels);
  if (series == nullptr) return false;
  series->logged = true;
  return true;
}

void Head::restore_newest(storage::SeriesRef ref, const wal::NewestSample& newest) {
  MemSeries* series = table_.find(ref);
  if (series == nullptr || newest.kind == 0 || newest.t <= series->newest_t) return;
  series->newest_kind = newest.kind == 1 ? MemSeries::Kind::kFloat : MemSeries::Kind::kHistogram;
  series->newest_t = newest.t;
  series->newest_bits = newest.bits;
  if (newest.t > max_time()) max_time_.store(newest.t, std::memory_order_relaxed);
}

bool Head::restore(uint64_t sequence, MemSeries& series, model::TimestampMs t, MemSeries::Kind kind,
                   uint64_t bits, const FlushedWindows& flushed, AppendContext* at) {
  if (t <= series.newest_t) return false;  // only behind damage: its batch was judged long ago
  series.newest_t = t;
  series.newest_kind = kind;
  series.newest_bits = bits;
  if (t > max_time()) max_time_.store(t, std::memory_order_relaxed);
  if (flushed.covers(t, sequence)) return false;
  base::MutexLock lock(commit_mutex_);
  auto& window = window_for(t);
  if (window.second.first_sequence == 0) window.second.first_sequence = sequence;
  window.second.min_t = std::min(window.second.min_t, t);
  *at = {sequence, sequence, window.first, 0};
  return true;
}

bool Head::restore_sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                          model::TimestampMs t, double v, const FlushedWindows& flushed) {
  MemSeries* series = table_.find(ref);
  if (series == nullptr) return false;
  AppendContext at;
  if (restore(sequence, *series, t, MemSeries::Kind::kFloat, std::bit_cast<uint64_t>(v), flushed,
              &at)) {
    const auto before = static_cast<int64_t>(series->chunks());
    series->append(at, start, t, v);
    chunks_ += static_cast<int64_t>(series->chunks()) - before;
  }
  return true;
}

bool Head::restore_sample(uint64_t sequence, storage::SeriesRef ref, model::TimestampMs start,
                          model::TimestampMs t, const model::Histogram& h,
                          const FlushedWindows& flushed) {
  MemSeries* series = table_.find(ref);
  if (series == nullptr) return false;
  AppendContext at;
  if (restore(sequence, *series, t, MemSeries::Kind::kHistogram,
              hash_of(wal::BatchEncoder::encode_value(h)), flushed, &at)) {
    const auto before = static_cast<int64_t>(series->chunks());
    series->append(at, start, t, h);
    chunks_ += static_cast<int64_t>(series->chunks()) - before;
  }
  return true;
}

bool Head::restore_exemplar(storage::SeriesRef ref, const model::Exemplar& e) {
  const MemSeries* series = table_.find(ref);
  if (series == nullptr) return false;
  exemplars_.restore(ref, series->labels, e);
  return true;
}

void Head::restore_end(uint64_t sequence, model::TimestampMs newest_t) {
  published_.store(sequence, std::memory_order_release);
  if (newest_t > max_time()) max_time_.store(newest_t, std::memory_order_relaxed);
}

std::vector<model::TimestampMs> Head::unflushed_windows(bool frozen_only) const {
  base::MutexLock lock(commit_mutex_);
  const model::TimestampMs open = oldest_open_time();
  std::vector<model::TimestampMs> out;
  for (const auto& [start, window] : windows_) {
    if (window.first_sequence != 0 && (!frozen_only || window.end <= open)) out.push_back(start);
  }
  return out;
}

FlushTicket Head::begin_flush(model::TimestampMs window_start) {
  base::MutexLock lock(commit_mutex_);
  Window& w = windows_.at(window_start);
  const uint64_t sequence = published_.load(std::memory_order_relaxed);
  w.cut = sequence;
  w.flushing_first = std::exchange(w.first_sequence, 0);
  return {window_start, w.end, w.flushed, sequence};
}

void Head::end_flush(const FlushTicket& ticket, bool ok) {
  base::MutexLock lock(commit_mutex_);
  Window& w = windows_.at(ticket.start);
  if (ok) {
    w.flushed = ticket.until;
  } else if (w.flushing_first != 0) {
    w.first_sequence = w.flushing_first;  // lower than any that came since
  }
  w.flushing_first = 0;
}

void Head::drop(const FlushTicket& ticket) {
  size_t dropped = 0;
  const uint32_t end = table_.end_slot();
  for (uint32_t slot = 0; slot < end; ++slot) {
    MemSeries* series = table_.at(slot);
    if (series == nullptr) continue;
    base::MutexLock lock(table_.shard(slot));
    dropped += series->drop_window(ticket.start, ticket.end, ticket.until);
  }
  chunks_.fetch_sub(static_cast<int64_t>(dropped), std::memory_order_relaxed);
  options_.metrics->chunks_removed.inc(static_cast<double>(dropped));
  base::MutexLock lock(commit_mutex_);
  const auto at = windows_.find(ticket.start);
  if (at != windows_.end() && at->second.first_sequence == 0 && at->second.flushing_first == 0 &&
      at->second.flushed == ticket.until) {
    windows_.erase(at);
  }
}

uint64_t Head::lowest_needed_sequence() const {
  base::MutexLock lock(commit_mutex_);
  uint64_t lowest = published_.load(std::memory_order_relaxed) + 1;
  for (const auto& entry : windows_) {
    for (const uint64_t s : {entry.second.first_sequence, entry.second.flushing_first}) {
      if (s != 0) lowest = std::min(lowest, s);
    }
  }
  return lowest;
}

model::TimestampMs Head::min_time() const {
  base::MutexLock lock(commit_mutex_);
  model::TimestampMs out = std::numeric_limits<int64_t>::max();
  for (const auto& entry : windows_) out = std::min(out, entry.second.min_t);
  return out;
}

}  // namespace silverback::tsdb
