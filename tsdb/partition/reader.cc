#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "tsdb/partition/format.h"
#include "tsdb/partition/group.h"
#include "tsdb/partition/index_reader.h"
#include "tsdb/partition/partition.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Status;

Status at_group(const Status& status, uint32_t id, uint32_t group) {
  if (status.is_ok()) return status;
  return status.with_context("partition " + std::to_string(id) + ", group " +
                             std::to_string(group));
}

// `fn` sees the value of one slice; errors say where.
Status visit_slice(const storage::BlockStore& store, uint32_t id, uint32_t group, uint32_t slice,
                   const std::function<Status(std::string_view)>& fn) {
  const Status status = store.visit_chunks(id, partition::chunk_key(group, slice), fn);
  if (status.code() == Errc::kNotFound) {
    return at_group({Errc::kCorruption, "slice " + std::to_string(slice) + " is missing"}, id,
                    group);
  }
  return at_group(status, id, group);
}

}  // namespace

Partition::Partition(storage::BlockStore& store, storage::PartitionMeta meta)
    : store_(store), meta_(meta) {}

base::Result<std::vector<PartitionSeries>> Partition::select(
    const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  ASSIGN_OR_RETURN(std::vector<PartitionSeries> out, index.hashes(ranks));
  std::sort(out.begin(), out.end(),
            [](const PartitionSeries& a, const PartitionSeries& b) { return a.hash < b.hash; });
  return out;
}

base::Result<model::Labels> Partition::labels(uint32_t rank) const {
  if (rank >= meta_.series) return Status(Errc::kNotFound, "rank " + std::to_string(rank));
  partition::RankSet one;
  one.append(rank);
  model::Labels out;
  const auto take = [&out](const model::Labels& labels) {
    out = labels;
    return true;
  };
  RETURN_IF_ERROR(partition::IndexReader(store_, meta_).labels(one, take));
  return out;
}

Status Partition::read(uint32_t rank, model::TimeRange range, storage::ColumnBuffer& into) const {
  if (rank >= meta_.series) return {Errc::kNotFound, "rank " + std::to_string(rank)};
  if (range.empty() || range.until < meta_.min_time_ms || range.after >= meta_.max_time_ms) {
    return Status::ok();
  }
  const uint32_t group = rank / partition::kSeriesPerGroup;
  const uint32_t place = rank % partition::kSeriesPerGroup;
  const int64_t start = meta_.window_start_ms;
  partition::SliceTimes times;
  RETURN_IF_ERROR(visit_slice(store_, meta_.id, group, 0, [&](std::string_view value) {
    ASSIGN_OR_RETURN(times, partition::decode_slice_times(value, start));
    if (!times.slices[0].overlaps(range)) return Status::ok();
    return partition::read_slice(value.substr(times.head_bytes), place, start, range, into);
  }));
  for (uint32_t i = 1; i < times.slices.size(); ++i) {
    if (!times.slices[i].overlaps(range)) continue;
    RETURN_IF_ERROR(visit_slice(store_, meta_.id, group, i, [&](std::string_view value) {
      return partition::read_slice(value, place, start, range, into);
    }));
  }
  return Status::ok();
}

base::Result<std::vector<std::string>> Partition::label_names(
    const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  if (ranks.empty()) return std::vector<std::string>();
  return index.names(ranks);
}

base::Result<std::vector<std::string>> Partition::label_values(
    const std::string& name, const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  if (ranks.empty()) return std::vector<std::string>();
  return index.values(name, ranks);
}

}  // namespace silverback::tsdb
