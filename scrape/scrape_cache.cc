#include "scrape/scrape_cache.h"

#include <xxhash.h>

#include <utility>

namespace silverback::scrape {
namespace {

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

uint64_t key_of(storage::SeriesRef ref) {
  return (static_cast<uint64_t>(ref.generation) << 32) | ref.slot;
}

// Lines beyond this multiple of the last good scrape are forgotten.
constexpr size_t kGrowth = 2;
constexpr size_t kSlack = 1000;
constexpr uint64_t kMetadataKept = 10;

}  // namespace

void ScrapeCache::begin() {
  ++attempt_;
  current_.clear();
}

SeriesPrediction ScrapeCache::predict(uint32_t line) const {
  const uint32_t next = successor(line);
  if (next == kNone) return {};
  return {lines_[next].hash, lines_[next].length};
}

void ScrapeCache::link(uint32_t previous, uint32_t line) {
  if (previous == kNone) {
    first_ = line;
  } else {
    lines_[previous].next = line;
  }
}

uint32_t ScrapeCache::find(std::string_view text, uint32_t previous) {
  const auto found = by_hash_.find(hash_of(text));
  if (found == by_hash_.end() || lines_[found->second].length != text.size()) return kNone;
  link(previous, found->second);
  return found->second;
}

uint32_t ScrapeCache::series_of(storage::SeriesRef ref) {
  const auto [at, is_new] = by_ref_.try_emplace(key_of(ref), static_cast<uint32_t>(series_.size()));
  if (is_new) {
    Series series;
    series.ref = ref;
    series_.push_back(series);
  }
  return at->second;
}

uint32_t ScrapeCache::add_line(std::string_view text, uint32_t previous, uint32_t series) {
  const uint64_t hash = hash_of(text);
  const auto [at, is_new] = by_hash_.try_emplace(hash, static_cast<uint32_t>(lines_.size()));
  const uint32_t line = at->second;
  if (is_new) {
    lines_.push_back(Line{hash, static_cast<uint32_t>(text.size()), kNone});
    line_series_.push_back(series);
    line_seen_.push_back(0);
  } else {
    lines_[line].length = static_cast<uint32_t>(text.size());
    line_series_[line] = series;
  }
  link(previous, line);
  return line;
}

uint32_t ScrapeCache::bind(std::string_view text, uint32_t previous, storage::SeriesRef ref) {
  return add_line(text, previous, series_of(ref));
}

void ScrapeCache::bind_dropped(std::string_view text, uint32_t previous) {
  touch(add_line(text, previous, kNone));
}

bool ScrapeCache::touch(uint32_t line) {
  const bool is_new = line_seen_[line] + 1 < iteration_;
  if (line_seen_[line] != iteration_) ++seen_;
  line_seen_[line] = iteration_;
  return is_new;
}

bool ScrapeCache::claim(uint32_t line) {
  const uint32_t index = line_series_[line];
  Series& series = series_[index];
  if (series.attempt == attempt_) return false;
  series.attempt = attempt_;
  current_.push_back(index);
  return true;
}

bool ScrapeCache::claimed(storage::SeriesRef ref) const {
  const auto found = by_ref_.find(key_of(ref));
  return found != by_ref_.end() && series_[found->second].attempt == attempt_;
}

void ScrapeCache::collect_stale(std::vector<storage::SeriesRef>& out) const {
  for (const uint32_t index : previous_) {
    const Series& series = series_[index];
    if (series.attempt != attempt_ && series.ref) out.push_back(series.ref);
  }
}

void ScrapeCache::commit(bool successful) {
  previous_.swap(current_);
  current_.clear();
  bool flush = successful;
  if (successful) {
    last_success_ = seen_;
  } else if (lines_.size() > kGrowth * last_success_ + kSlack) {
    ++forced_flushes_;
    flush = true;
  }
  if (!flush) return;
  const size_t room = kGrowth * seen_ + kSlack;
  if (!successful || lines_.size() > room || series_.size() > room) drop_vanished();
  ++iteration_;
  seen_ = 0;
}

// Keeps the lines of this iteration and the series that they or the staleness tracking name.
void ScrapeCache::drop_vanished() {
  std::vector<uint32_t> new_line(lines_.size(), kNone), new_series(series_.size(), kNone);
  std::vector<Series> series;
  const auto keep_series = [&](uint32_t old) {
    if (old == kNone) return kNone;
    if (new_series[old] == kNone) {
      new_series[old] = static_cast<uint32_t>(series.size());
      series.push_back(series_[old]);
    }
    return new_series[old];
  };
  size_t kept = 0;
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (line_seen_[i] != iteration_) continue;
    lines_[kept] = lines_[i];
    line_series_[kept] = keep_series(line_series_[i]);
    line_seen_[kept] = line_seen_[i];
    new_line[i] = static_cast<uint32_t>(kept++);
  }
  lines_.resize(kept);
  line_series_.resize(kept);
  line_seen_.resize(kept);
  for (Line& line : lines_) line.next = line.next == kNone ? kNone : new_line[line.next];
  first_ = first_ == kNone ? kNone : new_line[first_];
  for (uint32_t& index : previous_) index = keep_series(index);
  series_ = std::move(series);
  by_hash_.clear();
  for (size_t i = 0; i < lines_.size(); ++i) by_hash_[lines_[i].hash] = static_cast<uint32_t>(i);
  by_ref_.clear();
  for (size_t i = 0; i < series_.size(); ++i) {
    if (series_[i].ref) by_ref_[key_of(series_[i].ref)] = static_cast<uint32_t>(i);
  }
}

void ScrapeCache::forget(storage::SeriesRef ref) {
  const auto found = by_ref_.find(key_of(ref));
  if (found == by_ref_.end()) return;
  series_[found->second].ref = {};
  by_ref_.erase(found);
}

void ScrapeCache::adopt_tracked(const ScrapeCache& old) {
  for (const uint32_t index : old.previous_) {
    const storage::SeriesRef ref = old.series_[index].ref;
    if (ref) previous_.push_back(series_of(ref));
  }
}

ScrapeCache::Stats ScrapeCache::stats() const {
  return {lines_.size(), forced_flushes_};
}

MetadataCache::Entry& MetadataCache::touch(std::string name) {
  Entry& entry = entries_[std::move(name)];
  entry.seen = iteration_;
  return entry;
}

void MetadataCache::set_type(std::string name, model::MetricType type) {
  const base::MutexLock lock(mutex_);
  touch(std::move(name)).metadata.type = type;
}

void MetadataCache::set_help(std::string name, std::string help) {
  const base::MutexLock lock(mutex_);
  touch(std::move(name)).metadata.help = std::move(help);
}

void MetadataCache::set_unit(std::string name, std::string unit) {
  const base::MutexLock lock(mutex_);
  touch(std::move(name)).metadata.unit = std::move(unit);
}

void MetadataCache::advance() {
  const base::MutexLock lock(mutex_);
  std::erase_if(entries_, [this](const auto& e) NO_THREAD_SAFETY_ANALYSIS {
    return iteration_ - e.second.seen > kMetadataKept;
  });
  ++iteration_;
}

void MetadataCache::for_each(
    const std::function<void(const std::string&, const model::Metadata&)>& fn) const {
  const base::MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) fn(name, entry.metadata);
}

size_t MetadataCache::size() const {
  const base::MutexLock lock(mutex_);
  return entries_.size();
}

size_t MetadataCache::bytes() const {
  const base::MutexLock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [name, entry] : entries_) {
    bytes += name.size() + entry.metadata.help.size() + entry.metadata.unit.size();
  }
  return bytes;
}

}  // namespace silverback::scrape
