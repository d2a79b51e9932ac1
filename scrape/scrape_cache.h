#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "model/sample.h"
#include "scrape/exposition_parser.h"
#include "storage/series_ref.h"

namespace silverback::scrape {

/// What one target's scrape loop remembers: for each line of the exposition the series it became,
/// and which line follows it, so that an unchanged page is read without lexing or searching.
/// A line is known by the XXH3-64 and length of its series text; two texts may be one series.
///
/// A scrape is one attempt: begin(), a visit per sample, then commit() or, when it failed, another
/// begin(). Threads: externally locked (one scrape at a time).
class ScrapeCache {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  struct Stats {
    size_t lines = 0;
    uint64_t forced_flushes = 0;
  };

  /// Starts an attempt: nothing has been seen in it.
  void begin();

  /// The line that followed `line` last time (kNone: the first line), as a prediction.
  SeriesPrediction predict(uint32_t line) const;
  uint32_t successor(uint32_t line) const { return line == kNone ? first_ : lines_[line].next; }
  /// Line of a series text; kNone when it is new. Learns that it follows `previous`.
  uint32_t find(std::string_view text, uint32_t previous);
  /// Binds a new line, or one whose series died, to its series. A line that relabelling dropped
  /// is bound to the empty ref.
  uint32_t bind(std::string_view text, uint32_t previous, storage::SeriesRef ref);
  void bind_dropped(std::string_view text, uint32_t previous);

  bool dropped(uint32_t line) const { return line_series_[line] == kNone; }
  /// The empty ref when the series must be resolved again.
  storage::SeriesRef ref(uint32_t line) const { return series_[line_series_[line]].ref; }

  /// Marks the line as seen. True when it was not among the lines of the scrape before.
  bool touch(uint32_t line);
  /// Claims the line's series for this attempt. False when a sample of it came already.
  bool claim(uint32_t line);
  /// Whether this attempt holds a sample of `ref` (under any line).
  bool claimed(storage::SeriesRef ref) const;

  /// Series that the last committed attempt tracked and this one has not claimed.
  void collect_stale(std::vector<storage::SeriesRef>& out) const;
  /// The attempt stands. `successful`: not an empty scrape that stands for a failed one; only then
  /// lines that vanished are forgotten, unless failures made the cache grow out of hand.
  void commit(bool successful);

  /// The storage collected this series: the next visit resolves it again.
  void forget(storage::SeriesRef ref);
  /// Takes over what `old` tracked, without its lines: for new relabelling rules.
  void adopt_tracked(const ScrapeCache& old);

  size_t tracked() const { return previous_.size(); }
  Stats stats() const;

 private:
  struct Line {
    uint64_t hash;
    uint32_t length;
    uint32_t next;
  };
  struct Series {
    storage::SeriesRef ref;
    uint32_t attempt = 0;  // the attempt that claimed it last
  };

  uint32_t add_line(std::string_view text, uint32_t previous, uint32_t series);
  uint32_t series_of(storage::SeriesRef ref);
  void link(uint32_t previous, uint32_t line);
  void drop_vanished();

  std::vector<Line> lines_;            // hot
  std::vector<uint32_t> line_series_;  // kNone = dropped by relabelling
  std::vector<uint32_t> line_seen_;    // iteration that saw it last
  std::vector<Series> series_;
  std::unordered_map<uint64_t, uint32_t> by_hash_;  // text hash -> line
  std::unordered_map<uint64_t, uint32_t> by_ref_;   // ref -> series
  std::vector<uint32_t> current_, previous_;        // series claimed now, and when last committed
  uint32_t first_ = kNone;
  uint32_t attempt_ = 0;
  uint32_t iteration_ = 2;  // goes up with each good scrape; a line starts as seen in 0
  size_t seen_ = 0;         // lines seen in this iteration
  size_t last_success_ = 0;
  uint64_t forced_flushes_ = 0;
};

/// HELP, TYPE and UNIT of one target, kept ten scrapes after a metric vanished.
/// Threads: any thread.
class MetadataCache {
 public:
  void set_type(std::string name, model::MetricType type);
  void set_help(std::string name, std::string help);
  void set_unit(std::string name, std::string unit);
  /// One scrape is done.
  void advance();
  void for_each(const std::function<void(const std::string&, const model::Metadata&)>& fn) const;
  size_t size() const;
  size_t bytes() const;

 private:
  struct Entry {
    model::Metadata metadata;
    uint64_t seen = 0;
  };
  Entry& touch(std::string name) REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  uint64_t iteration_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::scrape
