#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace silverback::tsdb::partition {

/// Series ranks as ascending runs. Ranks are in label order, so what a matcher picks is mostly a
/// few long runs: a metric name is one. Threads: value type.
class RankSet {
 public:
  /// [begin, end)
  struct Run {
    uint32_t begin = 0;
    uint32_t end = 0;
    bool operator==(const Run&) const = default;
  };

  RankSet() = default;
  /// [0, series)
  static RankSet all(uint32_t series);
  /// The union of sets in any order, whose runs are thrown together in `runs`.
  static RankSet merge(std::vector<Run> runs);

  /// `rank` is above all before.
  void append(uint32_t rank);
  bool empty() const { return runs_.empty(); }
  uint64_t size() const;
  const std::vector<Run>& runs() const { return runs_; }
  bool operator==(const RankSet&) const = default;

  RankSet intersect(const RankSet& o) const;
  RankSet unite(const RankSet& o) const;
  RankSet subtract(const RankSet& o) const;
  bool intersects(const RankSet& o) const;

 private:
  std::vector<Run> runs_;  // ascending, apart by at least one rank, none empty
};

/// uvarint number of runs, then for each uvarint gap to the end of the run before, uvarint
/// length - 1.
class RankSetEncoder {
 public:
  /// `rank` is above all before.
  void append(uint32_t rank);
  std::string finish();
  size_t memory() const { return bytes_.capacity(); }

 private:
  void close_run();
  std::string bytes_;
  uint32_t runs_ = 0;
  uint32_t previous_end_ = 0;
  uint32_t begin_ = 0, end_ = 0;  // the open run
};

/// kCorruption when the bytes are no set of ranks below `series`.
base::Result<RankSet> decode_rank_set(std::string_view bytes, uint32_t series);
/// The same, into a list of runs that is merged later.
base::Status decode_runs(std::string_view bytes, uint32_t series, std::vector<RankSet::Run>& into);

}  // namespace silverback::tsdb::partition
