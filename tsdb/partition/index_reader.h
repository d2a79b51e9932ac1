#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "storage/block_store.h"
#include "tsdb/partition/partition.h"
#include "tsdb/partition/rank_set.h"

namespace silverback::tsdb::partition {

/// Reads the index of one partition through BlockStore's cache; holds nothing itself.
/// Threads: any thread.
class IndexReader {
 public:
  IndexReader(const storage::BlockStore& store, const storage::PartitionMeta& meta)
      : store_(store), meta_(meta) {}

  /// The series that all matchers agree on. Checks the format version.
  base::Result<RankSet> select(const model::Matchers& matchers) const;
  /// Hash and times of each of `ranks`, in their order.
  base::Result<std::vector<PartitionSeries>> hashes(const RankSet& ranks) const;
  /// Label sets of `ranks` in their order; `fn` gives false to stop.
  base::Status labels(const RankSet& ranks,
                      const std::function<bool(const model::Labels&)>& fn) const;

  /// Label names that a series of `ranks` has, sorted.
  base::Result<std::vector<std::string>> names(const RankSet& ranks) const;
  /// Values of `name` that a series of `ranks` has, sorted.
  base::Result<std::vector<std::string>> values(const std::string& name,
                                                const RankSet& ranks) const;

 private:
  struct NameEntry {
    uint64_t values = 0;
    RankSet series;
  };
  uint32_t series() const { return static_cast<uint32_t>(meta_.series); }
  /// An entry that every partition has: kCorruption when it is not there.
  base::Result<std::string> must_have(const std::string& key) const;
  base::Status check_version() const;
  /// Of a name that no series has: no values, no series.
  base::Result<NameEntry> name_entry(const std::string& name) const;
  base::Result<NameEntry> decode_name(std::string_view value) const;
  base::Result<RankSet> postings(const std::string& name, std::string_view value) const;
  base::Result<RankSet> matching(const model::Matcher& matcher) const;
  base::Result<RankSet> with_value(const model::Matcher& matcher, const NameEntry& entry) const;
  base::Result<RankSet> scan_values(const model::Matcher& matcher) const;
  base::Status corrupt(std::string_view what) const;

  const storage::BlockStore& store_;
  const storage::PartitionMeta& meta_;
};

}  // namespace silverback::tsdb::partition
